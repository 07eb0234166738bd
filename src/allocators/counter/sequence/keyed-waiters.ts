/** The requests with a receipt that wait in a lane: the entries they become, and what the answers make of them. */

import type { CounterCall, CounterReply } from '../../../core/counter/counter-store.ts';
import {
  CorruptEntryError,
  IdempotencyConflictError,
  PeriodClosedError,
  SequenceOverflowError,
} from '../../../core/errors.ts';
import type { CallTerms } from '../../allocator.ts';
import { makeOnce, settleOnce } from './keyed-call.ts';
import type { Lane, LaneProgress } from './sequence-queue.ts';
import { makeRoom } from './session.ts';
import { isKnown } from './session-state.ts';
import type { OnceWaiter } from './waiter.ts';

export interface OnceEntry {
  readonly waiter: OnceWaiter;
  readonly call: CounterCall;
}

/** Values that those who wait will take. */
export const onceCount = ({ once }: Lane): number => once.reduce((sum, { count }) => sum + count, 0);

/** @returns whether a numbered call must go first. */
export const joinOnce = (lane: Lane, waiter: OnceWaiter): boolean => {
  lane.once.push(waiter);
  waiter.needsRoom = makeRoom(lane.session, onceCount(lane));
  return waiter.needsRoom || !isKnown(lane.session);
};

/** The terms of a numbered call while somebody waits who needs all the room there is. */
export const termsBeside = ({ once, target }: Lane): CallTerms =>
  once.some(({ needsRoom }) => needsRoom) ? { ...target, standbySize: 0 } : target;

/** One entry each for the first of those who wait; none while no calls can be made. */
export const makeOnceEntries = (lane: Lane, entriesMax: number): OnceEntry[] => {
  if (lane.blocked !== undefined || lane.leaving || !isKnown(lane.session)) return [];
  return lane.once
    .slice(0, entriesMax)
    .map((waiter) => ({ waiter, call: makeOnce(lane.session, waiter.count, waiter.terms, waiter.receipt) }));
};

const leave = (lane: Lane, waiter: OnceWaiter): void => {
  lane.once = lane.once.filter((other) => other !== waiter);
};

export interface OnceProgress extends LaneProgress {
  /** A numbered call should follow. */
  readonly callDue: boolean;
}

const STAYS = { done: 0, again: false, over: false, callDue: false };
const GONE = { ...STAYS, done: 1 };

/** Takes in the answer to an entry. Who is not served stays in the line. */
export const settleOnceEntry = (lane: Lane, waiter: OnceWaiter, reply: CounterReply): OnceProgress => {
  const settlement = settleOnce(lane.session, reply);
  const { prefixKey } = lane.target.sequence;
  const refuse = (error: unknown): OnceProgress => {
    leave(lane, waiter);
    waiter.reject(error);
    return GONE;
  };
  switch (settlement.kind) {
    case 'settled': {
      leave(lane, waiter);
      const { receipt, replayed, standbyDue } = settlement;
      waiter.resolve({ receipt, replayed });
      return { ...GONE, callDue: standbyDue && lane.target.standbySize > 0 };
    }
    case 'conflict':
      return refuse(new IdempotencyConflictError());
    case 'closed':
      return refuse(new PeriodClosedError(prefixKey, lane.target.sequence.period));
    case 'exhausted':
      if (waiter.needsRoom || !makeRoom(lane.session)) {
        return refuse(new SequenceOverflowError(prefixKey, settlement.valuesLeft));
      }
      waiter.needsRoom = true;
      return { ...STAYS, callDue: true };
    case 'corrupt':
      return refuse(new CorruptEntryError(prefixKey, settlement.reason));
    case 'again':
      return STAYS;
    case 'report':
      return { ...STAYS, blocked: { by: 'recovery' } };
    case 'ceiling':
      return { ...STAYS, blocked: { by: 'ceiling', value: settlement.value } };
  }
};

/** Refuses all who wait. @returns how many. */
export const refuseAllOnce = (lane: Lane, error: unknown): number => {
  const refused = lane.once.splice(0);
  for (const { reject } of refused) reject(error);
  return refused.length;
};

/**
 * A trip has failed. Its reply may have been lost, then the next one finds the receipts: so who waits does so for another
 * `graceMs`. @returns how many are refused.
 */
export const failOnce = (lane: Lane, error: unknown, graceMs: number): number => {
  const nowMs = performance.now();
  const before = lane.once.length;
  lane.once = lane.once.filter((waiter) => {
    waiter.patienceEndMs ??= nowMs + graceMs;
    if (nowMs < waiter.patienceEndMs) return true;
    waiter.reject(error);
    return false;
  });
  return before - lane.once.length;
};
