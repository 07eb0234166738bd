/** The limits of counting in a ledger: every line, call and wait has one. */

export interface GaplessLimits {
  /** Requests that may wait for a call; more are refused. */
  readonly waitingMax: number;
  /** Calls under way at a time; each sequence is in one of them at most. */
  readonly callsMax: number;
  /** Sequences in one call. */
  readonly callSequencesMax: number;
  /** Sequences of which the node remembers where they stand. */
  readonly sequencesMax: number;
  /** Values in one call; at least the largest single request. */
  readonly callValuesMax: number;
  /** Attempts at a call whose outcome is unknown, and the wait before the second, ms; it doubles. */
  readonly attemptsMax: number;
  readonly retryMs: number;
  /** Calls whose outcome nobody could find out; beyond, the oldest is given up. */
  readonly abandonedMax: number;
  /** Between two attempts to cancel them, ms. */
  readonly cancelRetryMs: number;
}

export const GAPLESS_LIMITS: GaplessLimits = {
  waitingMax: 20_000,
  // Half the connections to the store of the ledger: the ceilings need some too.
  callsMax: 4,
  callSequencesMax: 1_000,
  sequencesMax: 100_000,
  callValuesMax: 10_000,
  attemptsMax: 6,
  retryMs: 50,
  abandonedMax: 10_000,
  cancelRetryMs: 1_000,
};
