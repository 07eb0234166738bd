/** What SQLite and the file system throw, as the errors of the ports, with the reason an operator can act on. */
import { NumberGeneratorError, StorageUnavailableError } from '../../core/errors.ts';
import { isErrorCode } from './database-file.ts';

const SQLITE_READONLY = 8;
const SQLITE_FULL = 13;

const isSystemError = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

const reasonOf = (error: unknown): string => {
  if (isErrorCode(error, SQLITE_FULL) || isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return 'The embedded database cannot be written: its disk is full.';
  }
  if (isErrorCode(error, SQLITE_READONLY) || isSystemError(error, 'EROFS')) {
    return 'The embedded database cannot be written: it is read-only.';
  }
  return 'The embedded database cannot serve at the moment.';
};

/** Turns what SQLite throws (disk full, disk gone, file damaged) into the error of the ports. */
export const toStorageError = (error: unknown): NumberGeneratorError =>
  error instanceof NumberGeneratorError ? error : new StorageUnavailableError(reasonOf(error), error);
