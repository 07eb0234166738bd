/**
 * Counting on a shared store: one call for all waiting requests of a node, and standby segments while the store is
 * away.
 */
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { AdvanceReply, CounterCall, CounterReply } from '../../core/counter/counter-call.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { NumberGeneratorError, StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { ReceiptDraft } from '../../core/values/receipt.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../core/values/value.ts';
import type { Allocation, AllocationTarget, Allocator, KeyedAllocation, Standing } from '../allocator.ts';
import { requireClaim } from '../key-claims.ts';
import { createSingleFlight } from '../single-flight.ts';
import { advanceSequence } from './fencing/advance.ts';
import { blockedError, createFencing, type Fencing } from './fencing/fencing.ts';
import { COUNTER_LIMITS, type CounterLimits } from './sequence/counter-limits.ts';
import { standbyLeft } from './sequence/held-standby.ts';
import {
  failKeyed,
  joinKeyed,
  makeKeyedEntries,
  refuseAllKeyed,
  settleKeyedEntry,
  termsBeside,
} from './sequence/keyed-waiters.ts';
import {
  countWanted,
  createSequenceQueue,
  followFloor,
  isTickDue,
  type QueueProgress,
  refuseAll,
  type SequenceQueue,
  serveInOrder,
  serveWithoutStore,
  settleQueue,
  touch,
} from './sequence/sequence-queue.ts';
import { giveBack, hasReport, hasValues, makeCall, makeLeave, takeAllInHand } from './sequence/session.ts';
import { createCounterSession } from './sequence/session-state.ts';
import type { KeyedWaiter } from './sequence/waiter.ts';
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
   * Never from the standby or from values in hand: other nodes could not learn which key they belong to.
   * @throws IdempotencyConflictError when the receipt is another request's; and what `allocate` throws.
   */
  allocateKeyed(target: AllocationTarget, count: number, receipt: ReceiptDraft): Promise<KeyedAllocation>;
  /** Keeps a standby segment ready for a sequence that had no request yet. */
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
   * Moves a sequence forward without issuing anything. @throws StorageUnavailableError or StorageTimeoutError when a
   * store is away, or the sequence is not served within 5 s.
   */
  advance(target: AllocationTarget, operation: string, to: bigint): Promise<AdvanceReply>;
  /** The highest epoch in which this node has counted in the sequence; 0 when in none. */
  epochOf(sequence: SequenceId): bigint;
  /**
   * Opens a sequence without taking a value; if it needs recovery, the recovery runs.
   * @param target undefined when the terms are not known: then this node only reports.
   * @returns false when the store is away, or the ceilings cover all that this node took.
   */
  recover(sequence: SequenceId, target: AllocationTarget | undefined): boolean;
  /** Gives back all that is in hand. Call it after the last request has ended. */
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

/** The store answers; a call takes suspiciously long; the last call failed. */
type Presence = 'present' | 'slow' | 'away';

/** An entry of a trip: a numbered call, or that of a request with a receipt. */
interface TripEntry {
  readonly queue: SequenceQueue;
  readonly call: CounterCall;
  readonly waiter?: KeyedWaiter;
}

/** How long a shutdown waits for recoveries that are under way, ms. */
const CLOSE_RECOVERY_MAX_MS = 5_000;

