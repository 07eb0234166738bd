/** The end of a sequence: a period that is closed gives no more values, whoever asks. */

export interface Closure {
  /** A sentence that says why. */
  readonly reason: string;
  /** ms since 1970-01-01T00:00:00Z */
  readonly closedAtMs: number;
  /** Subject of the caller who closed it; undefined when none was shown, or an earlier version stored it. */
  readonly subject?: string | undefined;
  /** Of the request that closed it; undefined when an earlier version stored it. */
  readonly requestId?: string | undefined;
}
