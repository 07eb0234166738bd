/** The port to a counter store that can lose what it acknowledged: reports of the nodes, recoveries and ceilings. */

import type { SequenceAccount } from '../ceiling/ceiling-store.ts';
import type { Closure } from '../values/closure.ts';
import type { Range } from '../values/range.ts';
import type { SequenceId } from '../values/sequence-id.ts';
import type { Fence, StandbySegment } from './counter-call.ts';

/** Identifies a recovery. */
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
  /** Number of the call whose outcome it does not know; 0 when there is none. */
  readonly pending: number;
  /** The lowest epoch in which the node will count from now on. */
  readonly epoch: bigint;
  /** Whether it has sworn off the epochs below; otherwise it only makes itself known to a store that serves. */
  readonly sworn: boolean;
  /** The recovery it is meant for, by the store's name for it: a late copy of an earlier report must not count. */
  readonly recovery: RecoveryName | undefined;
  readonly seen: bigint;
  readonly holding: StandbySegment | undefined;
  /** The highest value it was given or holds. */
  readonly top: bigint;
  /** What its last numbered call brought, for the record of the node; undefined when nothing, or values were given back since. */
  readonly last: Range | undefined;
  /** Values it was given lately, in order or ahead, and has not given back; those of `holding` left out. */
  readonly taken: readonly Range[];
  /** The store has this node's report for this recovery: it need not be sent again. */
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

/** Ends a recovery: the reports are merged, and counting continues in a new epoch. */
export interface CounterInstall {
  readonly sequence: SequenceId;
  /** The recovery it ends; no other is ended by it. */
  readonly recovery: RecoveryName;
  /** The new epoch; 0: the store makes one, later than all it knows. */
  readonly epoch: bigint;
  /** All epochs from this one to the new one were granted to this server; undefined: it is known of the new one alone. */
  readonly grantedSince?: bigint | undefined;
  readonly ceiling: bigint;
  /** Counting continues above it at least. */
  readonly base: bigint;
  /**
   * Set when not all nodes have reported: counting continues above it, and the values in between go to the gap record.
   */
  readonly jumpTo: bigint | undefined;
  /** Takes the place of a state that is older. */
  readonly account: SequenceAccount | undefined;
  /** Where the sequence began, when that is kept elsewhere. */
  readonly origin?: bigint | undefined;
  /** The sequence was closed; in force before the first value of the new epoch. */
  readonly closure?: Closure | undefined;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  readonly window: number;
}

export interface CeilingMove {
  readonly sequence: SequenceId;
  readonly epoch: bigint;
  readonly ceiling: bigint;
}

export type RaiseReply =
  | { readonly kind: 'raised'; readonly fence: Fence }
  /** The epoch is over, or another server answers now. */
  | { readonly kind: 'outrun' }
  | { readonly kind: 'corrupt'; readonly reason: string };

export type AccountReply =
  | { readonly kind: 'account'; readonly account: SequenceAccount }
  /** The sequence is not served here now, or its gap record is not whole. */
  | { readonly kind: 'unserved' }
  | { readonly kind: 'corrupt'; readonly reason: string };

/** The rest of the port for stores that can lose what they acknowledged. Every method throws as those of CounterStore. */
export interface FenceOperations {
  /** @returns one reply per report, at the same index. */
  report(reports: readonly CounterReport[]): Promise<readonly ReportReply[]>;
  /** @returns false when another one was first, or another server answers now. Report again in both cases. */
  install(install: CounterInstall): Promise<boolean>;
  /** Puts ceilings in force, 1,000 at most in one trip. @returns one reply per move, at the same index. */
  raiseMany(moves: readonly CeilingMove[]): Promise<readonly RaiseReply[]>;
  /** Makes a ceiling known to a later recovery before it is put in force. @returns whether a replica confirmed it. */
  propose(move: CeilingMove): Promise<boolean>;
  /**
   * Reads accounts, 1,000 at most in one trip.
   * @param epochs in which each is served; one that another server counts in is `unserved`. Default: whatever it is.
   * @returns one reply per sequence, at the same index.
   */
  accountMany(sequences: readonly SequenceId[], epochs?: readonly bigint[]): Promise<readonly AccountReply[]>;
  /** Calls back when a recovery of a sequence begins. Best effort: a listener must not depend on it. */
  onRecovery(listener: (sequence: SequenceId) => void): void;
}
