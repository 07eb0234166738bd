/** One sequence in this node: the requests that wait for its values, and the session that brings them. */

import type { CounterReply } from '../../../core/counter/counter-store.ts';
import { CorruptEntryError, PeriodClosedError, SequenceOverflowError } from '../../../core/errors.ts';
import { rangeSize } from '../../../core/values/range.ts';
import type { AllocationTarget, CallTerms } from '../../allocator.ts';
import type { CounterLimits } from './counter-limits.ts';
import { hasReport, hasValues, settleCall } from './session.ts';
import { keepAboveFloor, raiseFloor } from './session-floor.ts';
import type { CounterSession } from './session-state.ts';
import type { OnceWaiter } from './waiter.ts';
import { refuse, serveFromHand, serveFromStandby, type Waiter } from './waiter.ts';

/** Why no calls can be made: the sequence is not open yet, must be recovered, or stands at its ceiling. */
export type Blockage = 'opening' | 'recovery' | 'ceiling';

export interface Lane {
  readonly session: CounterSession;
  /** The terms of the latest request. */
  target: AllocationTarget;
  /** In the order of arrival. */
  waiters: Waiter[];
  /** Those that come with a receipt, in the order of arrival. They wait for a trip, not for values in hand. */
  once: OnceWaiter[];
  /** The next call gives everything back and ends the session. */
  leaving: boolean;
  blocked: Blockage | undefined;
  /** Nobody asked for it here: it was opened to report for a recovery, and its target is made up. */
  stranger: boolean;
  /** Why the blockage cannot be removed at the moment. */
  trouble: unknown;
  /** A raise of the ceiling is under way. */
  raising: boolean;
  /** Report-only calls made since the last request, so that reporting ends by itself. */
  reports: number;
  /** Ticks of the idle clock since the last request; and until the next report. */
  idleTicks: number;
  ticksToReport: number;
}

export const createLane = (session: CounterSession, target: AllocationTarget): Lane => ({
  session,
  target,
  waiters: [],
  once: [],
  leaving: false,
  blocked: undefined,
  stranger: false,
  trouble: undefined,
  raising: false,
  reports: 0,
  idleTicks: 0,
  ticksToReport: 1,
});

/**
 * Serves the head of the line from what is in hand, in order of arrival. Who may not have values as high as those in hand
 * is refused: there will be none for it, and the others would wait for ever. @returns how many left the line.
 */
export const serveInOrder = (lane: Lane): number => {
  let done = 0;
  for (const waiter of lane.waiters) {
    if (waiter.lastCall !== undefined && lane.session.settled <= waiter.lastCall) break;
    if (!serveFromHand(lane.session, waiter)) {
      if (!hasValues(lane.session)) break;
      refuse(lane.session, waiter, new SequenceOverflowError(lane.target.sequence.prefixKey, 0n));
    }
    done += 1;
  }
  lane.waiters.splice(0, done);
  return done;
};

/** Serves whom the standby segment is enough for; the others keep waiting. @returns how many were served. */
export const serveWithoutStore = (lane: Lane): number => {
  const before = lane.waiters.length;
  lane.waiters = lane.waiters.filter((waiter) => !serveFromStandby(lane.session, waiter));
  return before - lane.waiters.length;
};

/** Refuses all who wait. @returns how many. */
export const refuseAll = (lane: Lane, error: unknown): number => {
  const refused = lane.waiters.splice(0);
  for (const waiter of refused.toReversed()) refuse(lane.session, waiter, error);
  return refused.length;
};

/** Refuses those who do not fit into what is left, the earlier ones first to stay. @returns how many were refused. */
const refuseWhoDoesNotFit = (lane: Lane, valuesLeft: bigint): number => {
  const before = lane.waiters.length;
  let left = valuesLeft;
  lane.waiters = lane.waiters.filter((waiter) => {
    const fits = BigInt(waiter.missing) <= left;
    if (fits) left -= BigInt(waiter.missing);
    else left += refuse(lane.session, waiter, new SequenceOverflowError(lane.target.sequence.prefixKey, valuesLeft));
    return fits;
  });
  return before - lane.waiters.length;
};

