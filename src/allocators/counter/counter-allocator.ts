/** Counting on a shared store: all waiting requests of a node in one call, and the standby segments when the store is away. */
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { AdvanceReply, CounterCall, CounterReply, CounterStore } from '../../core/counter/counter-store.ts';
import { NumberGeneratorError, StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { ReceiptDraft } from '../../core/values/receipt.ts';
import type { SequenceName } from '../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../core/values/value.ts';
import type { Allocation, AllocationTarget, Allocator, OnceAllocation, Standing } from '../allocator.ts';
import { requireClaim } from '../key-claims.ts';
import { createOnceRequests } from '../single-flight.ts';
import { advanceSequence } from './fencing/advance.ts';
import { blockedError, createFenceKeeper, type FenceKeeper } from './fencing/fencing.ts';
import { COUNTER_LIMITS, type CounterLimits } from './sequence/counter-limits.ts';
import {
  failOnce,
  joinOnce,
  makeOnceEntries,
  refuseAllOnce,
  settleOnceEntry,
  termsBeside,
} from './sequence/keyed-waiters.ts';
import {
  countWanted,
  createLane,
  heedFloor,
  isTickDue,
  type Lane,
  type LaneProgress,
  refuseAll,
  serveInOrder,
  serveWithoutStore,
  settleLane,
  touch,
} from './sequence/sequence-queue.ts';
import { giveBack, hasReport, hasValues, makeCall, makeLeave, takeAllInHand } from './sequence/session.ts';
import { createCounterSession } from './sequence/session-state.ts';
import { standbyLeft } from './sequence/standby-segment.ts';
import type { OnceWaiter } from './sequence/waiter.ts';
import { refuse, serveFromHand, serveFromStandby, type Waiter } from './sequence/waiter.ts';

export interface CounterAllocator extends Allocator {
  /**
   * Takes `count` values, in the order of arrival among this node's requests for the sequence: consecutive, unless a
   * standby segment lies between or is used.
   * @throws SequenceOverflowError when fewer than `count` values are left (none is taken); StorageUnavailableError or
   * StorageTimeoutError when the store is away and the standby is used up, or the waiting line is full;
   * CorruptEntryError when the stored counter cannot be used.
   */
  allocate(target: AllocationTarget, count: number): Promise<Allocation>;
  /**
   * Never from the standby, nor from values in hand: no other node could learn to which key they belong.
   * @throws IdempotencyConflictError when the receipt is another request's; and what `allocate` throws.
   */
  allocateOnce(target: AllocationTarget, count: number, receipt: ReceiptDraft): Promise<OnceAllocation>;
  /** Has a standby segment kept ready for a sequence that nobody asked for yet. */
  prepare(target: AllocationTarget): void;
  /** What this node holds of a sequence in its standby segment. */
  standbyOf(target: AllocationTarget): { first: bigint; last: bigint; left: bigint } | undefined;
  /** The sequences in use on this node. */
  standings(): Iterable<Standing>;
  /** Whether any sequence has values left in its standby segment. */
  hasStandby(): boolean;
  /** Whether the store answered the last call. */
  isStorePresent(): boolean;
  /** Whether sequences can be opened without asking the store of the ceilings first. */
  isRegistered(): boolean;
  /** Takes back values that were allocated but not issued. */
  giveBack(target: AllocationTarget, allocation: Allocation): void;
  /**
   * Moves a sequence forward without handing anything out. @throws StorageUnavailableError or StorageTimeoutError when a
   * store is away, or the sequence is not served within 5 s.
   */
  advance(target: AllocationTarget, operation: string, to: bigint): Promise<AdvanceReply>;
  /** The highest epoch in which this node has counted in the sequence; 0 when in none. */
  epochOf(sequence: SequenceName): bigint;
  /**
   * Takes part in a sequence, which has it recovered when that is needed, without taking a value.
   * @param target on which terms; undefined when they are not known: then this node only reports.
   * @returns false when it cannot: the store is away, or this node counts there no more than the ceilings know of.
   */
  recover(sequence: SequenceName, target: AllocationTarget | undefined): boolean;
  /** Gives back all that is in hand. Call it when no request is under way any more. */
  close(): Promise<void>;
}

export interface CounterAllocatorOptions {
  readonly store: CounterStore;
  /** Names this process: fresh and random at each start. */
  readonly node: string;
  readonly emit: Emit;
  /** Keeps the ceilings, and knows the nodes; without it the store does so itself. */
  readonly ceilings?: CeilingStore | undefined;
  /** Whether replicas of the store can confirm a ceiling. */
  readonly hasReplicas?: () => boolean;
  readonly limits?: Partial<CounterLimits>;
}

/** The store's moods: it answers; a call takes suspiciously long; the last call failed. */
type Presence = 'present' | 'slow' | 'away';

/** An entry of a trip: a numbered call, or that of a request with a receipt. */
interface TripEntry {
  readonly lane: Lane;
  readonly call: CounterCall;
  readonly waiter?: OnceWaiter;
}

/** How long a shutdown waits for recoveries that are under way, ms. */
const CLOSE_RECOVERY_MAX_MS = 5_000;

const nameOf = ({ prefixKey, period }: SequenceName): string => `${prefixKey} ${period}`;

export const createCounterAllocator = (options: CounterAllocatorOptions): CounterAllocator => {
  const { store, node, emit, ceilings, hasReplicas = () => false, limits } = options;
  const bounds: CounterLimits = { ...COUNTER_LIMITS, ...limits };
  const lanes = new Map<string, Lane>();
  /** The lanes whose next call should be made. A Set keeps the order, so no lane starves. */
  const due = new Set<Lane>();
  /** The lanes in which somebody with a receipt waits for a trip. */
  const dueOnce = new Set<Lane>();
  let presence: Presence = 'present';
  let lastError: unknown;
  let waiting = 0;
  let running = false;
  let underWay: Promise<void> = Promise.resolve();
  let calls = 0;
  const nextCall = (): number => ++calls;
  let retryMs = bounds.retryMs;
  let retryTimer: NodeJS.Timeout | undefined;
  let closing = false;

  /** The next request tries again what failed. */
  const reopen = (lane: Lane): void => {
    lane.trouble = undefined;
    fenceKeeper?.open(lane);
  };

  const openLane = (target: AllocationTarget, toReport = false): Lane => {
    const known = lanes.get(target.name);
    if (known !== undefined) {
      heedFloor(known, target);
      if (known.blocked === 'opening' && known.trouble !== undefined) reopen(known);
      return known;
    }
    if (lanes.size >= bounds.lanesMax) throw new StorageUnavailableError('Too many sequences are in use.');
    const { sequence } = target;
    const session = createCounterSession({ sequence, node, nextCall, ceilingKeeper: fenceKeeper?.keeper });
    const lane = createLane(session, target);
    heedFloor(lane, target);
    lane.stranger = toReport;
    lanes.set(target.name, lane);
    fenceKeeper?.open(lane, toReport);
    return lane;
  };

  const dropLane = (lane: Lane): void => {
    due.delete(lane);
    dueOnce.delete(lane);
    if (lanes.get(lane.target.name) === lane) lanes.delete(lane.target.name);
    void fenceKeeper?.settle(lane, true);
    waiting -= lane.waiters.length + lane.once.length;
    const waiters = lane.waiters.splice(0);
    const once = lane.once.splice(0);
    const values = takeAllInHand(lane.session);
    if (waiters.length === 0 && once.length === 0 && values.length === 0) return;
    // Who came, and what came back, while the lane was given up goes on in the next one.
    const next = openLane(lane.target);
    for (const range of values.toReversed()) giveBack(next.session, range);
    for (const waiter of waiters) enqueue(next, waiter);
    for (const waiter of once) enqueueOnce(next, waiter);
    due.add(next);
  };

  const enqueue = (lane: Lane, waiter: Waiter): void => {
    lane.waiters.push(waiter);
    waiting += 1;
    due.add(lane);
  };

  const enqueueOnce = (lane: Lane, waiter: OnceWaiter): void => {
    waiting += 1;
    if (joinOnce(lane, waiter)) due.add(lane);
    dueOnce.add(lane);
  };

  /** Numbered calls first: they give up what stands in the way of the others. */
  const nextEntries = (): TripEntry[] => {
    const entries: TripEntry[] = [];
    for (const lane of due) {
      if (entries.length === bounds.callEntriesMax) return entries;
      due.delete(lane);
      if (lane.blocked !== undefined) continue;
      waiting -= serveInOrder(lane);
      const call = lane.leaving
        ? makeLeave(lane.session, lane.target)
        : makeCall(lane.session, countWanted(lane, bounds.entryValuesMax), termsBeside(lane));
      if (call === undefined) dropLane(lane);
      else entries.push({ lane, call });
    }
    for (const lane of dueOnce) {
      if (entries.length === bounds.callEntriesMax) break;
      // Who is not served in this trip comes back with the lane, when that can make calls.
      dueOnce.delete(lane);
      for (const entry of makeOnceEntries(lane, bounds.callEntriesMax - entries.length))
        entries.push({ lane, ...entry });
    }
    return entries;
  };

  const follow = (lane: Lane, { done, again, over, blocked }: LaneProgress): void => {
    waiting -= done;
    if (over) dropLane(lane);
    else if (blocked !== undefined) {
      waiting -= serveWithoutStore(lane);
      // Several entries of a trip may meet the same obstacle.
      if (lane.blocked === undefined) fenceKeeper?.unblock(lane, blocked);
    } else {
      if (again) due.add(lane);
      if (lane.once.length > 0) dueOnce.add(lane);
      fenceKeeper?.look(lane);
    }
  };

  const takeIn = ({ lane, call, waiter }: TripEntry, reply: CounterReply): void => {
    if (waiter === undefined) {
      follow(lane, settleLane(lane, call.call, reply));
      return;
    }
    const progress = settleOnceEntry(lane, waiter, reply);
    if (progress.callDue) due.add(lane);
    follow(lane, progress);
  };

  /** A lane that was blocked can make calls again. */
  const onReady = (lane: Lane): void => {
    due.add(lane);
    if (lane.once.length > 0) dueOnce.add(lane);
    if (presence === 'away') becomePresent(); // it was told so by the store
    start();
  };

  /** What blocks a lane cannot be removed at the moment: nobody waits for it in vain. */
  const onTrouble = (lane: Lane, error: unknown): void => {
    lane.trouble =
      error instanceof NumberGeneratorError ? error : new StorageUnavailableError('The sequence is not served.', error);
    waiting -= serveWithoutStore(lane);
    waiting -= refuseAll(lane, lane.trouble) + refuseAllOnce(lane, lane.trouble);
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
      if (lane.once.length > 0) waiting -= failOnce(lane, error, bounds.onceGraceMs);
      if (lane.waiters.length === 0) continue;
      waiting -= serveWithoutStore(lane);
      waiting -= refuseAll(lane, error);
    }
    due.clear();
    dueOnce.clear();
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
    const entries = nextEntries();
    if (entries.length === 0) return true;
    // A reply that came while this process was held up itself is read first: its own stall is no outage.
    let laterOn: NodeJS.Immediate | undefined;
    const patience = setTimeout(() => {
      laterOn = setImmediate(loosePatience);
    }, bounds.patienceMs);
    try {
      const replies = await store.reserve(entries.map(({ call }) => call));
      if (replies.length !== entries.length) throw new StorageUnavailableError('The store answered incompletely.');
      becomePresent();
      entries.forEach((entry, index) => {
        const reply = replies[index];
        if (reply !== undefined) takeIn(entry, reply);
      });
      return true;
    } catch (error) {
      becomeAway(error);
      return false;
    } finally {
      clearTimeout(patience);
      clearImmediate(laterOn);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    try {
      while ((due.size > 0 || dueOnce.size > 0) && (await makeTrip()));
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
      // A blocked one has a way of its own to the store, and is ready when that ends.
      if (lane.blocked !== undefined) continue;
      if (lane.session.pending !== undefined || hasReport(lane.session)) due.add(lane);
      if (lane.once.length > 0) dueOnce.add(lane);
    }
    if (due.size === 0 && dueOnce.size === 0) becomePresent();
    start();
  };
  store.onReachable(() => {
    retry();
    if (store.fence === undefined) return;
    // It may be another server than before, or the same with an older state: every sequence looks, also one nobody asks for.
    for (const lane of lanes.values()) if (lane.blocked === undefined) due.add(lane);
    if (presence !== 'away') start();
  });

  /** An idle lane is left only when what it knows was written down: nobody can ask for it afterwards. */
  const giveUp = (lane: Lane, keeper: FenceKeeper): void => {
    lane.leaving = false;
    void keeper.settle(lane, false).then((settled) => {
      if (!settled || lane.idleTicks <= bounds.idleTicksMax || lane.blocked !== undefined) return;
      lane.leaving = true;
      due.add(lane);
      start();
    });
  };

  const tick = (): void => {
    if (presence === 'away') return;
    for (const lane of lanes.values()) {
      if (lane.blocked !== undefined || !isTickDue(lane, bounds)) continue;
      if (lane.leaving && fenceKeeper !== undefined && !closing) giveUp(lane, fenceKeeper);
      else due.add(lane);
    }
    start();
  };
  const clock = setInterval(tick, bounds.tickMs);
  clock.unref();

  const fenceKeeper: FenceKeeper | undefined =
    store.fence &&
    createFenceKeeper({ node, operations: store.fence, ceilings, hasReplicas, emit, onReady, onTrouble });

  /** Whoever counts here, and with registered nodes whoever might, says what it knows. */
  const onRecovery = (sequence: SequenceName): void => {
    const name = nameOf(sequence);
    const lane = lanes.get(name);
    if (lane !== undefined) fenceKeeper?.join(lane);
    else if (ceilings !== undefined && !closing && lanes.size < bounds.lanesMax) {
      openLane({ name, sequence, initialSeq: 0n, limit: VALUE_MAX, standbySize: 0 }, true);
    }
  };
  store.fence?.onRecovery(onRecovery);

  const refusal = (): NumberGeneratorError =>
    lastError instanceof NumberGeneratorError
      ? lastError
      : new StorageUnavailableError('The store is away.', lastError);

  const onceRequests = createOnceRequests(bounds.waitingMax);

  const takeOnce = async (target: AllocationTarget, count: number, receipt: ReceiptDraft): Promise<OnceAllocation> => {
    if (presence === 'away') throw refusal();
    if (store.claim !== undefined) requireClaim(receipt, await store.claim(receipt));
    return new Promise((resolve, reject) => {
      const lane = openLane(target);
      touch(lane, target);
      if (presence === 'away') throw refusal();
      if (lane.blocked !== undefined && lane.blocked !== 'opening' && lane.trouble !== undefined)
        throw blockedError(lane);
      if (waiting >= bounds.waitingMax)
        throw new StorageUnavailableError('Too many requests are waiting for the store.');
      enqueueOnce(lane, { count, terms: target, receipt, patienceEndMs: undefined, needsRoom: false, resolve, reject });
      start();
    });
  };

  return {
    source: store.source,

    allocateOnce: (target, count, receipt) => onceRequests(receipt, () => takeOnce(target, count, receipt)),

    allocate: (target, count) =>
      new Promise<Allocation>((resolve, reject) => {
        const lane = openLane(target);
        touch(lane, target);
        const lastCall = target.isEnding && calls;
        const waiter: Waiter = {
          missing: count,
          limit: target.limit,
          lastCall,
          isLease: target.isLease,
          ranges: [],
          resolve,
          reject,
        };
        if (presence !== 'present') {
          if (serveFromStandby(lane.session, waiter)) return;
          if (presence === 'away') {
            refuse(lane.session, waiter, refusal());
            return;
          }
        } else if (lane.blocked !== undefined && lane.blocked !== 'opening') {
          if (serveFromStandby(lane.session, waiter)) return;
          if (lane.trouble !== undefined) {
            refuse(lane.session, waiter, blockedError(lane));
            return;
          }
        } else if (lastCall === undefined && lane.waiters.length === 0 && serveFromHand(lane.session, waiter)) return;
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
      if (lane.session.standby.segment !== undefined || lane.blocked !== undefined) return;
      due.add(lane);
      start();
    },

    standbyOf: (target) => {
      const standby = lanes.get(target.name)?.session.standby;
      return standby?.segment && { ...standby.segment, left: standbyLeft(standby) };
    },

    standings: () =>
      lanes
        .values()
        // Nothing was given yet, or nobody asked here.
        .filter(({ session, stranger }) => session.seen > 0n && !stranger)
        .map(({ target, session }) => ({
          sequence: target.sequence,
          value: session.seen,
          standby: session.standby.segment && {
            left: standbyLeft(session.standby),
            size: rangeSize(session.standby.segment),
          },
        })),

    hasStandby: () => lanes.values().some((lane) => standbyLeft(lane.session.standby) > 0n),

    isStorePresent: () => presence !== 'away',

    isRegistered: () => fenceKeeper?.isRegistered() ?? true,

    epochOf: (sequence) => lanes.get(nameOf(sequence))?.session.fence?.epoch ?? 0n,

    recover: (sequence, target) => {
      if (presence === 'away' || closing)
        throw presence === 'away' ? refusal() : new StorageUnavailableError('Stopping.');
      const lane = lanes.get(nameOf(sequence));
      if (lane === undefined && target === undefined) {
        onRecovery(sequence);
        return ceilings !== undefined;
      }
      const opened = lane ?? openLane({ ...(target as AllocationTarget), standbySize: 0 });
      if (opened.blocked === 'opening' && opened.trouble !== undefined) reopen(opened);
      if (opened.blocked === undefined && lane?.session.pending === undefined) due.add(opened);
      start();
      return true;
    },

    giveBack: (target, allocation) => {
      const lane = openLane(target);
      for (const range of allocation.ranges.toReversed()) giveBack(lane.session, range);
    },

    advance: (target, operation, to) =>
      advanceSequence({
        target,
        operation,
        to,
        store,
        ceilings,
        keeper: fenceKeeper?.keeper() ?? 'store',
        recover: (epoch) => {
          const lane = openLane(target);
          if (lane.blocked === undefined && epoch !== undefined) fenceKeeper?.supersede(lane, epoch);
          if (lane.blocked === undefined) due.add(lane);
          start();
        },
      }),

    close: async () => {
      closing = true;
      clearInterval(clock);
      clearTimeout(retryTimer);
      // What could not be opened has nothing to give back.
      for (const [name, { blocked, session }] of lanes) {
        if (blocked === 'opening' && !hasValues(session)) lanes.delete(name);
      }
      const recoveryEndMs = performance.now() + CLOSE_RECOVERY_MAX_MS;
      const isRecovering = (): boolean =>
        performance.now() < recoveryEndMs && lanes.values().some(({ blocked, trouble }) => blocked && !trouble);
      for (let attempt = 0; attempt < bounds.closeAttemptsMax && lanes.size > 0; attempt += isRecovering() ? 0 : 1) {
        await underWay;
        for (const lane of lanes.values()) {
          lane.leaving = true;
          due.add(lane);
        }
        start();
        await underWay;
        if (lanes.size > 0) await new Promise((resolve) => setTimeout(resolve, bounds.retryMs));
      }
      const struckOut = (await fenceKeeper?.close(lanes.size === 0)) ?? true;
      if (lanes.size > 0) emit({ type: 'standby-not-returned', sequences: lanes.size });
      else if (!struckOut) emit({ type: 'node-not-struck-out' });
    },
  };
};
