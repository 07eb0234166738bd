/** A node's side of the counter protocol for one sequence: numbers its calls, keeps what it was given, loses nothing. */
import type {
  CounterCall,
  CounterCallKind,
  CounterReply,
  CounterReport,
  Fence,
  RecoveryName,
  ReportReply,
} from '../core/counter-store.ts';
import type { Range } from '../core/range.ts';
import type { SequenceName } from '../core/sequence-name.ts';
import { ceilingWindow } from './ceiling-window.ts';
import { createHeldStandby, type HeldStandby } from './held-standby.ts';
import { createTakenHistory, type TakenHistory } from './taken-history.ts';

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

export type Settlement =
  /** Deal from what came; ask again when it is not enough. */
  | { readonly kind: 'settled' }
  /** Nothing came, but a new call may bring something: make it at once. */
  | { readonly kind: 'again' }
  /** Fewer values are left in common than the call asked for. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** The sequence gives no more values. */
  | { readonly kind: 'closed' }
  /** The ceiling must be raised above `value`; the call stays pending. */
  | { readonly kind: 'ceiling'; readonly value: bigint }
  /** The store must be told what this node knows (`report`); the call stays pending. */
  | { readonly kind: 'report' }
  /** The stored sequence is unusable. The call stays pending: repeat it later. */
  | { readonly kind: 'corrupt'; readonly reason: string }
  /** Everything is given back; the session is over. */
  | { readonly kind: 'left' }
  /** Another process calls under this node's name: drop the session and start one under a fresh name. */
  | { readonly kind: 'usurped' }
  /** The answer to a call that was settled before. */
  | { readonly kind: 'late' };

export interface CounterSession {
  /** The call whose outcome is unknown: it is repeated, unchanged, until it is settled. */
  readonly pending: CounterCall | undefined;
  /** Number of the last call that was settled; 0 before the first. */
  readonly settled: number;
  /** True when there are values in hand in order. */
  readonly hasValues: boolean;
  /** True when a call of count 0 would tidy up: values in hand that nobody asked for, a standby that was used. */
  readonly hasReport: boolean;
  readonly standby: Range | undefined;
  readonly standbyLeft: bigint;
  /** True until the store has taken in a report: no call can be made meanwhile. */
  readonly needsReport: boolean;
  /** The recovery it reports for; undefined until the store has named one. */
  readonly named: RecoveryName | undefined;
  /** What the store said last of how far it may count. */
  readonly fence: Fence | undefined;
  /** The highest value given in order, and the highest given or held at all. */
  readonly seen: bigint;
  readonly top: bigint;
  /** The ceiling was raised by this node. */
  raised(fence: Fence): void;
  /** Before the first call: the epoch in which this sequence counts, as it is known elsewhere. */
  open(epoch: bigint): void;
  /** Swears off the epoch it has counted in: nothing is taken in it any more, and answers to earlier calls are ignored. */
  swear(): void;
  report(terms: CallTerms): CounterReport;
  /** Takes in the answer to a report. @returns whether calls can be made again. */
  settleReport(reply: ReportReply): boolean;
  /** Values in hand in order, up to `count` and not above `limit`. Deal these first, always. */
  deal(count: number, limit: bigint): Range | undefined;
  /** Values of the standby segment: only while the store does not answer. */
  dealStandby(count: number, limit: bigint): Range | undefined;
  /** Takes back values that were dealt but not issued. */
  giveBack(range: Range): void;
  /** The call to send now: the pending one, else a new one for `count` values (0: report only). Deal first. */
  call(count: number, terms: CallTerms): CounterCall;
  /**
   * Like `call`, to end the session: returns all that is in hand. Nothing can be dealt from here on. Repeat `leave` and
   * `settle` until `left`; undefined when the store never heard of this session.
   */
  leave(terms: CallTerms): CounterCall | undefined;
  /** Takes in the answer to the call of that number. */
  settle(callNumber: number, reply: CounterReply): Settlement;
}

/** How the store knows this node: not at all, well, no longer (`late`); or it is owed a report, older epochs sworn off. */
type Standing = 'new' | 'known' | 'late' | 'sworn' | 'gone';

