/** How a sequence is named. */

/** Names one counter: a prefix key and the period it counts in (`""` for a series without reset). */
export interface SequenceName {
  readonly prefixKey: string;
  readonly period: string;
}
