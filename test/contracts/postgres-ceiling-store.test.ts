/** The PostgreSQL ceiling store keeps the contract. */
import { afterAll, beforeAll } from 'vitest';
import { createPostgresCeilingStore } from '../../src/stores/postgres/postgres-ceiling-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { describeCeilingStore } from './ceiling-store.contract.ts';

const TIMEOUT_MS = 10_000;
const ignore = (): void => undefined;

let database: PostgresDatabase;
let client: PostgresClient;
let otherClient: PostgresClient;

beforeAll(async () => {
  database = await leasePostgresDatabase();
  client = createPostgresClient(database.url, TIMEOUT_MS, ignore);
  otherClient = createPostgresClient(database.url, TIMEOUT_MS, ignore);
});

afterAll(async () => {
  await client.close();
  await otherClient.close();
  await database.release();
});

describeCeilingStore('the PostgreSQL store', () => ({
  store: createPostgresCeilingStore(client),
  otherNode: createPostgresCeilingStore(otherClient),
  age: async (node, ms) => {
    await database.query("UPDATE nodes SET seen_at = seen_at - $2 * interval '1 millisecond' WHERE node = $1", [
      node,
      ms,
    ]);
  },
  forgetNodes: async () => {
    await database.query('DELETE FROM nodes');
  },
}));
