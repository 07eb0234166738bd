/**
 * Claims in the counter store the idempotency keys whose receipts are stored elsewhere, so that no counter serves them
 * again.
 */
import type { CounterStore } from '../core/counter/counter-store.ts';
import { IdempotencyConflictError, isStoreFailure, QuotaExceededError } from '../core/errors.ts';
import type { Emit } from '../core/events/events.ts';
import type { KeyRefusal, ReceiptDraft } from '../core/values/receipt.ts';
import { createRetriedWork } from './retried-work.ts';

export interface KeyClaims {
  /**
   * Call it before values are taken. While the counter store is away, where no counter takes keys either, the request
   * passes and the key is claimed as soon as possible.
   * @throws IdempotencyConflictError when the key is another request's; QuotaExceededError when its client may have no more for now.
   */
  claim(draft: ReceiptDraft): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly store: Pick<CounterStore, 'claim' | 'onReachable'>;
  readonly emit: Emit;
  readonly retryMs?: number;
  /** Keys to be claimed later; beyond, the oldest is given up. */
  readonly lateMax?: number;
}

/** @param claimed as `CounterStore.claim` answers. @throws what it means. */
export const requireClaim = ({ allowance }: ReceiptDraft, claimed: boolean | KeyRefusal): void => {
  if (claimed === true) return;
  if (claimed === false) throw new IdempotencyConflictError();
  throw new QuotaExceededError(
    { kind: 'idempotency-keys', max: allowance?.max },
    Math.ceil(claimed.retryAfterMs / 1_000),
  );
};

export const createKeyClaims = ({ store, emit, retryMs = 1_000, lateMax = 10_000 }: Dependencies): KeyClaims => {
  const late = new Map<string, ReceiptDraft>();
  const claiming = createRetriedWork(async () => {
    for (const [hash, draft] of late) {
      if ((await store.claim?.(draft)) === false) emit({ type: 'key-used-twice' });
      late.delete(hash);
    }
  }, retryMs);

  const settle = async (): Promise<void> => {
    if (late.size > 0) await claiming.run();
  };
  const remember = (draft: ReceiptDraft): void => {
    const [oldest] = late.keys();
    if (late.size >= lateMax && oldest !== undefined) late.delete(oldest);
    late.set(draft.hash, draft);
    claiming.runLater();
  };
  store.onReachable(() => void settle());

  return {
    claim: async (draft) => {
      if (store.claim === undefined) return;
      try {
        await settle();
        requireClaim(draft, await store.claim(draft));
      } catch (error) {
        if (!isStoreFailure(error)) throw error;
        remember(draft);
      }
    },
    close: () => void claiming.close(),
  };
};
