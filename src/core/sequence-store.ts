/** The port to whatever keeps the counters: one primitive moves a counter, `reserve(sequence, count) → range`. */
import type { NumberGeneratorError } from './errors.ts';
import type { NumberSource } from './events.ts';
import type { Range } from './range.ts';

/** Names one counter: a prefix key and the period it counts in (`""` for a series without reset). */
export interface SequenceName {
  readonly prefixKey: string;
  readonly period: string;
}

export interface ReserveRequest {
  readonly sequence: SequenceName;
  /** How many values are wanted; at least 1. */
  readonly count: number;
  /** The value before the first: counting goes on at the larger of this and the counter, plus 1. */
  readonly initialSeq: bigint;
  /** The highest value that may be taken. */
  readonly limit: bigint;
}

/** A taken range of exactly `count` values; or `exhausted`: fewer than `count` values are left and nothing was taken; or `failed`: this entry alone could not be served. */
export type ReserveOutcome =
  | { readonly kind: 'taken'; readonly range: Range }
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  | { readonly kind: 'failed'; readonly error: NumberGeneratorError };

/**
 * Promises of every store, proved by `test/contracts/sequence-store.contract.ts`:
 * a value is handed out at most once; values are consecutive per sequence; what was handed out is durable in the
 * sense of the store; an exhausted or failed entry moves nothing and does not touch its neighbours in the call.
 */
export interface SequenceStore {
  /** What the replies name as the source of these values. */
  readonly source: NumberSource;

  /**
   * Takes one range per request, in the order of the requests, in a single trip to the store.
   * @returns one outcome per request, at the same index.
   * @throws StorageUnavailableError when the store was not reached, StorageTimeoutError when its answer did not come
   * in time; then it is unknown whether values were taken.
   */
  reserve(requests: readonly ReserveRequest[]): Promise<readonly ReserveOutcome[]>;

  /** Resolves when the store can serve right now. @throws StorageUnavailableError, StorageTimeoutError */
  checkHealth(): Promise<void>;
}
