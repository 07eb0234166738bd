/** The port to a shared counter: numbered calls that may be repeated, one entry per sequence, many entries per trip. */

import type { Closure } from '../values/closure.ts';
import type { Gap } from '../values/gap.ts';
import type { NumberSource } from '../values/number-source.ts';
import type { Range } from '../values/range.ts';
import type { KeyRefusal, Receipt, ReceiptDraft } from '../values/receipt.ts';
import type { SequenceId, SeriesId } from '../values/sequence-id.ts';
import type { AdvanceReply, AdvanceRequest, CounterCall, CounterReply } from './counter-call.ts';
import type { FenceOperations } from './counter-fence.ts';

/** A range above the counter that is spoken for. */
export interface AheadRange extends Range {
  /** The node whose standby segment it is; undefined when it was issued, or stands in the gap record. */
  readonly node: string | undefined;
}

/** Where a sequence stands, as of one moment. */
export interface SequenceState {
  /** The last value taken in order; undefined when none was. */
  readonly value: bigint | undefined;
  /** The value before the first that was ever taken; undefined when none was, or the store no longer knows it. */
  readonly origin: bigint | undefined;
  /** Values given back unused, which are issued before the counter moves on. */
  readonly free: readonly Range[];
  /** Ranges above the value that are spoken for: standby segments, and what was issued from them. */
  readonly ahead: readonly AheadRange[];
  /** Changes whenever `free` changes, or values leave the gap record or enter it from below the value. */
  readonly changes: string;
  /** A recovery is under way, or needed: the store may have gone back to an earlier state. */
  readonly recovering: boolean;
  /** The epoch in which it counts; absent when it never did, and in stores without a fence. */
  readonly epoch?: bigint | undefined;
  /** Set when it gives no more values. */
  readonly closed?: Closure | undefined;
}

/**
 * Promises of every store, proved by `test/contracts/counter-store.contract.ts`: a value is handed out at most once.
 * The same (node, call) again returns the same reply and changes nothing; an older call is refused. Each entry is served
 * wholly or not at all, and none harms its neighbours. Every method throws StorageUnavailableError or
 * StorageTimeoutError when the store fails.
 */
export interface CounterStore {
  /** What the replies name as the source of these values. */
  readonly source: NumberSource;

  /** Absent in stores that cannot lose what they acknowledged. */
  readonly fence?: FenceOperations;

  /**
   * Serves all calls in one trip, one after the other: at most one per sequence, and beside it any number of `once` calls.
   * @returns one reply per call, at the same index.
   * @throws StorageUnavailableError, StorageTimeoutError: then it is unknown which calls were served. Repeat them unchanged.
   */
  reserve(calls: readonly CounterCall[]): Promise<readonly CounterReply[]>;

  /**
   * Call it before a `once`. All receipts of a hash then belong to one request, even where they are stored by sequence,
   * and a new key counts against its allowance.
   * @returns false when the hash is taken by another request; a refusal when the allowance is spent. Then nothing was changed.
   */
  claim?(draft: ReceiptDraft): Promise<boolean | KeyRefusal>;

  /** Moves a sequence forward; the values in between go to the gap record. When it throws, repeat it unchanged. */
  advance(request: AdvanceRequest): Promise<AdvanceReply>;

  /**
   * Ends a sequence for good: a call that the store serves after this one is answered `closed`.
   * @returns the closure in force, which is the first one.
   */
  close(sequence: SequenceId, closure: Closure): Promise<Closure>;

  /** @throws CorruptEntryError when what is stored cannot be used. */
  inspect(sequence: SequenceId): Promise<SequenceState>;

  /**
   * Up to `limit` entries of the gap record in rising order, those that begin above `after`. An entry that is written or
   * removed meanwhile may or may not be among them.
   */
  listGaps(sequence: SequenceId, after: bigint, limit: number): Promise<readonly Gap[]>;

  /** How many entries the gap record has. Cheap, whatever their number. */
  countGaps(sequence: SequenceId): Promise<number>;

  /**
   * The periods in which a prefix has counted, those after `after`, in rising order. Absent where that would mean
   * reading all that is stored; then the ceilings know them.
   */
  listPeriods?(series: SeriesId, after: string | undefined, limit: number): Promise<readonly string[]>;

  /**
   * The receipt of a request, whatever became of its prefix since; it may have expired. Absent when the store keeps no
   * receipts.
   * @param hash of caller and key.
   */
  findReceipt?(series: SeriesId, hash: string): Promise<Receipt | undefined>;

  /** Resolves when the store can serve right now. */
  checkHealth(): Promise<void>;

  /** Calls back whenever the store can be reached again; a hint to retry at once, not a promise. */
  onReachable(listener: () => void): void;
}
