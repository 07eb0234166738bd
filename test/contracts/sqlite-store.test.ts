/** The embedded SQLite stores keep the contracts, and what only a file can break. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CounterCall } from '../../src/core/counter/counter-call.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../src/core/errors.ts';
import { RECEIPT_TTL_MS } from '../../src/core/values/receipt.ts';
import { cellsOf, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createSqliteCounterStore } from '../../src/stores/sqlite/sqlite-counter-store.ts';
import { openSqliteDatabase, type SqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { createSqlitePrefixConfigStore } from '../../src/stores/sqlite/sqlite-prefix-config-store.ts';
import { openWriteAheadLog, type WriteAheadLog } from '../../src/stores/sqlite/write-ahead-log.ts';
import { call, describeCounterStore } from './counter-store.contract.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';
import { describeReceipts } from './receipts.contract.ts';

let root: string;
let database: SqliteDatabase;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sqlite-store-'));
  database = openSqliteDatabase(join(root, 'contract'));
});

afterAll(() => {
  database.close();
  rmSync(root, { recursive: true });
});

describeCounterStore('the SQLite store', () => ({
  store: createSqliteCounterStore(database),
  otherNode: createSqliteCounterStore(database),
  preload: (sequence, value) => {
    database.handle
      .prepare('INSERT INTO sequences (prefix_key, period, value) VALUES (?, ?, ?)')
      .run(...cellsOf(sequence), value);
  },
  read: (sequence) => {
    const row = database.handle
      .prepare('SELECT value FROM sequences WHERE prefix_key = ? AND period = ?')
      .get(...cellsOf(sequence));
    return row === undefined ? undefined : String(row['value']);
  },
}));

describeReceipts('the SQLite store', () => ({
  store: createSqliteCounterStore(database),
  otherNode: createSqliteCounterStore(database),
}));

describePrefixConfigStore('the SQLite store', () => ({
  store: createSqlitePrefixConfigStore(database),
  preload: (prefixKey, json) => {
    database.handle.prepare('INSERT OR REPLACE INTO prefix_configs VALUES (?, ?)').run(prefixKey, json);
  },
}));

const takeOne = async (store: CounterStore, prefixKey: string): Promise<bigint | undefined> => {
  const [reply] = await store.reserve([call(sequenceOf(seriesOf(prefixKey), ''))]);
  return reply?.kind === 'taken' ? reply.range.first : undefined;
};

describe('the embedded database', () => {
  test('writes ahead and syncs every commit', () => {
    expect(database.handle.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.handle.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  });

  test('answers a call when its log is flushed, and not before; meanwhile the event loop goes on', async () => {
    const flushing = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const opened = openSqliteDatabase(join(root, 'flushing'), (path) => ({
      ...openWriteAheadLog(path),
      flush: () => {
        begun.resolve();
        return flushing.promise;
      },
    }));
    let answered = false;
    const taken = takeOne(createSqliteCounterStore(opened), 'A').finally(() => {
      answered = true;
    });
    await begun.promise;
    await setImmediate();
    expect(answered).toBe(false);
    flushing.resolve();
    expect(await taken).toBe(1n);
    opened.close();
  });

  test('gives a call whose flush failed the same values again, but only once they are in the database itself', async () => {
    const path = join(root, 'failing');
    let log: WriteAheadLog | undefined;
    let failures = 2;
    const opened = openSqliteDatabase(path, (logPath) => {
      log = openWriteAheadLog(logPath);
      return { ...log, flush: async () => (failures-- > 0 ? Promise.reject(new Error('EIO')) : log?.flush()) };
    });
    const store = createSqliteCounterStore(opened);
    const first = [call(sequenceOf(seriesOf('A'), ''), 3), call(sequenceOf(seriesOf('B'), ''), 1)];
    await expect(store.reserve(first)).rejects.toThrow(StorageUnavailableError);
    await expect(store.reserve(first)).rejects.toThrow(StorageUnavailableError);
    // Other calls may come first.
    expect(await takeOne(store, 'B')).toBe(2n);
    const again = await store.reserve(first);
    expect(again).toMatchObject([{ range: { first: 1n, last: 3n } }, { range: { first: 1n, last: 1n } }]);
    expect(await takeOne(store, 'A')).toBe(4n);
    opened.close();
  });

  test('trusts no flush after one that failed: what is in the log goes into the database first, or nothing is served', async () => {
    const path = join(root, 'doubtful');
    const failing = { flush: () => Promise.reject(new Error('EIO')), close: () => undefined };
    const opened = openSqliteDatabase(path, () => failing);
    const logBytes = (): number => statSync(join(path, 'number-generator.sqlite-wal')).size;
    await expect(takeOne(createSqliteCounterStore(opened), 'A')).rejects.toThrow(StorageUnavailableError);
    expect(logBytes()).toBeGreaterThan(0);
    opened.transact(() => expect(logBytes()).toBe(0));
    // A reader in the middle of the file keeps the log from being emptied.
    await expect(takeOne(createSqliteCounterStore(opened), 'B')).rejects.toThrow(StorageUnavailableError);
    const rows = opened.handle.prepare('SELECT * FROM sequences').iterate();
    rows.next();
    expect(() => opened.transact(() => undefined)).toThrow(StorageUnavailableError);
    rows.return?.();
    opened.transact(() => expect(logBytes()).toBe(0));
    opened.close();
  });

  test('keeps receipts over a restart, and deletes expired ones ten at a time as new ones come', async () => {
    const path = join(root, 'receipts');
    const first = openSqliteDatabase(path);
    const make = (hash: string, atMs: number): CounterCall =>
      call(sequenceOf(seriesOf('R'), ''), 1, {
        kind: 'once',
        receipt: { hash, fingerprint: 'f', atMs, series: '{}' },
      });
    const old = Array.from({ length: 25 }, (_, index) => make(`old${index}`, index));
    await createSqliteCounterStore(first).reserve([...old, make('kept', 1_000)]);
    first.close();
    const second = openSqliteDatabase(path);
    const store = createSqliteCounterStore(second);
    const [again] = await store.reserve([make('kept', 2_000)]);
    expect(again).toMatchObject({ kind: 'receipt', replayed: true, receipt: { ranges: [{ first: 26n, last: 26n }] } });
    const left: unknown[] = [];
    for (const hash of ['a', 'b', 'c', 'd']) {
      await store.reserve([make(hash, 500 + RECEIPT_TTL_MS)]);
      left.push(second.handle.prepare('SELECT count(*) AS n FROM receipts').get()?.['n']);
    }
    expect(left).toEqual([17, 8, 4, 5]);
    second.close();
  });

  test('goes on counting after it was closed and opened again', async () => {
    const dir = join(root, 'again');
    const first = openSqliteDatabase(dir);
    await takeOne(createSqliteCounterStore(first), 'A');
    first.close();
    const second = openSqliteDatabase(dir);
    expect(await takeOne(createSqliteCounterStore(second), 'A')).toBe(2n);
    second.close();
  });

  test('opens a file of the first version, and goes on counting in it without knowing where it began', async () => {
    const dir = join(root, 'old');
    openSqliteDatabase(dir).close();
    const old = new DatabaseSync(join(dir, 'number-generator.sqlite'));
    old.exec(`ALTER TABLE sequences DROP COLUMN origin; PRAGMA user_version = 1;
              INSERT INTO sequences VALUES ('A', '', '41')`);
    old.close();
    for (const next of [42n, 43n]) {
      const opened = openSqliteDatabase(dir);
      const store = createSqliteCounterStore(opened);
      expect(await takeOne(store, 'A')).toBe(next);
      expect(await store.inspect(sequenceOf(seriesOf('A'), ''))).toMatchObject({ value: next, origin: undefined });
      opened.close();
    }
  });

  test('opens a file whose closures name nobody, keeps them, and names who closes from now on', async () => {
    const dir = join(root, 'unnamed');
    openSqliteDatabase(dir).close();
    const old = new DatabaseSync(join(dir, 'number-generator.sqlite'));
    old.exec(`ALTER TABLE closed_periods DROP COLUMN subject; ALTER TABLE closed_periods DROP COLUMN request_id;
              INSERT INTO closed_periods VALUES ('A', '2024', 'Filed', 7)`);
    old.close();
    const named = { reason: 'Filed', closedAtMs: 8, subject: 'alice', requestId: 'r-1' };
    for (let opening = 0; opening < 2; opening += 1) {
      const opened = openSqliteDatabase(dir);
      const store = createSqliteCounterStore(opened);
      expect(await store.close(sequenceOf(seriesOf('A'), '2024'), named)).toEqual({ reason: 'Filed', closedAtMs: 7 });
      expect(await store.close(sequenceOf(seriesOf('A'), '2025'), named)).toEqual(named);
      opened.close();
    }
  });

  test('says which directory cannot be used', () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    expect(() => openSqliteDatabase(join(file, 'data'))).toThrow(/The data directory .*a-file\/data cannot be used/);
  });

  test('refuses a file that is no database, and says so', () => {
    const dir = join(root, 'damaged');
    openSqliteDatabase(dir).close();
    writeFileSync(join(dir, 'number-generator.sqlite'), 'this is not a database, this is prose '.repeat(100));
    expect(() => openSqliteDatabase(dir)).toThrow(/is damaged \(file is not a database\)/);
  });

  test('refuses a second opening of the same directory in one process too', () => {
    const path = join(root, 'contract', 'number-generator.sqlite');
    const other = new DatabaseSync(path, { timeout: 0 });
    expect(() => other.exec('BEGIN IMMEDIATE')).toThrow(/locked/);
    other.close();
    expect(() => openSqliteDatabase(join(root, 'contract'))).toThrow(/Another process uses the data directory/);
  });

  test('changes nothing when a transaction fails half-way, and serves the next one', async () => {
    const store = createSqliteCounterStore(database);
    await takeOne(store, 'HALF');
    const work = () =>
      database.transact(() => {
        database.handle.exec("UPDATE sequences SET value = '999' WHERE prefix_key = 'HALF'");
        database.handle.exec('INSERT INTO no_such_table VALUES (1)');
      });
    expect(work).toThrow(StorageUnavailableError);
    expect(await takeOne(store, 'HALF')).toBe(2n);
  });

  test('fails with StorageUnavailableError once it is closed', async () => {
    const closed = openSqliteDatabase(join(root, 'closed'));
    const store = createSqliteCounterStore(closed);
    closed.close();
    await expect(takeOne(store, 'A')).rejects.toThrow(StorageUnavailableError);
    await expect(store.checkHealth()).rejects.toThrow(StorageUnavailableError);
  });
});
