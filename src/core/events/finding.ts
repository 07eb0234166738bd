/** What an operator should know about the store: settings that endanger numbers, and which guarantee is in force. */

/** `error`: numbers are in danger or the service cannot work. `warning`: some are, in rare cases. `info`: worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** One result of a check of the store's settings. */
export interface Finding {
  readonly severity: Severity;
  /** The setting or right in question, such as `maxmemory-policy`. */
  readonly subject: string;
  /** What was found, and what it can lead to. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy: string;
  /** The servers concerned, `host:port`; empty when there is only one. */
  readonly servers: readonly string[];
}

/** What keeps the ceilings that no number may exceed: Redis alone, Redis with replicas that confirm, or PostgreSQL. */
export type GuaranteeKind = 'redis' | 'replicas' | 'postgres';

export interface Guarantee {
  readonly kind: GuaranteeKind;
  readonly detail: string;
  /** What to set to get more; undefined when there is no more. */
  readonly remedy: string | undefined;
}
