/** What a session knows of one sequence, and the rules that its calls and its receipts share. */
import type { CounterCall, CounterReply, Fence } from '../../../core/counter/counter-call.ts';
import type { RecoveryName } from '../../../core/counter/counter-fence.ts';
import type { Range } from '../../../core/values/range.ts';
import type { SequenceId } from '../../../core/values/sequence-id.ts';
import type { CallTerms } from '../../allocator.ts';
import { ceilingWindow } from './ceiling-window.ts';
import { createHeldStandby, type GivenUp, type HeldStandby, releaseStandby } from './held-standby.ts';
import { addTaken, createTakenHistory, type TakenHistory } from './taken-history.ts';

export interface CounterSessionOptions {
  readonly sequence: SequenceId;
  /** Names the running process; fresh and random at each start. Letters, digits, `.`, `_`, `-`; at least two. */
  readonly node: string;
  /**
   * Gives rising numbers from 1 on. One source for all sessions of a process, so that a sequence which was left and is
   * met again goes on with higher numbers than before.
   */
  readonly nextCall: () => number;
  /** What keeps the ceiling at the moment. Default: the store alone. */
  readonly ceilingKeeper?: (() => CeilingKeeper) | undefined;
}

/** The store alone; the store, once a replica has confirmed it; or a store of its own for ceilings. */
export type CeilingKeeper = 'store' | 'replicas' | 'elsewhere';

/**
 * What the store knows of this node: nothing, all, no longer anything (`late`), or less than it is to report (`sworn`).
 */
type Standing = 'new' | 'known' | 'late' | 'sworn' | 'gone';

/** One sequence as this node knows it. A plain record: 10,000 of them are small, and no function can lose it. */
export interface SessionState extends CounterSessionOptions {
  readonly standby: HeldStandby;
  readonly history: TakenHistory;
  standing: Standing;
  /** The call whose outcome is unknown: it is repeated, unchanged, until it is settled. */
  pending: CounterCall | undefined;
  /** The highest `initialSeq` seen: no value at or below it is dealt, wherever it comes from. */
  floor: bigint;
  /** Values in hand in order, all above `floor`. */
  surplus: Range[];
  /** Values in hand at or below `floor`: the next call gives them back, and the store records them. */
  outdated: readonly Range[];
  /** The highest value given in order. */
  seen: bigint;
  /** How many values it was given in order. */
  given: number;
  /** What the last numbered call that was settled brought, or one before it when that call gave nothing back. */
  last: Range | undefined;
  /** Number of the last call that was settled; 0 before the first. */
  settled: number;
  /** The epoch in which that was. */
  settledEpoch: bigint;
  /** The lowest epoch in which this node counts. */
  epoch: bigint;
  /** How far this session may count, according to the last reply. */
  fence: Fence | undefined;
  /** The recovery the store has named last, and the one for which it has taken down this node's report. */
  recovery: RecoveryName | undefined;
  reportedFor: RecoveryName | undefined;
}

/** The record for readers; only the functions of the session's files change it. */
export type CounterSession = Readonly<SessionState>;

const NONE: readonly Range[] = [];

const NODE = /^[A-Za-z0-9._-]{2,64}$/;

/** @throws Error when the node's name has other characters than the store's records can hold. */
export const createCounterSession = (options: CounterSessionOptions): CounterSession => {
  if (!NODE.test(options.node)) throw new Error(`"${options.node}" is no name for a node`);
  return {
    ...options,
    history: createTakenHistory(),
    standby: createHeldStandby(),
    standing: 'new',
    pending: undefined,
    floor: 0n,
    surplus: [],
    outdated: NONE,
    seen: 0n,
    given: 0,
    last: undefined,
    settled: 0,
    settledEpoch: 0n,
    epoch: 0n,
    fence: undefined,
    recovery: undefined,
    reportedFor: undefined,
  };
};

/** Takes over what an earlier session of this sequence was given and its node alone knows, to report it. */
export const inherit = (state: SessionState, { history, seen }: CounterSession): void => {
  state.history.ranges = [...history.ranges];
  state.seen = seen;
};

