/** What a session knows of one sequence, and the rules that its calls and its receipts share. */
import type { CounterCall, CounterReply, Fence, RecoveryName } from '../core/counter-store.ts';
import type { Range } from '../core/range.ts';
import type { SequenceName } from '../core/sequence-name.ts';
import { ceilingWindow } from './ceiling-window.ts';
import type { HeldStandby } from './held-standby.ts';
import type { TakenHistory } from './taken-history.ts';

export interface CounterSessionOptions {
  readonly sequence: SequenceName;
  /** Names the running process; fresh and random at each start. Letters, digits, `.`, `_`, `-`; at least two. */
  readonly node: string;
  /**
   * Gives rising numbers from 1 on. One source for all sessions of a process, so that a sequence which was left and is
   * met again goes on with higher numbers than before.
   */
  readonly nextCall: () => number;
  /** Who keeps the ceiling at the moment. Default: the store, by itself. */
  readonly ceilingKeeper?: () => CeilingKeeper;
}

/** The store alone; the store, once a replica has confirmed it; or a store of its own for ceilings. */
export type CeilingKeeper = 'store' | 'replicas' | 'elsewhere';

/** What holds for a call, read from the prefix config and the settings when the call is made. */
export interface CallTerms {
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** Values in a standby segment; 0 for none. */
  readonly standbySize: number;
}

/** How the store knows this node: not at all, well, no longer (`late`); or it is owed a report, older epochs sworn off. */
type Standing = 'new' | 'known' | 'late' | 'sworn' | 'gone';

export interface SessionState extends CounterSessionOptions {
  readonly standby: HeldStandby;
  readonly history: TakenHistory;
  standing: Standing;
  pending: CounterCall | undefined;
  surplus: Range[];
  seen: bigint;
  /** Number of the last settled call. */
  settled: number;
  /** The epoch in which that was. */
  settledEpoch: bigint;
  /** The lowest epoch in which this node counts. */
  epoch: bigint;
  fence: Fence | undefined;
  /** The recovery the store has named last, and the one for which it has taken down this node's report. */
  recovery: RecoveryName | undefined;
  reportedFor: RecoveryName | undefined;
}

/** With replicas only the first call lets the store raise the ceiling: until then there is none that could be confirmed. */
export const windowOf = ({ ceilingKeeper, standing }: SessionState, { standbySize }: CallTerms): number => {
  const keeper = ceilingKeeper?.() ?? 'store';
  const byItself = keeper === 'store' || (keeper === 'replicas' && standing === 'new');
  return byItself ? ceilingWindow(standbySize) : 0;
};

/** Swears off the epoch it has counted in, and all up to `epoch`. */
export const swear = (state: SessionState, epoch = 0n): void => {
  if (state.standing === 'gone') return;
  if (state.standing !== 'sworn') state.epoch += 1n;
  state.standing = 'sworn';
  if (epoch < state.epoch) return;
  state.epoch = epoch + 1n;
  // What the store has taken down says less.
  state.reportedFor = undefined;
};

export const owesReport = ({ standing }: SessionState): boolean => standing === 'late' || standing === 'sworn';

/** An answer given in an epoch this node has left behind says nothing any more. */
export const isOutdated = (state: SessionState, fence: Fence | undefined): boolean => {
  if (fence === undefined) return false;
  if (fence.epoch < state.epoch) return true;
  state.epoch = fence.epoch;
  state.fence = fence;
  return false;
};

/** What is asked of the node before the store serves it, whatever it wanted. */
export type Refusal =
  /** The ceiling must be raised above `value`. */
  | { readonly kind: 'ceiling'; readonly value: bigint }
  /** The store must be told what this node knows. */
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
