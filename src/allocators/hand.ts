/** Taking values for one request from what a session has in hand: all that was asked for, or nothing. */
import { type Range, rangeSize } from '../core/range.ts';
import type { CounterSession } from './counter-session.ts';

/** Values for one request. */
export interface Allocation {
  /** In the order to issue them; together exactly as many as were asked for. */
  readonly ranges: readonly Range[];
  /** Whether some of them came from the standby segment. */
  readonly fromStandby: boolean;
}

const sizeOf = (ranges: readonly Range[]): number => ranges.reduce((sum, range) => sum + Number(rangeSize(range)), 0);

const collectInOrder = (session: CounterSession, count: number, limit: bigint): Range[] => {
  const ranges: Range[] = [];
  let missing = count;
  while (missing > 0) {
    const range = session.deal(missing, limit);
    if (range === undefined) break;
    ranges.push(range);
    missing -= Number(rangeSize(range));
  }
  return ranges;
};

const giveBack = (session: CounterSession, ranges: readonly Range[]): undefined => {
  for (const range of ranges.toReversed()) session.giveBack(range);
  return undefined;
};

/** All of `count` from the values in order. */
export const takeInOrder = (session: CounterSession, count: number, limit: bigint): Allocation | undefined => {
  const ranges = collectInOrder(session, count, limit);
  return sizeOf(ranges) === count ? { ranges, fromStandby: false } : giveBack(session, ranges);
};

/** All of `count` from the values in order and the standby segment: while the store does not answer. */
export const takeWithoutStore = (session: CounterSession, count: number, limit: bigint): Allocation | undefined => {
  const ranges = collectInOrder(session, count, limit);
  const missing = count - sizeOf(ranges);
  if (missing === 0) return { ranges, fromStandby: false };
  if (session.standbyLeft >= BigInt(missing)) {
    const standby = session.dealStandby(missing, limit);
    if (standby !== undefined) ranges.push(standby);
    if (sizeOf(ranges) === count) return { ranges, fromStandby: true };
  }
  // A part of the standby that was dealt in vain goes back like any other value: the session reports it as returned.
  return giveBack(session, ranges);
};
