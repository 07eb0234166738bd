/** Backups of the embedded database: a copy made beside running transactions, checked, and one file. */
import { closeSync, existsSync, linkSync, openSync, rmSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkWhole,
  databasePath,
  flushFile,
  isBusy,
  isErrorCode,
  refuseNewer,
  SQLITE_LOCKED,
  SQLITE_OK,
} from './database-file.ts';

/** Pages copied in one step; numbers are issued between two. */
const PAGES_PER_STEP = 100;
/** Attempts to begin a copy, each of which may meet a transaction under way. */
const STARTS_MAX = 1_000;
const START_PAUSE_MS = 2;

export type Progress = (done: number, total: number) => void;

/** Where a copy lies until it is whole. */
export const partialPath = (file: string): string => `${file}.partial`;

/**
 * A step of a backup that falls into a transaction of the same handle copies nothing (SQLITE_LOCKED). `node:sqlite`
 * repeats each step but the first, which it reports as a failure with the code of success.
 */
const wasLocked = (error: unknown): boolean => isErrorCode(error, SQLITE_OK, SQLITE_LOCKED);

/** Copies the database as it was at one moment of the call, also while it is written to through the same handle. */
export const copyDatabase = async (handle: DatabaseSync, file: string, progress: Progress): Promise<void> => {
  let begun = false;
  const copy = (): Promise<number> =>
    backup(handle, file, {
      rate: PAGES_PER_STEP,
      progress: ({ totalPages, remainingPages }) => {
        begun = true;
        progress(totalPages - remainingPages, totalPages);
      },
    });
  for (let starts = 1; ; starts += 1) {
    try {
      await copy();
      break;
    } catch (error) {
      if (begun || !wasLocked(error)) throw error;
      if (starts === STARTS_MAX) {
        throw new Error(`A transaction was under way at each of ${STARTS_MAX} attempts to begin.`, { cause: error });
      }
      await sleep(START_PAUSE_MS);
    }
  }
  progress(1, 1);
};

/** Copies a database that no process has open. @throws Error when there is none, or it is held. */
export const copyOffline = async (dataDir: string, file: string, progress: Progress): Promise<void> => {
  const path = databasePath(dataDir);
  if (!existsSync(path)) throw new Error(`There is no database in ${dataDir}: set DATA_DIR as for the service.`);
  const handle = new DatabaseSync(path, { timeout: 0 });
  try {
    handle.exec('PRAGMA locking_mode = EXCLUSIVE');
    refuseNewer(handle, path);
    await copyDatabase(handle, partialPath(file), progress);
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Error(`A process has ${path} open and does not answer: try again, or stop it.`, { cause: error });
  } finally {
    handle.close();
  }
};

/** Reserves the name of a copy. @throws Error when one of the files is there. */
export const reserveCopy = (file: string): void => {
  for (const path of [file, partialPath(file)]) {
    if (existsSync(path)) throw new Error(`${path} exists, and is not overwritten.`);
  }
  closeSync(openSync(partialPath(file), 'wx', 0o600));
};

/** Checks a whole copy, makes it one file that needs no other beside it, and gives it its name. @throws Error when that is taken. */
export const finishCopy = (file: string): void => {
  const partial = partialPath(file);
  const handle = new DatabaseSync(partial);
  try {
    checkWhole(handle, partial);
    handle.exec('PRAGMA journal_mode = DELETE');
  } finally {
    handle.close();
  }
  flushFile(partial);
  // Linking fails when the name is taken; renaming would not.
  linkSync(partial, file);
  rmSync(partial);
  flushFile(file);
};

export const discardCopy = (file: string): void => {
  for (const end of ['', '-journal', '-wal', '-shm']) rmSync(`${partialPath(file)}${end}`, { force: true });
};
