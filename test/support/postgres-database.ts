/** Leases each test file a fresh database of the run's shared PostgreSQL, so that the fixed table names of two files never meet. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

export interface PostgresDatabase {
  /** For `DATABASE_URL`. */
  readonly url: string;
  /** Looks inside, or changes what is there behind the service's back. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Cuts all connections to the database and drops it. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const NAME = 'number_generator_test';
/** What a crashed run left behind on a server that outlives it (TEST_DATABASE_URL). */
const LEASE_MS = 60 * 60_000;

const connect = async (url: string): Promise<Client> => {
  const client = new Client({ connectionString: url });
  // A server that is stopped while this connection is idle must not end the test run.
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

const dropAbandoned = async (keeper: Client): Promise<void> => {
  const { rows } = await keeper.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1', [
    `${NAME}\\_%`,
  ]);
  for (const { datname } of rows) {
    if (Number(datname.split('_')[3]) + LEASE_MS >= Date.now()) continue;
    await keeper.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  }
};

/** Creates an empty database for this test file; release it in `afterAll`. */
export const leasePostgresDatabase = async (): Promise<PostgresDatabase> => {
  const keeper = await connect(inject('postgresUrl'));
  await dropAbandoned(keeper);
  const name = `${NAME}_${Date.now()}_${randomBytes(4).toString('hex')}`;
  await keeper.query(`CREATE DATABASE ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  // Connected before the caller begins to watch what the app leaves open.
  const client = await connect(url.href);
  const release = async (): Promise<void> => {
    await client.end();
    await keeper.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await keeper.end();
  };
  return {
    url: url.href,
    query: async (text, values = []) => (await client.query(text, [...values])).rows,
    release,
    [Symbol.asyncDispose]: release,
  };
};
