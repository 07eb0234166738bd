/** Refuses what would depend on a clock that cannot be right. */
import { clockProblemOf } from '../../core/clock.ts';
import { ClockBehindError } from '../../core/errors.ts';
import type { Series } from './series.ts';

/**
 * @param isKeyed receipts are dated too: one from 1970 would have expired when the clock is right again, and the key be free.
 * @throws ClockBehindError
 */
export const requireClock = ({ needsClock }: Series, nowMs: number, isKeyed: boolean): void => {
  if (!needsClock && !isKeyed) return;
  const problem = clockProblemOf(nowMs);
  if (problem !== undefined) throw new ClockBehindError(problem);
};
