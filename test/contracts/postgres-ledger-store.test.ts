/** The PostgreSQL ledger keeps the contract, does each call once, and stands lost replies. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGaplessAllocator } from '../../src/allocators/gapless/gapless-allocator.ts';
import { DataRefusedError, StorageTimeoutError, StorageUnavailableError } from '../../src/core/errors.ts';
import type { LedgerStore, LedgerTake } from '../../src/core/ledger/ledger-store.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { createPostgresLedgerStore } from '../../src/stores/postgres/postgres-ledger-store.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type ReplyProxy, startReplyProxy } from '../support/reply-proxy.ts';
import { describeLedgerStore } from './ledger-store.contract.ts';

const TIMEOUT_MS = 10_000;
const IMPATIENT_MS = 1_000;
const ignore = (): void => undefined;

describeLedgerStore('PostgreSQL', async () => {
  const database = await leasePostgresDatabase();
  const client = createPostgresClient(database.url, TIMEOUT_MS, ignore);
  return {
    store: createPostgresLedgerStore(client),
    // Its own clock decides; so what it remembers is moved back.
    pass: async (ms) => {
      await database.query("UPDATE ledger SET free_at = free_at - $1 * interval '1 ms'", [ms]);
      await database.query(
        "UPDATE reservations SET reserved_at = reserved_at - $1 * interval '1 ms', expires_at = expires_at - $1 * interval '1 ms'",
        [ms],
      );
      await database.query("UPDATE reservation_holders SET expires_at = expires_at - $1 * interval '1 ms'", [ms]);
    },
    close: async () => {
      await client.close();
      await database.release();
    },
  };
});

describe('a call on the PostgreSQL ledger', () => {
  let database: PostgresDatabase;
  let proxy: ReplyProxy;
  let client: PostgresClient;
  let store: LedgerStore;
  /** What becomes of the reply to the next COMMIT. */
  let fateOfCommit: 'passed' | 'cut' | 'swallowed' = 'passed';

  const takeOf = (prefixKey: string, more: Partial<LedgerTake> = {}): LedgerTake => ({
    sequence: sequenceOf(seriesOf(prefixKey), ''),
    count: 1,
    initialSeq: 0n,
    limit: VALUE_MAX,
    print: String,
    subject: undefined,
    receipt: undefined,
    reservation: undefined,
    ...more,
  });
  const rowsOf = async (prefixKey: string): Promise<string[]> =>
    (await store.listRows(sequenceOf(seriesOf(prefixKey), ''), 0n, 100)).map(({ value, state }) => `${value} ${state}`);
  const takeUnheard = async (operation: string, take: LedgerTake, fate: 'cut' | 'swallowed' = 'cut') => {
    fateOfCommit = fate;
    const outcome = await store.take(operation, [take]);
    proxy.replies('passed');
    return outcome;
  };

  beforeAll(async () => {
    database = await leasePostgresDatabase();
    const url = new URL(database.url);
    proxy = await startReplyProxy(Number(url.port));
    url.port = `${proxy.port}`;
    client = createPostgresClient(url.href, IMPATIENT_MS, ignore);
    store = createPostgresLedgerStore({
      ...client,
      transact: (work) =>
        client.transact(async (run) => {
          const result = await work(run);
          proxy.replies(fateOfCommit);
          fateOfCommit = 'passed';
          return result;
        }),
    });
  });

  afterAll(async () => {
    await client.close();
    await proxy.close();
    await database.release();
  });

  test.each(['cut', 'swallowed'] as const)(
    'whose COMMIT was %s is repeated without taking anything again',
    async (fate) => {
      const key = `COMMIT-${fate}`;
      const operation = randomUUID();
      const reservation = { id: randomUUID(), ttlMs: 60_000 };
      await store.take(randomUUID(), [takeOf(key)]);
      fateOfCommit = fate;
      const takes = [takeOf(key, { count: 3 }), takeOf(key, { reservation }), takeOf(key, { limit: 5n })];
      const unheard = await store.take(operation, takes);
      proxy.replies('passed');
      expect(unheard).toMatchObject({ kind: 'unknown', reason: { name: expect.stringMatching(/^Storage/) } });
      const expiresAtMs = (await store.findReservation(reservation.id))?.expiresAtMs;
      const outcome = await store.take(operation, takes);
      expect(outcome).toEqual({
        kind: 'done',
        marks: [{ sequence: takes[0]?.sequence, changes: 2n, value: 5n }],
        answers: [
          { kind: 'taken', ranges: [{ first: 2n, last: 4n }], expiresAtMs: undefined },
          { kind: 'taken', ranges: [{ first: 5n, last: 5n }], expiresAtMs },
          { kind: 'exhausted', valuesLeft: 0n },
        ],
      });
      expect(await store.take(operation, takes)).toEqual(outcome);
      expect(await rowsOf(key)).toEqual(['1 issued', '2 issued', '3 issued', '4 issued', '5 reserved']);
    },
  );

  test('that it refuses for its data is told apart from its being away, and costs those who share it nothing', async () => {
    const target = (prefixKey: string) => ({ ...takeOf(prefixKey), name: prefixKey, standbySize: 0 });
    const refused = store.take(randomUUID(), [takeOf('DATA'), takeOf('DATA', { subject: 'a\u0000b' })]);
    await expect(refused).rejects.toThrow(DataRefusedError);
    expect(await rowsOf('DATA')).toEqual([]);
    const allocator = createGaplessAllocator({ store, emit: ignore, limits: { callsMax: 1 } });
    const ask = (subject: string | undefined): Promise<string> =>
      allocator.allocate(target('DATA'), 1, { print: String, subject }).then(
        ({ ranges }) => `${ranges[0]?.first}`,
        (error: Error) => error.name,
      );
    // The first leaves alone; the others share the next call.
    const replies = await Promise.all([ask('a'), ask('b'), ask('a\u0000b'), ask('c'), ask(undefined)]);
    expect(replies).toEqual(['1', '2', 'DataRefusedError', '3', '4']);
    await allocator.close();
  });

  test('whose connection is cut before COMMIT has done nothing, and says so', async () => {
    const cut = takeOf('BEFORE', {
      print: (value) => {
        proxy.replies('cut');
        return `${value}`;
      },
    });
    await expect(store.take(randomUUID(), [cut])).rejects.toThrow(StorageUnavailableError);
    proxy.replies('passed');
    expect(await rowsOf('BEFORE')).toEqual([]);
  });

  test('that is repeated while the first attempt is still under way waits for it, and does nothing of its own', async () => {
    const operation = randomUUID();
    await database.query('BEGIN');
    await database.query('INSERT INTO ledger_operations (operation, answers) VALUES ($1, $2)', [
      operation,
      '[{"prefixKey":"RACE","period":"","ranges":[["7","7"]]}]',
    ]);
    const repeated = store.take(operation, [takeOf('RACE')]);
    await database.query('COMMIT');
    expect(await repeated).toMatchObject({ kind: 'done', answers: [{ ranges: [{ first: 7n, last: 7n }] }] });
    expect(await rowsOf('RACE')).toEqual([]);
  });

  test('whose callers were refused is cancelled: its values come again, and the history says why', async () => {
    const operation = randomUUID();
    await takeUnheard(operation, takeOf('CANCEL', { count: 2, subject: 'till-3' }));
    await store.cancel(operation);
    expect(await rowsOf('CANCEL')).toEqual(['1 void', '2 void']);
    expect(await store.inspect(sequenceOf(seriesOf('CANCEL'), ''))).toMatchObject({ value: 2n, free: 2n });
    expect(await store.listReservations(sequenceOf(seriesOf('CANCEL'), ''), undefined, 9)).toMatchObject([
      { value: 1n, number: '1', state: 'void', reason: 'not delivered', subject: 'till-3' },
      { value: 2n, number: '2', state: 'void', reason: 'not delivered', subject: 'till-3' },
    ]);
    expect(await store.take(randomUUID(), [takeOf('CANCEL', { count: 3 })])).toMatchObject({
      answers: [{ ranges: [{ first: 1n, last: 3n }] }],
    });
    // Once more, as after a lost reply: what others have been given since stays theirs.
    await store.cancel(operation);
    expect(await rowsOf('CANCEL')).toEqual(['1 issued', '2 issued', '3 issued']);
    await expect(store.take(operation, [takeOf('CANCEL')])).rejects.toThrow(StorageUnavailableError);
  });

  test('that is cancelled before it was done will never be done', async () => {
    const operation = randomUUID();
    await store.cancel(operation);
    await store.cancel(operation);
    await expect(store.take(operation, [takeOf('NEVER')])).rejects.toThrow('The call was cancelled.');
    expect(await rowsOf('NEVER')).toEqual([]);
  });

  test('that is cancelled leaves what has a receipt, for a repetition is given it', async () => {
    const operation = randomUUID();
    const receipt = { hash: 'h', fingerprint: 'f', atMs: Date.now(), series: 's' };
    const keyed = takeOf('KEYED', { receipt });
    fateOfCommit = 'cut';
    await store.take(operation, [takeOf('KEYED'), keyed]);
    proxy.replies('passed');
    await store.cancel(operation);
    expect(await rowsOf('KEYED')).toEqual(['1 void', '2 issued']);
    expect(await store.take(randomUUID(), [keyed])).toMatchObject({
      answers: [{ kind: 'receipt', receipt: { ranges: [{ first: 2n, last: 2n }] } }],
    });
  });

  test('that is repeated gives each of its takes the same answer, also those with a receipt', async () => {
    const operation = randomUUID();
    const receipt = { hash: 'r', fingerprint: 'f', atMs: Date.now(), series: 's' };
    const takes = [
      takeOf('ANSWERS', { receipt }),
      takeOf('ANSWERS', { receipt: { ...receipt, hash: 'r2' } }),
      takeOf('ANSWERS', { receipt: { ...receipt, fingerprint: 'g' } }),
    ];
    await store.take(randomUUID(), takes.slice(0, 1));
    const outcome = await store.take(operation, takes);
    expect(outcome).toMatchObject({ answers: [{ kind: 'receipt' }, { kind: 'taken' }, { kind: 'conflict' }] });
    expect(await store.take(operation, takes)).toEqual(outcome);
  });

  test('that is cancelled ends its reservation', async () => {
    const operation = randomUUID();
    const reservation = { id: randomUUID(), ttlMs: 60_000 };
    await takeUnheard(operation, takeOf('CANCEL-R', { reservation }));
    await store.cancel(operation);
    expect(await store.findReservation(reservation.id)).toMatchObject({ state: 'void', reason: 'not delivered' });
    expect(await store.confirm(reservation.id)).toMatchObject({ ended: false });
    expect(await rowsOf('CANCEL-R')).toEqual(['1 void']);
  });

  test('fails with StorageTimeoutError when somebody holds the sequence for too long, and takes nothing', async () => {
    await store.take(randomUUID(), [takeOf('HELD')]);
    await database.query('BEGIN');
    await database.query("SELECT FROM ledger_sequences WHERE prefix_key = 'HELD' FOR UPDATE");
    await expect(store.take(randomUUID(), [takeOf('HELD')])).rejects.toThrow(StorageTimeoutError);
    await database.query('ROLLBACK');
    expect(await rowsOf('HELD')).toEqual(['1 issued']);
  });

  test('waits for a reservation that is being confirmed at the end of its time, and leaves its value alone', async () => {
    const reservation = { id: randomUUID(), ttlMs: 1 };
    await store.take(randomUUID(), [takeOf('CLOSE', { reservation })]);
    await database.query('BEGIN');
    await database.query("UPDATE ledger SET state = 'confirmed', free_at = NULL WHERE prefix_key = 'CLOSE'");
    const taken = store.take(randomUUID(), [takeOf('CLOSE')]);
    await setTimeout(50);
    await database.query('COMMIT');
    expect(await taken).toMatchObject({ answers: [{ ranges: [{ first: 2n, last: 2n }] }] });
  });

  test('is forgotten after a day', async () => {
    await database.query("UPDATE ledger_operations SET done_at = done_at - interval '25 hours'");
    const before = await database.query('SELECT count(*)::int AS count FROM ledger_operations');
    await store.take(randomUUID(), [takeOf('FORGET')]);
    const after = await database.query('SELECT count(*)::int AS count FROM ledger_operations');
    expect(after[0]?.['count']).toBe(Number(before[0]?.['count']) - 10 + 1);
  });
});
