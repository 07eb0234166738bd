/** The port of every strategy: a service names the sequence and asks for values, whatever way they are taken. */

import type { NumberPrinter } from '../core/template/printer.ts';
import type { NumberSource } from '../core/values/number-source.ts';
import type { Range } from '../core/values/range.ts';
import type { Receipt, ReceiptDraft } from '../core/values/receipt.ts';
import type { SequenceId } from '../core/values/sequence-id.ts';

/** What holds for a call, read from the prefix config and the settings when the call is made. */
export interface CallTerms {
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** Values in a standby segment; 0 for none. */
  readonly standbySize: number;
}

/** The counter to take from, and on which terms. One object per series, so that nothing is looked up by name. */
export interface AllocationTarget extends CallTerms {
  /** Tells the sequence apart from all others of this node. */
  readonly name: string;
  readonly sequence: SequenceId;
  /**
   * 1 to `count` values are enough if they are one range from one call, so that the store's record of this node's last
   * call covers them.
   */
  readonly isLease?: boolean;
  /** The sequence may be closed at any time: only values that were taken after a request came may serve it, and no standby. */
  readonly isEnding?: true;
}

/** Values for one request. */
export interface Allocation {
  /** In the order to issue them; together exactly as many as were asked for. */
  readonly ranges: readonly Range[];
  /** Whether some of them came from the standby segment. */
  readonly fromStandby: boolean;
}

/** What a strategy with a ledger writes down beside the values. */
export interface AllocationRecord {
  /** Prints the values, so that their texts are written in the step that takes them. */
  readonly print: NumberPrinter;
  /** Subject of the token of the request; undefined without one. */
  readonly subject: string | undefined;
}

/** What became of a request with an idempotency key. */
export interface KeyedAllocation {
  /** What is kept of it; its ranges are the values. */
  readonly receipt: Receipt;
  /** The values were taken by an earlier request, or by one at the same time under the same key. */
  readonly replayed: boolean;
}

export interface Allocator {
  /** Where its values come from, unless they come from the standby. */
  readonly source: NumberSource;
  /** Its values are at hand: as a rule no request waits for a store. */
  readonly isLocal?: boolean;
  /**
   * Takes `count` values (1 to 10,000); all of them, or none.
   * @throws SequenceOverflowError when fewer are left; StorageUnavailableError or StorageTimeoutError when they cannot be
   * taken at the moment; CorruptEntryError when what is stored for the sequence cannot be used.
   */
  allocate(target: AllocationTarget, count: number, record: AllocationRecord): Promise<Allocation>;
  /**
   * The same for a request with an idempotency key: values and receipt are taken in one step, all values or none. A
   * receipt of the same request is returned as it is, even if the target has changed. Absent if the strategy takes no
   * such keys.
   * @throws IdempotencyConflictError when the receipt is another request's; and what `allocate` throws.
   */
  allocateKeyed?(
    target: AllocationTarget,
    count: number,
    receipt: ReceiptDraft,
    record: AllocationRecord,
  ): Promise<KeyedAllocation>;
}

/** Where a sequence stands, according to the last replies this node received. */
export interface Standing {
  readonly sequence: SequenceId;
  /** The highest value this node was given. */
  readonly value: bigint;
  /** The epoch in which the store counts; absent where nothing recovers. */
  readonly epoch?: bigint | undefined;
  /** The standby segment it holds; absent without one. */
  readonly standby?: { readonly left: bigint; readonly size: bigint } | undefined;
}
