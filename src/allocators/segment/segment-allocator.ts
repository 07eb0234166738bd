/**
 * The strategy `segment`: each node numbers from ranges of its own, leased from the common counter before they are needed.
 *
 * The store remembers the last call of each node and its range, and so knows what a node holds if it holds no more than
 * that. Two ranges need two names: two lessees take leases in turn, and each asks for another range only when its last
 * one is used up. Everything else (retries, recoveries, ceilings, giving back) is done by the counter.
 */
import { SequenceOverflowError, StorageUnavailableError } from '../../core/errors.ts';
import type { Range } from '../../core/values/range.ts';
import type { Allocation, AllocationTarget, Allocator } from '../allocator.ts';
import type { CounterAllocator } from '../counter/counter-allocator.ts';
import type { Lease, SegmentRequest, Settled } from './segment-leases.ts';
import {
  beginFetch,
  createSegmentQueue,
  endPause,
  joinQueue,
  leaseArrived,
  leaseFailed,
  noteTerms,
  restOf,
  type SegmentFetch,
  type SegmentQueue,
  serveQueue,
} from './segment-queue.ts';

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

/** The ranges of a node, by the name of the sequence. */
interface SegmentNode extends SegmentAllocatorOptions {
  readonly queues: Map<string, SegmentQueue<Waiter>>;
  readonly fetches: Set<Promise<void>>;
  lessees: readonly [CounterAllocator, CounterAllocator] | undefined;
  /** Requests in all queues. */
  waiting: number;
}

interface Waiter extends SegmentRequest {
  readonly resolve: (ranges: readonly Range[]) => void;
  readonly reject: (error: unknown) => void;
}

const WAITING_MAX = 20_000;
/** Pause after a refusal of the store, ms: requests meanwhile are served from what is in hand or refused at once. */
const PAUSE_MS = 100;
const LOOK_INTERVAL_MS = 60_000;

const queueOf = ({ queues }: SegmentNode, target: AllocationTarget, nowMs: number): SegmentQueue<Waiter> => {
  const known = queues.get(target.name);
  if (known !== undefined) return known;
  const queue = createSegmentQueue<Waiter>(target, nowMs);
  queues.set(target.name, queue);
  return queue;
};

const lesseeOf = (node: SegmentNode, index: number): CounterAllocator => {
  node.lessees ??= node.createLessees();
  return index === 0 ? node.lessees[0] : node.lessees[1];
};

const settle = (node: SegmentNode, settled: readonly Settled<Waiter>[]): void => {
  node.waiting -= settled.length;
  for (const one of settled) {
    if ('ranges' in one) one.request.resolve(one.ranges);
    else one.request.reject(one.error);
  }
};

const giveUp = (node: SegmentNode, { target }: SegmentQueue<Waiter>, leases: readonly Lease[]): void => {
  for (const { left, lessee } of leases.toReversed()) {
    lesseeOf(node, lessee).giveBack(target, { ranges: [left], fromStandby: false });
  }
};

const giveBack = (node: SegmentNode, queue: SegmentQueue<Waiter>): void => giveUp(node, queue, queue.leases.splice(0));

/** Takes only what is needed when the series has fewer values left than a range. */
const lease = async (node: SegmentNode, fetch: SegmentFetch): Promise<readonly Range[]> => {
  const { size, needed } = fetch;
  const lessee = lesseeOf(node, fetch.lessee);
  const target = { ...fetch.target, isLease: true };
  try {
    return (await lessee.allocate(target, size)).ranges;
  } catch (error) {
    if (!(error instanceof SequenceOverflowError) || needed === 0 || needed >= size) throw error;
    return (await lessee.allocate(target, needed)).ranges;
  }
};

const fetchRange = async (node: SegmentNode, queue: SegmentQueue<Waiter>, fetch: SegmentFetch): Promise<void> => {
  try {
    giveUp(node, queue, leaseArrived(queue, await lease(node, fetch), fetch.lessee));
  } catch (error) {
    settle(node, leaseFailed(queue, error));
    if (queue.trouble !== undefined) setTimeout(() => endPause(queue), PAUSE_MS).unref();
  }
  settle(node, serveQueue(queue));
  refill(node, queue, node.monotonic());
};

/** Fetches until nobody waits, and the next range is ready. */
const refill = (node: SegmentNode, queue: SegmentQueue<Waiter>, nowMs: number): void => {
  const fetch = beginFetch(queue, nowMs);
  if (fetch === undefined) return;
  const work = fetchRange(node, queue, fetch).then(() => {
    node.fetches.delete(work);
  });
  node.fetches.add(work);
};

const look = (node: SegmentNode): void => {
  const nowMs = node.monotonic();
  for (const [name, queue] of node.queues) {
    const rest = restOf(queue, nowMs);
    if (rest !== 'keep') giveBack(node, queue);
    if (rest === 'forget') node.queues.delete(name);
  }
};

const allocate = (node: SegmentNode, target: AllocationTarget, count: number): Promise<Allocation> =>
  new Promise((resolve, reject) => {
    const nowMs = node.monotonic();
    const queue = queueOf(node, target, nowMs);
    giveUp(node, queue, noteTerms(queue, target, nowMs));
    if (node.waiting >= WAITING_MAX) {
      reject(new StorageUnavailableError('Too many requests are waiting for the store.'));
      return;
    }
    const waiter: Waiter = {
      count,
      missing: count,
      limit: target.limit,
      parts: [],
      resolve: (ranges) => resolve({ ranges, fromStandby: false }),
      reject,
    };
    node.waiting += 1;
    settle(node, joinQueue(queue, waiter));
    refill(node, queue, nowMs);
  });

export const createSegmentAllocator = (options: SegmentAllocatorOptions): SegmentAllocator => {
  const { counter } = options;
  const node: SegmentNode = { ...options, queues: new Map(), fetches: new Set(), lessees: undefined, waiting: 0 };
  const timer = setInterval(() => look(node), LOOK_INTERVAL_MS);
  timer.unref();

  return {
    source: counter.source,
    isLocal: true,
    allocate: (target, count) => allocate(node, target, count),
    allocateKeyed: (target, count, receipt) => counter.allocateKeyed(target, count, receipt),
    hasValues: () => node.queues.values().some(({ leases }) => leases.length > 0),

    close: async () => {
      clearInterval(timer);
      await Promise.all(node.fetches);
      for (const queue of node.queues.values()) giveBack(node, queue);
      node.queues.clear();
      await Promise.all((node.lessees ?? []).map((lessee) => lessee.close()));
    },
  };
};
