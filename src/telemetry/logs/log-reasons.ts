/** What a line of the log says of an error, and how loud it is. */
import { NumberGeneratorError, StorePreparingError } from '../../core/errors.ts';

/** The reason as a person wrote it; an error of ours hides it in its cause. */
export const reasonOf = (error: unknown): string => {
  const reason = error instanceof NumberGeneratorError && error.cause !== undefined ? error.cause : error;
  return reason instanceof Error ? reason.message : String(reason);
};

/** That PostgreSQL is being prepared, as at the first start of a version, is no fault. */
export const levelOf = (error: unknown, level: 'warn' | 'error') =>
  error instanceof StorePreparingError ? 'info' : level;
