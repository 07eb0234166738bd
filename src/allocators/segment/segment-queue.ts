/**
 * One sequence in ranges of this node's own, two leases at most, one in use and one ready: when the next range is
 * fetched and how large it is, and when values go back. Records and functions, without a promise or a clock.
 */
import { SequenceOverflowError } from '../../core/errors.ts';
import { type Range, rangeSize } from '../../core/values/range.ts';
import type { AllocationTarget } from '../allocator.ts';
import {
  addLease,
  type Lease,
  type LeasedValues,
  raiseFloor,
  refuseRequests,
  type SegmentRequest,
  type Settled,
  serveRequests,
} from './segment-leases.ts';
import { nextSegmentSize, SEGMENT_SIZE_MIN } from './segment-size.ts';

export interface SegmentQueue<Request extends SegmentRequest = SegmentRequest> extends LeasedValues<Request> {
  /** The terms of the latest request. */
  target: AllocationTarget;
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

/** A range to lease: so many values, or `needed` if no more are left; 0: none is needed yet. */
export interface SegmentFetch {
  readonly target: AllocationTarget;
  readonly lessee: number;
  readonly size: number;
  readonly needed: number;
}

/** A sequence without requests for this long returns its values, ms. */
const IDLE_MAX_MS = 600_000;
/** So does one that leased no range for this long: the store forgets a lessee after an hour without a call. */
const HELD_MAX_MS = 1_500_000;

export const createSegmentQueue = <Request extends SegmentRequest>(
  target: AllocationTarget,
  nowMs: number,
): SegmentQueue<Request> => ({
  target,
  floor: target.initialSeq,
  leases: [],
  requests: [],
  fetching: false,
  trouble: undefined,
  isExhausted: false,
  size: SEGMENT_SIZE_MIN,
  issued: 0,
  sinceMs: nowMs,
  usedMs: nowMs,
});

/** A request comes on these terms. @returns values that go back, because they may not be issued any more. */
export const noteTerms = (queue: SegmentQueue, target: AllocationTarget, nowMs: number): readonly Lease[] => {
  queue.usedMs = nowMs;
  // Another limit or beginning may have values where the one before had none left.
  if (queue.target !== target) queue.isExhausted = false;
  queue.target = target;
  return raiseFloor(queue, target.initialSeq);
};

/** @returns the requests that have their end. */
export const serveQueue = <Request extends SegmentRequest>(queue: SegmentQueue<Request>): Settled<Request>[] => {
  const settled = serveRequests(queue, queue.target.sequence.series.prefixKey);
  for (const one of settled) if ('ranges' in one) queue.issued += one.request.count;
  return settled;
};

/** A request waits its turn; for no range while the store refuses. @returns the requests that have their end. */
export const joinQueue = <Request extends SegmentRequest>(
  queue: SegmentQueue<Request>,
  request: Request,
): Settled<Request>[] => {
  queue.requests.push(request);
  const settled = serveQueue(queue);
  if (queue.trouble !== undefined) settled.push(...refuseRequests(queue, queue.trouble));
  return settled;
};

/** The next range is fetched when a tenth of the one in use is gone. */
const isNextDue = ({ leases, isExhausted }: SegmentQueue): boolean => {
  const [lease] = leases;
  if (lease === undefined) return !isExhausted;
  return leases.length === 1 && !isExhausted && rangeSize(lease.left) * 10n <= lease.size * 9n;
};

/** The lessee whose last range is used up, so that a further one may take the place of its record in the store. */
const freeLessee = ({ leases }: SegmentQueue): number => (leases.some(({ lessee }) => lessee === 0) ? 1 : 0);

/**
 * Begins to fetch a range, until `leaseArrived` or `leaseFailed`: one at a time, so that leases come in order. Ahead of
 * need: as many values as last for a while. In need: at least what the first in line lacks.
 * @returns undefined when no range is due.
 */
export const beginFetch = (queue: SegmentQueue, nowMs: number): SegmentFetch | undefined => {
  const { target, requests, fetching, trouble } = queue;
  if (fetching || trouble !== undefined) return undefined;
  if (requests.length === 0 && !isNextDue(queue)) return undefined;
  queue.fetching = true;
  queue.size = nextSegmentSize(queue.size, queue.issued, nowMs - queue.sinceMs);
  queue.issued = 0;
  queue.sinceMs = nowMs;
  const needed = requests[0]?.missing ?? 0;
  return { target, lessee: freeLessee(queue), size: Math.max(queue.size, needed), needed };
};

/** The terms may have changed while the range was on its way. @returns values that go back, because they may not be issued. */
export const leaseArrived = (queue: SegmentQueue, ranges: readonly Range[], lessee: number): readonly Lease[] => {
  queue.fetching = false;
  queue.trouble = undefined;
  return ranges.flatMap((range) => addLease(queue, { left: range, size: rangeSize(range), lessee }));
};

/** When nothing is left, others may need fewer values. @returns the requests that are refused with it. */
export const leaseFailed = <Request extends SegmentRequest>(
  queue: SegmentQueue<Request>,
  error: unknown,
): Settled<Request>[] => {
  queue.fetching = false;
  if (error instanceof SequenceOverflowError) {
    queue.isExhausted = true;
    return refuseRequests(queue, error, 1);
  }
  queue.trouble = error;
  return refuseRequests(queue, error);
};

/** The moment after a refusal of the store is over. */
export const endPause = (queue: SegmentQueue): void => {
  queue.trouble = undefined;
};

/** Whether a sequence keeps its values, gives them back, or is forgotten with them. */
export const restOf = (
  { fetching, requests, usedMs, sinceMs }: SegmentQueue,
  nowMs: number,
): 'keep' | 'give-back' | 'forget' => {
  if (fetching || requests.length > 0) return 'keep';
  if (nowMs - usedMs >= IDLE_MAX_MS) return 'forget';
  return nowMs - sinceMs >= HELD_MAX_MS ? 'give-back' : 'keep';
};
