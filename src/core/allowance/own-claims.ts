/** Idempotency keys of a store that serves one process: receipts name their callers, and the process counts them. */

import { judgeReceipt, type KeyRefusal, type Receipt, type ReceiptDraft } from '../values/receipt.ts';
import { createAllowances } from './allowances.ts';

/**
 * Allowances are full again after a restart. @returns `claim` of CounterStore, for stores that find receipts by hash.
 */
export const createOwnClaims = () => {
  const allowances = createAllowances();
  return (draft: ReceiptDraft, find: (hash: string) => Receipt | undefined): boolean | KeyRefusal => {
    const { allowance, hash, atMs } = draft;
    if (allowance === undefined) return true;
    const found = judgeReceipt(find(hash), draft);
    if (found.kind !== 'none') return found.kind === 'receipt';
    const retryAfterMs = allowances.spend(allowance.name, allowance.max, atMs);
    return retryAfterMs === 0 ? true : { retryAfterMs };
  };
};
