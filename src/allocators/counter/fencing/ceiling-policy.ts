/** Keeps the ceilings of a node's sequences well ahead of what is taken. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { FenceOperations } from '../../../core/counter/counter-fence.ts';
import type { Emit } from '../../../core/events/events.ts';
import { ceilingWindow, windowWithin } from '../sequence/ceiling-window.ts';
import { keyedCount } from '../sequence/keyed-waiters.ts';
import type { SequenceQueue } from '../sequence/sequence-queue.ts';
import { topOf } from '../sequence/session-report.ts';
import { type CeilingKeeper, noteRaised, owesReport, supersede } from '../sequence/session-state.ts';
import { raiseCeiling } from './raise-ceiling.ts';

export interface CeilingPolicy {
  /** Raises the ceiling in the background when it is near. */
  look(queue: SequenceQueue): void;
  /** Raises it above a value, for a call that cannot be served below. @throws the stores' errors. */
  raise(queue: SequenceQueue, above: bigint): Promise<void>;
  /** The ceilings are in this epoch: a queue that counts in an earlier one leaves it, and has to report. */
  supersede(queue: SequenceQueue, epoch: bigint): void;
  /** Writes down the account of a sequence that this node has left. @throws the stores' errors. */
  settle(queue: SequenceQueue): Promise<void>;
}

interface Dependencies {
  readonly operations: FenceOperations;
  readonly ceilings: CeilingStore | undefined;
  readonly keeper: () => CeilingKeeper;
  readonly emit: Emit;
  /** The queue's session has sworn off its epoch: until it has reported no call can be made. */
  readonly onSworn: (queue: SequenceQueue) => void;
}

const TEN_SECONDS_MS = 10_000;

/** How much one sequence takes in ten seconds, all nodes together, as this node sees its counter move. */
const createPace = () => {
  const marks = new WeakMap<SequenceQueue, { readonly atMs: number; readonly seen: bigint }>();
  return (queue: SequenceQueue): number => {
    const { seen } = queue.session;
    const before = marks.get(queue);
    const nowMs = performance.now();
    marks.set(queue, { atMs: nowMs, seen });
    if (before === undefined || nowMs <= before.atMs) return 0;
    return Math.ceil((Number(seen - before.seen) * TEN_SECONDS_MS) / (nowMs - before.atMs));
  };
};

export const createCeilingPolicy = ({ operations, ceilings, keeper, emit, onSworn }: Dependencies): CeilingPolicy => {
  const paceOf = createPace();

  const leaveFor = (queue: SequenceQueue, epoch: bigint): void => {
    const { session } = queue;
    // Another server counts now: values left here belong to an epoch that has ended.
    supersede(session, epoch);
    // Without awaiting: the next trip may begin before the caller resumes.
    if (owesReport(session)) onSworn(queue);
  };

  const move = async (queue: SequenceQueue, above: bigint, base: bigint): Promise<void> => {
    const { session, target } = queue;
    const { fence } = session;
    if (fence === undefined) return;
    const wanted = BigInt((session.pending?.count ?? 0) + keyedCount(queue));
    const start = fence.wanted > above ? fence.wanted : above;
    const window = Math.max(ceilingWindow(target.standbySize), paceOf(queue));
    const goal = start + wanted + BigInt(windowWithin(window, start, target.limit));
    const within = start < target.limit && target.limit < goal ? target.limit : goal;
    const result = await raiseCeiling({ sequence: target.sequence, fence, goal: within, base, operations, ceilings });
    if (result.kind === 'raised') noteRaised(session, result.fence);
    else if (result.epoch > fence.epoch) leaveFor(queue, result.epoch);
  };

  const raise = async (queue: SequenceQueue, above: bigint, base = 0n): Promise<void> => {
    queue.raising = true;
    try {
      await move(queue, above, base);
    } catch (error) {
      emit({ type: 'ceiling-not-raised', prefixKey: queue.target.sequence.series.prefixKey, error });
      throw error;
    } finally {
      queue.raising = false;
    }
  };

  return {
    look: (queue) => {
      const { fence, seen } = queue.session;
      if (queue.raising || fence === undefined || keeper() === 'store') return;
      const half = BigInt(
        Math.floor(windowWithin(ceilingWindow(queue.target.standbySize), seen, queue.target.limit) / 2),
      );
      if (fence.wanted === 0n && fence.ceiling - seen >= half) return;
      if (fence.ceiling >= queue.target.limit) return;
      // A failure is emitted as an event; the next reply tries again.
      raise(queue, seen).catch(() => undefined);
    },
    raise,
    supersede: (queue, epoch) => {
      const { fence } = queue.session;
      if (fence !== undefined && epoch > fence.epoch) leaveFor(queue, epoch);
    },
    settle: async (queue) => {
      if (ceilings !== undefined) await raise(queue, topOf(queue.session), topOf(queue.session));
    },
  };
};
