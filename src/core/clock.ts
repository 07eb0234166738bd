/** The clock port: whoever needs the time is given one, so that tests can set it. And how far back a clock may say it is. */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/** Before this version was made: a clock that says less is wrong, as that of a machine without a battery is. Raised with the years. */
export const CLOCK_EARLIEST_MS = Date.UTC(2026, 0, 1);

/** What is wrong with a clock that says `nowMs`; undefined when it may be right. */
export const clockProblemOf = (nowMs: number): string | undefined =>
  nowMs >= CLOCK_EARLIEST_MS
    ? undefined
    : `The clock of this machine says ${new Date(nowMs).toISOString()}, before this version was made: numbers that depend on the date are refused.`;
