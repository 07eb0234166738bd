/** Requests that come under one idempotency key at the same time: one of them takes values, the others get the same. */
import { IdempotencyConflictError, StorageUnavailableError } from '../core/errors.ts';
import type { ReceiptDraft } from '../core/values/receipt.ts';
import type { KeyedAllocation } from './allocator.ts';

interface UnderWay {
  readonly fingerprint: string;
  readonly outcome: Promise<KeyedAllocation>;
}

/**
 * @param sharedMax how many requests may wait for another one's values; more are refused.
 * @returns runs `take`, unless a request under the same hash is under way. @throws IdempotencyConflictError when that one asks
 * for something else; StorageUnavailableError beyond `sharedMax`; and what `take` throws.
 */
export const createSingleFlight = (sharedMax: number) => {
  const underWay = new Map<string, UnderWay>();
  let sharing = 0;

  const share = async ({ fingerprint, outcome }: UnderWay, receipt: ReceiptDraft): Promise<KeyedAllocation> => {
    if (fingerprint !== receipt.fingerprint) throw new IdempotencyConflictError();
    if (sharing >= sharedMax) throw new StorageUnavailableError('Too many requests are waiting for the store.');
    sharing += 1;
    try {
      return { ...(await outcome), replayed: true };
    } finally {
      sharing -= 1;
    }
  };

  return async (receipt: ReceiptDraft, take: () => Promise<KeyedAllocation>): Promise<KeyedAllocation> => {
    const { hash, fingerprint } = receipt;
    const other = underWay.get(hash);
    if (other !== undefined) return share(other, receipt);
    const outcome = take();
    underWay.set(hash, { fingerprint, outcome });
    try {
      return await outcome;
    } finally {
      underWay.delete(hash);
    }
  };
};
