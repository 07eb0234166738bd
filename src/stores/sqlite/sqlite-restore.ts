/** Restoring the embedded database: a checked copy is moved past what was issued since, then takes the place of the database, which is kept aside. */
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { keyOfColumns } from '../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../core/values/value.ts';
import { wide } from './cells.ts';
import {
  checkWhole,
  damaged,
  databasePath,
  flushFile,
  isDamage,
  isHeld,
  refuseNewer,
  restoringPath,
} from './database-file.ts';
import { LEDGER_TABLES } from './ledger-tables.ts';

/** Where a sequence of the backup stands. */
export interface RestoredSequence {
  readonly prefixKey: string;
  readonly period: string;
  readonly value: bigint;
  readonly kind: 'counter' | 'gapless';
}

/** To which value each sequence of the backup is moved at least; undefined: it stays where it is. */
export type Targets = (sequence: RestoredSequence) => bigint | undefined;

export interface RestoreRequest {
  readonly dataDir: string;
  readonly file: string;
  readonly targets: Targets;
  /** Kept with what is passed over. */
  readonly reason: string;
  readonly nowMs: number;
}

export interface Restored {
  readonly moved: readonly (RestoredSequence & { readonly to: bigint })[];
  /** Where the files lie that were replaced. */
  readonly aside: readonly string[];
}

/** Those that a database leaves beside it; one that is left beside another database would be played into it. */
const ENDS = ['-wal', '-shm', '-journal', ''];

const hasTable = (handle: DatabaseSync, name: string): boolean =>
  handle.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;

const open = (file: string): DatabaseSync => {
  try {
    const handle = new DatabaseSync(file);
    refuseNewer(handle, file);
    checkWhole(handle, file);
    if (!hasTable(handle, 'prefix_configs')) throw new Error(`${file} is no backup of the service.`);
    return handle;
  } catch (error) {
    throw isDamage(error) ? damaged(file, error) : error;
  }
};

/** The sequences of a database, but for closed periods, which give no more numbers. */
const listSequences = (handle: DatabaseSync): RestoredSequence[] => {
  const list = (table: string, kind: RestoredSequence['kind']): RestoredSequence[] =>
    !hasTable(handle, table)
      ? []
      : handle
          .prepare(`SELECT prefix_key, period, value FROM ${table} ORDER BY prefix_key, period`)
          .all()
          .map((row) => ({
            ...{ prefixKey: String(row['prefix_key']), period: String(row['period']) },
            ...{ value: BigInt(String(row['value'])), kind },
          }));
  const closed = new Set(
    hasTable(handle, 'closed_periods')
      ? handle
          .prepare('SELECT prefix_key, period FROM closed_periods')
          .all()
          .map((row) => keyOfColumns({ prefixKey: String(row['prefix_key']), period: String(row['period']) }))
      : [],
  );
  return [...list('sequences', 'counter'), ...list('ledger_sequences', 'gapless')].filter(
    (sequence) => !closed.has(keyOfColumns(sequence)),
  );
};

/** @throws Error when the file is no whole backup of this or an earlier version. */
export const readBackup = (file: string): readonly RestoredSequence[] => {
  if (!existsSync(file)) throw new Error(`There is no file ${file}.`);
  const handle = open(file);
  try {
    return listSequences(handle);
  } finally {
    handle.close();
  }
};

const moveSequences = (handle: DatabaseSync, { targets, reason, nowMs }: RestoreRequest): Restored['moved'] => {
  handle.exec(LEDGER_TABLES);
  const sequences = listSequences(handle);
  const putGap = handle.prepare("INSERT INTO gaps VALUES (?, ?, ?, ?, 'recovery-jump', NULL, ?)");
  const putValue = handle.prepare('UPDATE sequences SET value = ? WHERE prefix_key = ? AND period = ?');
  const putLost = handle.prepare("INSERT INTO ledger_lost VALUES (?, ?, ?, ?, ?, 'restore', ?)");
  const putLedger = handle.prepare('UPDATE ledger_sequences SET value = ? WHERE prefix_key = ? AND period = ?');
  const putFloor = handle.prepare(
    'INSERT INTO ledger_floors VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET floor = excluded.floor',
  );
  const moved: (RestoredSequence & { to: bigint })[] = [];
  for (const sequence of sequences) {
    const { prefixKey, period, value, kind } = sequence;
    const target = targets(sequence);
    if (target === undefined) continue;
    let to = value;
    if (target > value) to = target;
    if (to > VALUE_MAX) to = VALUE_MAX;
    const name = [prefixKey, period] as const;
    if (to > value && kind === 'counter') putGap.run(...name, wide(value + 1n), wide(to), nowMs);
    if (to > value && kind === 'gapless') putLost.run(...name, wide(value + 1n), wide(to), reason, nowMs);
    if (kind === 'counter') putValue.run(`${to}`, ...name);
    else {
      putLedger.run(wide(to), ...name);
      // What was free in the backup may have been handed out since.
      putFloor.run(...name, wide(to));
    }
    if (to > value) moved.push({ ...sequence, to });
  }
  return moved;
};

const refuseWhileHeld = (path: string): void => {
  if (isHeld(path)) throw new Error(`A process has ${path} open: stop the service first.`);
};

const putAside = (path: string, nowMs: number): string[] => {
  const stamp = new Date(nowMs).toISOString().replaceAll(':', '');
  return ENDS.filter((end) => existsSync(`${path}${end}`)).map((end) => {
    const aside = `${path}.replaced-${stamp}${end}`;
    renameSync(`${path}${end}`, aside);
    return aside;
  });
};

/**
 * The copy lies beside the database until it is complete, and is renamed last: an interruption at any point leaves either the old database,
 * or one that is not opened before the restore was repeated.
 * @throws Error with a sentence for the operator; then the database is as it was, unless that sentence says otherwise.
 */
export const restoreDatabase = (request: RestoreRequest): Restored => {
  const { dataDir, file, nowMs } = request;
  const path = databasePath(dataDir);
  const staging = restoringPath(dataDir);
  refuseWhileHeld(path);
  for (const end of ENDS) rmSync(`${staging}${end}`, { force: true });
  let moved: Restored['moved'];
  try {
    copyFileSync(file, staging);
    const handle = open(staging);
    try {
      handle.exec('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE');
      moved = moveSequences(handle, request);
      handle.exec('COMMIT');
    } finally {
      handle.close();
    }
    flushFile(staging);
    refuseWhileHeld(path);
  } catch (error) {
    for (const end of ENDS) rmSync(`${staging}${end}`, { force: true });
    throw error;
  }
  const aside = putAside(path, nowMs);
  renameSync(staging, path);
  flushFile(path);
  return { moved, aside };
};
