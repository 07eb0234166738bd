/** What only a server, a network and other nodes can break: the PostgreSQL stores stand it. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CeilingRaise, RecoveryRequest } from '../../src/core/ceiling/ceiling-store.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { createPostgresCeilingStore } from '../../src/stores/postgres/postgres-ceiling-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { createPostgresLedgerStore } from '../../src/stores/postgres/postgres-ledger-store.ts';
import { loadSql } from '../../src/stores/postgres/sql-statement.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';

const TIMEOUT_MS = 10_000;
const IMPATIENT_MS = 1_000;

const opened: PostgresClient[] = [];
const open = (url: string, timeoutMs = TIMEOUT_MS, events: NumberGeneratorEvent[] = []): PostgresClient => {
  const client = createPostgresClient(url, timeoutMs, (event) => events.push(event));
  opened.push(client);
  return client;
};

afterEach(async () => {
  for (const client of opened.splice(0)) await client.close();
});

const recovery = (prefixKey: string, more: Partial<RecoveryRequest> = {}): RecoveryRequest => ({
  sequence: sequenceOf(seriesOf(prefixKey), ''),
  epoch: 0n,
  servedEpoch: 0n,
  server: 'server-a',
  reported: [],
  highest: 0n,
  window: 1_000n,
  mayJump: false,
  ...more,
});

const raise = (prefixKey: string, ceiling: bigint): CeilingRaise => ({
  sequence: sequenceOf(seriesOf(prefixKey), ''),
  epoch: 1n,
  known: 0n,
  ceiling,
  base: 0n,
  account: undefined,
});

describe('the PostgreSQL client', () => {
  let database: PostgresDatabase;

  beforeAll(async () => {
    database = await leasePostgresDatabase();
  });

  afterAll(() => database.release());

  test('brings an empty database up to date once, when five nodes start together', async () => {
    await using empty = await leasePostgresDatabase();
    const stores = Array.from({ length: 5 }, () => createPostgresCeilingStore(open(empty.url)));
    await Promise.all(stores.map((store, index) => store.register(`n${index}`)));
    expect(await empty.query('SELECT name FROM number_generator_migrations')).toEqual([
      { name: '001-ceilings.sql' },
      { name: '002-ledger.sql' },
      { name: '003-worker-leases.sql' },
      { name: '004-ledger-receipts.sql' },
      { name: '005-ceiling-origins.sql' },
      { name: '005-prefix-histories.sql' },
      { name: '006-ledger-changes.sql' },
      { name: '007-reservation-holders.sql' },
      { name: '008-jumped-without.sql' },
      { name: '009-granted-since.sql' },
      { name: '010-api-keys.sql' },
      { name: '011-closures.sql' },
    ]);
    expect(await empty.query('SELECT count(*)::int AS nodes FROM nodes')).toEqual([{ nodes: 5 }]);
  });

  test('waits for a node that is still bringing it up to date, no longer than a statement may take', async () => {
    await using empty = await leasePostgresDatabase();
    await empty.query('BEGIN');
    await empty.query('SELECT pg_advisory_xact_lock(7310305170234961)');
    const impatient = createPostgresCeilingStore(open(empty.url, IMPATIENT_MS));
    await expect(impatient.register('n1')).rejects.toThrow(StorageTimeoutError);
    const patient = createPostgresCeilingStore(open(empty.url)).register('n2');
    await empty.query('COMMIT');
    await patient;
    await impatient.register('n1');
    expect(await empty.query('SELECT node FROM nodes ORDER BY node')).toEqual([{ node: 'n1' }, { node: 'n2' }]);
  });

  test('refuses a database with another text of a migration, and lets those of a newer version be', async () => {
    await using other = await leasePostgresDatabase();
    await createPostgresCeilingStore(open(other.url)).register('n1');
    await other.query("INSERT INTO number_generator_migrations VALUES ('999-later.sql', 'x')");
    await createPostgresCeilingStore(open(other.url)).register('n1');
    await other.query("UPDATE number_generator_migrations SET checksum = 'x'");
    const events: NumberGeneratorEvent[] = [];
    const refused = createPostgresCeilingStore(open(other.url, TIMEOUT_MS, events)).register('n1');
    await expect(refused).rejects.toThrow(StorageUnavailableError);
    expect(JSON.stringify(events.at(-1))).toContain('001-ceilings.sql is not the one');
  });

  test('makes the tables again when the database was replaced by an empty one', async () => {
    await using other = await leasePostgresDatabase();
    const store = createPostgresCeilingStore(open(other.url));
    await store.register('n1');
    await other.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await expect(store.register('n1')).rejects.toThrow(StorageUnavailableError);
    await store.register('n1');
    expect(await other.query('SELECT node FROM nodes')).toEqual([{ node: 'n1' }]);
  });

  test('is durable and counts on what it reads, whatever the database was set to', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    await database.query(`ALTER DATABASE ${name} SET default_transaction_isolation = serializable`);
    const client = open(database.url);
    const show = async (setting: string) => {
      const [row] = await client.run({ name: `show-${setting}`, text: `SHOW ${setting}` }, []);
      return row?.[setting];
    };
    expect(await show('synchronous_commit')).toBe('on');
    expect(await show('transaction_isolation')).toBe('read committed');
    await database.query(`ALTER DATABASE ${name} RESET ALL`);
  });

  test('is not healthy on a server that cannot be written to', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await createPostgresCeilingStore(open(database.url)).checkHealth();
    await database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await expect(createPostgresCeilingStore(open(database.url)).checkHealth()).rejects.toThrow(StorageUnavailableError);
    await database.query(`ALTER DATABASE ${name} RESET ALL`);
  });

  test('looks rows up by an index, also by plans that were made while the tables were all but empty', async () => {
    await using fresh = await leasePostgresDatabase();
    const client = createPostgresClient(fresh.url, TIMEOUT_MS, () => undefined);
    const ceilings = createPostgresCeilingStore(client);
    const ledger = createPostgresLedgerStore(client);
    const take = { count: 1, initialSeq: 0n, limit: VALUE_MAX, print: String };
    const CALLS = 200;
    for (let i = 0; i < CALLS; i += 1) {
      const { sequence } = recovery(`PLAN-${i}`);
      const whole = { subject: undefined, receipt: undefined, reservation: undefined };
      await ledger.take(randomUUID(), [{ sequence, ...take, ...whole }], new Map());
      await ceilings.recover(recovery(`PLAN-${i}`));
      await ceilings.raiseMany([raise(`PLAN-${i}`, 5_000n)]);
      await ceilings.readMany([sequence], 'n1');
    }
    // A session hands its counts over when it ends.
    await client.close();
    const readBy = (how: string) =>
      fresh.query(
        `SELECT relname, ${how}::int AS read FROM pg_stat_user_tables WHERE relname = ANY ($1) ORDER BY relname`,
        [['ceilings', 'ledger', 'ledger_sequences']],
      );
    await expect
      .poll(async () => Math.min(...(await readBy('idx_scan')).map(({ read }) => Number(read))))
      .toBeGreaterThanOrEqual(CALLS);
    // Before they were planned for good, empty tables were read.
    for (const { relname, read } of await readBy('seq_tup_read'))
      expect([relname, Number(read) < CALLS]).toEqual([relname, true]);
  });

  test('tries again when it met a deadlock', async () => {
    const client = open(database.url);
    const store = createPostgresCeilingStore(client);
    await store.recover(recovery('DEAD-A'));
    await store.recover(recovery('DEAD-B'));
    const lock = loadSql('lock-ceilings');
    let attempts = 0;
    let held = 0;
    const { promise: bothHoldOne, resolve } = Promise.withResolvers<void>();
    const lockBoth = (first: string, second: string) =>
      client.transact(async (run) => {
        attempts += 1;
        await run(lock, [[first], ['']]);
        held += 1;
        if (held === 2) resolve();
        await bothHoldOne;
        await run(lock, [[second], ['']]);
      });
    await Promise.all([lockBoth('DEAD-A', 'DEAD-B'), lockBoth('DEAD-B', 'DEAD-A')]);
    expect(attempts).toBe(3);
  });

  test('fails with StorageTimeoutError when somebody holds the row for too long', async () => {
    const store = createPostgresCeilingStore(open(database.url));
    await store.recover(recovery('HELD'));
    await database.query('BEGIN');
    await database.query("SELECT FROM ceilings WHERE prefix_key = 'HELD' FOR UPDATE");
    const impatient = createPostgresCeilingStore(open(database.url, IMPATIENT_MS));
    await expect(impatient.raiseMany([raise('HELD', 5_000n)])).rejects.toThrow(StorageTimeoutError);
    await database.query('ROLLBACK');
    expect(await impatient.raiseMany([raise('HELD', 5_000n)])).toEqual([{ kind: 'raised', ceiling: 5_000n }]);
  });

  test('a read waits for a recovery under way, and says its epoch', async () => {
    const store = createPostgresCeilingStore(open(database.url));
    await store.recover(recovery('WAITS'));
    await database.query('BEGIN');
    await database.query("SELECT FROM ceilings WHERE prefix_key = 'WAITS' FOR UPDATE");
    const read = store.read(sequenceOf(seriesOf('WAITS'), ''));
    await setTimeout(50);
    await database.query("UPDATE ceilings SET epoch = 2 WHERE prefix_key = 'WAITS'");
    await database.query('COMMIT');
    expect(await read).toEqual({ epoch: 2n, ceiling: 1_000n });
  });

  test('a recovery counts a node as missing that registered while it waited for the row', async () => {
    const store = createPostgresCeilingStore(open(database.url));
    await store.recover(recovery('LATE'));
    await database.query('BEGIN');
    await database.query("SELECT FROM ceilings WHERE prefix_key = 'LATE' FOR UPDATE");
    const outcome = store.recover(recovery('LATE', { epoch: 1n }));
    await setTimeout(50);
    await store.register('late-node');
    await database.query('COMMIT');
    expect(await outcome).toEqual({ kind: 'waiting', missing: ['late-node'] });
    await store.leave('late-node');
  });

  test('outlives connections that the server cuts while nobody uses them', async () => {
    const events: NumberGeneratorEvent[] = [];
    const store = createPostgresCeilingStore(open(database.url, TIMEOUT_MS, events));
    await store.register('n1');
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'number-generator' AND datname = current_database()",
    );
    await expect
      .poll(() => events.map(({ type }) => type))
      .toEqual(['ceiling-store-connected', 'ceiling-store-disconnected']);
    await store.register('n1');
    expect(events.map(({ type }) => type)).toHaveLength(3);
  });
});

describe('a PostgreSQL that fails', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgresServer();
  });

  afterAll(() => server.close());

  test('fails at once while there is no server, tells it once without the password, and serves as soon as there is one', async () => {
    const events: NumberGeneratorEvent[] = [];
    await server.stop();
    const url = server.url.replace('postgres@', 'postgres:hunter2@');
    const store = createPostgresCeilingStore(open(url, TIMEOUT_MS, events));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const error: unknown = await store.register('n1').catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(JSON.stringify([error, String((error as Error).cause), events])).not.toContain('hunter2');
    }
    await expect(store.checkHealth()).rejects.toThrow(StorageUnavailableError);
    expect(events.map(({ type }) => type)).toEqual(['ceiling-store-disconnected']);
    await server.restart();
    await store.register('n1');
    expect(events.map(({ type }) => type)).toEqual(['ceiling-store-disconnected', 'ceiling-store-connected']);
  });

  test('fails with StorageTimeoutError when the server hangs, closes in spite of it, and comes back by itself', async () => {
    const store = createPostgresCeilingStore(open(server.url, IMPATIENT_MS));
    const register = () => store.register('n1').then(() => 'served', String);
    // On a busy machine the first connection alone may take longer than that.
    await expect.poll(register).toBe('served');
    const abandoned = createPostgresClient(server.url, IMPATIENT_MS, () => undefined);
    await expect
      .poll(() =>
        createPostgresCeilingStore(abandoned)
          .register('n1')
          .then(() => 'served', String),
      )
      .toBe('served');
    server.pause();
    await expect(store.register('n1')).rejects.toThrow(StorageTimeoutError);
    // The next one needs a new connection.
    await expect(store.register('n1')).rejects.toThrow(StorageTimeoutError);
    const before = performance.now();
    await abandoned.close();
    expect(performance.now() - before).toBeLessThan(10_000);
    server.resume();
    await expect.poll(register).toBe('served');
  });

  test('kill -9 loses nothing that was acknowledged: raises, accounts, nodes', async () => {
    const store = createPostgresCeilingStore(open(server.url));
    const prefixKeys = Array.from({ length: 8 }, (_, index) => `KILL${index}`);
    const confirmed = new Map<string, bigint>();
    for (const prefixKey of prefixKeys) await store.recover(recovery(prefixKey, { mayJump: true }));
    const nodes: string[] = [];
    let running = true;
    const raiseOn = async (prefixKey: string): Promise<void> => {
      for (let step = 1n; running; step += 1n) {
        try {
          const gap = { range: { first: step, last: step }, reason: 'void', node: 'n', recordedAtMs: 1 } as const;
          const account = { value: step, changes: 0, gaps: [gap] };
          const [outcome] = await store.raiseMany([{ ...raise(prefixKey, 1_000n + step), account }]);
          if (outcome?.kind === 'raised') confirmed.set(prefixKey, step);
          await store.register(`${prefixKey}-${step}`);
          nodes.push(`${prefixKey}-${step}`);
        } catch {
          return;
        }
      }
    };
    const work = Promise.all(prefixKeys.map(raiseOn));
    await expect.poll(() => confirmed.size === 8 && [...confirmed.values()].every((step) => step > 5n)).toBe(true);
    await server.kill();
    await work;
    running = false;
    await server.restart();
    expect(confirmed.size).toBe(8);
    for (const [prefixKey, step] of confirmed) {
      const sequence = sequenceOf(seriesOf(prefixKey), '');
      const read = await store.read(sequence);
      expect(read?.ceiling).toBeGreaterThanOrEqual(1_000n + step);
      const outcome = await store.recover(recovery(prefixKey, { epoch: 1n, mayJump: true }));
      if (outcome.kind !== 'granted') throw new Error(outcome.kind);
      const value = outcome.account?.value ?? 0n;
      expect(value).toBeGreaterThanOrEqual(step);
      // The account and its gaps are of the same moment.
      expect(outcome.account?.gaps.map(({ range }) => range)).toEqual([{ first: value, last: value }]);
    }
    // One that has not jumped without them.
    await store.recover(recovery('LATER', { mayJump: true }));
    const missing = await store.recover(recovery('LATER', { epoch: 1n }));
    expect(missing).toMatchObject({ kind: 'waiting', missing: expect.arrayContaining(nodes) });
  });
});
