/** What PostgreSQL and its driver throw, as the errors of the ports. */
import {
  DataRefusedError,
  NumberGeneratorError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../../core/errors.ts';

/** SQLSTATE of what may be tried again as it is: serialization failure, deadlock. */
const PASSING = new Set(['40001', '40P01']);
/** SQLSTATE of what took too long on the server: cancelled by a timeout, a lock not had in time, idle in a transaction. */
const SLOW = new Set(['57014', '55P03', '25P03']);
/** What the driver says when its own limits pass; it has no codes for them. */
const ALL_BUSY = 'timeout exceeded when trying to connect';
const SLOW_MESSAGES = new Set(['Query read timeout', ALL_BUSY, 'Connection terminated due to connection timeout']);
/** SQLSTATE classes after which the connection is of no use: connection, operator intervention, system error. */
const LOST = /^(?:08|57P|58|XX)/;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Of the system's own codes, EPIPE looks like one too. */
const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE';

/** SQLSTATE classes of what is wrong with the values of a statement: data, constraints, sizes. */
const DATA = /^(?:22|23|54)/;

/** Whether no connection became free in time, which says nothing about the server. */
export const isWaitForConnection = (error: unknown): boolean => error instanceof Error && error.message === ALL_BUSY;

/** Whether the transaction changed nothing, and would probably go through the next time. */
export const isPassing = (error: unknown): boolean => PASSING.has(codeOf(error));

/** Whether a table is not there: the database was replaced by another one, and the migrations must run again. */
export const isTableMissing = (error: unknown): boolean => codeOf(error) === '42P01';

/** Whether the server answered, and the connection can be used again. */
export const isAnswer = (error: unknown): boolean => {
  if (error instanceof NumberGeneratorError) return true;
  const code = codeOf(error);
  return isSqlState(code) && !LOST.test(code) && code !== '25P03';
};

export const toStorageError = (error: unknown): NumberGeneratorError => {
  if (error instanceof NumberGeneratorError) return error;
  const code = codeOf(error);
  if (isSqlState(code) && DATA.test(code)) return new DataRefusedError(error);
  const message = error instanceof Error ? error.message : '';
  if (SLOW.has(codeOf(error)) || SLOW_MESSAGES.has(message)) {
    return new StorageTimeoutError('PostgreSQL did not answer in time.', error);
  }
  return new StorageUnavailableError('PostgreSQL cannot serve at the moment.', error);
};
