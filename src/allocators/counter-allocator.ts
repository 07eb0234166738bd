/** Counting on a shared store: all waiting requests of a node in one call, and the standby segments when the store is away. */
import type { CounterCall, CounterStore } from '../core/counter-store.ts';
import { NumberGeneratorError, StorageUnavailableError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { COUNTER_LIMITS, type CounterLimits } from './counter-limits.ts';
import { createCounterSession } from './counter-session.ts';
import { type Allocation, refuse, serveFromHand, serveFromStandby, type Waiter } from './hand.ts';
import {
  type AllocationTarget,
  countWanted,
  createLane,
  isTickDue,
  type Lane,
  type LaneProgress,
  refuseAll,
  serveInOrder,
  serveWithoutStore,
  settleLane,
  takeAll,
  touch,
} from './lane.ts';

export interface CounterAllocator {
  /**
   * Takes `count` values, in the order of arrival among this node's requests for the sequence: consecutive, unless a
   * standby segment lies between or is used.
   * @throws SequenceOverflowError when fewer than `count` values are left (none is taken); StorageUnavailableError or
   * StorageTimeoutError when the store is away and the standby is used up, or the waiting line is full;
   * CorruptEntryError when the stored counter cannot be used.
   */
  allocate(target: AllocationTarget, count: number): Promise<Allocation>;
  /** Has a standby segment kept ready for a sequence that nobody asked for yet. */
  prepare(target: AllocationTarget): void;
  /** What this node holds of a sequence in its standby segment. */
  standbyOf(target: AllocationTarget): { first: bigint; last: bigint; left: bigint } | undefined;
  /** Whether any sequence has values left in its standby segment. */
  hasStandby(): boolean;
  /** Whether the store answered the last call. */
  isStorePresent(): boolean;
  /** Takes back values that were allocated but not issued. */
  giveBack(target: AllocationTarget, allocation: Allocation): void;
  /** Gives back all that is in hand. Call it when no request is under way any more. */
  close(): Promise<void>;
}

export interface CounterAllocatorOptions {
  readonly store: CounterStore;
  /** Names this process: fresh and random at each start. */
  readonly node: string;
  readonly emit: Emit;
  readonly limits?: Partial<CounterLimits>;
}

/** The store's moods: it answers; a call takes suspiciously long; the last call failed. */
type Presence = 'present' | 'slow' | 'away';

export const createCounterAllocator = ({ store, node, emit, limits }: CounterAllocatorOptions): CounterAllocator => {
  const bounds: CounterLimits = { ...COUNTER_LIMITS, ...limits };
  const lanes = new Map<string, Lane>();
  /** The lanes whose next call should be made. A Set keeps the order, so no lane starves. */
  const due = new Set<Lane>();
  let presence: Presence = 'present';
  let lastError: unknown;
  let waiting = 0;
  let running = false;
  let underWay: Promise<void> = Promise.resolve();
  let calls = 0;
  let retryMs = bounds.retryMs;
  let retryTimer: NodeJS.Timeout | undefined;
  let closing = false;

  const openLane = (target: AllocationTarget): Lane => {
    const known = lanes.get(target.name);
    if (known !== undefined) return known;
    if (lanes.size >= bounds.lanesMax) throw new StorageUnavailableError('Too many sequences are in use.');
    const { sequence } = target;
    const lane = createLane(createCounterSession({ sequence, node, nextCall: () => ++calls }), target);
    lanes.set(target.name, lane);
    return lane;
  };

  const dropLane = (lane: Lane): void => {
    due.delete(lane);
    if (lanes.get(lane.target.name) === lane) lanes.delete(lane.target.name);
    waiting -= lane.waiters.length;
    const waiters = lane.waiters.splice(0);
    const values = takeAll(lane);
    if (waiters.length === 0 && values.length === 0) return;
    // Who came, and what came back, while the lane was given up goes on in the next one.
    const next = openLane(lane.target);
    for (const range of values.toReversed()) next.session.giveBack(range);
    for (const waiter of waiters) enqueue(next, waiter);
    due.add(next);
  };

  const enqueue = (lane: Lane, waiter: Waiter): void => {
    lane.waiters.push(waiter);
    waiting += 1;
    due.add(lane);
  };

  const nextCalls = (): { lanes: Lane[]; calls: CounterCall[] } => {
    const chosen: Lane[] = [];
    const made: CounterCall[] = [];
    for (const lane of due) {
      if (chosen.length === bounds.callEntriesMax) break;
      due.delete(lane);
      waiting -= serveInOrder(lane);
      const call = lane.leaving
        ? lane.session.leave(lane.target)
        : lane.session.call(countWanted(lane, bounds.entryValuesMax), lane.target);
      if (call === undefined) dropLane(lane);
      else {
        chosen.push(lane);
        made.push(call);
      }
    }
    return { lanes: chosen, calls: made };
  };

  const follow = (lane: Lane, { done, again, over }: LaneProgress): void => {
    waiting -= done;
    if (over) dropLane(lane);
    else if (again) due.add(lane);
  };

  const becomePresent = (): void => {
    if (presence === 'away') emit({ type: 'store-returned' });
    presence = 'present';
    retryMs = bounds.retryMs;
  };

  const becomeAway = (error: unknown): void => {
    lastError = error;
    if (presence !== 'away') emit({ type: 'outage-began', reason: error });
    presence = 'away';
    for (const lane of lanes.values()) {
      if (lane.waiters.length === 0) continue;
      waiting -= serveWithoutStore(lane);
      waiting -= refuseAll(lane, error);
    }
    due.clear();
    if (closing) return;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, retryMs);
    retryTimer.unref();
    retryMs = Math.min(retryMs * 2, bounds.retryMaxMs);
  };

  /** The store is slow, and nobody knows yet whether it is away: who can be served from the standby waits no longer. */
  const loosePatience = (): void => {
    if (presence !== 'present') return;
    presence = 'slow';
    for (const lane of lanes.values()) waiting -= serveWithoutStore(lane);
  };

  /** One trip to the store. @returns false when it failed. */
  const makeTrip = async (): Promise<boolean> => {
    const next = nextCalls();
    if (next.calls.length === 0) return true;
    const patience = setTimeout(loosePatience, bounds.patienceMs);
    try {
      const replies = await store.reserve(next.calls);
      if (replies.length !== next.calls.length) throw new StorageUnavailableError('The store answered incompletely.');
      becomePresent();
      next.lanes.forEach((lane, index) => {
        const [call, reply] = [next.calls[index], replies[index]];
        if (call !== undefined && reply !== undefined) follow(lane, settleLane(lane, call.call, reply));
      });
      return true;
    } catch (error) {
      becomeAway(error);
      return false;
    } finally {
      clearTimeout(patience);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    try {
      while (due.size > 0 && (await makeTrip()));
    } finally {
      running = false;
    }
  };

  /** At most one call is under way. The first one is sent before this returns. */
  const start = (): void => {
    if (!running) underWay = run();
  };

  /** Repeats what is unsettled, and reports what was used meanwhile. Served from the standby until that succeeds. */
  const retry = (): void => {
    if (running || presence !== 'away') return;
    for (const lane of lanes.values()) {
      lane.reports = 0;
      if (lane.session.pending !== undefined || lane.session.hasReport) due.add(lane);
    }
    if (due.size === 0) becomePresent();
    start();
  };
  store.onReachable(retry);

  const tick = (): void => {
    if (presence === 'away') return;
    for (const lane of lanes.values()) if (isTickDue(lane, bounds)) due.add(lane);
    start();
  };
  const clock = setInterval(tick, bounds.tickMs);
  clock.unref();

  const refusal = (): NumberGeneratorError =>
    lastError instanceof NumberGeneratorError
      ? lastError
      : new StorageUnavailableError('The store is away.', lastError);

  return {
    allocate: (target, count) =>
      new Promise<Allocation>((resolve, reject) => {
        const lane = openLane(target);
        touch(lane, target);
        const waiter: Waiter = { missing: count, limit: target.limit, ranges: [], resolve, reject };
        if (presence !== 'present') {
          if (serveFromStandby(lane.session, waiter)) return;
          if (presence === 'away') {
            refuse(lane.session, waiter, refusal());
            return;
          }
        } else if (lane.waiters.length === 0 && serveFromHand(lane.session, waiter)) return;
        if (waiting >= bounds.waitingMax) {
          refuse(lane.session, waiter, new StorageUnavailableError('Too many requests are waiting for the store.'));
          return;
        }
        enqueue(lane, waiter);
        start();
      }),

    prepare: (target) => {
      if (presence === 'away' || (lanes.size >= bounds.lanesMax && !lanes.has(target.name))) return;
      const lane = openLane(target);
      if (lane.session.standby !== undefined) return;
      due.add(lane);
      start();
    },

    standbyOf: (target) => {
      const session = lanes.get(target.name)?.session;
      return session?.standby && { ...session.standby, left: session.standbyLeft };
    },

    hasStandby: () => lanes.values().some((lane) => lane.session.standbyLeft > 0n),

    isStorePresent: () => presence !== 'away',

    giveBack: (target, allocation) => {
      const lane = openLane(target);
      for (const range of allocation.ranges.toReversed()) lane.session.giveBack(range);
    },

    close: async () => {
      closing = true;
      clearInterval(clock);
      clearTimeout(retryTimer);
      for (let attempt = 0; attempt < bounds.closeAttemptsMax && lanes.size > 0; attempt += 1) {
        await underWay;
        for (const lane of lanes.values()) {
          lane.leaving = true;
          due.add(lane);
        }
        start();
        await underWay;
        if (lanes.size > 0) await new Promise((resolve) => setTimeout(resolve, bounds.retryMs));
      }
      if (lanes.size > 0) emit({ type: 'standby-not-returned', sequences: lanes.size });
    },
  };
};
