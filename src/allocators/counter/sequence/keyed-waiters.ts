/** The keyed requests that wait in a queue: their entries in a trip, and what the answers mean. */

import type { CounterCall, CounterReply } from '../../../core/counter/counter-call.ts';
import {
  CorruptEntryError,
  IdempotencyConflictError,
  PeriodClosedError,
  SequenceOverflowError,
} from '../../../core/errors.ts';
import type { CallTerms } from '../../allocator.ts';
import { makeKeyedCall, settleKeyedCall } from './keyed-call.ts';
import type { QueueProgress, SequenceQueue } from './sequence-queue.ts';
import { makeRoom } from './session.ts';
import { isKnown } from './session-state.ts';
import type { KeyedWaiter } from './waiter.ts';

export interface KeyedEntry {
  readonly waiter: KeyedWaiter;
  readonly call: CounterCall;
}

/** Values that the waiters will take. */
export const keyedCount = ({ keyed }: SequenceQueue): number => keyed.reduce((sum, { count }) => sum + count, 0);

/** @returns whether a numbered call must go first. */
export const joinKeyed = (queue: SequenceQueue, waiter: KeyedWaiter): boolean => {
  queue.keyed.push(waiter);
  waiter.needsRoom = makeRoom(queue.session, keyedCount(queue));
  return waiter.needsRoom || !isKnown(queue.session);
};

/** The terms of a numbered call; without a standby while a keyed request needs the room. */
export const termsBeside = ({ keyed, target }: SequenceQueue): CallTerms =>
  keyed.some(({ needsRoom }) => needsRoom) ? { ...target, standbySize: 0 } : target;

/** One entry each for the first waiters; none while no calls can be made. */
export const makeKeyedEntries = (queue: SequenceQueue, entriesMax: number): KeyedEntry[] => {
  if (queue.blocked !== undefined || queue.leaving || !isKnown(queue.session)) return [];
  return queue.keyed
    .slice(0, entriesMax)
    .map((waiter) => ({ waiter, call: makeKeyedCall(queue.session, waiter.count, waiter.terms, waiter.receipt) }));
};

const leave = (queue: SequenceQueue, waiter: KeyedWaiter): void => {
  queue.keyed = queue.keyed.filter((other) => other !== waiter);
};

export interface KeyedProgress extends QueueProgress {
  /** A numbered call should follow. */
  readonly callDue: boolean;
}

const STAYS = { done: 0, again: false, over: false, callDue: false };
const GONE = { ...STAYS, done: 1 };

/** Takes in the answer to an entry. A waiter that is not served stays in the line. */
export const settleKeyedEntry = (queue: SequenceQueue, waiter: KeyedWaiter, reply: CounterReply): KeyedProgress => {
  const settlement = settleKeyedCall(queue.session, reply);
  const { prefixKey } = queue.target.sequence.series;
  const refuse = (error: unknown): KeyedProgress => {
    leave(queue, waiter);
    waiter.reject(error);
    return GONE;
  };
  switch (settlement.kind) {
    case 'settled': {
      leave(queue, waiter);
      const { receipt, replayed, standbyDue } = settlement;
      waiter.resolve({ receipt, replayed });
      return { ...GONE, callDue: standbyDue && queue.target.standbySize > 0 };
    }
    case 'conflict':
      return refuse(new IdempotencyConflictError());
    case 'closed':
      return refuse(new PeriodClosedError(prefixKey, queue.target.sequence.period));
    case 'exhausted':
      if (waiter.needsRoom || !makeRoom(queue.session)) {
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

/** Refuses all waiters. @returns how many. */
export const refuseAllKeyed = (queue: SequenceQueue, error: unknown): number => {
  const refused = queue.keyed.splice(0);
  for (const { reject } of refused) reject(error);
  return refused.length;
};

/**
 * A trip has failed. If only its reply was lost, the next one finds the receipts: waiters stay for another `graceMs`.
 * @returns how many are refused.
 */
export const failKeyed = (queue: SequenceQueue, error: unknown, graceMs: number): number => {
  const nowMs = performance.now();
  const before = queue.keyed.length;
  queue.keyed = queue.keyed.filter((waiter) => {
    waiter.patienceEndMs ??= nowMs + graceMs;
    if (nowMs < waiter.patienceEndMs) return true;
    waiter.reject(error);
    return false;
  });
  return before - queue.keyed.length;
};