interface State extends CounterSessionOptions {
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

const deal = (state: State, count: number, limit: bigint): Range | undefined => {
  const range = state.surplus[0];
  if (!range || range.first > limit) return undefined;
  let last = range.first + BigInt(count) - 1n;
  if (last > range.last) last = range.last;
  if (last > limit) last = limit;
  if (last === range.last) state.surplus.shift();
  else state.surplus[0] = { first: last + 1n, last: range.last };
  return { first: range.first, last };
};

/** A call so large that it would reach this node's own unused standby: giving that up first keeps the values consecutive. */
const standsInTheWay = ({ standby, seen }: State, count: number): boolean =>
  standby.segment !== undefined && !standby.usedInPart && seen + BigInt(count) >= standby.segment.first;

/** With replicas only the first call lets the store raise the ceiling: until then there is none that could be confirmed. */
const windowOf = ({ ceilingKeeper, standing }: State, { standbySize }: CallTerms): number => {
  const keeper = ceilingKeeper?.() ?? 'store';
  const byItself = keeper === 'store' || (keeper === 'replicas' && standing === 'new');
  return byItself ? ceilingWindow(standbySize) : 0;
};

const build = (state: State, wanted: CounterCallKind, count: number, terms: CallTerms): CounterCall => {
  if (state.standing === 'gone') throw new Error('the session has left this sequence');
  if (wanted === 'leave' || standsInTheWay(state, count)) state.standby.release();
  const call: CounterCall = {
    ...terms,
    sequence: state.sequence,
    node: state.node,
    call: state.nextCall(),
    kind: state.standing === 'new' ? 'join' : wanted,
    count,
    epoch: state.epoch,
    window: windowOf(state, terms),
    reissued: false,
    holding: state.standby.segment,
    usedInPart: state.standby.usedInPart,
    released: state.standby.takeReleased(),
    // Whoever asks for more has dealt what it can: the rest is of no use here. So what a node holds in order is always
    // within the range of its last call, which the store remembers.
    returned: state.surplus,
    seen: state.seen,
  };
  for (const range of state.surplus) state.history.remove(range);
  state.surplus = [];
  state.pending = call;
  return call;
};

const swear = (state: State): void => {
  if (state.standing === 'sworn' || state.standing === 'gone') return;
  state.standing = 'sworn';
  state.epoch += 1n;
};

const finish = (state: State, pending: CounterCall): void => {
  state.pending = undefined;
  state.settled = pending.call;
  state.settledEpoch = state.epoch;
  state.standing = pending.kind === 'leave' ? 'gone' : 'known';
};

const owesReport = ({ standing }: State): boolean => standing === 'late' || standing === 'sworn';

/** An answer given in an epoch this node has left behind says nothing any more. */
const isOutdated = (state: State, fence: Fence | undefined): boolean => {
  if (fence === undefined) return false;
  if (fence.epoch < state.epoch) return true;
  state.epoch = fence.epoch;
  state.fence = fence;
  return false;
};

const settle = (state: State, callNumber: number, reply: CounterReply): Settlement => {
  const { pending } = state;
  if (pending?.call !== callNumber || owesReport(state)) return { kind: 'late' };
  if (isOutdated(state, reply.fence)) return { kind: 'again' };
  switch (reply.kind) {
    case 'corrupt':
      return { kind: 'corrupt', reason: reply.reason };
    case 'stale':
      return { kind: 'usurped' };
    case 'ceiling':
      return { kind: 'ceiling', value: reply.value };
    case 'forgotten':
      state.standing = 'late';
      return { kind: 'report' };
    case 'recovering':
      swear(state);
      return { kind: 'report' };
    case 'exhausted': {
      finish(state, pending);
      const gaveUp = state.standby.follow(reply.standby);
      return gaveUp ? { kind: 'again' } : { kind: 'exhausted', valuesLeft: reply.valuesLeft };
    }
    case 'closed':
      finish(state, pending);
      state.standby.follow(reply.standby);
      return { kind: 'closed' };
    case 'nothing':
      finish(state, pending);
      state.standby.follow(reply.standby);
      return pending.kind === 'leave' ? { kind: 'left' } : { kind: 'settled' };
    case 'taken':
      finish(state, pending);
      state.standby.follow(reply.standby);
      state.surplus.push(reply.range);
      if (!reply.returned) state.seen = reply.range.last;
      state.history.add(reply.range);
      return { kind: 'settled' };
  }
};

const topOf = ({ standby, history, seen }: State): bigint =>
  [...history.list(), ...(standby.segment ? [standby.segment] : [])].reduce(
    (top, { last }) => (last > top ? last : top),
    seen,
  );

const makeReport = (state: State, terms: CallTerms): CounterReport => ({
  sequence: state.sequence,
  node: state.node,
  settled: state.settled,
  settledEpoch: state.settledEpoch,
  epoch: state.epoch,
  sworn: state.standing === 'sworn',
  recovery: state.recovery,
  seen: state.seen,
  holding: state.standby.segment,
  top: topOf(state),
  taken: state.history.list(),
  brief: state.reportedFor !== undefined && state.reportedFor === state.recovery,
  initialSeq: terms.initialSeq,
  window: windowOf(state, terms),
});

const settleReport = (state: State, reply: ReportReply): boolean => {
  if (!owesReport(state)) return true;
  if (reply.kind === 'recovering') {
    state.reportedFor = undefined;
    swear(state);
  }
  if (reply.kind === 'waiting') {
    if (reply.recovery.time !== state.recovery?.time) state.recovery = reply.recovery;
    state.reportedFor = reply.reported.includes(state.node) ? state.recovery : undefined;
  }
  if (reply.kind !== 'reported' || isOutdated(state, reply.fence)) return false;
  state.standing = 'known';
  state.reportedFor = undefined;
  // The store has taken note of that call in the present epoch.
  if (state.settled > 0) state.settledEpoch = state.epoch;
  // Whether the pending call was served before the recovery, the store can tell by its number. If it was not, what the
  // call gives back may have been taken by another in the part of the state that was lost.
  if (state.pending) state.pending = { ...state.pending, epoch: state.epoch, reissued: true };
  return true;
};

const NODE = /^[A-Za-z0-9._-]{2,64}$/;

/** @throws Error when the node's name has other characters than the store's records can hold. */
export const createCounterSession = (options: CounterSessionOptions): CounterSession => {
  if (!NODE.test(options.node)) throw new Error(`"${options.node}" is no name for a node`);
  const history = createTakenHistory(() => state.seen);
  const state: State = {
    ...options,
    history,
    standby: createHeldStandby(history.add),
    standing: 'new',
    pending: undefined,
    surplus: [],
    seen: 0n,
    settled: 0,
    settledEpoch: 0n,
    epoch: 0n,
    fence: undefined,
    recovery: undefined,
    reportedFor: undefined,
  };
  const checkReported = (): void => {
    if (owesReport(state)) throw new Error('the session owes a report');
  };
  return {
    get pending() {
      return state.pending;
    },
    get settled() {
      return state.settled;
    },
    get hasValues() {
      return state.surplus.length > 0;
    },
    get hasReport() {
      return state.surplus.length > 0 || state.standby.hasReleased || state.standby.usedInPart;
    },
    get standby() {
      return state.standby.segment;
    },
    get standbyLeft() {
      return state.standby.left;
    },
    get needsReport() {
      return owesReport(state);
    },
    get named() {
      return state.recovery;
    },
    get fence() {
      return state.fence;
    },
    get seen() {
      return state.seen;
    },
    get top() {
      return topOf(state);
    },
    open: (epoch) => {
      if (epoch > state.epoch) state.epoch = epoch;
    },
    raised: (fence) => {
      if (fence.epoch === state.epoch) state.fence = fence;
    },
    swear: () => swear(state),
    report: (terms) => makeReport(state, terms),
    settleReport: (reply) => settleReport(state, reply),
    deal: (count, limit) => deal(state, count, limit),
    dealStandby: (count, limit) => state.standby.issue(count, limit),
    giveBack: (range) => {
      state.surplus.unshift(range);
    },
    call: (count, terms) => {
      checkReported();
      return state.pending ?? build(state, 'take', count, terms);
    },
    leave: (terms) => {
      checkReported();
      return state.pending ?? (state.standing === 'new' ? undefined : build(state, 'leave', 0, terms));
    },
    settle: (callNumber, reply) => settle(state, callNumber, reply),
  };
};
