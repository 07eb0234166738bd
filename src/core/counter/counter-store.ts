/** The port to a shared counter: numbered calls that may be repeated, one entry per sequence, many entries per trip. */
import type { SequenceAccount } from '../ceiling/ceiling-store.ts';
import type { Closure } from '../values/closure.ts';
import type { Gap } from '../values/gap.ts';
import type { NumberSource } from '../values/number-source.ts';
import type { Range } from '../values/range.ts';
import type { KeyRefusal, Receipt, ReceiptDraft } from '../values/receipt.ts';
import type { SequenceId, SeriesId } from '../values/sequence-id.ts';

/**
 * What a call is for. `take` asks for values; `join` does too, and is the only one a store accepts from a node it does
 * not know; `leave` gives everything back and wants no standby. `once` asks for all its values or none, which are written
 * down in a receipt in the same step: the receipt is its identity, so its call number says nothing, and it stands beside
 * the node's numbered calls.
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

/** One entry of a trip: everything one node says about one sequence. Immutable, so that a repetition says the same. */
export interface CounterCall {
  readonly sequence: SequenceId;
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
  /** The epoch in which this node counts; 0 when it knows none yet. Stores without a fence ignore it. */
  readonly epoch: bigint;
  /** By how many values the store raises the ceiling itself; 0 when the node has it raised. */
  readonly window: number;
  /** Said once more after a recovery: what it gives back may be another's by now. */
  readonly reissued: boolean;
  /** The standby segment this node uses from now on; the store keeps it for the node until it names another or none. */
  readonly holding: StandbySegment | undefined;
  /** Whether values of that segment were issued already. */
  readonly usedInPart: boolean;
  readonly released: readonly ReleasedSegment[];
  /** Values given back unused: they are handed out again first. */
  readonly returned: readonly Range[];
  /** The highest value this node was given in order, 0 before the first. */
  readonly seen: bigint;
  /** Of a `once`, and of no other. */
  readonly receipt?: ReceiptDraft;
}

/** What the store says about the node's standby: keep it; it is near its end, give it up; or here is a new one. */
export type StandbyAdvice =
  | { readonly kind: 'keep' }
  | { readonly kind: 'recall' }
  | { readonly kind: 'offer'; readonly segment: StandbySegment };

