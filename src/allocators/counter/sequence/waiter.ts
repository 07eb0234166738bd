/** Serving one waiting request from what a session has in hand. */
import { type Range, rangeSize } from '../../../core/values/range.ts';
import type { ReceiptDraft } from '../../../core/values/receipt.ts';
import type { Allocation, CallTerms, KeyedAllocation } from '../../allocator.ts';
import { dealInOrder, dealStandby, giveBack } from './session.ts';
import type { CounterSession } from './session-state.ts';

/** A request that waits for its values. */
export interface Waiter {
  /** How many values it still lacks. */
  missing: number;
  /** The highest value it may be given. */
  readonly limit: bigint;
  /** One range is enough, however short: whatever the store gives in one call. */
  readonly isLease?: boolean | undefined;
  /**
   * Set when its sequence may be closed at any time: the number of the latest call when the request came. Values of
   * that call or the standby are too old for it.
   */
  readonly lastCall?: number | undefined;
  /** What it has got so far. */
  readonly ranges: Range[];
  readonly resolve: (allocation: Allocation) => void;
  readonly reject: (error: unknown) => void;
}

/** A request with an idempotency key that waits for its receipt. */
export interface KeyedWaiter {
  readonly count: number;
  readonly terms: CallTerms;
  readonly receipt: ReceiptDraft;
  /** When it is refused if the store is still away, by `performance.now()`; undefined before a trip has failed. */
  patienceEndMs: number | undefined;
  /** This node gave up its standby to make room for it: no new one is taken before it is served. */
  needsRoom: boolean;
  readonly resolve: (allocation: KeyedAllocation) => void;
  readonly reject: (error: unknown) => void;
}

const give = (waiter: Waiter, range: Range): void => {
  waiter.ranges.push(range);
  waiter.missing -= Number(rangeSize(range));
};

/** Gives it values in order, as many as there are. @returns whether it has all. */
export const serveFromHand = (session: CounterSession, waiter: Waiter): boolean => {
  while (waiter.missing > 0) {
    const range = dealInOrder(session, waiter.missing, waiter.limit);
    if (range === undefined) return false;
    give(waiter, range);
    if (waiter.isLease) break;
  }
  waiter.resolve({ ranges: waiter.ranges, fromStandby: false });
  return true;
};

/** How many values of the standby segment are left up to `limit`. */
const usableStandby = ({ standby: { segment, next } }: CounterSession, limit: bigint): bigint =>
  segment === undefined ? 0n : (segment.last < limit ? segment.last : limit) - next + 1n;

/** The same with the standby segment, when that is enough: for the time the store does not answer. */
export const serveFromStandby = (session: CounterSession, waiter: Waiter): boolean => {
  if (waiter.lastCall !== undefined) return false;
  if (serveFromHand(session, waiter)) return true;
  if (usableStandby(session, waiter.limit) < BigInt(waiter.missing)) return false;
  const range = dealStandby(session, waiter.missing, waiter.limit);
  if (range === undefined) return false;
  give(waiter, range);
  waiter.resolve({ ranges: waiter.ranges, fromStandby: true });
  return true;
};

/** Refuses it; what it has got so far goes back, and from there to the store. @returns how many values that are. */
export const refuse = (session: CounterSession, waiter: Waiter, error: unknown): bigint => {
  let size = 0n;
  for (const range of waiter.ranges.splice(0).toReversed()) {
    giveBack(session, range);
    size += rangeSize(range);
  }
  waiter.reject(error);
  return size;
};
