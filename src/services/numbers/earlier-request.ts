/** A request with an Idempotency-Key that is refused now may have been served before: then it gets the same numbers. */
import { IdempotencyConflictError, isStoreFailure, NumberGeneratorError } from '../../core/errors.ts';
import type { NumberSource } from '../../core/values/number-source.ts';
import { judgeReceipt, type Receipt, type RequestIdentity } from '../../core/values/receipt.ts';
import type { SeriesId } from '../../core/values/sequence-id.ts';

/** Where receipts are kept. */
export interface ReceiptReader {
  readonly source: NumberSource;
  findReceipt?(series: SeriesId, hash: string): Promise<Receipt | undefined>;
}

interface EarlierRequest {
  readonly receipt: Receipt;
  readonly source: NumberSource;
}

/**
 * Finds the receipt of a request whose prefix was removed or changed since. Called only for refused requests: others
 * find the receipt in the step that takes values.
 * @param refusal is thrown again when the request was not served before. @throws IdempotencyConflictError when another one was.
 */
export const findEarlier = async (
  readers: readonly ReceiptReader[],
  series: SeriesId,
  { hash, fingerprint }: RequestIdentity,
  nowMs: number,
  refusal: unknown,
): Promise<EarlierRequest> => {
  const isFinal = refusal instanceof IdempotencyConflictError || isStoreFailure(refusal);
  if (!(refusal instanceof NumberGeneratorError) || isFinal) throw refusal;
  for (const reader of readers) {
    const known = await reader.findReceipt?.(series, hash);
    const found = judgeReceipt(known, { atMs: nowMs, fingerprint });
    if (found.kind === 'conflict') throw new IdempotencyConflictError();
    if (found.kind === 'receipt') return { receipt: found.receipt, source: reader.source };
  }
  throw refusal;
};
