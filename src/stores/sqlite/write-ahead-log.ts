/** The write-ahead log of the embedded database as a file: flushed to the disk while the event loop goes on. */
import { close, closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface WriteAheadLog {
  /** Resolves when everything that was committed before the call is on the disk. Rejects when that is uncertain. */
  flush(): Promise<void>;
  /** Waits for nothing: call it when no flush is under way. */
  close(): void;
}

const flushFile = promisify(fdatasync);

/** Its name must be on the disk as well: whatever is flushed in a file without one is lost. */
const flushName = (path: string): void => {
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
};

/**
 * @param path of the log, which SQLite has made. It never locks this file, so opening and closing it here takes no lock away;
 * and it keeps the same one until the database is closed.
 */
export const openWriteAheadLog = (path: string): WriteAheadLog => {
  const file = openSync(path, 'r+');
  flushName(path);
  return {
    flush: () => flushFile(file),
    close: () => close(file),
  };
};
