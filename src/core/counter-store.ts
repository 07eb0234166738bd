/** The port to a shared counter: numbered calls that may be repeated, one entry per sequence, many entries per trip. */
import type { NumberSource } from './events.ts';
import type { Gap } from './gap.ts';
import type { Range } from './range.ts';
import type { SequenceName } from './sequence-name.ts';

/**
 * What a call is for. `take` asks for values; `join` does too, and is the only one a store accepts from a node it does
 * not know; `leave` gives everything back and wants no standby.
 */
export type CounterCallKind = 'take' | 'join' | 'leave';

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

/** One entry of a trip: everything one node says about one sequence. Immutable, so that a repetition says the same. */
export interface CounterCall {
  readonly sequence: SequenceName;
  readonly node: string;
  /** Rises from call to call of this node for this sequence; the next one is sent only when this one is settled. */
  readonly call: number;
  readonly kind: CounterCallKind;
  /** How many values are wanted; 0 when the call only reports. */
  readonly count: number;
  /** The value before the first: counting goes on at the larger of this and the counter, plus 1. */
  readonly initialSeq: bigint;
  /** The highest value that may be taken. */
  readonly limit: bigint;
  /** How many values a standby segment shall have; 0 for none. */
  readonly standbySize: number;
  /** The standby segment this node uses from now on; the store keeps it for the node until it names another or none. */
  readonly holding: StandbySegment | undefined;
  /** Whether values of that segment were issued already. */
  readonly usedInPart: boolean;
  readonly released: readonly ReleasedSegment[];
  /** Values given back unused: they are handed out again first. */
  readonly returned: readonly Range[];
  /** The highest value this node was given in order, 0 before the first. */
  readonly seen: bigint;
  /** `join` only: the range the last settled call brought. */
  readonly lastRange: Range | undefined;
}

/** What the store says about the node's standby: keep it; it is near its end, give it up; or here is a new one. */
export type StandbyAdvice =
  | { readonly kind: 'keep' }
  | { readonly kind: 'recall' }
  | { readonly kind: 'offer'; readonly segment: StandbySegment };

export type CounterReply =
  /** A range of 1 … `count` values. `returned` ones were given back by another node and may be lower than earlier ones. */
  | { readonly kind: 'taken'; readonly range: Range; readonly returned: boolean; readonly standby: StandbyAdvice }
  /** The count was 0. */
  | { readonly kind: 'nothing'; readonly standby: StandbyAdvice }
  /** Fewer than `count` values are left in common; none was taken. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint; readonly standby: StandbyAdvice }
  /** This node has already made a later call, `lastCall`; nothing was done. */
  | { readonly kind: 'stale'; readonly lastCall: number }
  /** The store does not know this node, or knows less than the node has seen; nothing was done. Join anew. */
  | { readonly kind: 'forgotten' }
  /** What is stored for this sequence cannot be used; nothing was done. The call stays unsettled. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Moves a sequence forward without handing anything out. */
export interface AdvanceRequest {
  readonly sequence: SequenceName;
  /** A fresh random name of this operation: a repetition under the same name answers the same. */
  readonly operation: string;
  /** The value after which counting goes on. */
  readonly to: bigint;
  readonly initialSeq: bigint;
  readonly limit: bigint;
}

export type AdvanceReply =
  /** `to` may be higher than asked, when a standby segment lies across it. */
  | { readonly kind: 'advanced'; readonly from: bigint; readonly to: bigint }
  /** `to` is not above the current value; nothing was done. */
  | { readonly kind: 'behind'; readonly current: bigint }
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Where a sequence stands. */
export interface SequenceState {
  /** The last value taken in order; undefined when none was. */
  readonly value: bigint | undefined;
  /** Values given back unused, which are handed out before the counter goes on. */
  readonly free: readonly Range[];
  /** Ranges above the value that are spoken for: standby segments, and what was issued from them. */
  readonly ahead: readonly Range[];
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

  /**
   * Serves all calls in one trip; at most one per sequence.
   * @returns one reply per call, at the same index.
   * @throws StorageUnavailableError, StorageTimeoutError: then it is unknown which calls were served. Repeat them unchanged.
   */
  reserve(calls: readonly CounterCall[]): Promise<readonly CounterReply[]>;

  /** Moves a sequence forward; the values in between go to the gap record. When it throws, repeat it unchanged. */
  advance(request: AdvanceRequest): Promise<AdvanceReply>;

  /** @throws CorruptEntryError when what is stored cannot be used. */
  inspect(sequence: SequenceName): Promise<SequenceState>;

  /** Up to `limit` entries of the gap record in rising order, those that begin above `after`. */
  listGaps(sequence: SequenceName, after: bigint, limit: number): Promise<readonly Gap[]>;

  /** Resolves when the store can serve right now. */
  checkHealth(): Promise<void>;

  /** Calls back whenever the store can be reached again; a hint to try at once, no promise. */
  onReachable(listener: () => void): void;
}
