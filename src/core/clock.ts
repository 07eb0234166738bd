/** The clock port, which tests can set, and the earliest time that a clock may show. */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/**
 * Earlier than this version: a clock that shows less is wrong, like that of a machine without a battery. Raised with
 * the years.
 */
export const CLOCK_EARLIEST_MS = Date.UTC(2026, 0, 1);

/** What is wrong with a clock that shows `nowMs`; undefined when it may be right. */
export const clockProblemOf = (nowMs: number): string | undefined =>
  nowMs >= CLOCK_EARLIEST_MS
    ? undefined
    : `The clock of this machine says ${new Date(nowMs).toISOString()}, before this version was made: numbers that depend on the date are refused.`;
