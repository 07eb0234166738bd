/**
 * The strategy `segment`: each node numbers from ranges of its own, leased from the common counter before they are needed.
 *
 * The store remembers the last call of each node, and what it brought: so what a node holds is known to the store when it holds
 * no more than that. Two ranges need two names: the leases are taken in turn by two lessees, each of which asks for
 * another range only when its last one is used up. Everything else (retries, recoveries, ceilings, giving back) is
 * that of the counter.
 */
import { SequenceOverflowError, StorageUnavailableError } from '../../core/errors.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { Allocation, AllocationTarget, Allocator } from '../allocator.ts';
import type { CounterAllocator } from '../counter/counter-allocator.ts';
import {
  addLease,
  createSegmentLane,
  freeLessee,
  isNextDue,
  type Lease,
  raiseSegmentFloor,
  refuseSegmentWaiters,
  type SegmentLane,
  serveSegmentWaiters,
} from './segment-queue.ts';
import { nextSegmentSize } from './segment-size.ts';

export interface SegmentAllocator extends Allocator {
  /** Whether values are in hand, so that numbers can be issued without the store. */
  hasValues(): boolean;
  /** Gives back the rest of each range. Call it when no request is under way any more. */
  close(): Promise<void>;
}

interface SegmentAllocatorOptions {
  /** Two counting nodes with names of their own, made when the first range is wanted. */
  readonly createLessees: () => readonly [CounterAllocator, CounterAllocator];
  /** The counter that the ranges are leased from: who has an idempotency key takes values there, with the receipt. */
  readonly counter: Pick<CounterAllocator, 'source' | 'allocateOnce'>;
  /** Milliseconds that only ever rise. */
  readonly monotonic: () => number;
}

const WAITING_MAX = 20_000;
/** After a refusal of the store, ms: who comes meanwhile is served from what is in hand or refused at once. */
const PAUSE_MS = 100;
const LOOK_INTERVAL_MS = 60_000;
/** A sequence that nobody asks for gives back what it has. */
const IDLE_MAX_MS = 600_000;
/** So does one that has asked for no range for long: after an hour without a call a lessee is forgotten. */
const HELD_MAX_MS = 1_500_000;

export const createSegmentAllocator = (options: SegmentAllocatorOptions): SegmentAllocator => {
  const { createLessees, counter, monotonic } = options;
  const lanes = new Map<string, SegmentLane>();
  const fetches = new Set<Promise<void>>();
  let lessees: readonly [CounterAllocator, CounterAllocator] | undefined;
  let waiting = 0;

  const lesseeOf = (index: number): CounterAllocator => {
    lessees ??= createLessees();
    return index === 0 ? lessees[0] : lessees[1];
  };

  /** Not in need yet: as many as last for a while. In need: at least what the first in line lacks. */
  const fetch = async (lane: SegmentLane): Promise<void> => {
    const now = monotonic();
    const { target } = lane;
    const lessee = freeLessee(lane);
    lane.size = nextSegmentSize(lane.size, lane.issued, now - lane.sinceMs);
    lane.issued = 0;
    lane.sinceMs = now;
    const needed = lane.waiters[0]?.missing ?? 0;
    try {
      const { ranges } = await lease(
        lesseeOf(lessee),
        { ...target, isLease: true },
        Math.max(lane.size, needed),
        needed,
      );
      // The terms may have changed while the range was on its way.
      for (const range of ranges) giveUp(lane, addLease(lane, { left: range, size: rangeSize(range), lessee }));
      lane.trouble = undefined;
    } catch (error) {
      fail(lane, error);
    }
  };

  /** The end of a series is near when it has fewer values than a range: then only what is needed is taken. */
  const lease = async (lessee: CounterAllocator, target: AllocationTarget, size: number, needed: number) => {
    try {
      return await lessee.allocate(target, size);
    } catch (error) {
      if (!(error instanceof SequenceOverflowError) || needed === 0 || needed >= size) throw error;
      return lessee.allocate(target, needed);
    }
  };

  const fail = (lane: SegmentLane, error: unknown): void => {
    if (error instanceof SequenceOverflowError) {
      lane.isExhausted = true;
      waiting -= refuseSegmentWaiters(lane, error, 1);
      return;
    }
    lane.trouble = error;
    waiting -= refuseSegmentWaiters(lane, error);
    setTimeout(() => {
      lane.trouble = undefined;
    }, PAUSE_MS).unref();
  };

  /** Fetches until nobody waits, and the next range is ready. One call at a time, so that leases come in order. */
  const refill = (lane: SegmentLane): void => {
    if (lane.fetching || lane.trouble !== undefined) return;
    if (lane.waiters.length === 0 && !isNextDue(lane)) return;
    lane.fetching = true;
    const work = fetch(lane).then(() => {
      fetches.delete(work);
      lane.fetching = false;
      waiting -= serveSegmentWaiters(lane);
      refill(lane);
    });
    fetches.add(work);
  };

  const laneOf = (target: AllocationTarget): SegmentLane => {
    const known = lanes.get(target.name);
    if (known !== undefined) return known;
    const lane = createSegmentLane(target, monotonic());
    lanes.set(target.name, lane);
    return lane;
  };

  const giveUp = (lane: SegmentLane, leases: readonly Lease[]): void => {
    for (const { left, lessee } of leases.toReversed()) {
      lesseeOf(lessee).giveBack(lane.target, { ranges: [left], fromStandby: false });
    }
  };
  const giveBack = (lane: SegmentLane): void => giveUp(lane, lane.leases.splice(0));

  const look = (): void => {
    const now = monotonic();
    for (const [name, lane] of lanes) {
      if (lane.fetching || lane.waiters.length > 0) continue;
      const isIdle = now - lane.usedMs >= IDLE_MAX_MS;
      if (isIdle || now - lane.sinceMs >= HELD_MAX_MS) giveBack(lane);
      if (isIdle) lanes.delete(name);
    }
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  timer.unref();

  return {
    source: counter.source,
    isLocal: true,

    allocate: (target, count) =>
      new Promise<Allocation>((resolve, reject) => {
        const lane = laneOf(target);
        lane.usedMs = monotonic();
        // Another limit or beginning may have values where the one before had none left.
        if (lane.target !== target) lane.isExhausted = false;
        lane.target = target;
        giveUp(lane, raiseSegmentFloor(lane, target.initialSeq));
        if (waiting >= WAITING_MAX) {
          reject(new StorageUnavailableError('Too many requests are waiting for the store.'));
          return;
        }
        lane.waiters.push({
          count,
          missing: count,
          limit: target.limit,
          parts: [],
          resolve: (ranges) => resolve({ ranges, fromStandby: false }),
          reject,
        });
        waiting += 1;
        waiting -= serveSegmentWaiters(lane);
        if (lane.trouble !== undefined) waiting -= refuseSegmentWaiters(lane, lane.trouble);
        refill(lane);
      }),

    allocateOnce: (target, count, receipt) => counter.allocateOnce(target, count, receipt),

    hasValues: () => lanes.values().some(({ leases }) => leases.length > 0),

    close: async () => {
      clearInterval(timer);
      await Promise.all(fetches);
      for (const lane of lanes.values()) giveBack(lane);
      lanes.clear();
      await Promise.all((lessees ?? []).map((lessee) => lessee.close()));
    },
  };
};
