/** The clock port: whoever needs the time is given one, so that tests can set it. */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}
