/** The PostgreSQL ceiling store keeps the contract. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createPostgresCeilingStore } from '../../src/stores/postgres/postgres-ceiling-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { describeManyCeilings } from './ceiling-many.contract.ts';
import {
  type CeilingStoreUnderTest,
  describeCeilingStore,
  freshName,
  raiseOf,
  recoveryOf,
} from './ceiling-store.contract.ts';

const TIMEOUT_MS = 10_000;
const ignore = (): void => undefined;

let database: PostgresDatabase;
let client: PostgresClient;
let otherClient: PostgresClient;

beforeAll(async () => {
  database = await leasePostgresDatabase();
  // A deadlock is not found, then, and dissolved by a repetition: whoever meets one fails for want of time.
  await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET deadlock_timeout = '1min'`);
  client = createPostgresClient(database.url, TIMEOUT_MS, ignore);
  otherClient = createPostgresClient(database.url, TIMEOUT_MS, ignore);
  // The first call makes the tables, whichever test is run.
  await createPostgresCeilingStore(client).checkHealth();
});

afterAll(async () => {
  await client.close();
  await otherClient.close();
  await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} RESET ALL`);
  await database.release();
});

const underTest = (): CeilingStoreUnderTest => ({
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
});

describeCeilingStore('the PostgreSQL store', underTest);
describeManyCeilings('the PostgreSQL store', underTest);

test('a node of an earlier release is waited for each time: it does not say when it counts again', async () => {
  const sequence = freshName();
  const { store, forgetNodes } = underTest();
  await forgetNodes();
  await store.recover(recoveryOf(sequence));
  await database.query("INSERT INTO nodes (node) VALUES ('old')");
  expect(await store.recover(recoveryOf(sequence, { epoch: 1n, mayJump: true }))).toMatchObject({ jumpTo: 1_000n });
  const again = recoveryOf(sequence, { epoch: 2n });
  expect(await store.recover(again)).toEqual({ kind: 'waiting', missing: ['old'] });
  await forgetNodes();
});

test('an epoch that an earlier release granted is not said to be of the server that was granted the others', async () => {
  const sequence = freshName();
  const store = createPostgresCeilingStore(client);
  await store.recover(recoveryOf(sequence));
  await store.recover(recoveryOf(sequence, { epoch: 1n }));
  await database.query(`UPDATE ceilings SET epoch = 3 WHERE prefix_key = '${sequence.series.prefixKey}'`);
  expect(await store.recover(recoveryOf(sequence, { epoch: 3n }))).toMatchObject({ epoch: 4n, grantedSince: 3n });
});

test('a sequence that is raised twice in one call is refused: one of the two would be lost', async () => {
  const sequence = freshName();
  const raises = [raiseOf(sequence), raiseOf(sequence, { ceiling: 3_000n })];
  await expect(underTest().store.raiseMany(raises)).rejects.toThrow('raised twice');
});

test('a burial locks sequences in the order of their names, as raises do, whatever their order on the disk', async () => {
  const { store, age } = underTest();
  // In falling order, so that some lie on the disk behind those whose names follow theirs, whatever room there was.
  for (let name = 912; name > 900; name -= 1) await store.recover(recoveryOf(sequenceOf(seriesOf(`Z${name}`), '')));
  const [pair] = await database.query(`
    SELECT first.prefix_key AS first, second.prefix_key AS second FROM ceilings AS first, ceilings AS second
    WHERE first.prefix_key < second.prefix_key AND first.ctid > second.ctid
      AND first.base < first.ceiling AND second.base < second.ceiling`);
  expect(pair).toBeDefined();
  await store.register('silent');
  await age('silent', 7_200_000);
  await database.query('BEGIN');
  await database.query('SELECT FROM ceilings WHERE prefix_key = $1 FOR UPDATE', [pair?.['first']]);
  const buried = store.bury();
  const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  await expect.poll(async () => (await database.query(waiting)).length).toBeGreaterThan(0);
  await database.query('SELECT FROM ceilings WHERE prefix_key = $1 FOR UPDATE NOWAIT', [pair?.['second']]);
  await database.query('COMMIT');
  expect(await buried).toContain('silent');
});
