/** The limits of counting on a shared store: every line, call and wait has one. */
import { VALUES_MIN } from './ceiling-window.ts';

export interface CounterLimits {
  /** Requests that may wait for a call; more are refused. */
  readonly waitingMax: number;
  /** Sequences in one call. */
  readonly callEntriesMax: number;
  /** Values of one sequence in one call; at least the largest single request. */
  readonly entryValuesMax: number;
  /** Sequences in use at a time. */
  readonly queuesMax: number;
  /** How long a call may be under way before the standby serves, ms. */
  readonly patienceMs: number;
  /** How long a request with a receipt goes on waiting when a trip has failed, ms: the next one may find the receipt. */
  readonly keyedGraceMs: number;
  /** Between two attempts to reach a store that is away, ms: the first, and the longest. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** The idle clock: an idle sequence reports after 1, 2, 4 … ticks, so that its standby moves on with the counter. */
  readonly tickMs: number;
  readonly reportTicksMax: number;
  /** Ticks without a request after which a sequence is given up. */
  readonly idleTicksMax: number;
  /** Attempts to give everything back at the end. */
  readonly closeAttemptsMax: number;
  /** Between two renewals of this node's registration, ms. */
  readonly renewMs: number;
  /**
   * How long a recovery waits for a node that was heard of lately, and for nodes to swear off an epoch, before it jumps
   * above the ceiling, ms. Each swears off the epoch with its next report, unless it has died since. Longer than for a
   * silent node, because thousands of sequences on a busy machine take time.
   */
  readonly livingPatienceMs: number;
  /** Sequences in one trip to the store of the ceilings, or for their accounts. */
  readonly ceilingsMax: number;
  /** A ceiling lies this many values above the counter, or more. */
  readonly ceilingValuesMin: number;
}

export const COUNTER_LIMITS: CounterLimits = {
  waitingMax: 20_000,
  callEntriesMax: 1_000,
  entryValuesMax: 1_000_000,
  queuesMax: 100_000,
  patienceMs: 250,
  keyedGraceMs: 500,
  retryMs: 50,
  retryMaxMs: 1_000,
  tickMs: 5_000,
  reportTicksMax: 12,
  idleTicksMax: 720,
  closeAttemptsMax: 5,
  renewMs: 20_000,
  livingPatienceMs: 15_000,
  ceilingsMax: 1_000,
  ceilingValuesMin: VALUES_MIN,
};
