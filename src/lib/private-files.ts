/** Keeps files of ours from other users of the machine: numbers, API keys and secrets lie in them. */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;
/** Whoever has it is a place for everybody, such as /tmp. */
const STICKY = 0o1000;

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const tighten = (path: string, mode: number): void => {
  const { uid, mode: present } = statSync(path);
  // A file of another user, such as a volume shared with our group, is left as it is.
  if (uid !== process.getuid?.() || (present & STICKY) !== 0 || (present & OTHERS) === 0) return;
  chmodSync(path, mode);
};

/** Takes a directory's rights from everybody but its owner. */
export const closeDirectory = (path: string): void => tighten(path, DIRECTORY_MODE);

/** The same for files; those that are not there are left out. */
export const closeFiles = (...paths: readonly string[]): void => {
  for (const path of paths) {
    try {
      tighten(path, FILE_MODE);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
};

/** Makes an empty file that only its owner can read, unless there is one. */
export const touchPrivately = (path: string): void => closeSync(openSync(path, 'a', FILE_MODE));
