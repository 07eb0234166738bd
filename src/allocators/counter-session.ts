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
import type { ReceiptDraft } from '../core/receipt.ts';
import { createHeldStandby } from './held-standby.ts';
import { makeOnce, type OnceSettlement, settleOnce } from './once-call.ts';
import {
  type CallTerms,
  type CounterSessionOptions,
  isOutdated,
  owesReport,
  type Refusal,
  type SessionState,
  settleRefusal,
  swear,
  windowOf,
} from './session-state.ts';
import { createTakenHistory } from './taken-history.ts';

export type Settlement =
  /** Deal from what came; ask again when it is not enough. */
  | { readonly kind: 'settled' }
  /** Nothing came, but a new call may bring something: make it at once. */
  | { readonly kind: 'again' }
  /** Fewer values are left in common than the call asked for. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** The sequence gives no more values. */
  | { readonly kind: 'closed' }
  /** The call stays pending: it is repeated when that is done. */
  | Refusal
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
  /**
   * Swears off the epoch it has counted in, and all up to `epoch`: nothing is taken in them any more, and answers to earlier
   * calls are ignored.
   */
  swear(epoch?: bigint): void;
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
  /** Whether the store knows this node, so that a `once` can be made; else make a call first. */
  readonly isKnown: boolean;
  /**
   * An entry of its own that takes `count` values with a receipt. It is no numbered call: what became of it, the receipt
   * says, so it need not be repeated, and may be made anew at any time.
   */
  once(count: number, terms: CallTerms, receipt: ReceiptDraft): CounterCall;
  settleOnce(reply: CounterReply): OnceSettlement;
  /**
   * Gives the standby up with the next call: when `count` more values would reach it, or, without `count`, anyway.
   * @returns whether that makes room for others.
   */
  makeRoom(count?: number): boolean;
}

const deal = (state: SessionState, count: number, limit: bigint): Range | undefined => {
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
const standsInTheWay = ({ standby, seen }: SessionState, count: number): boolean =>
  standby.segment !== undefined && !standby.usedInPart && seen + BigInt(count) >= standby.segment.first;

const build = (state: SessionState, wanted: CounterCallKind, count: number, terms: CallTerms): CounterCall => {
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

const finish = (state: SessionState, pending: CounterCall): void => {
  state.pending = undefined;
  state.settled = pending.call;
  state.settledEpoch = state.epoch;
  state.standing = pending.kind === 'leave' ? 'gone' : 'known';
};

const settle = (state: SessionState, callNumber: number, reply: CounterReply): Settlement => {
  const { pending } = state;
  if (pending?.call !== callNumber || owesReport(state)) return { kind: 'late' };
  if (isOutdated(state, reply.fence)) return { kind: 'again' };
  switch (reply.kind) {
    case 'corrupt':
    case 'ceiling':
    case 'forgotten':
    case 'recovering':
      return settleRefusal(state, reply);
    case 'stale':
      return { kind: 'usurped' };
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
      if (!reply.returned && reply.range.last > state.seen) state.seen = reply.range.last;
      state.history.add(reply.range);
      return { kind: 'settled' };
    case 'receipt':
    case 'conflict':
      throw new Error(`a numbered call was answered ${reply.kind}`);
  }
};

const topOf = ({ standby, history, seen }: SessionState): bigint =>
  [...history.list(), ...(standby.segment ? [standby.segment] : [])].reduce(
    (top, { last }) => (last > top ? last : top),
    seen,
  );

const makeReport = (state: SessionState, terms: CallTerms): CounterReport => ({
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

const settleReport = (state: SessionState, reply: ReportReply): boolean => {
  if (!owesReport(state)) return true;
  if (reply.kind === 'recovering') {
    state.reportedFor = undefined;
    swear(state);
  }
  if (reply.kind === 'waiting') {
    if (reply.recovery.time !== state.recovery?.time) state.recovery = reply.recovery;
    state.reportedFor = reply.reported.includes(state.node) ? state.recovery : undefined;
    // Others know of a later epoch, which may yet begin on another server: a recovery is exact when all have sworn it off.
    swear(state, reply.epoch);
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

const checkReported = (state: SessionState): void => {
  if (owesReport(state)) throw new Error('the session owes a report');
};

/** A class, for its methods are shared: 25 closures for each of 10,000 series were 35 MB. */
class Session implements CounterSession {
  // Not a #field: the model check spoils sessions by objects that inherit from them.
  private readonly state: SessionState;

  constructor(state: SessionState) {
    this.state = state;
  }

  get pending() {
    return this.state.pending;
  }
  get settled() {
    return this.state.settled;
  }
  get hasValues() {
    return this.state.surplus.length > 0;
  }
  get hasReport() {
    const { surplus, standby } = this.state;
    return surplus.length > 0 || standby.hasReleased || standby.usedInPart;
  }
  get standby() {
    return this.state.standby.segment;
  }
  get standbyLeft() {
    return this.state.standby.left;
  }
  get needsReport() {
    return owesReport(this.state);
  }
  get named() {
    return this.state.recovery;
  }
  get fence() {
    return this.state.fence;
  }
  get seen() {
    return this.state.seen;
  }
  get top() {
    return topOf(this.state);
  }
  get isKnown() {
    return this.state.standing === 'known';
  }

  open(epoch: bigint): void {
    if (epoch > this.state.epoch) this.state.epoch = epoch;
  }
  raised(fence: Fence): void {
    if (fence.epoch === this.state.epoch) this.state.fence = fence;
  }
  swear(epoch?: bigint): void {
    swear(this.state, epoch);
  }
  report(terms: CallTerms): CounterReport {
    return makeReport(this.state, terms);
  }
  settleReport(reply: ReportReply): boolean {
    return settleReport(this.state, reply);
  }
  deal(count: number, limit: bigint): Range | undefined {
    return deal(this.state, count, limit);
  }
  dealStandby(count: number, limit: bigint): Range | undefined {
    return this.state.standby.issue(count, limit);
  }
  giveBack(range: Range): void {
    this.state.surplus.unshift(range);
  }
  call(count: number, terms: CallTerms): CounterCall {
    checkReported(this.state);
    return this.state.pending ?? build(this.state, 'take', count, terms);
  }
  leave(terms: CallTerms): CounterCall | undefined {
    checkReported(this.state);
    const { pending, standing } = this.state;
    return pending ?? (standing === 'new' ? undefined : build(this.state, 'leave', 0, terms));
  }
  settle(callNumber: number, reply: CounterReply): Settlement {
    return settle(this.state, callNumber, reply);
  }
  once(count: number, terms: CallTerms, receipt: ReceiptDraft): CounterCall {
    if (this.state.standing !== 'known') throw new Error('the store does not know this session');
    return makeOnce(this.state, count, terms, receipt);
  }
  settleOnce(reply: CounterReply): OnceSettlement {
    return settleOnce(this.state, reply);
  }
  makeRoom(count?: number): boolean {
    return (count === undefined || standsInTheWay(this.state, count)) && this.state.standby.release();
  }
}

const NODE = /^[A-Za-z0-9._-]{2,64}$/;

/** @throws Error when the node's name has other characters than the store's records can hold. */
export const createCounterSession = (options: CounterSessionOptions): CounterSession => {
  if (!NODE.test(options.node)) throw new Error(`"${options.node}" is no name for a node`);
  const history = createTakenHistory(() => state.seen);
  const state: SessionState = {
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
  return new Session(state);
};
