/** Receipts: what is kept of a request that came with an Idempotency-Key, so that its repetition gets the same numbers. */
import type { CallerShare } from '../caller.ts';
import type { Range } from './range.ts';

/** How long a key is remembered, ms: 24 h from the request that brought the numbers. */
export const RECEIPT_TTL_MS = 86_400_000;

/** Identifies a request, and tells its repetition apart from another request under the same key. */
export interface RequestIdentity {
  /** SHA-256 of caller and key, 64 hex digits. The key itself is kept nowhere. */
  readonly hash: string;
  /** SHA-256 of what the request asks for, 64 hex digits. */
  readonly fingerprint: string;
}

/** What shall be written down, in the same atomic step as the values are taken. */
export interface ReceiptDraft extends RequestIdentity {
  /** When the request came, ms since 1970-01-01T00:00:00Z: from then on the key is remembered. */
  readonly atMs: number;
  /** What is needed to print the same numbers again, at most some 2,000 characters; only who wrote it reads it. */
  readonly series: string;
  /** How many keys its caller may have remembered of the prefix: so many at once, and as many more in the course of a day; undefined: any number. */
  readonly allowance?: CallerShare | undefined;
}

/** The client has all the keys that it may have for now. */
export interface KeyRefusal {
  /** When it may have another one, ms from now. */
  readonly retryAfterMs: number;
}

/** What was written down. */
export interface Receipt extends Pick<ReceiptDraft, 'fingerprint' | 'atMs' | 'series'> {
  /** The period of the sequence that the values are from. */
  readonly period: string;
  /** In the order to issue them; together as many values as were asked for. */
  readonly ranges: readonly Range[];
}

/** Whether the key may be used anew. A clock behind that of the first request does not make it so. */
export const isExpired = (receipt: Pick<Receipt, 'atMs'>, nowMs: number): boolean =>
  nowMs - receipt.atMs >= RECEIPT_TTL_MS;

/** What a request finds under its key: nothing that concerns it, its own receipt, or that of another request. */
export type ReceiptFinding =
  | { readonly kind: 'none' }
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'conflict' };

/** @param known what is kept under the hash of the request, if anything. */
export const judgeReceipt = (
  known: Receipt | undefined,
  { atMs, fingerprint }: Pick<ReceiptDraft, 'atMs' | 'fingerprint'>,
): ReceiptFinding => {
  if (known === undefined || isExpired(known, atMs)) return { kind: 'none' };
  return known.fingerprint === fingerprint ? { kind: 'receipt', receipt: known } : { kind: 'conflict' };
};
