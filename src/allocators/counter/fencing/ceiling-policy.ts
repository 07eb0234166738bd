/** Keeps the ceilings of a node's sequences well ahead of what is taken. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { FenceOperations } from '../../../core/counter/counter-store.ts';
import type { Emit } from '../../../core/events/events.ts';
import { ceilingWindow, windowWithin } from '../sequence/ceiling-window.ts';
import { onceCount } from '../sequence/keyed-waiters.ts';
import type { Lane } from '../sequence/sequence-queue.ts';
import { topOf } from '../sequence/session-report.ts';
import { type CeilingKeeper, noteRaised, owesReport, supersede } from '../sequence/session-state.ts';
import { raiseCeiling } from './raise-ceiling.ts';

export interface CeilingRaiser {
  /** Raises the ceiling in the background when it is near. */
  look(lane: Lane): void;
  /** Raises it above a value, for a call that cannot be served below. @throws the stores' errors. */
  raise(lane: Lane, above: bigint): Promise<void>;
  /** The ceilings are in this epoch: a lane that counts in an earlier one leaves it, and has to report. */
  supersede(lane: Lane, epoch: bigint): void;
  /** Writes down the account of a sequence that this node has left. @throws the stores' errors. */
  settle(lane: Lane): Promise<void>;
}

interface Dependencies {
  readonly operations: FenceOperations;
  readonly ceilings: CeilingStore | undefined;
  readonly keeper: () => CeilingKeeper;
  readonly emit: Emit;
  /** The lane's session has sworn off its epoch: until it has reported no call can be made. */
  readonly onSworn: (lane: Lane) => void;
}

const TEN_SECONDS_MS = 10_000;

/** How much one sequence takes in ten seconds, all nodes together, as this node sees its counter move. */
const createPace = () => {
  const marks = new WeakMap<Lane, { readonly atMs: number; readonly seen: bigint }>();
  return (lane: Lane): number => {
    const { seen } = lane.session;
    const before = marks.get(lane);
    const nowMs = performance.now();
    marks.set(lane, { atMs: nowMs, seen });
    if (before === undefined || nowMs <= before.atMs) return 0;
    return Math.ceil((Number(seen - before.seen) * TEN_SECONDS_MS) / (nowMs - before.atMs));
  };
};

export const createCeilingRaiser = ({ operations, ceilings, keeper, emit, onSworn }: Dependencies): CeilingRaiser => {
  const paceOf = createPace();

  const leaveFor = (lane: Lane, epoch: bigint): void => {
    const { session } = lane;
    // Another server counts by now: what is left here belongs to an epoch that is over.
    supersede(session, epoch);
    // At once: the next trip may begin before whoever awaits this goes on.
    if (owesReport(session)) onSworn(lane);
  };

  const move = async (lane: Lane, above: bigint, base: bigint): Promise<void> => {
    const { session, target } = lane;
    const { fence } = session;
    if (fence === undefined) return;
    const wanted = BigInt((session.pending?.count ?? 0) + onceCount(lane));
    const start = fence.wanted > above ? fence.wanted : above;
    const window = Math.max(ceilingWindow(target.standbySize), paceOf(lane));
    const goal = start + wanted + BigInt(windowWithin(window, start, target.limit));
    const within = start < target.limit && target.limit < goal ? target.limit : goal;
    const result = await raiseCeiling({ sequence: target.sequence, fence, goal: within, base, operations, ceilings });
    if (result.kind === 'raised') noteRaised(session, result.fence);
    else if (result.epoch > fence.epoch) leaveFor(lane, result.epoch);
  };

  const raise = async (lane: Lane, above: bigint, base = 0n): Promise<void> => {
    lane.raising = true;
    try {
      await move(lane, above, base);
    } catch (error) {
      emit({ type: 'ceiling-not-raised', prefixKey: lane.target.sequence.prefixKey, error });
      throw error;
    } finally {
      lane.raising = false;
    }
  };

  return {
    look: (lane) => {
      const { fence, seen } = lane.session;
      if (lane.raising || fence === undefined || keeper() === 'store') return;
      const half = BigInt(
        Math.floor(windowWithin(ceilingWindow(lane.target.standbySize), seen, lane.target.limit) / 2),
      );
      if (fence.wanted === 0n && fence.ceiling - seen >= half) return;
      if (fence.ceiling >= lane.target.limit) return;
      // When it fails the next reply looks again; the event tells of it.
      raise(lane, seen).catch(() => undefined);
    },
    raise,
    supersede: (lane, epoch) => {
      const { fence } = lane.session;
      if (fence !== undefined && epoch > fence.epoch) leaveFor(lane, epoch);
    },
    settle: async (lane) => {
      if (ceilings !== undefined) await raise(lane, topOf(lane.session), topOf(lane.session));
    },
  };
};
