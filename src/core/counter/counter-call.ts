/**
 * The calls of a node to a counter store about one sequence, numbered so that they may be repeated, and the replies.
 */
import type { Range } from '../values/range.ts';
import type { Receipt, ReceiptDraft } from '../values/receipt.ts';
import type { SequenceId } from '../values/sequence-id.ts';

/**
 * What a call is for. `take` asks for values; `join` does too, and is the only one a store accepts from a node it does
 * not know; `leave` gives everything back and wants no standby. `once` asks for all its values or none, and a receipt
 * is written in the same step. The receipt identifies it, so its call number means nothing, and it stands beside the
 * node's numbered calls.
 */
export type CounterCallKind = 'take' | 'join' | 'leave' | 'once';

/** A standby segment. The call that made the offer names it: its values may be on offer again once it is given up. */
export interface StandbySegment extends Range {
  /** Number of the call in whose reply it was first offered. */
  readonly offeredIn: number;
}

/** A standby segment that was given up: `used` of its values, from the first on, were issued. */
export interface ReleasedSegment {
  readonly first: bigint;
  readonly offeredIn: number;
  readonly used: bigint;
}

/**
 * One entry of a trip: everything that one node reports and wants of one sequence. Immutable, so that a repetition is
 * equal.
 */
export interface CounterCall {
  readonly sequence: SequenceId;
  readonly node: string;
  /** Rises from call to call of this node for this sequence; the next one is sent only when this one is settled. */
  readonly call: number;
  readonly kind: CounterCallKind;
  /** How many values are wanted; 0 when the call only reports. */
  readonly count: number;
  /** The value before the first: counting continues at the larger of this and the counter, plus 1. */
  readonly initialSeq: bigint;
  /** The highest value that may be taken. */
  readonly limit: bigint;
  /** How many values a standby segment is to have; 0 for none. */
  readonly standbySize: number;
  /** The epoch in which this node counts; 0 when it knows none yet. Stores without a fence ignore it. */
  readonly epoch: bigint;
  /** By how many values the store raises the ceiling itself; 0 when the node has it raised. */
  readonly window: number;
  /** Sent again after a recovery: the values it gives back may belong to another node by now. */
  readonly reissued: boolean;
  /** The standby segment this node uses from now on; the store keeps it for the node until it names another or none. */
  readonly holding: StandbySegment | undefined;
  /** Whether values of that segment were issued already. */
  readonly usedInPart: boolean;
  readonly released: readonly ReleasedSegment[];
  /** Values given back unused: they are issued next. */
  readonly returned: readonly Range[];
  /** The highest value this node was given in order, 0 before the first. */
  readonly seen: bigint;
  /** Of a `once`, and of no other. */
  readonly receipt?: ReceiptDraft;
}

/** The store's advice on the node's standby: keep it; give it up, because the counter is near; or use a new one. */
export type StandbyAdvice =
  | { readonly kind: 'keep' }
  | { readonly kind: 'recall' }
  | { readonly kind: 'offer'; readonly segment: StandbySegment };

/** How far the store may count; part of each reply to a call that was served. */
export interface Fence {
  /** Rises with every recovery of the store. */
  readonly epoch: bigint;
  /** No value above it is issued or offered. */
  readonly ceiling: bigint;
  /** The ceiling that a standby segment would need; 0 when none is wanting. */
  readonly wanted: bigint;
}

interface Fenced {
  /** Absent in stores that cannot lose what they acknowledged. */
  readonly fence?: Fence;
}

export type CounterReply = Fenced & CounterAnswer;

type CounterAnswer =
  /** A range of 1 … `count` values. `returned` ones were given back by another node and may be lower than earlier ones. */
  | { readonly kind: 'taken'; readonly range: Range; readonly returned: boolean; readonly standby: StandbyAdvice }
  /** The count was 0. */
  | { readonly kind: 'nothing'; readonly standby: StandbyAdvice }
  /** Fewer than `count` values are left in common; none was taken. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint; readonly standby: StandbyAdvice }
  /** The sequence is closed: no value was taken, and none will be. Values that the call gave back were taken in. */
  | { readonly kind: 'closed'; readonly standby: StandbyAdvice }
  /** Answers a `once`: its values, of which each is this receipt's alone. `replayed`: taken by an earlier one; nothing was done. */
  | {
      readonly kind: 'receipt';
      readonly receipt: Receipt;
      readonly replayed: boolean;
      /** The counter has come near this node's standby segment: make a call, so that the store can look at it. */
      readonly standbyNear: boolean;
    }
  /** Answers a `once`: there is a receipt of another request under this hash; nothing was done. */
  | { readonly kind: 'conflict' }
  /** This node has already made a later call, `lastCall`; nothing was done. */
  | { readonly kind: 'stale'; readonly lastCall: number }
  /** The ceiling does not let the counter move on; nothing was done. Have it raised, then repeat the call unchanged. */
  | { readonly kind: 'ceiling'; readonly value: bigint }
  /** The store does not know this node, or was recovered without it; nothing was done. Report, then go on. */
  | { readonly kind: 'forgotten' }
  /** The store may have gone back to an earlier state; nothing was done. Swear off older epochs, and report. */
  | { readonly kind: 'recovering' }
  /** What is stored for this sequence cannot be used; nothing was done. The call stays unsettled. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Moves a sequence forward without issuing anything. */
export interface AdvanceRequest {
  readonly sequence: SequenceId;
  /** A fresh random name of this operation: a repetition under the same name answers the same. */
  readonly operation: string;
  /** The value after which counting continues. */
  readonly to: bigint;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** As in a call; 0 when the node does not count in this sequence. */
  readonly epoch: bigint;
  readonly window: number;
}

export type AdvanceReply =
  /** `to` may be higher than asked, when a standby segment lies across it. */
  | { readonly kind: 'advanced'; readonly from: bigint; readonly to: bigint }
  /** `to` is not above the current value; nothing was done. */
  | { readonly kind: 'behind'; readonly current: bigint }
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** The sequence is closed; nothing was done. */
  | { readonly kind: 'closed' }
  /** `to` is above the ceiling, or the sequence must be recovered first; nothing was done. */
  | { readonly kind: 'ceiling'; readonly value: bigint }
  | { readonly kind: 'recovering' }
  | { readonly kind: 'corrupt'; readonly reason: string };
