/**
 * The file of the embedded database, seen from outside: its lock, whether it is whole and of a known version, and
 * flushing it.
 */
import { closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageUnavailableError } from '../../core/errors.ts';

export const databasePath = (dataDir: string): string => join(dataDir, 'number-generator.sqlite');

/** What a restore writes before it takes the place of the database; while it is there, the database is not to be opened. */
export const restoringPath = (dataDir: string): string => `${databasePath(dataDir)}.restoring`;

/** The version that this code writes, as `PRAGMA user_version`. */
export const VERSION = 2;

export const SQLITE_OK = 0;
const SQLITE_BUSY = 5;
export const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOT_A_DATABASE = 26;

export const isErrorCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof Error && 'errcode' in error && codes.includes(Number(error.errcode) & 0xff);

export const isBusy = (error: unknown): boolean => isErrorCode(error, SQLITE_BUSY);
export const isDamage = (error: unknown): boolean => isErrorCode(error, SQLITE_CORRUPT, SQLITE_NOT_A_DATABASE);

export const damaged = (path: string, what: unknown): Error =>
  new Error(
    `The database ${path} is damaged (${what instanceof Error ? what.message : what}). Restore a backup: npm run restore -- FILE, see docs/operations.md.`,
    { cause: what },
  );

/** @throws Error when a newer version of the service has written it. */
export const refuseNewer = (handle: DatabaseSync, path: string): void => {
  const version = Number(handle.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version <= VERSION) return;
  throw new Error(
    `The database ${path} was written by a newer version of the service (${version}; this one knows ${VERSION}). Start that version, or restore a backup from before the upgrade.`,
  );
};

/** @throws Error when a page or a table is not what it should be. Reads the whole file. */
export const checkWhole = (handle: DatabaseSync, path: string): void => {
  const found = handle.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw damaged(path, found);
};

/** Whether a process has the database open. Changes nothing: neither the file nor what lies beside it. */
export const isHeld = (path: string): boolean => {
  if (!existsSync(path)) return false;
  let handle: DatabaseSync | undefined;
  try {
    handle = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    // The lock comes before anything is read: whatever else is wrong with the file, nobody holds it.
    handle.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    handle?.close();
  }
};

const inodeOf = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
};

/**
 * Remembers which files lie at these paths. Opens none of them: closing one again would take SQLite's lock away.
 * @returns throws StorageUnavailableError while another file lies there, or none: what is written then is lost at the end of the process.
 */
export const watchFiles = (...paths: readonly string[]): (() => void) => {
  const known = new Map(paths.map((path) => [path, inodeOf(path)]));
  return () => {
    for (const [path, inode] of known) {
      const found = inodeOf(path);
      // Made after it was looked at.
      if (inode === undefined && found !== undefined) known.set(path, found);
      else if (found !== inode) {
        throw new StorageUnavailableError(
          'The file of the embedded database was removed or replaced. Put the same file back, or stop the process and restore a backup.',
        );
      }
    }
  };
};

const flush = (path: string): void => {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/** Puts a file and its name on the disk. */
export const flushFile = (path: string): void => {
  flush(path);
  flush(dirname(path));
};
