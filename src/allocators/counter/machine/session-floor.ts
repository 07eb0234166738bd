/** The floor of a session: `initialSeq` as it was raised last. Nothing at or below it is handed out, whatever it comes from. */
import type { Range } from '../../../core/values/range.ts';
import type { CallTerms } from '../../allocator.ts';
import { type CounterSession, giveUpStandby, type SessionState } from './session-state.ts';

/** The part of a range above `floor`; the rest waits to be given back. */
export const keepAboveFloor = (state: SessionState, range: Range): Range | undefined => {
  const { floor } = state;
  const { first, last } = range;
  if (first > floor) return range;
  const isCut = last > floor;
  state.outdated = [...state.outdated, isCut ? { first, last: floor } : range];
  return isCut ? { first: floor + 1n, last } : undefined;
};

/** The standby is given up whole: what a call says of it is how many of its first values were issued. */
export const giveUpBelowFloor = (state: SessionState): boolean => {
  const { segment, next } = state.standby;
  return segment !== undefined && next <= state.floor && giveUpStandby(state);
};

/** `initialSeq` was raised: nothing at or below it is dealt from here on. @returns false when that was known. */
export const raiseFloor = (state: SessionState, initialSeq: bigint): boolean => {
  if (initialSeq <= state.floor) return false;
  state.floor = initialSeq;
  state.surplus = state.surplus.flatMap((range) => keepAboveFloor(state, range) ?? []);
  giveUpBelowFloor(state);
  return true;
};

/** Of a request that came before `initialSeq` was raised: it travels with what is known by now. */
export const initialSeqOf = ({ floor }: CounterSession, { initialSeq }: CallTerms): bigint =>
  initialSeq > floor ? initialSeq : floor;
