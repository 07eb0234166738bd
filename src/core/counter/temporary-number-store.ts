/** The port to the store in which temporary numbers wait to be replaced by an operator. */

import type { GivenVariables } from '../template/printer.ts';

/** A stand-in that was issued while the store was away and the standby used up. */
export interface TemporaryNumber {
  readonly number: string;
  readonly prefixKey: string;
  /** ms since 1970-01-01T00:00:00Z, by the clock of the node that issued it. */
  readonly issuedAtMs: number;
  /** The date of the document, ms since 1970-01-01T00:00:00Z, if it differs from the time of issue. */
  readonly datedMs?: number | undefined;
  /** What the request gave for the variables of the format; the real number shows them. */
  readonly variables?: GivenVariables | undefined;
  /** The real number that replaced it. */
  readonly resolvedNumber: string | undefined;
}

/** Every method throws StorageUnavailableError or StorageTimeoutError when the store fails. */
export interface TemporaryNumberStore {
  /** Stores numbers; one that is stored already stays as it is. */
  add(numbers: readonly TemporaryNumber[]): Promise<void>;
  find(number: string): Promise<TemporaryNumber | undefined>;
  /** Up to `limit` of them in the order of their texts, those after `after`. */
  list(after: string, limit: number): Promise<readonly TemporaryNumber[]>;
  /**
   * Stores the real number. @returns false, and changes nothing, when there is one already or the number is unknown.
   */
  resolve(number: string, resolvedNumber: string): Promise<boolean>;
}
