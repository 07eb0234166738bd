/**
 * The caller and the request behind a change: known at the edge, passed down, and part of the event that reports it.
 */

export interface Caller {
  /** Of the token, or of the API key; undefined when the caller sent neither. */
  readonly subject: string | undefined;
  /** As the reply and the other lines of the log have it. */
  readonly requestId: string;
  /** By what name is counted what a caller may have a share of: the subject (of keys that made each other: the first), else the address. */
  readonly client: string;
}

/** How much of something a caller may have in one prefix. */
export interface CallerShare {
  /** SHA-256 of prefix and client, 32 hex digits. */
  readonly name: string;
  /** At least 1. */
  readonly max: number;
}

/** Whose doing something was. */
export interface Signature {
  /** Subject of the caller; undefined when none was shown. */
  readonly by: string | undefined;
  readonly requestId: string | undefined;
}
