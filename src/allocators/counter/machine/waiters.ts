/** The requests that wait in a sequence for values in order: how they are served and refused, and how many wait. */
import { SequenceOverflowError } from '../../../core/errors.ts';
import { countOf, type Range, rangeSize } from '../../../core/values/range.ts';
import type { Receipt, ReceiptDraft } from '../../../core/values/receipt.ts';
import type { Allocation, AllocationTarget, CallTerms, KeyedAllocation } from '../../allocator.ts';
import { dealInOrder, dealStandby, giveBack, hasValues } from './session.ts';
import { keepAboveFloor, raiseFloor } from './session-floor.ts';
import type { CounterSession } from './session-state.ts';

/** Where the outcome of a request goes. The machine passes it on; only the shell calls it. */
export interface Ticket<Outcome> {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** A request for values in order. The event by which it arrives is what it waits as: one record from there to its answer. */
export interface Waiter {
  readonly kind: 'request';
  readonly ticket: Ticket<Allocation>;
  /** The terms on which it came. */
  readonly target: AllocationTarget;
  /** How many values it still lacks. */
  missing: number;
  /**
   * Set when its sequence may be closed at any time: the number of the latest call when the request came. Values of
   * that call or the standby are too old for it.
   */
  lastCall: number | undefined;
  /** What it has got so far. */
  ranges: readonly Range[];
}

const NONE: readonly Range[] = [];

export const createRequest = (ticket: Ticket<Allocation>, target: AllocationTarget, count: number): Waiter => ({
  kind: 'request',
  ticket,
  target,
  missing: count,
  lastCall: undefined,
  ranges: NONE,
});

/** A request with an idempotency key that waits for its receipt. */
export interface KeyedWaiter {
  readonly ticket: Ticket<KeyedAllocation>;
  readonly target: AllocationTarget;
  readonly count: number;
  readonly receipt: ReceiptDraft;
  /** When it is refused if the store is still away, on the node's clock; undefined before a trip has failed. */
  patienceEndMs: number | undefined;
  /** This node gave up its standby to make room for it: no new one is taken before it is served. */
  needsRoom: boolean;
}

/** What the requests of a sequence wait in. */
export interface Line {
  readonly session: CounterSession;
  /** The terms of the latest request. */
  target: AllocationTarget;
  /** In the order of arrival. */
  waiters: Waiter[];
  /** Keyed requests, in the order of arrival. They wait for a trip, not for values in hand. */
  keyed: KeyedWaiter[];
}

/** The outcome of requests, for the shell to hand over. */
export type Answer =
  /** They have got their ranges: all that one reply serves are one effect. */
  | { readonly do: 'serve'; readonly waiters: readonly Waiter[]; readonly fromStandby: boolean }
  | {
      readonly do: 'serve-keyed';
      readonly ticket: Ticket<KeyedAllocation>;
      readonly receipt: Receipt;
      readonly replayed: boolean;
    }
  | { readonly do: 'refuse'; readonly ticket: Ticket<never>; readonly error: unknown };

/** Where requests arrive and answers leave: each request arrives once and is answered once. */
export interface Desk {
  arrived: number;
  answered: number;
  readonly effects: { push(answer: Answer): unknown };
}

/** How many requests wait in all sequences. */
export const countWaiting = ({ arrived, answered }: Desk): number => arrived - answered;

export const answer = (desk: Desk, given: Answer): void => {
  desk.answered += 1;
  desk.effects.push(given);
};

const give = (waiter: Waiter, range: Range): void => {
  // Most requests get one range: a list that is made for it is smaller than one that may grow.
  if (waiter.ranges === NONE) waiter.ranges = [range];
  else (waiter.ranges as Range[]).push(range);
  waiter.missing -= countOf(range);
};

/** Takes from it what it has got so far. */
const takeRanges = (waiter: Waiter): readonly Range[] => {
  const { ranges } = waiter;
  waiter.ranges = NONE;
  return ranges;
};

const serve = (desk: Desk, waiters: readonly Waiter[], fromStandby: boolean): void => {
  desk.answered += waiters.length;
  desk.effects.push({ do: 'serve', waiters, fromStandby });
};

/** Gives it values in order, as many as there are. @returns whether it has all. */
const giveInOrder = (session: CounterSession, waiter: Waiter): boolean => {
  while (waiter.missing > 0) {
    const range = dealInOrder(session, waiter.missing, waiter.target.limit);
    if (range === undefined) return false;
    give(waiter, range);
    if (waiter.target.isLease) break;
  }
  return true;
};

/** Serves it from what is in hand, if that is enough. @returns whether it was. */
export const serveFromHand = (desk: Desk, session: CounterSession, waiter: Waiter): boolean => {
  const hasAll = giveInOrder(session, waiter);
  if (hasAll) serve(desk, [waiter], false);
  return hasAll;
};

/** How many values of the standby segment are left up to `limit`. */
const usableStandby = ({ standby: { segment, next } }: CounterSession, limit: bigint): bigint =>
  segment === undefined ? 0n : (segment.last < limit ? segment.last : limit) - next + 1n;

/** The same with the standby segment, when that is enough: for the time the store does not answer. */
export const serveFromStandby = (desk: Desk, session: CounterSession, waiter: Waiter): boolean => {
  if (waiter.lastCall !== undefined) return false;
  if (serveFromHand(desk, session, waiter)) return true;
  const { limit } = waiter.target;
  if (usableStandby(session, limit) < BigInt(waiter.missing)) return false;
  const range = dealStandby(session, waiter.missing, limit);
  if (range === undefined) return false;
  give(waiter, range);
  serve(desk, [waiter], true);
  return true;
};

/** Refuses it; what it has got so far goes back, and from there to the store. @returns how many values that are. */
export const refuse = (desk: Desk, session: CounterSession, waiter: Waiter, error: unknown): bigint => {
  let size = 0n;
  for (const range of takeRanges(waiter).toReversed()) {
    giveBack(session, range);
    size += rangeSize(range);
  }
  answer(desk, { do: 'refuse', ticket: waiter.ticket, error });
  return size;
};

const overflow = ({ target }: Line, valuesLeft: bigint): SequenceOverflowError =>
  new SequenceOverflowError(target.sequence.series.prefixKey, valuesLeft);

/** What is in hand was taken before it came. */
const isTooEarly = ({ session }: Line, { lastCall }: Waiter): boolean =>
  lastCall !== undefined && session.settled <= lastCall;

/**
 * Serves the head of the line from what is in hand, in order of arrival. A waiter whose limit lies below those values
 * is refused: no lower ones will come, and the others would never be served.
 */
export const serveInOrder = (desk: Desk, line: Line): void => {
  const { session, waiters } = line;
  for (;;) {
    let served = 0;
    for (const waiter of waiters) {
      if (isTooEarly(line, waiter) || !giveInOrder(session, waiter)) break;
      served += 1;
    }
    if (served > 0) serve(desk, waiters.splice(0, served), false);
    const [unserved] = waiters;
    if (unserved === undefined || isTooEarly(line, unserved) || !hasValues(session)) return;
    waiters.shift();
    refuse(desk, session, unserved, overflow(line, 0n));
  }
};

/** Serves the waiters that the standby segment is enough for; the others keep waiting. */
export const serveWithoutStore = (desk: Desk, line: Line): void => {
  if (line.waiters.length === 0) return;
  line.waiters = line.waiters.filter((waiter) => !serveFromStandby(desk, line.session, waiter));
};

export const refuseAll = (desk: Desk, line: Line, error: unknown): void => {
  for (const waiter of line.waiters.splice(0).toReversed()) refuse(desk, line.session, waiter, error);
};

/** Refuses those who do not fit into what is left, the earlier ones first to stay. */
export const refuseWhoDoesNotFit = (desk: Desk, line: Line, valuesLeft: bigint): void => {
  let left = valuesLeft;
  line.waiters = line.waiters.filter((waiter) => {
    const fits = BigInt(waiter.missing) <= left;
    if (fits) left -= BigInt(waiter.missing);
    else left += refuse(desk, line.session, waiter, overflow(line, valuesLeft));
    return fits;
  });
};

/** Values the next call should bring; at least what the first in line needs. */
export const countWanted = ({ waiters }: Line, valuesMax: number): number => {
  let count = 0;
  for (const waiter of waiters) {
    if (count > 0 && count + waiter.missing > valuesMax) break;
    count += waiter.missing;
  }
  return count;
};

/** Takes back values below the raised floor from requests that are partly served; they wait for others. */
const takeBackOutdated = ({ session, waiters }: Line): void => {
  for (const waiter of waiters) {
    for (const range of takeRanges(waiter)) {
      waiter.missing += countOf(range);
      const kept = keepAboveFloor(session, range);
      if (kept !== undefined) give(waiter, kept);
    }
  }
};

/** Follows a raised `initialSeq` before any value is dealt. */
export const followFloor = (line: Line, { initialSeq }: CallTerms): void => {
  if (raiseFloor(line.session, initialSeq)) takeBackOutdated(line);
};
