/** A node's side of the counter protocol for one sequence: numbers its calls, keeps what it was given, loses nothing. */
import type { CounterCall, CounterCallKind, CounterReply } from '../core/counter-store.ts';
import type { Range } from '../core/range.ts';
import type { SequenceName } from '../core/sequence-name.ts';
import { createHeldStandby, type HeldStandby } from './held-standby.ts';

export interface CounterSessionOptions {
  readonly sequence: SequenceName;
  /** Names the running process; fresh and random at each start. Letters, digits, `.`, `_`, `-`; at least two. */
  readonly node: string;
  /**
   * Gives rising numbers from 1 on. One source for all sessions of a process, so that a sequence which was left and is
   * met again goes on with higher numbers than before.
   */
  readonly nextCall: () => number;
}

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
  /** True when there are values in hand in order. */
  readonly hasValues: boolean;
  /** True when a call of count 0 would tidy up: values in hand that nobody asked for, a standby that was used. */
  readonly hasReport: boolean;
  readonly standby: Range | undefined;
  readonly standbyLeft: bigint;
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

/** How the store knows this node: a forgotten one joins with count 0, so that a late copy of that call takes nothing. */
type Standing = 'new' | 'known' | 'forgotten' | 'gone';

interface State extends CounterSessionOptions {
  readonly standby: HeldStandby;
  standing: Standing;
  pending: CounterCall | undefined;
  surplus: Range[];
  lastRange: Range | undefined;
  seen: bigint;
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

const build = (state: State, wanted: CounterCallKind, count: number, terms: CallTerms): CounterCall => {
  if (state.standing === 'gone') throw new Error('the session has left this sequence');
  const rejoins = state.standing === 'forgotten';
  if (!rejoins && (wanted === 'leave' || standsInTheWay(state, count))) state.standby.release();
  const call: CounterCall = {
    ...terms,
    sequence: state.sequence,
    node: state.node,
    call: state.nextCall(),
    kind: state.standing === 'known' ? wanted : 'join',
    count: rejoins ? 0 : count,
    holding: state.standby.segment,
    usedInPart: state.standby.usedInPart,
    released: rejoins ? [] : state.standby.takeReleased(),
    // Whoever asks for more has dealt what it can: the rest is of no use here. So what a node holds in order is always
    // within the range of its last call, which the store remembers.
    returned: rejoins ? [] : state.surplus,
    seen: state.seen,
    lastRange: state.lastRange,
  };
  if (!rejoins) state.surplus = [];
  state.pending = call;
  return call;
};

// The call may have been served before its node was forgotten. Segments are reported once more, for their names make
// that harmless; but values given back may be another's by now: they are left to the store, under `lastRange`.
const forgotten = (state: State, pending: CounterCall): Settlement => {
  state.standby.restoreReleased(pending.released);
  state.pending = undefined;
  state.standing = 'forgotten';
  return { kind: 'again' };
};

const finish = (state: State, pending: CounterCall): void => {
  state.pending = undefined;
  state.standing = pending.kind === 'leave' ? 'gone' : 'known';
  if (pending.returned.length > 0) state.lastRange = undefined;
};

const settle = (state: State, callNumber: number, reply: CounterReply): Settlement => {
  const { pending } = state;
  if (pending?.call !== callNumber) return { kind: 'late' };
  switch (reply.kind) {
    case 'corrupt':
      return { kind: 'corrupt', reason: reply.reason };
    case 'stale':
      return { kind: 'usurped' };
    case 'forgotten':
      return forgotten(state, pending);
    case 'exhausted': {
      finish(state, pending);
      const gaveUp = state.standby.follow(reply.standby);
      return gaveUp ? { kind: 'again' } : { kind: 'exhausted', valuesLeft: reply.valuesLeft };
    }
    case 'nothing': {
      const rejoined = state.standing === 'forgotten';
      finish(state, pending);
      state.standby.follow(reply.standby);
      if (pending.kind === 'leave') return { kind: 'left' };
      return { kind: rejoined ? 'again' : 'settled' };
    }
    case 'taken':
      finish(state, pending);
      state.standby.follow(reply.standby);
      state.surplus.push(reply.range);
      state.lastRange = reply.range;
      if (!reply.returned) state.seen = reply.range.last;
      return { kind: 'settled' };
  }
};

const NODE = /^[A-Za-z0-9._-]{2,64}$/;

/** @throws Error when the node's name has other characters than the store's records can hold. */
export const createCounterSession = (options: CounterSessionOptions): CounterSession => {
  if (!NODE.test(options.node)) throw new Error(`"${options.node}" is no name for a node`);
  const state: State = {
    ...options,
    standby: createHeldStandby(),
    standing: 'new',
    pending: undefined,
    surplus: [],
    lastRange: undefined,
    seen: 0n,
  };
  return {
    get pending() {
      return state.pending;
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
    deal: (count, limit) => deal(state, count, limit),
    dealStandby: (count, limit) => state.standby.issue(count, limit),
    giveBack: (range) => {
      state.surplus.unshift(range);
    },
    call: (count, terms) => state.pending ?? build(state, 'take', count, terms),
    leave: (terms) => state.pending ?? (state.standing === 'new' ? undefined : build(state, 'leave', 0, terms)),
    settle: (callNumber, reply) => settle(state, callNumber, reply),
  };
};
