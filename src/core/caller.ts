/**
 * The caller and the request behind a change: known at the edge, passed down, and part of the event that reports it.
 */

export interface Caller {
  /** Of the token, or of the API key; undefined when the caller sent neither. */
  readonly subject: string | undefined;
  /** The same as in the reply and in the other lines of the log. */
  readonly requestId: string;
  /**
   * The name under which shares are counted: the subject (the first one, of keys that made each other), or else the
   * address.
   */
  readonly client: string;
}

/** How much of a shared thing a caller may have in one prefix. */
export interface CallerShare {
  /** SHA-256 of prefix and client, 32 hex digits. */
  readonly name: string;
  /** At least 1. */
  readonly max: number;
}

/** The subject and the request behind a stored change. */
export interface Signature {
  /** Subject of the caller; undefined when none was shown. */
  readonly by: string | undefined;
  readonly requestId: string | undefined;
}
