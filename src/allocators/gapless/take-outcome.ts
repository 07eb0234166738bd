/** What an answer of the ledger means for the request it answers: values, a receipt, or an error. */
import {
  IdempotencyConflictError,
  LedgerBehindError,
  QuotaExceededError,
  SequenceOverflowError,
} from '../../core/errors.ts';
import type { LedgerAnswer, LedgerTake } from '../../core/ledger/ledger-store.ts';

/** Values, or the receipt of an earlier request under the same key. */
export type Taken = Extract<LedgerAnswer, { kind: 'taken' | 'receipt' }>;

/** @returns an Error to refuse the request with; otherwise what it is served with. */
export const readAnswer = (
  { sequence: { series, period }, reservation }: Pick<LedgerTake, 'sequence' | 'reservation'>,
  answer: LedgerAnswer | undefined,
): Taken | Error => {
  switch (answer?.kind) {
    case 'taken':
    case 'receipt':
      return answer;
    case 'conflict':
      return new IdempotencyConflictError();
    case 'share-held':
      return new QuotaExceededError({
        kind: 'reservations',
        max: reservation?.share?.max,
        prefixKey: series.prefixKey,
      });
    case 'behind':
      return new LedgerBehindError(series.prefixKey, period);
    default:
      return new SequenceOverflowError(series.prefixKey, answer?.valuesLeft ?? 0n);
  }
};
