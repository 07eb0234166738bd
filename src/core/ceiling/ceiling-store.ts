/**
 * The port to the store that outlives the counter store: ceiling and epoch of each sequence, and the registered nodes.
 */
import type { Closure } from '../values/closure.ts';
import type { Gap } from '../values/gap.ts';
import type { SequenceId, SeriesId } from '../values/sequence-id.ts';

/** How far a sequence may have counted. */
export interface Ceiling {
  /** Rises with every recovery of the counter store, from 1 on. Calls of an older epoch are refused. */
  readonly epoch: bigint;
  /** No value above it was ever handed out, nor offered as standby, in this epoch or an older one. */
  readonly ceiling: bigint;
  /** The value before the first that was ever handed out; undefined when that is not known. */
  readonly origin?: bigint | undefined;
}

/** The values of a sequence that were not issued, as a node read them from the counter store in one step. */
export interface SequenceAccount {
  /** Where the counter stood. */
  readonly value: bigint;
  /** Rises with each change of the gap record or of the values given back; dates two accounts of the same value. */
  readonly changes: number;
  /** Values up to `value` that were not issued, or of which only their holder knows. */
  readonly gaps: readonly Gap[];
  /** As in `Ceiling`; takes the place of what is stored, when it is known and no lower. */
  readonly origin?: bigint | undefined;
}

export interface CeilingRaise {
  readonly sequence: SequenceId;
  /** The epoch in which the counter store serves. */
  readonly epoch: bigint;
  /** The ceiling in force in the counter store. */
  readonly known: bigint;
  /** The ceiling to be; a lower one than the stored is no error and changes nothing. */
  readonly ceiling: bigint;
  /** A recovery continues above this value at least: up to here everything is issued, in `account`, or passed over. */
  readonly base: bigint;
  /** Replaces the stored account when it is newer (`value`, then `changes`). */
  readonly account: SequenceAccount | undefined;
}

export type RaiseOutcome =
  | { readonly kind: 'raised'; readonly ceiling: bigint }
  /** The sequence counts in a later epoch elsewhere, or here after a recovery; nothing was changed. */
  | { readonly kind: 'superseded'; readonly current: Ceiling }
  /** What is stored is older than the counter store (a restored backup); nothing was changed. */
  | { readonly kind: 'behind'; readonly current: Ceiling | undefined };

export interface RecoveryRequest {
  readonly sequence: SequenceId;
  /** The epoch as `read` said it; 0 when there was none. */
  readonly epoch: bigint;
  /** The highest epoch the counter store and its nodes have served in; 0 when none. */
  readonly servedEpoch: bigint;
  /** Identity of the counter store's server that is to count in the new epoch. */
  readonly server: string;
  /** Where the sequence begins, if it was never counted; undefined when the caller does not know. */
  readonly origin?: bigint | undefined;
  /** The nodes that have reported; each of them has sworn off older epochs. */
  readonly reported: readonly string[];
  /** The lowest epoch in which one of them may still count, on another server; undefined: none does in an earlier one. */
  readonly sworn?: bigint | undefined;
  /** The highest value that the counter store and the reports name. */
  readonly highest: bigint;
  /** The new ceiling lies this far above the value where counting continues. */
  readonly window: bigint;
  /** Whether counting may continue above the ceiling although a registered node has not reported. */
  readonly mayJump: boolean;
  /** The same when that node has renewed its registration lately: it may be about to report. Default: `mayJump`. */
  readonly mayJumpRecent?: boolean | undefined;
  /**
   * The same when all have reported, but one may still count in an epoch that was granted to another server. Default:
   * `mayJump`.
   */
  readonly mayJumpUnsworn?: boolean | undefined;
}

export type RecoveryOutcome =
  | {
      readonly kind: 'granted';
      readonly epoch: bigint;
      /** All epochs from this one to the new one were granted to the same server: nobody else has counted in them. */
      readonly grantedSince: bigint;
      readonly ceiling: bigint;
      /** Counting continues above this value at least. */
      readonly base: bigint;
      /** The old ceiling, above which counting continues because not all nodes have reported; undefined when exact. */
      readonly jumpTo: bigint | undefined;
      /** The last account that was stored. */
      readonly account: SequenceAccount | undefined;
      /** Where the sequence began, as far as it is known. */
      readonly origin?: bigint | undefined;
      /** Set when the sequence was closed: no value is handed out any more. */
      readonly closure?: Closure | undefined;
    }
  /** Registered nodes that have not reported, or that must swear off an epoch first: then none is `missing`. Nothing was changed. */
  | { readonly kind: 'waiting'; readonly missing: readonly string[] }
  /** Another node recovered the sequence meanwhile; nothing was changed. */
  | { readonly kind: 'superseded'; readonly current: Ceiling }
  /** What is stored is older than the counter store (a restored backup); nothing was changed. */
  | { readonly kind: 'behind'; readonly current: Ceiling | undefined };

/**
 * Promises, proved by `test/contracts/ceiling-store.contract.ts`: what a method returned is durable. Of many concurrent recoveries
 * of one epoch exactly one is granted. A node whose `register` returned before its `readMany` of a sequence either reads the
 * epoch of a recovery, or counts as missing in it. A recovery that went on without a node waits for it no more, in no later
 * epoch either, until the node has read the sequence by `readMany`: all that it holds until then lies below. Every method throws StorageUnavailableError or StorageTimeoutError when the store
 * fails; then it is unknown whether it was done, and it may be repeated.
 */
export interface CeilingStore {
  /** Registers a node, or renews its registration. A node that has not renewed it for an hour is buried: see `bury`. */
  register(node: string): Promise<void>;

  /** Removes a node that has given back everything and stored the account of each sequence. */
  leave(node: string): Promise<void>;

  /**
   * Removes the nodes that have not registered for an hour. They can no longer report, so the base of every sequence
   * becomes its ceiling in the same step. @returns their names.
   */
  bury(): Promise<readonly string[]>;

  /** Waits for a recovery under way. @returns undefined when this sequence was never counted. */
  read(sequence: SequenceId): Promise<Ceiling | undefined>;

  /**
   * The same of many in one trip, 1,000 at most, for a node that may count in them afterwards: recoveries wait for it again.
   * @returns one answer per sequence, at the same index.
   */
  readMany(sequences: readonly SequenceId[], node: string): Promise<readonly (Ceiling | undefined)[]>;

  /** The periods in which a prefix may have counted, those after `after`, in rising order. */
  listPeriods(series: SeriesId, after: string | undefined, limit: number): Promise<readonly string[]>;

  /**
   * Raises many in one trip: 1,000 at most, and none of them twice. One that is refused keeps no other from being raised; when the
   * call fails, each of them may have been done.
   * @returns one outcome per raise, at the same index.
   */
  raiseMany(raises: readonly CeilingRaise[]): Promise<readonly RaiseOutcome[]>;

  /**
   * Ends a sequence for good, also one that was never counted: each recovery that is granted from here on returns its closure.
   * @returns the closure in force, which is the first one.
   */
  close(sequence: SequenceId, closure: Closure): Promise<Closure>;

  /**
   * Begins the next epoch. A sequence that was never counted (no entry, `epoch` and `servedEpoch` 0) begins epoch 1,
   * for which no node needs to report.
   */
  recover(request: RecoveryRequest): Promise<RecoveryOutcome>;

  /** Resolves when the store can serve right now. */
  checkHealth(): Promise<void>;
}
