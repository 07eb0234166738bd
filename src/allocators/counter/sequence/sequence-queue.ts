/** One sequence in this node: the requests that wait for its values, and the session that brings them. */

import type { CounterReply } from '../../../core/counter/counter-call.ts';
import { CorruptEntryError, PeriodClosedError, SequenceOverflowError } from '../../../core/errors.ts';
import { rangeSize } from '../../../core/values/range.ts';
import type { AllocationTarget, CallTerms } from '../../allocator.ts';
import type { CounterLimits } from './counter-limits.ts';
import { hasReport, hasValues, settleCall } from './session.ts';
import { keepAboveFloor, raiseFloor } from './session-floor.ts';
import type { CounterSession } from './session-state.ts';
import type { KeyedWaiter } from './waiter.ts';
import { refuse, serveFromHand, serveFromStandby, type Waiter } from './waiter.ts';

/** Why no calls can be made: the sequence is not open yet, must be recovered, or stands at its ceiling. */
export type Blockage = 'opening' | 'recovery' | 'ceiling';

export interface SequenceQueue {
  readonly session: CounterSession;
  /** The terms of the latest request. */
  target: AllocationTarget;
  /** In the order of arrival. */
  waiters: Waiter[];
  /** Keyed requests, in the order of arrival. They wait for a trip, not for values in hand. */
  keyed: KeyedWaiter[];
  /** The next call gives everything back and ends the session. */
  leaving: boolean;
  blocked: Blockage | undefined;
  /** Opened only to report for a recovery: its target is a placeholder. */
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

export const createSequenceQueue = (session: CounterSession, target: AllocationTarget): SequenceQueue => ({
  session,
  target,
  waiters: [],
  keyed: [],
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
 * Serves the head of the line from what is in hand, in order of arrival. A waiter whose limit lies below those values
 * is refused: no lower ones will come, and the others would never be served. @returns how many left the line.
 */
export const serveInOrder = (queue: SequenceQueue): number => {
  let done = 0;
  for (const waiter of queue.waiters) {
    if (waiter.lastCall !== undefined && queue.session.settled <= waiter.lastCall) break;
    if (!serveFromHand(queue.session, waiter)) {
      if (!hasValues(queue.session)) break;
      refuse(queue.session, waiter, new SequenceOverflowError(queue.target.sequence.series.prefixKey, 0n));
    }
    done += 1;
  }
  queue.waiters.splice(0, done);
  return done;
};

/**
 * Serves the waiters that the standby segment is enough for; the others keep waiting. @returns how many were served.
 */
export const serveWithoutStore = (queue: SequenceQueue): number => {
  const before = queue.waiters.length;
  queue.waiters = queue.waiters.filter((waiter) => !serveFromStandby(queue.session, waiter));
  return before - queue.waiters.length;
};

/** Refuses all waiters. @returns how many. */
export const refuseAll = (queue: SequenceQueue, error: unknown): number => {
  const refused = queue.waiters.splice(0);
  for (const waiter of refused.toReversed()) refuse(queue.session, waiter, error);
  return refused.length;
};

/** Refuses those who do not fit into what is left, the earlier ones first to stay. @returns how many were refused. */
const refuseWhoDoesNotFit = (queue: SequenceQueue, valuesLeft: bigint): number => {
  const before = queue.waiters.length;
  let left = valuesLeft;
  queue.waiters = queue.waiters.filter((waiter) => {
    const fits = BigInt(waiter.missing) <= left;
    if (fits) left -= BigInt(waiter.missing);
    else
      left += refuse(
        queue.session,
        waiter,
        new SequenceOverflowError(queue.target.sequence.series.prefixKey, valuesLeft),
      );
    return fits;
  });
  return before - queue.waiters.length;
};

/** Values the next call should bring; at least what the first in line needs. */
export const countWanted = (queue: SequenceQueue, valuesMax: number): number => {
  let count = 0;
  for (const waiter of queue.waiters) {
    if (count > 0 && count + waiter.missing > valuesMax) break;
    count += waiter.missing;
  }
  return count;
};

export interface QueueProgress {
  /** Requests that left the line. */
  readonly done: number;
  /** Whether another call should follow. */
  readonly again: boolean;
  /** The session is over: drop the queue. */
  readonly over: boolean;
  /** What must be done before the next call. */
  readonly blocked?: { readonly by: 'recovery' } | { readonly by: 'ceiling'; readonly value: bigint };
}

type IdleLimits = Pick<CounterLimits, 'idleTicksMax' | 'reportTicksMax'>;

const REPORTS_MAX = 3;

/** A used standby, or values without a waiter, are reported soon, a limited number of times. */
const shouldReport = (queue: SequenceQueue): boolean => {
  if (!hasReport(queue.session) || queue.reports >= REPORTS_MAX) return false;
  queue.reports += 1;
  return true;
};

/** Takes in the store's reply to the call of that number. */
export const settleQueue = (queue: SequenceQueue, callNumber: number, reply: CounterReply): QueueProgress => {
  const settlement = settleCall(queue.session, callNumber, reply);
  switch (settlement.kind) {
    case 'left':
      return { done: 0, again: queue.waiters.length > 0, over: true };
    case 'usurped':
      return { done: 0, again: queue.waiters.length > 0, over: true };
    case 'corrupt': {
      const error = new CorruptEntryError(queue.target.sequence.series.prefixKey, settlement.reason);
      return { done: refuseAll(queue, error), again: false, over: queue.leaving };
    }
    case 'exhausted': {
      const refused = refuseWhoDoesNotFit(queue, settlement.valuesLeft);
      return { done: refused, again: queue.waiters.length > 0 || queue.leaving, over: false };
    }
    case 'closed': {
      const { series, period } = queue.target.sequence;
      const refused = refuseAll(queue, new PeriodClosedError(series.prefixKey, period));
      return { done: refused, again: queue.leaving || shouldReport(queue), over: false };
    }
    case 'again':
    case 'late':
      return { done: 0, again: true, over: false };
    case 'report':
      return { done: 0, again: false, over: false, blocked: { by: 'recovery' } };
    case 'ceiling':
      return { done: 0, again: false, over: false, blocked: { by: 'ceiling', value: settlement.value } };
    case 'settled': {
      const served = serveInOrder(queue);
      return { done: served, again: queue.waiters.length > 0 || queue.leaving || shouldReport(queue), over: false };
    }
  }
};

/** Takes back values below the raised floor from requests that are partly served; they wait for others. */
const takeBackOutdated = ({ session, waiters }: SequenceQueue): void => {
  for (const waiter of waiters) {
    for (const range of waiter.ranges.splice(0)) {
      const kept = keepAboveFloor(session, range);
      if (kept !== undefined) waiter.ranges.push(kept);
      waiter.missing += Number(rangeSize(range) - (kept === undefined ? 0n : rangeSize(kept)));
    }
  }
};

/** Follows a raised `initialSeq` before any value is dealt. */
export const followFloor = (queue: SequenceQueue, { initialSeq }: CallTerms): void => {
  if (raiseFloor(queue.session, initialSeq)) takeBackOutdated(queue);
};

/** A request came for the queue: it is not idle. */
export const touch = (queue: SequenceQueue, target: AllocationTarget): void => {
  queue.target = target;
  followFloor(queue, target);
  queue.stranger = false;
  queue.idleTicks = 0;
  queue.ticksToReport = 1;
  queue.reports = 0;
};

/** Lets the idle clock tick. @returns whether a call should be made: to report, or, after long, to give the queue up. */
export const isTickDue = (queue: SequenceQueue, { idleTicksMax, reportTicksMax }: IdleLimits): boolean => {
  queue.idleTicks += 1;
  queue.ticksToReport -= 1;
  if (queue.idleTicks > idleTicksMax) queue.leaving = true;
  else if (queue.idleTicks <= 1 || queue.ticksToReport > 0) return false;
  queue.ticksToReport = Math.min(queue.idleTicks, reportTicksMax);
  return true;
};