/** How far the store may count. Says so with each reply to a call that was served. */
export interface Fence {
  /** Rises with every recovery of the store. */
  readonly epoch: bigint;
  /** No value above it is handed out or offered. */
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
  /** The sequence is closed: no value was taken, and none will be. What the call gave back was taken in. */
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
  /** The store may be older than it was; nothing was done. Swear off older epochs, and report. */
  | { readonly kind: 'recovering' }
  /** What is stored for this sequence cannot be used; nothing was done. The call stays unsettled. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Moves a sequence forward without handing anything out. */
export interface AdvanceRequest {
  readonly sequence: SequenceId;
  /** A fresh random name of this operation: a repetition under the same name answers the same. */
  readonly operation: string;
  /** The value after which counting goes on. */
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

/** Tells a recovery from all others. */
export interface RecoveryName {
  /** Identity of the server that asks to count. */
  readonly server: string;
  readonly time: string;
}

/** What a node knows of a sequence, and the store may have lost. */
export interface CounterReport {
  readonly sequence: SequenceId;
  readonly node: string;
  /** Number of the node's last settled call; 0 when none was. */
  readonly settled: number;
  /** The epoch in which that was; 0 when none was. */
  readonly settledEpoch: bigint;
  /** The lowest epoch in which the node will count from now on. */
  readonly epoch: bigint;
  /** Whether it has given up taking values in the epochs below; else it only wants to be known to a store that serves. */
  readonly sworn: boolean;
  /** The recovery it is meant for, as the store named it: a late copy of an earlier report must not count. */
  readonly recovery: RecoveryName | undefined;
  readonly seen: bigint;
  readonly holding: StandbySegment | undefined;
  /** The highest value it was given or holds. */
  readonly top: bigint;
  /** Values it was given lately, in order or ahead, and has not given back; those of `holding` left out. */
  readonly taken: readonly Range[];
  /** The store has taken down this node's report for this recovery: it need not be said again. */
  readonly brief: boolean;
  readonly initialSeq: bigint;
  readonly window: number;
}

export type ReportReply =
  /** The store serves, and knows the node. */
  | { readonly kind: 'reported'; readonly fence: Fence }
  /** A recovery is under way. */
  | {
      readonly kind: 'waiting';
      readonly recovery: RecoveryName;
      /** How long it has been under way, ms. */
      readonly sinceMs: number;
      /** Epoch and ceiling that were served until then; 0 when none is known. */
      readonly epoch: bigint;
      readonly ceiling: bigint;
      /** The highest value known to the store and the reports. */
      readonly highest: bigint;
      readonly reported: readonly string[];
      /** Nodes heard of in the minute before that have not reported. */
      readonly missing: readonly string[];
      /** The lowest epoch in which one of those that have reported may still count; undefined: none does in an earlier one. */
      readonly sworn?: bigint;
    }
  /** The node has to swear off older epochs first. */
  | { readonly kind: 'recovering' }
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Ends a recovery: the reports are merged, and counting goes on in a new epoch. */
export interface CounterInstall {
  readonly sequence: SequenceId;
  /** The recovery it ends; no other is ended by it. */
  readonly recovery: RecoveryName;
  /** The new epoch; 0: the store makes one, later than all it knows. */
  readonly epoch: bigint;
  readonly ceiling: bigint;
  /** Counting goes on above it at least. */
  readonly base: bigint;
  /** Set when not all nodes have reported: counting goes on above it, and what lies between goes to the gap record. */
  readonly jumpTo: bigint | undefined;
  /** Takes the place of a state that is older. */
  readonly account: SequenceAccount | undefined;
  /** Where the sequence began, when that is kept elsewhere. */
  readonly origin?: bigint | undefined;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  readonly window: number;
}

export interface CeilingMove {
  readonly sequence: SequenceId;
  readonly epoch: bigint;
  readonly ceiling: bigint;
}

/** The rest of the port for stores that can lose what they acknowledged. Every method throws as those of CounterStore. */
export interface FenceOperations {
  /** @returns one reply per report, at the same index. */
  report(reports: readonly CounterReport[]): Promise<readonly ReportReply[]>;
  /** @returns false when another one was first, or another server answers by now. Either way: report again. */
  install(install: CounterInstall): Promise<boolean>;
  /** Puts a ceiling in force. @returns the fence, or undefined when the epoch is over. */
  raise(move: CeilingMove): Promise<Fence | undefined>;
  /** Makes a ceiling known to a later recovery before it is put in force. @returns whether a replica confirmed it. */
  propose(move: CeilingMove): Promise<boolean>;
  /** @returns undefined when the sequence is not served. */
  readAccount(sequence: SequenceId): Promise<SequenceAccount | undefined>;
  /** Calls back when a recovery of a sequence begins. Best effort: a listener must not depend on it. */
  onRecovery(listener: (sequence: SequenceId) => void): void;
}

/** A range above the counter that is spoken for. */
export interface AheadRange extends Range {
  /** The node whose standby segment it is; undefined when it was issued, or stands in the gap record. */
  readonly node: string | undefined;
}

/** Where a sequence stands, as of one moment. */
export interface SequenceState {
  /** The last value taken in order; undefined when none was. */
  readonly value: bigint | undefined;
  /** The value before the first that was ever taken; undefined when none was, or the store does not know it any more. */
  readonly origin: bigint | undefined;
  /** Values given back unused, which are handed out before the counter goes on. */
  readonly free: readonly Range[];
  /** Ranges above the value that are spoken for: standby segments, and what was issued from them. */
  readonly ahead: readonly AheadRange[];
  /** Another one whenever `free` changed, or values left the gap record or came into it from below the value. */
  readonly changes: string;
  /** A recovery is under way, or needed: what is stored may be older than it was. */
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
   * To be asked before a `once`: makes sure that the receipts of a hash are all of the same request, also where they are kept by
   * sequence, and counts a key that is new against its allowance.
   * @returns false when the hash is taken by another request; a refusal when the allowance is spent. Then nothing was changed.
   */
  claim?(draft: ReceiptDraft): Promise<boolean | KeyRefusal>;

  /** Moves a sequence forward; the values in between go to the gap record. When it throws, repeat it unchanged. */
  advance(request: AdvanceRequest): Promise<AdvanceReply>;

  /**
   * Ends a sequence for good: a call that the store serves after this one is answered `closed`.
   * @returns what holds: the first closure stays.
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
   * The periods in which a prefix has counted, those after `after`, in rising order. Absent where only a walk through all that is
   * stored could tell; the ceilings know them then.
   */
  listPeriods?(series: SeriesId, after: string | undefined, limit: number): Promise<readonly string[]>;

  /**
   * What is kept of a request, whatever became of its prefix since; it may have expired. Absent: the store keeps no receipts.
   * @param hash of caller and key.
   */
  findReceipt?(series: SeriesId, hash: string): Promise<Receipt | undefined>;

  /** Resolves when the store can serve right now. */
  checkHealth(): Promise<void>;

  /** Calls back whenever the store can be reached again; a hint to try at once, no promise. */
  onReachable(listener: () => void): void;
}
