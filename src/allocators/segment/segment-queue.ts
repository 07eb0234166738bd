/** One sequence in ranges of this node's own: two leases at most, one in use and one ready, and the requests that wait. */
import { SequenceOverflowError } from '../../core/errors.ts';
import { type Range, rangeSize } from '../../core/values/range.ts';
import type { AllocationTarget } from '../allocator.ts';
import { SEGMENT_SIZE_MIN } from './segment-size.ts';

/** Values that are leased: what is left of one range, the size it had, and which of the two lessees took it. */
export interface Lease {
  left: Range;
  readonly size: bigint;
  readonly lessee: number;
}

export interface SegmentWaiter {
  readonly count: number;
  missing: number;
  readonly limit: bigint;
  /** What it has got so far, each part as a lease, so that it can go back to where it was. */
  readonly parts: Lease[];
  readonly resolve: (ranges: readonly Range[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface SegmentQueue {
  /** The terms of the latest request. */
  target: AllocationTarget;
  /** The highest `initialSeq` seen: no value at or below it is issued. */
  floor: bigint;
  /** The one in use first. */
  leases: Lease[];
  readonly waiters: SegmentWaiter[];
  fetching: boolean;
  /** The store refused lately: nothing is fetched for a moment, nor waited for. */
  trouble: unknown;
  /** Nothing was left to lease ahead of need. */
  isExhausted: boolean;
  size: number;
  /** Values issued since `sinceMs`. */
  issued: number;
  sinceMs: number;
  /** When it was last asked, ms. */
  usedMs: number;
}

export const createSegmentQueue = (target: AllocationTarget, nowMs: number): SegmentQueue => ({
  target,
  floor: target.initialSeq,
  leases: [],
  waiters: [],
  fetching: false,
  trouble: undefined,
  isExhausted: false,
  size: SEGMENT_SIZE_MIN,
  issued: 0,
  sinceMs: nowMs,
  usedMs: nowMs,
});

/** Splits a lease at the floor. @returns what lies at or below it; undefined when nothing does. */
const cutBelowFloor = (
  queue: SegmentQueue,
  lease: Lease,
): { readonly below: Lease; readonly above: Lease | undefined } | undefined => {
  const { first, last } = lease.left;
  const { floor } = queue;
  if (first > floor) return undefined;
  if (last <= floor) return { below: lease, above: undefined };
  return {
    below: { ...lease, left: { first, last: floor } },
    above: { ...lease, left: { first: floor + 1n, last } },
  };
};

/** Puts a leased range in hand. @returns the part of it at or below the floor, which is not to be issued. */
export const addLease = (queue: SegmentQueue, lease: Lease): readonly Lease[] => {
  const cut = cutBelowFloor(queue, lease);
  const kept = cut === undefined ? lease : cut.above;
  if (kept !== undefined) queue.leases.push(kept);
  return cut === undefined ? [] : [cut.below];
};

/**
 * `initialSeq` was raised. @returns the values to give back: those at or below it, in hand or in requests that wait for
 * more.
 */
export const raiseSegmentFloor = (queue: SegmentQueue, initialSeq: bigint): readonly Lease[] => {
  if (initialSeq <= queue.floor) return [];
  queue.floor = initialSeq;
  const outdated = queue.leases.splice(0).flatMap((lease) => addLease(queue, lease));
  for (const waiter of queue.waiters) {
    for (const part of waiter.parts.splice(0)) {
      const cut = cutBelowFloor(queue, part);
      const kept = cut === undefined ? part : cut.above;
      if (kept !== undefined) waiter.parts.push(kept);
      if (cut === undefined) continue;
      outdated.push(cut.below);
      waiter.missing += Number(rangeSize(cut.below.left));
    }
  }
  return outdated;
};

/** Gives a request what is in hand. @returns whether it has all. */
const serveOne = (queue: SegmentQueue, waiter: SegmentWaiter): boolean => {
  for (let lease = queue.leases[0]; waiter.missing > 0; lease = queue.leases[0]) {
    if (lease === undefined) return false;
    const { first, last } = lease.left;
    if (first > waiter.limit) throw new SequenceOverflowError(queue.target.sequence.series.prefixKey, 0n);
    let end = first + BigInt(waiter.missing) - 1n;
    if (end > last) end = last;
    if (end > waiter.limit) end = waiter.limit;
    waiter.parts.push({ ...lease, left: { first, last: end } });
    waiter.missing -= Number(end - first + 1n);
    if (end === last) queue.leases.shift();
    else lease.left = { first: end + 1n, last };
  }
  return true;
};

/** Refuses a request; what it has got so far goes back before the rest. */
const refuse = (queue: SegmentQueue, waiter: SegmentWaiter, error: unknown): void => {
  for (const part of waiter.parts.splice(0).toReversed()) {
    const [lease] = queue.leases;
    const { first, last } = part.left;
    if (lease?.lessee === part.lessee && lease.left.first === last + 1n) lease.left = { first, last: lease.left.last };
    else queue.leases.unshift(part);
  }
  waiter.reject(error);
};

/** Serves the waiters, in the order of arrival. @returns how many left the line. */
export const serveSegmentWaiters = (queue: SegmentQueue): number => {
  let done = 0;
  for (const waiter of queue.waiters) {
    try {
      if (!serveOne(queue, waiter)) break;
      queue.issued += waiter.count;
      waiter.resolve(waiter.parts.map(({ left }) => left));
    } catch (error) {
      refuse(queue, waiter, error);
    }
    done += 1;
  }
  queue.waiters.splice(0, done);
  return done;
};

/** Refuses the waiters; the first only, or all. @returns how many. */
export const refuseSegmentWaiters = (queue: SegmentQueue, error: unknown, countMax = queue.waiters.length): number => {
  const refused = queue.waiters.splice(0, countMax);
  for (const waiter of refused.toReversed()) refuse(queue, waiter, error);
  return refused.length;
};

/** The next range is fetched when a tenth of the one in use is gone. */
export const isNextDue = ({ leases, isExhausted }: SegmentQueue): boolean => {
  const [lease] = leases;
  if (lease === undefined) return !isExhausted;
  return leases.length === 1 && !isExhausted && rangeSize(lease.left) * 10n <= lease.size * 9n;
};

/** The lessee whose last range is used up, so that a further one may take the place of its record in the store. */
export const freeLessee = ({ leases }: SegmentQueue): number => (leases.some(({ lessee }) => lessee === 0) ? 1 : 0);
