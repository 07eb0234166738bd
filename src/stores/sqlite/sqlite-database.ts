/** The embedded database: one file in the data directory, written by one process at a time. */
import { existsSync, mkdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isStoreFailure, type NumberGeneratorError } from '../../core/errors.ts';
import { closeDirectory, closeFiles, touchPrivately } from '../../lib/private-files.ts';
import {
  checkWhole,
  damaged,
  databasePath,
  isBusy,
  isDamage,
  refuseNewer,
  restoringPath,
  VERSION,
  watchFiles,
} from './database-file.ts';
import { LEDGER_TABLES } from './ledger-tables.ts';
import { toStorageError } from './sqlite-errors.ts';
import { openWriteAheadLog, type WriteAheadLog } from './write-ahead-log.ts';

// EXCLUSIVE before WAL: the lock is held until the process ends, however it ends, so two processes can never number
// from one file. FULL: one fsync per commit, so an acknowledged number survives a power cut. `write` does without, and has
// the log flushed before anybody is answered: the same promise, and the event loop goes on meanwhile.
const LOCK = 'PRAGMA locking_mode = EXCLUSIVE';
const OPEN = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS prefix_configs (prefix_key TEXT PRIMARY KEY, config TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS prefix_histories (prefix_key TEXT PRIMARY KEY, history TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sequences (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, value TEXT NOT NULL, origin TEXT, PRIMARY KEY (prefix_key, period)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS gaps (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, first_value TEXT NOT NULL, last_value TEXT NOT NULL,
    reason TEXT NOT NULL, node TEXT, recorded_at_ms INTEGER NOT NULL, PRIMARY KEY (prefix_key, period, first_value)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS worker_leases (
    data_centre INTEGER NOT NULL, worker INTEGER NOT NULL, holder TEXT, bound_ms INTEGER NOT NULL,
    PRIMARY KEY (data_centre, worker)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS api_keys (id TEXT PRIMARY KEY, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS api_key_holders (
    id TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS api_key_holders_of ON api_key_holders (holder);
  CREATE TABLE IF NOT EXISTS closed_periods (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, reason TEXT NOT NULL, closed_at_ms INTEGER NOT NULL,
    subject TEXT, request_id TEXT, PRIMARY KEY (prefix_key, period)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS receipts (
    hash TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at_ms INTEGER NOT NULL, period TEXT NOT NULL,
    ranges TEXT NOT NULL, series TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS receipts_age ON receipts (at_ms);
  CREATE TABLE IF NOT EXISTS probes (id INTEGER PRIMARY KEY, padding BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS ledger_sequences (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (prefix_key, period)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, value TEXT NOT NULL, number TEXT NOT NULL, state TEXT NOT NULL,
    free_at_ms INTEGER, taken_at_ms INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL, subject TEXT, key_hash TEXT,
    reservation TEXT, PRIMARY KEY (prefix_key, period, value)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ledger_free ON ledger (prefix_key, period, free_at_ms) WHERE free_at_ms IS NOT NULL;
  ${LEDGER_TABLES}
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, prefix_key TEXT NOT NULL, period TEXT NOT NULL, value TEXT NOT NULL, number TEXT NOT NULL,
    state TEXT NOT NULL, subject TEXT, reserved_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER, reason TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservation_holders (
    id TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS reservation_holders_age ON reservation_holders (expires_at_ms);
  CREATE INDEX IF NOT EXISTS reservation_holders_of ON reservation_holders (holder, expires_at_ms);
  CREATE INDEX IF NOT EXISTS reservations_of_value ON reservations (prefix_key, period, value, reserved_at_ms, id);
`;

// The first version did not store the origin. In one transaction: half an upgrade would be refused at every start.
const UPGRADE_TO_2 = `
  BEGIN;
  ALTER TABLE sequences ADD COLUMN origin TEXT;
  PRAGMA user_version = 2;
  COMMIT;
`;

/** Columns that earlier versions lack; they may be absent, and those versions go on reading and writing the rest. */
const addColumns = (handle: DatabaseSync): void => {
  const names = handle.prepare('PRAGMA table_info(closed_periods)').all();
  for (const column of ['subject', 'request_id']) {
    if (!names.some(({ name }) => name === column)) handle.exec(`ALTER TABLE closed_periods ADD COLUMN ${column} TEXT`);
  }
};

export interface SqliteDatabase {
  readonly handle: DatabaseSync;
  /** Runs `work` in one transaction, durable when this returns. @throws StorageUnavailableError; then nothing was changed. */
  transact<T>(work: () => T): T;
  /**
   * The same, but durable only when a `flush` that began afterwards has resolved: do not return its outcome before
   * that.
   */
  write<T>(work: () => T): T;
  /** @throws StorageUnavailableError; then what was written is there, and nobody knows whether it is durable. */
  flush(): Promise<void>;
  /** When a write was last durable or failed, by the monotonic clock, and in what it failed. */
  lastOutcome(): WriteOutcome;
  close(): void;
}

interface WriteOutcome {
  readonly atMs: number;
  readonly error: NumberGeneratorError | undefined;
}

/** Opens the file, alone, with all tables. */
const openFile = (dataDir: string, path: string): DatabaseSync => {
  let handle: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (existsSync(restoringPath(dataDir))) {
      throw new Error('a restore was interrupted there: repeat it (npm run restore), it can be repeated at any point');
    }
    closeDirectory(dataDir);
    // SQLite gives its log and its journal the rights of the database.
    touchPrivately(path);
    closeFiles(path, `${path}-wal`, `${path}-shm`, `${path}-journal`);
    handle = new DatabaseSync(path, { timeout: 0 });
    handle.exec(LOCK);
    refuseNewer(handle, path);
    checkWhole(handle, path);
    handle.exec(OPEN);
    addColumns(handle);
    const version = handle.prepare('PRAGMA user_version').get()?.['user_version'];
    handle.exec(version === 1 ? UPGRADE_TO_2 : `PRAGMA user_version = ${VERSION}`);
    return handle;
  } catch (error) {
    handle?.close();
    if (isDamage(error)) throw damaged(path, error);
    if (isBusy(error)) {
      throw new Error(
        `Another process uses the data directory ${dataDir}. Stop it, or set DATA_DIR to a directory of this process's own; several processes share numbers through REDIS_URL.`,
        { cause: error },
      );
    }
    throw new Error(`The data directory ${dataDir} cannot be used: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
};

/**
 * Opens the database in `dataDir`, and makes both when they are not there. `openLog` opens its log; tests hand in one that fails.
 * @throws Error with a sentence for the operator when another process has it open or the directory cannot be used.
 */
export const openSqliteDatabase = (dataDir: string, openLog = openWriteAheadLog): SqliteDatabase => {
  const path = databasePath(dataDir);
  const handle = openFile(dataDir, path);
  let log: WriteAheadLog | undefined;
  let isDoubtful = false;
  let outcome: WriteOutcome = { atMs: Number.NEGATIVE_INFINITY, error: undefined };
  const requireFiles = watchFiles(path, `${path}-wal`);

  /** Remembers a failure of the database; one that `work` throws on purpose says nothing of it. */
  const failed = (error: unknown): NumberGeneratorError => {
    const failure = toStorageError(error);
    if (failure !== error || isStoreFailure(failure)) outcome = { atMs: performance.now(), error: failure };
    return failure;
  };

  /**
   * After a flush that failed the next one may succeed though data is missing. So everything is copied from the log into the
   * database first, which is flushed in its turn.
   */
  const settleDoubt = (): void => {
    if (!isDoubtful) return;
    const busy = handle.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'];
    if (busy !== 0) throw new Error('The write-ahead log could not be copied into the database.');
    isDoubtful = false;
  };

  const transact = <T>(work: () => T): T => {
    try {
      requireFiles();
      settleDoubt();
      handle.exec('BEGIN IMMEDIATE');
      const result = work();
      handle.exec('COMMIT');
      return result;
    } catch (error) {
      if (handle.isOpen && handle.isTransaction) handle.exec('ROLLBACK');
      throw failed(error);
    }
  };

  return {
    handle,
    transact,
    write: (work) => {
      // Between transactions only: within one it would be ignored.
      if (handle.isOpen) handle.exec('PRAGMA synchronous = NORMAL');
      try {
        return transact(work);
      } finally {
        if (handle.isOpen) handle.exec('PRAGMA synchronous = FULL');
      }
    },
    flush: async () => {
      try {
        log ??= openLog(`${path}-wal`);
        await log.flush();
        outcome = { atMs: performance.now(), error: undefined };
      } catch (error) {
        isDoubtful = true;
        throw failed(error);
      }
    },
    lastOutcome: () => outcome,
    close: () => {
      log?.close();
      handle.close();
    },
  };
};