/** With replicas only the first call lets the store raise the ceiling: until then there is none that could be confirmed. */
export const windowOf = ({ ceilingKeeper, standing }: SessionState, { standbySize }: CallTerms): number => {
  const keeper = ceilingKeeper?.() ?? 'store';
  const byItself = keeper === 'store' || (keeper === 'replicas' && standing === 'new');
  return byItself ? ceilingWindow(standbySize) : 0;
};

/** Before the first call: the epoch in which this sequence counts, as it is known elsewhere. */
export const openAt = (state: SessionState, epoch: bigint): void => {
  if (epoch > state.epoch) state.epoch = epoch;
};

/** The ceiling was raised by this node. */
export const noteRaised = (state: SessionState, fence: Fence): void => {
  if (fence.epoch === state.epoch) state.fence = fence;
};

/**
 * Swears off the epoch it has counted in, and all up to `epoch`: nothing is taken in them any more, and answers to earlier
 * calls are ignored.
 */
export const swear = (state: SessionState, epoch = 0n): void => {
  if (state.standing === 'gone') return;
  if (state.standing !== 'sworn') state.epoch += 1n;
  state.standing = 'sworn';
  if (epoch < state.epoch) return;
  state.epoch = epoch + 1n;
  // The stored report is out of date.
  state.reportedFor = undefined;
};

/** Before the first call, once this node is registered: the epoch read afterwards; undefined when nobody ever counted here. */
export const beginAt = (state: SessionState, epoch: bigint | undefined): void => {
  if (epoch !== undefined) openAt(state, epoch);
  // Only as far as the ceilings know: the counter store must agree.
  else swear(state);
};

/** Another server counts in `epoch` now: what was known here belongs to one that has ended. */
export const supersede = (state: SessionState, epoch: bigint): void => {
  openAt(state, epoch - 1n);
  swear(state);
};

/** True until the store has taken in a report: no call can be made meanwhile. */
export const owesReport = ({ standing }: CounterSession): boolean => standing === 'late' || standing === 'sworn';

/** Whether the store knows this node, so that a `once` can be made; else make a call first. */
export const isKnown = ({ standing }: CounterSession): boolean => standing === 'known';

/** Keeps what was issued of a standby, for the report in a recovery. @returns whether values of it are left. */
export const keepUsed = ({ history, seen }: SessionState, givenUp: GivenUp | undefined): boolean => {
  if (givenUp?.used !== undefined) addTaken(history, givenUp.used, seen);
  return givenUp?.hasUnused ?? false;
};

/** Gives the standby up with the next call. @returns whether that makes room for others. */
export const giveUpStandby = (state: SessionState): boolean => keepUsed(state, releaseStandby(state.standby));

/** An answer from an epoch that this node has left is ignored. */
export const isOutdated = (state: SessionState, fence: Fence | undefined): boolean => {
  if (fence === undefined) return false;
  if (fence.epoch < state.epoch) return true;
  state.epoch = fence.epoch;
  state.fence = fence;
  return false;
};

/** What the node must do before the store serves any of its calls. */
export type Refusal =
  /** The ceiling must be raised above `value`. */
  | { readonly kind: 'ceiling'; readonly value: bigint }
  /** The node must report what it knows. */
  | { readonly kind: 'report' }
  /** What is stored cannot be used. */
  | { readonly kind: 'corrupt'; readonly reason: string };

export const settleRefusal = (
  state: SessionState,
  reply: Extract<CounterReply, { kind: 'corrupt' | 'ceiling' | 'forgotten' | 'recovering' }>,
): Refusal => {
  switch (reply.kind) {
    case 'corrupt':
      return { kind: 'corrupt', reason: reply.reason };
    case 'ceiling':
      return { kind: 'ceiling', value: reply.value };
    case 'forgotten':
      state.standing = 'late';
      return { kind: 'report' };
    case 'recovering':
      swear(state);
      return { kind: 'report' };
  }
};