export const createCounterAllocator = (options: CounterAllocatorOptions): CounterAllocator => {
  const { store, node, emit, ceilings, hasReplicas = () => false, limits } = options;
  const bounds: CounterLimits = { ...COUNTER_LIMITS, ...limits };
  const queues = new Map<string, SequenceQueue>();
  /** The queues whose next call should be made. A Set keeps the order, so no queue starves. */
  const due = new Set<SequenceQueue>();
  /** The queues in which a keyed request waits for a trip. */
  const dueKeyed = new Set<SequenceQueue>();
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
  const reopen = (queue: SequenceQueue): void => {
    queue.trouble = undefined;
    fenceKeeper?.open(queue);
  };

  const openQueue = (target: AllocationTarget, toReport = false): SequenceQueue => {
    const known = queues.get(target.name);
    if (known !== undefined) {
      followFloor(known, target);
      if (known.blocked === 'opening' && known.trouble !== undefined) reopen(known);
      return known;
    }
    if (queues.size >= bounds.queuesMax) throw new StorageUnavailableError('Too many sequences are in use.');
    const { sequence } = target;
    const session = createCounterSession({ sequence, node, nextCall, ceilingKeeper: fenceKeeper?.keeper });
    const queue = createSequenceQueue(session, target);
    followFloor(queue, target);
    queue.stranger = toReport;
    queues.set(target.name, queue);
    fenceKeeper?.open(queue, toReport);
    return queue;
  };

  const dropQueue = (queue: SequenceQueue): void => {
    due.delete(queue);
    dueKeyed.delete(queue);
    if (queues.get(queue.target.name) === queue) queues.delete(queue.target.name);
    void fenceKeeper?.settle(queue, true);
    waiting -= queue.waiters.length + queue.keyed.length;
    const waiters = queue.waiters.splice(0);
    const keyed = queue.keyed.splice(0);
    const values = takeAllInHand(queue.session);
    if (waiters.length === 0 && keyed.length === 0 && values.length === 0) return;
    // Requests that arrived and values that were returned while the queue was given up move to the next one.
    const next = openQueue(queue.target);
    for (const range of values.toReversed()) giveBack(next.session, range);
    for (const waiter of waiters) enqueue(next, waiter);
    for (const waiter of keyed) enqueueKeyed(next, waiter);
    due.add(next);
  };

  const enqueue = (queue: SequenceQueue, waiter: Waiter): void => {
    queue.waiters.push(waiter);
    waiting += 1;
    due.add(queue);
  };

  const enqueueKeyed = (queue: SequenceQueue, waiter: KeyedWaiter): void => {
    waiting += 1;
    if (joinKeyed(queue, waiter)) due.add(queue);
    dueKeyed.add(queue);
  };

  /** Numbered calls first: they give up standbys that keyed entries need room for. */
  const nextEntries = (): TripEntry[] => {
    const entries: TripEntry[] = [];
    for (const queue of due) {
      if (entries.length === bounds.callEntriesMax) return entries;
      due.delete(queue);
      if (queue.blocked !== undefined) continue;
      waiting -= serveInOrder(queue);
      const call = queue.leaving
        ? makeLeave(queue.session, queue.target)
        : makeCall(queue.session, countWanted(queue, bounds.entryValuesMax), termsBeside(queue));
      if (call === undefined) dropQueue(queue);
      else entries.push({ queue, call });
    }
    for (const queue of dueKeyed) {
      if (entries.length === bounds.callEntriesMax) break;
      // Waiters that this trip does not serve are added again once the queue can make calls.
      dueKeyed.delete(queue);
      for (const entry of makeKeyedEntries(queue, bounds.callEntriesMax - entries.length))
        entries.push({ queue, ...entry });
    }
    return entries;
  };

  const follow = (queue: SequenceQueue, { done, again, over, blocked }: QueueProgress): void => {
    waiting -= done;
    if (over) dropQueue(queue);
    else if (blocked !== undefined) {
      waiting -= serveWithoutStore(queue);
      // Several entries of a trip may meet the same obstacle.
      if (queue.blocked === undefined) fenceKeeper?.unblock(queue, blocked);
    } else {
      if (again) due.add(queue);
      if (queue.keyed.length > 0) dueKeyed.add(queue);
      fenceKeeper?.look(queue);
    }
  };

  const takeIn = ({ queue, call, waiter }: TripEntry, reply: CounterReply): void => {
    if (waiter === undefined) {
      follow(queue, settleQueue(queue, call.call, reply));
      return;
    }
    const progress = settleKeyedEntry(queue, waiter, reply);
    if (progress.callDue) due.add(queue);
    follow(queue, progress);
  };

  /** A queue that was blocked can make calls again. */
  const onReady = (queue: SequenceQueue): void => {
    due.add(queue);
    if (queue.keyed.length > 0) dueKeyed.add(queue);
    if (presence === 'away') becomePresent(); // the store returned that
    start();
  };

  /** The blockage cannot be removed at the moment: waiters are served from the standby or refused. */
  const onTrouble = (queue: SequenceQueue, error: unknown): void => {
    queue.trouble =
      error instanceof NumberGeneratorError ? error : new StorageUnavailableError('The sequence is not served.', error);
    waiting -= serveWithoutStore(queue);
    waiting -= refuseAll(queue, queue.trouble) + refuseAllKeyed(queue, queue.trouble);
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
    for (const queue of queues.values()) {
      if (queue.keyed.length > 0) waiting -= failKeyed(queue, error, bounds.keyedGraceMs);
      if (queue.waiters.length === 0) continue;
      waiting -= serveWithoutStore(queue);
      waiting -= refuseAll(queue, error);
    }
    due.clear();
    dueKeyed.clear();
    if (closing) return;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, retryMs);
    retryTimer.unref();
    retryMs = Math.min(retryMs * 2, bounds.retryMaxMs);
  };

  /** The store is slow and may be away: waiters that the standby can serve are served from it. */
  const loosePatience = (): void => {
    if (presence !== 'present') return;
    presence = 'slow';
    for (const queue of queues.values()) waiting -= serveWithoutStore(queue);
  };

  /** One trip to the store. @returns false when it failed. */
  const makeTrip = async (): Promise<boolean> => {
    const entries = nextEntries();
    if (entries.length === 0) return true;
    // A reply that arrived while this process was stalled is read first: its own stall is not an outage.
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
      while ((due.size > 0 || dueKeyed.size > 0) && (await makeTrip()));
    } finally {
      running = false;
    }
  };

  /** At most one call is under way. The first one is sent before this returns. */
  const start = (): void => {
    if (!running) underWay = run();
  };

  /**
   * Repeats unsettled calls and reports what was used meanwhile. Requests are served from the standby until that
   * succeeds.
   */
  const retry = (): void => {
    if (running || presence !== 'away') return;
    for (const queue of queues.values()) {
      queue.reports = 0;
      // A blocked queue makes its own calls to the store, and becomes ready after them.
      if (queue.blocked !== undefined) continue;
      if (queue.session.pending !== undefined || hasReport(queue.session)) due.add(queue);
      if (queue.keyed.length > 0) dueKeyed.add(queue);
    }
    if (due.size === 0 && dueKeyed.size === 0) becomePresent();
    start();
  };
  store.onReachable(() => {
    retry();
    if (store.fence === undefined) return;
    // It may be another server, or the same one with an older state: every sequence checks, idle ones too.
    for (const queue of queues.values()) if (queue.blocked === undefined) due.add(queue);
    if (presence !== 'away') start();
  });

  /** An idle queue is dropped only after its account was stored: no node can report it afterwards. */
  const giveUp = (queue: SequenceQueue, keeper: Fencing): void => {
    queue.leaving = false;
    void keeper.settle(queue, false).then((settled) => {
      if (!settled || queue.idleTicks <= bounds.idleTicksMax || queue.blocked !== undefined) return;
      queue.leaving = true;
      due.add(queue);
      start();
    });
  };

  const tick = (): void => {
    if (presence === 'away') return;
    for (const queue of queues.values()) {
      if (queue.blocked !== undefined || !isTickDue(queue, bounds)) continue;
      if (queue.leaving && fenceKeeper !== undefined && !closing) giveUp(queue, fenceKeeper);
      else due.add(queue);
    }
    start();
  };
  const clock = setInterval(tick, bounds.tickMs);
  clock.unref();

  const fenceKeeper: Fencing | undefined =
    store.fence && createFencing({ node, operations: store.fence, ceilings, hasReplicas, emit, onReady, onTrouble });

  /** Each node that counts here reports; where nodes are registered, each node that might count does too. */
  const onRecovery = (sequence: SequenceId): void => {
    const name = sequenceKeyOf(sequence);
    const queue = queues.get(name);
    if (queue !== undefined) fenceKeeper?.join(queue);
    else if (ceilings !== undefined && !closing && queues.size < bounds.queuesMax) {
      openQueue({ name, sequence, initialSeq: 0n, limit: VALUE_MAX, standbySize: 0 }, true);
    }
  };
  store.fence?.onRecovery(onRecovery);

  const refusal = (): NumberGeneratorError =>
    lastError instanceof NumberGeneratorError
      ? lastError
      : new StorageUnavailableError('The store is away.', lastError);

  const singleFlight = createSingleFlight(bounds.waitingMax);

  const takeKeyed = async (
    target: AllocationTarget,
    count: number,
    receipt: ReceiptDraft,
  ): Promise<KeyedAllocation> => {
    if (presence === 'away') throw refusal();
    if (store.claim !== undefined) requireClaim(receipt, await store.claim(receipt));
    return new Promise((resolve, reject) => {
      const queue = openQueue(target);
      touch(queue, target);
      if (presence === 'away') throw refusal();
      if (queue.blocked !== undefined && queue.blocked !== 'opening' && queue.trouble !== undefined)
        throw blockedError(queue);
      if (waiting >= bounds.waitingMax)
        throw new StorageUnavailableError('Too many requests are waiting for the store.');
      enqueueKeyed(queue, {
        count,
        terms: target,
        receipt,
        patienceEndMs: undefined,
        needsRoom: false,
        resolve,
        reject,
      });
      start();
    });
  };

  return {
    source: store.source,

    allocateKeyed: (target, count, receipt) => singleFlight(receipt, () => takeKeyed(target, count, receipt)),

    allocate: (target, count) =>
      new Promise<Allocation>((resolve, reject) => {
        const queue = openQueue(target);
        touch(queue, target);
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
          if (serveFromStandby(queue.session, waiter)) return;
          if (presence === 'away') {
            refuse(queue.session, waiter, refusal());
            return;
          }
        } else if (queue.blocked !== undefined && queue.blocked !== 'opening') {
          if (serveFromStandby(queue.session, waiter)) return;
          if (queue.trouble !== undefined) {
            refuse(queue.session, waiter, blockedError(queue));
            return;
          }
        } else if (lastCall === undefined && queue.waiters.length === 0 && serveFromHand(queue.session, waiter)) return;
        if (waiting >= bounds.waitingMax) {
          refuse(queue.session, waiter, new StorageUnavailableError('Too many requests are waiting for the store.'));
          return;
        }
        enqueue(queue, waiter);
        start();
      }),

    prepare: (target) => {
      if (presence === 'away' || (queues.size >= bounds.queuesMax && !queues.has(target.name))) return;
      const queue = openQueue(target);
      if (queue.session.standby.segment !== undefined || queue.blocked !== undefined) return;
      due.add(queue);
      start();
    },

    standbyOf: (target) => {
      const standby = queues.get(target.name)?.session.standby;
      return standby?.segment && { ...standby.segment, left: standbyLeft(standby) };
    },

    standings: () =>
      queues
        .values()
        // Left out: queues without a value so far, and those opened only to report.
        .filter(({ session, stranger }) => session.seen > 0n && !stranger)
        .map(({ target, session }) => ({
          sequence: target.sequence,
          value: session.seen,
          standby: session.standby.segment && {
            left: standbyLeft(session.standby),
            size: rangeSize(session.standby.segment),
          },
        })),

    hasStandby: () => queues.values().some((queue) => standbyLeft(queue.session.standby) > 0n),

    isStorePresent: () => presence !== 'away',

    isRegistered: () => fenceKeeper?.isRegistered() ?? true,

    epochOf: (sequence) => queues.get(sequenceKeyOf(sequence))?.session.fence?.epoch ?? 0n,

    recover: (sequence, target) => {
      if (presence === 'away' || closing)
        throw presence === 'away' ? refusal() : new StorageUnavailableError('Stopping.');
      const queue = queues.get(sequenceKeyOf(sequence));
      if (queue === undefined && target === undefined) {
        onRecovery(sequence);
        return ceilings !== undefined;
      }
      const opened = queue ?? openQueue({ ...(target as AllocationTarget), standbySize: 0 });
      if (opened.blocked === 'opening' && opened.trouble !== undefined) reopen(opened);
      if (opened.blocked === undefined && queue?.session.pending === undefined) due.add(opened);
      start();
      return true;
    },

    giveBack: (target, allocation) => {
      const queue = openQueue(target);
      for (const range of allocation.ranges.toReversed()) giveBack(queue.session, range);
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
          const queue = openQueue(target);
          if (queue.blocked === undefined && epoch !== undefined) fenceKeeper?.supersede(queue, epoch);
          if (queue.blocked === undefined) due.add(queue);
          start();
        },
      }),

    close: async () => {
      closing = true;
      clearInterval(clock);
      clearTimeout(retryTimer);
      // A queue that could not be opened has nothing to give back.
      for (const [name, { blocked, session }] of queues) {
        if (blocked === 'opening' && !hasValues(session)) queues.delete(name);
      }
      const recoveryEndMs = performance.now() + CLOSE_RECOVERY_MAX_MS;
      const isRecovering = (): boolean =>
        performance.now() < recoveryEndMs && queues.values().some(({ blocked, trouble }) => blocked && !trouble);
      for (let attempt = 0; attempt < bounds.closeAttemptsMax && queues.size > 0; attempt += isRecovering() ? 0 : 1) {
        await underWay;
        for (const queue of queues.values()) {
          queue.leaving = true;
          due.add(queue);
        }
        start();
        await underWay;
        if (queues.size > 0) await new Promise((resolve) => setTimeout(resolve, bounds.retryMs));
      }
      const struckOut = (await fenceKeeper?.close(queues.size === 0)) ?? true;
      if (queues.size > 0) emit({ type: 'standby-not-returned', sequences: queues.size });
      else if (!struckOut) emit({ type: 'node-not-struck-out' });
    },
  };
};
