/** A node's side of the counter protocol for one sequence: numbers its calls and keeps the values it was given. */
import type { CounterCall, CounterCallKind, CounterReply, StandbyAdvice } from '../../../core/counter/counter-call.ts';
import { countOf, type Range } from '../../../core/values/range.ts';
import type { CallTerms } from '../../allocator.ts';
import { followAdvice, issueStandby, isUsedInPart, takeReleased } from './held-standby.ts';
import { giveUpBelowFloor, initialSeqOf, keepAboveFloor } from './session-floor.ts';
import {
  type CounterSession,
  giveUpStandby,
  isOutdated,
  keepUsed,
  owesReport,
  type Refusal,
  type SessionState,
  settleRefusal,
  windowOf,
} from './session-state.ts';
import { addTaken, removeTaken } from './taken-history.ts';

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

/** True when there are values in hand in order. */
export const hasValues = ({ surplus }: CounterSession): boolean => surplus.length > 0;

/** True when a call of count 0 would report something: values in hand without a waiter, or a used standby. */
export const hasReport = ({ surplus, outdated, standby }: CounterSession): boolean =>
  surplus.length > 0 || outdated.length > 0 || standby.released.length > 0 || isUsedInPart(standby);

/** Values in hand in order, up to `count` and not above `limit`. Deal these first, always. */
export const dealInOrder = (state: SessionState, count: number, limit: bigint): Range | undefined => {
  const range = state.surplus[0];
  if (!range || range.first > limit) return undefined;
  // Most requests want one value: no bigint is made to find it.
  let last = count === 1 ? range.first : range.first + BigInt(count) - 1n;
  if (last > range.last) last = range.last;
  if (last > limit) last = limit;
  if (last === range.last) state.surplus.shift();
  else state.surplus[0] = { first: last + 1n, last: range.last };
  return { first: range.first, last };
};

/** Values of the standby segment: only while the store does not answer. */
export const dealStandby = ({ standby }: SessionState, count: number, limit: bigint): Range | undefined =>
  issueStandby(standby, count, limit);

/** Takes back values that were dealt but not issued. */
export const giveBack = (state: SessionState, range: Range): void => {
  const kept = keepAboveFloor(state, range);
  if (kept !== undefined) state.surplus.unshift(kept);
};

const NONE: readonly Range[] = [];

/** Takes everything that is in hand out of a session: to give it back, or when the session is over. */
export const takeAllInHand = (state: SessionState): readonly Range[] => {
  const { outdated, surplus } = state;
  if (outdated.length === 0 && surplus.length === 0) return NONE;
  state.outdated = NONE;
  state.surplus = [];
  return [...outdated, ...surplus];
};

/** A call so large that it would reach this node's own unused standby: giving that up first keeps the values consecutive. */
const standsInTheWay = ({ standby, seen }: CounterSession, count: number): boolean =>
  standby.segment !== undefined && !isUsedInPart(standby) && seen + BigInt(count) >= standby.segment.first;

const build = (state: SessionState, wanted: CounterCallKind, count: number, terms: CallTerms): CounterCall => {
  if (state.standing === 'gone') throw new Error('the session has left this sequence');
  if (wanted === 'leave' || standsInTheWay(state, count)) giveUpStandby(state);
  const call: CounterCall = {
    ...terms,
    sequence: state.sequence,
    node: state.node,
    call: state.nextCall(),
    kind: state.standing === 'new' ? 'join' : wanted,
    count,
    initialSeq: initialSeqOf(state, terms),
    epoch: state.epoch,
    window: windowOf(state, terms),
    reissued: false,
    holding: state.standby.segment,
    usedInPart: isUsedInPart(state.standby),
    released: takeReleased(state.standby),
    // A queue that asks for more has dealt what it could, and returns the rest. So the values a node holds in order are
    // always within the range of its last call, which the store remembers.
    returned: takeAllInHand(state),
    seen: state.seen,
  };
  for (const range of call.returned) removeTaken(state.history, range);
  state.pending = call;
  return call;
};

const putInHand = (state: SessionState, range: Range): void => {
  const kept = keepAboveFloor(state, range);
  if (kept === undefined) return;
  if (state.surplus.length === 0) state.surplus = [kept];
  else state.surplus.push(kept);
};

/** @returns whether values of a segment were given up. */
const follow = (state: SessionState, advice: StandbyAdvice): boolean => {
  const gaveUp = keepUsed(state, followAdvice(state.standby, advice));
  // Offered in a call that was made before `initialSeq` was raised.
  return giveUpBelowFloor(state) || gaveUp;
};

const finish = (state: SessionState, pending: CounterCall): void => {
  state.pending = undefined;
  state.settled = pending.call;
  state.settledEpoch = state.epoch;
  if (pending.returned.length > 0) state.last = undefined;
  state.standing = pending.kind === 'leave' ? 'gone' : 'known';
};

/** Takes in the answer to the call of that number. */
export const settleCall = (state: SessionState, callNumber: number, reply: CounterReply): Settlement => {
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
      const gaveUp = follow(state, reply.standby);
      return gaveUp ? { kind: 'again' } : { kind: 'exhausted', valuesLeft: reply.valuesLeft };
    }
    case 'closed':
      finish(state, pending);
      follow(state, reply.standby);
      return { kind: 'closed' };
    case 'nothing':
      finish(state, pending);
      follow(state, reply.standby);
      return pending.kind === 'leave' ? { kind: 'left' } : { kind: 'settled' };
    case 'taken':
      finish(state, pending);
      follow(state, reply.standby);
      putInHand(state, reply.range);
      if (!reply.returned && reply.range.last > state.seen) state.seen = reply.range.last;
      state.given += countOf(reply.range);
      state.last = reply.range;
      addTaken(state.history, reply.range, state.seen);
      return { kind: 'settled' };
    case 'receipt':
    case 'conflict':
      throw new Error(`a numbered call was answered ${reply.kind}`);
  }
};

const checkReported = (state: SessionState): void => {
  if (owesReport(state)) throw new Error('the session owes a report');
};

/** The call to send now: the pending one, else a new one for `count` values (0: report only). Deal first. */
export const makeCall = (state: SessionState, count: number, terms: CallTerms): CounterCall => {
  checkReported(state);
  return state.pending ?? build(state, 'take', count, terms);
};

/**
 * Like `makeCall`, to end the session: returns all that is in hand. Nothing can be dealt from here on. Repeat `makeLeave` and
 * `settleCall` until `left`; undefined when the store never heard of this session.
 */
export const makeLeave = (state: SessionState, terms: CallTerms): CounterCall | undefined => {
  checkReported(state);
  return state.pending ?? (state.standing === 'new' ? undefined : build(state, 'leave', 0, terms));
};

/**
 * Gives the standby up with the next call: when `count` more values would reach it, or, without `count`, anyway.
 * @returns whether that makes room for others.
 */
export const makeRoom = (state: SessionState, count?: number): boolean =>
  (count === undefined || standsInTheWay(state, count)) && giveUpStandby(state);