/** Values the next call should bring; at least what the first in line needs. */
export const countWanted = (lane: Lane, valuesMax: number): number => {
  let count = 0;
  for (const waiter of lane.waiters) {
    if (count > 0 && count + waiter.missing > valuesMax) break;
    count += waiter.missing;
  }
  return count;
};

export interface LaneProgress {
  /** Requests that left the line. */
  readonly done: number;
  /** Whether another call should follow. */
  readonly again: boolean;
  /** The session is over: drop the lane. */
  readonly over: boolean;
  /** What must be done before the next call. */
  readonly blocked?: { readonly by: 'recovery' } | { readonly by: 'ceiling'; readonly value: bigint };
}

type IdleLimits = Pick<CounterLimits, 'idleTicksMax' | 'reportTicksMax'>;

const REPORTS_MAX = 3;

/** A standby that was used, or values nobody waits for: say so soon, but not for ever. */
const shouldReport = (lane: Lane): boolean => {
  if (!hasReport(lane.session) || lane.reports >= REPORTS_MAX) return false;
  lane.reports += 1;
  return true;
};

/** Takes in the store's reply to the call of that number. */
export const settleLane = (lane: Lane, callNumber: number, reply: CounterReply): LaneProgress => {
  const settlement = settleCall(lane.session, callNumber, reply);
  switch (settlement.kind) {
    case 'left':
      return { done: 0, again: lane.waiters.length > 0, over: true };
    case 'usurped':
      return { done: 0, again: lane.waiters.length > 0, over: true };
    case 'corrupt': {
      const error = new CorruptEntryError(lane.target.sequence.prefixKey, settlement.reason);
      return { done: refuseAll(lane, error), again: false, over: lane.leaving };
    }
    case 'exhausted': {
      const refused = refuseWhoDoesNotFit(lane, settlement.valuesLeft);
      return { done: refused, again: lane.waiters.length > 0 || lane.leaving, over: false };
    }
    case 'closed': {
      const { prefixKey, period } = lane.target.sequence;
      const refused = refuseAll(lane, new PeriodClosedError(prefixKey, period));
      return { done: refused, again: lane.leaving || shouldReport(lane), over: false };
    }
    case 'again':
    case 'late':
      return { done: 0, again: true, over: false };
    case 'report':
      return { done: 0, again: false, over: false, blocked: { by: 'recovery' } };
    case 'ceiling':
      return { done: 0, again: false, over: false, blocked: { by: 'ceiling', value: settlement.value } };
    case 'settled': {
      const served = serveInOrder(lane);
      return { done: served, again: lane.waiters.length > 0 || lane.leaving || shouldReport(lane), over: false };
    }
  }
};

/** What requests that came before have got so far goes back when it lies below the raised floor: they wait for more. */
const takeBackOutdated = ({ session, waiters }: Lane): void => {
  for (const waiter of waiters) {
    for (const range of waiter.ranges.splice(0)) {
      const kept = keepAboveFloor(session, range);
      if (kept !== undefined) waiter.ranges.push(kept);
      waiter.missing += Number(rangeSize(range) - (kept === undefined ? 0n : rangeSize(kept)));
    }
  }
};

/** Heeds a raised `initialSeq`, before anything is dealt. */
export const heedFloor = (lane: Lane, { initialSeq }: CallTerms): void => {
  if (raiseFloor(lane.session, initialSeq)) takeBackOutdated(lane);
};

/** A request came for the lane: it is not idle. */
export const touch = (lane: Lane, target: AllocationTarget): void => {
  lane.target = target;
  heedFloor(lane, target);
  lane.stranger = false;
  lane.idleTicks = 0;
  lane.ticksToReport = 1;
  lane.reports = 0;
};

/** Lets the idle clock tick. @returns whether a call should be made: to report, or, after long, to give the lane up. */
export const isTickDue = (lane: Lane, { idleTicksMax, reportTicksMax }: IdleLimits): boolean => {
  lane.idleTicks += 1;
  lane.ticksToReport -= 1;
  if (lane.idleTicks > idleTicksMax) lane.leaving = true;
  else if (lane.idleTicks <= 1 || lane.ticksToReport > 0) return false;
  lane.ticksToReport = Math.min(lane.idleTicks, reportTicksMax);
  return true;
};
