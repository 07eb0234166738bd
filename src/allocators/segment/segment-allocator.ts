/**
 * The strategy `segment`: each node numbers from ranges of its own, leased from the common counter before they are needed.
 *
 * The store remembers the last call of each node and its range, and so knows what a node holds if it holds no more than
 * that. Two ranges need two names: two lessees take leases in turn, and each asks for another range only when its last
 * one is used up. Everything else (retries, recoveries, ceilings, giving back) is done by the counter.
 */
import { SequenceOverflowError, StorageUnavailableError } from '../../core/errors.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { Allocation, AllocationTarget, Allocator } from '../allocator.ts';
import type { CounterAllocator } from '../counter/counter-allocator.ts';
import {
  addLease,
  createSegmentQueue,
  freeLessee,
  isNextDue,
  type Lease,
  raiseSegmentFloor,
  refuseSegmentWaiters,
  type SegmentQueue,
  serveSegmentWaiters,
} from './segment-queue.ts';
import { nextSegmentSize } from './segment-size.ts';

export interface SegmentAllocator extends Allocator {
  /** Whether values are in hand, so that numbers can be issued without the store. */
  hasValues(): boolean;
  /** Gives back the rest of each range. Call it after the last request has ended. */
  close(): Promise<void>;
}

interface SegmentAllocatorOptions {
  /** Two counting nodes with names of their own, made when the first range is wanted. */
  readonly createLessees: () => readonly [CounterAllocator, CounterAllocator];
  /** The counter that the ranges are leased from. Keyed requests take values there directly, with the receipt. */
  readonly counter: Pick<CounterAllocator, 'source' | 'allocateKeyed'>;
  /** Milliseconds that only ever rise. */
  readonly monotonic: () => number;
}

const WAITING_MAX = 20_000;
/** Pause after a refusal of the store, ms: requests meanwhile are served from what is in hand or refused at once. */
const PAUSE_MS = 100;
const LOOK_INTERVAL_MS = 60_000;
/** A sequence without requests for this long returns its values, ms. */
const IDLE_MAX_MS = 600_000;
/** So does one that leased no range for this long: the store forgets a lessee after an hour without a call. */
const HELD_MAX_MS = 1_500_000;

export const createSegmentAllocator = (options: SegmentAllocatorOptions): SegmentAllocator => {
  const { createLessees, counter, monotonic } = options;
  const queues = new Map<string, SegmentQueue>();
  const fetches = new Set<Promise<void>>();
  let lessees: readonly [CounterAllocator, CounterAllocator] | undefined;
  let waiting = 0;

  const lesseeOf = (index: number): CounterAllocator => {
    lessees ??= createLessees();
    return index === 0 ? lessees[0] : lessees[1];
  };

  /** Ahead of need: as many as last for a while. In need: at least what the first in line lacks. */
  const fetch = async (queue: SegmentQueue): Promise<void> => {
    const now = monotonic();
    const { target } = queue;
    const lessee = freeLessee(queue);
    queue.size = nextSegmentSize(queue.size, queue.issued, now - queue.sinceMs);
    queue.issued = 0;
    queue.sinceMs = now;
    const needed = queue.waiters[0]?.missing ?? 0;
    try {
      const { ranges } = await lease(
        lesseeOf(lessee),
        { ...target, isLease: true },
        Math.max(queue.size, needed),
        needed,
      );
      // The terms may have changed while the range was on its way.
      for (const range of ranges) giveUp(queue, addLease(queue, { left: range, size: rangeSize(range), lessee }));
      queue.trouble = undefined;
    } catch (error) {
      fail(queue, error);
    }
  };

  /** Takes only what is needed when the series has fewer values left than a range. */
  const lease = async (lessee: CounterAllocator, target: AllocationTarget, size: number, needed: number) => {
    try {
      return await lessee.allocate(target, size);
    } catch (error) {
      if (!(error instanceof SequenceOverflowError) || needed === 0 || needed >= size) throw error;
      return lessee.allocate(target, needed);
    }
  };

  const fail = (queue: SegmentQueue, error: unknown): void => {
    if (error instanceof SequenceOverflowError) {
      queue.isExhausted = true;
      waiting -= refuseSegmentWaiters(queue, error, 1);
      return;
    }
    queue.trouble = error;
    waiting -= refuseSegmentWaiters(queue, error);
    setTimeout(() => {
      queue.trouble = undefined;
    }, PAUSE_MS).unref();
  };

  /** Fetches until nobody waits, and the next range is ready. One call at a time, so that leases come in order. */
  const refill = (queue: SegmentQueue): void => {
    if (queue.fetching || queue.trouble !== undefined) return;
    if (queue.waiters.length === 0 && !isNextDue(queue)) return;
    queue.fetching = true;
    const work = fetch(queue).then(() => {
      fetches.delete(work);
      queue.fetching = false;
      waiting -= serveSegmentWaiters(queue);
      refill(queue);
    });
    fetches.add(work);
  };

  const queueOf = (target: AllocationTarget): SegmentQueue => {
    const known = queues.get(target.name);
    if (known !== undefined) return known;
    const queue = createSegmentQueue(target, monotonic());
    queues.set(target.name, queue);
    return queue;
  };

  const giveUp = (queue: SegmentQueue, leases: readonly Lease[]): void => {
    for (const { left, lessee } of leases.toReversed()) {
      lesseeOf(lessee).giveBack(queue.target, { ranges: [left], fromStandby: false });
    }
  };
  const giveBack = (queue: SegmentQueue): void => giveUp(queue, queue.leases.splice(0));

  const look = (): void => {
    const now = monotonic();
    for (const [name, queue] of queues) {
      if (queue.fetching || queue.waiters.length > 0) continue;
      const isIdle = now - queue.usedMs >= IDLE_MAX_MS;
      if (isIdle || now - queue.sinceMs >= HELD_MAX_MS) giveBack(queue);
      if (isIdle) queues.delete(name);
    }
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  timer.unref();

  return {
    source: counter.source,
    isLocal: true,

    allocate: (target, count) =>
      new Promise<Allocation>((resolve, reject) => {
        const queue = queueOf(target);
        queue.usedMs = monotonic();
        // Another limit or beginning may have values where the one before had none left.
        if (queue.target !== target) queue.isExhausted = false;
        queue.target = target;
        giveUp(queue, raiseSegmentFloor(queue, target.initialSeq));
        if (waiting >= WAITING_MAX) {
          reject(new StorageUnavailableError('Too many requests are waiting for the store.'));
          return;
        }
        queue.waiters.push({
          count,
          missing: count,
          limit: target.limit,
          parts: [],
          resolve: (ranges) => resolve({ ranges, fromStandby: false }),
          reject,
        });
        waiting += 1;
        waiting -= serveSegmentWaiters(queue);
        if (queue.trouble !== undefined) waiting -= refuseSegmentWaiters(queue, queue.trouble);
        refill(queue);
      }),

    allocateKeyed: (target, count, receipt) => counter.allocateKeyed(target, count, receipt),

    hasValues: () => queues.values().some(({ leases }) => leases.length > 0),

    close: async () => {
      clearInterval(timer);
      await Promise.all(fetches);
      for (const queue of queues.values()) giveBack(queue);
      queues.clear();
      await Promise.all((lessees ?? []).map((lessee) => lessee.close()));
    },
  };
};
