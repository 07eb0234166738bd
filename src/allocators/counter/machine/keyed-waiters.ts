/** The keyed requests that wait in a sequence: their entries in a trip, and what the answers mean. */
import type { CounterCall, CounterReply } from '../../../core/counter/counter-call.ts';
import {
  CorruptEntryError,
  IdempotencyConflictError,
  PeriodClosedError,
  SequenceOverflowError,
} from '../../../core/errors.ts';
import type { CallTerms } from '../../allocator.ts';
import { makeKeyedCall, settleKeyedCall } from './keyed-call.ts';
import { makeRoom } from './session.ts';
import { isKnown } from './session-state.ts';
import { answer, type Desk, type KeyedWaiter, type Line } from './waiters.ts';

export interface KeyedEntry {
  readonly waiter: KeyedWaiter;
  readonly call: CounterCall;
}

/** Values that the waiters will take. */
export const keyedCount = ({ keyed }: Line): number => keyed.reduce((sum, { count }) => sum + count, 0);

/** @returns whether a numbered call must go first. */
export const joinKeyed = (line: Line, waiter: KeyedWaiter): boolean => {
  line.keyed.push(waiter);
  waiter.needsRoom = makeRoom(line.session, keyedCount(line));
  return waiter.needsRoom || !isKnown(line.session);
};

/** The terms of a numbered call; without a standby while a keyed request needs the room. */
export const termsBeside = ({ keyed, target }: Line): CallTerms =>
  keyed.some(({ needsRoom }) => needsRoom) ? { ...target, standbySize: 0 } : target;

/** One entry each for the first waiters. The store must know the session. */
export const makeKeyedEntries = ({ session, keyed }: Line, entriesMax: number): KeyedEntry[] =>
  keyed
    .slice(0, entriesMax)
    .map((waiter) => ({ waiter, call: makeKeyedCall(session, waiter.count, waiter.target, waiter.receipt) }));

/** What follows from the answer to an entry. */
export type KeyedOutcome =
  /** The waiter has its answer, or waits for the next trip. `callDue`: a numbered call should follow. */
  | { readonly kind: 'settled'; readonly callDue: boolean }
  /** The sequence must be recovered first. */
  | { readonly kind: 'report' }
  /** The ceiling must be raised above `value` first. */
  | { readonly kind: 'ceiling'; readonly value: bigint };

const DONE: KeyedOutcome = { kind: 'settled', callDue: false };

const leave = (line: Line, waiter: KeyedWaiter): void => {
  line.keyed = line.keyed.filter((other) => other !== waiter);
};

const refuseOne = (desk: Desk, line: Line, waiter: KeyedWaiter, error: unknown): KeyedOutcome => {
  leave(line, waiter);
  answer(desk, { do: 'refuse', ticket: waiter.ticket, error });
  return DONE;
};

/** Takes in the answer to an entry. A waiter that is not served stays in the line. */
export const settleKeyedEntry = (desk: Desk, line: Line, waiter: KeyedWaiter, reply: CounterReply): KeyedOutcome => {
  const { session, target } = line;
  const { series, period } = target.sequence;
  const settlement = settleKeyedCall(session, reply);
  if (settlement.kind === 'report' || settlement.kind === 'ceiling') return settlement;
  // It was refused while its entry was under way. What the session has learnt from the reply stays.
  if (!line.keyed.includes(waiter)) return DONE;
  switch (settlement.kind) {
    case 'settled': {
      const { receipt, replayed, standbyDue } = settlement;
      leave(line, waiter);
      answer(desk, { do: 'serve-keyed', ticket: waiter.ticket, receipt, replayed });
      return { kind: 'settled', callDue: standbyDue && target.standbySize > 0 };
    }
    case 'conflict':
      return refuseOne(desk, line, waiter, new IdempotencyConflictError());
    case 'closed':
      return refuseOne(desk, line, waiter, new PeriodClosedError(series.prefixKey, period));
    case 'exhausted':
      if (waiter.needsRoom || !makeRoom(session)) {
        return refuseOne(desk, line, waiter, new SequenceOverflowError(series.prefixKey, settlement.valuesLeft));
      }
      waiter.needsRoom = true;
      return { kind: 'settled', callDue: true };
    case 'corrupt':
      return refuseOne(desk, line, waiter, new CorruptEntryError(series.prefixKey, settlement.reason));
    case 'again':
      return DONE;
  }
};

export const refuseAllKeyed = (desk: Desk, line: Line, error: unknown): void => {
  for (const { ticket } of line.keyed.splice(0)) answer(desk, { do: 'refuse', ticket, error });
};

/** A trip has failed. If only its reply was lost, the next one finds the receipts: waiters stay for another `graceMs`. */
export const failKeyed = (desk: Desk, line: Line, error: unknown, { nowMs, graceMs }: KeyedPatience): void => {
  line.keyed = line.keyed.filter((waiter) => {
    waiter.patienceEndMs ??= nowMs + graceMs;
    if (nowMs < waiter.patienceEndMs) return true;
    answer(desk, { do: 'refuse', ticket: waiter.ticket, error });
    return false;
  });
};

export interface KeyedPatience {
  readonly nowMs: number;
  readonly graceMs: number;
}
