/** Facts that the lower floors report; metrics and logs listen. */

import type { Caller, Signature } from '../caller.ts';
import type { LedgerMark } from '../ledger/ledger-mark.ts';
import type { ReservationState } from '../ledger/ledger-rule.ts';
import type { Strategy } from '../prefix-config/numbering.ts';
import type { PrefixConfig } from '../prefix-config/prefix-config.ts';
import type { NumberSource } from '../values/number-source.ts';
import type { Finding, Guarantee } from './finding.ts';

/** The clock was set back: it was waited for, its last millisecond kept, or another worker id taken. */
export type ClockHandling = 'waited' | 'kept' | 'fresh-worker';

/** How full a series is. */
export interface CapacityMeasure {
  readonly prefixKey: string;
  /** The share of what comes next, width or limit, that is used, 0 to 1. */
  readonly used: number;
  /** Time until that is reached at the recent pace; undefined when it will not be. */
  readonly secondsLeft: number | undefined;
}

/** What this node holds of a prefix for an outage of the store. */
export interface StandbyMeasure {
  readonly prefixKey: string;
  /** Values of the standby segment that are not used yet. */
  readonly left: number;
  /** Their share of the segment, 0 to 1. */
  readonly leftRatio: number;
}

/** How many ranges stand in the gap records of a prefix. */
export interface GapMeasure {
  readonly prefixKey: string;
  readonly entries: number;
}

interface ConfigChange {
  /** Why, if the caller said so. */
  readonly reason: string | undefined;
}

export type NumberGeneratorEvent =
  | {
      readonly type: 'numbers-issued';
      readonly prefixKey: string;
      readonly strategy: Strategy;
      readonly count: number;
      readonly source: NumberSource;
    }
  /** The process was asked to stop. */
  | { readonly type: 'stop-began' }
  | (ConfigChange & { readonly type: 'prefix-config-registered'; readonly config: PrefixConfig })
  | (ConfigChange & {
      readonly type: 'prefix-config-updated';
      readonly config: PrefixConfig;
      /** What it replaced; undefined when that could not be read. */
      readonly before: PrefixConfig | undefined;
    })
  | (ConfigChange & {
      readonly type: 'prefix-config-removed';
      readonly prefixKey: string;
      readonly before: PrefixConfig | undefined;
    })
  | { readonly type: 'prefix-config-corrupt'; readonly prefixKey: string; readonly reason: string }
  | { readonly type: 'prefix-config-refresh-failed'; readonly error: unknown }
  /** The store does not answer: numbers come from the standby segments from now on. */
  | { readonly type: 'outage-began'; readonly reason: unknown }
  /** It answers again, and knows what was used meanwhile. */
  | { readonly type: 'store-returned' }
  /** The store may have lost its latest state: nothing is taken from it until the nodes have reported. */
  | { readonly type: 'sequence-recovering'; readonly prefixKey: string; readonly period: string }
  /** Ended by this node. */
  | {
      readonly type: 'sequence-recovered';
      readonly prefixKey: string;
      readonly period: string;
      /**
       * The old ceiling, above which counting continues because a node was silent or the state was lost; undefined when
       * exact.
       */
      readonly jumpedTo: bigint | undefined;
      readonly afterMs: number;
      /** How many nodes have reported. */
      readonly nodes: number;
    }
  /** The ceiling could not be moved: the sequence stops when it is reached. */
  | { readonly type: 'ceiling-not-raised'; readonly prefixKey: string; readonly error: unknown }
  /** This node could not register with the store of the ceilings: it opens no sequences. */
  | { readonly type: 'node-not-registered'; readonly error: unknown }
  /**
   * This node has stopped without being removed from the list: the next recovery will wait for it in vain, and jump.
   */
  | { readonly type: 'node-not-struck-out' }
  /** Nodes that were silent for an hour were removed from the list. */
  | { readonly type: 'nodes-buried'; readonly nodes: readonly string[] }
  /** This node stopped while it could not give back what it held. */
  | { readonly type: 'standby-not-returned'; readonly sequences: number }
  | {
      readonly type: 'sequence-advanced';
      readonly prefixKey: string;
      readonly period: string;
      /** Undefined when that is `initialSeq`, which the log masks. */
      readonly from: bigint | undefined;
      readonly to: bigint;
      readonly reason: string;
    }
  /**
   * Also emitted when it was closed before: then reason, time and `first` are those of the first time, and `isRepeated`
   * is set.
   */
  | {
      readonly type: 'period-closed';
      readonly prefixKey: string;
      readonly period: string;
      readonly reason: string;
      readonly closedAtMs: number;
      readonly first: Signature;
      readonly isRepeated: boolean;
    }
  /** A number was reserved, or its reservation confirmed or voided. */
  | {
      readonly type: 'reservation';
      readonly id: string;
      readonly prefixKey: string;
      /** The state before this call; undefined for a new reservation. The same as `outcome` when the call repeats another one. */
      readonly before: ReservationState | undefined;
      readonly outcome: ReservationState;
      readonly reason: string | undefined;
    }
  /** An idempotency key came for a gapless number while the counter store was away, and belonged to another request. */
  | { readonly type: 'key-used-twice' }
  /** How many sequences of the ledger went back to an earlier state and are refused; 0 once all are served again. */
  | { readonly type: 'ledger-behind'; readonly sequences: number; readonly example: LedgerMark | undefined }
  /** Whether a ledger that goes back would be found out: not while its marks cannot be stored elsewhere. */
  | { readonly type: 'gapless-guard'; readonly guarded: boolean }
  /** Calls on the ledger may have taken values for callers who were refused, and could not be cancelled. */
  | { readonly type: 'ledger-calls-unsettled'; readonly calls: number }
  /** A share of 0.8 or 0.95 of the width or the limit is used; emitted once each. */
  | {
      readonly type: 'capacity';
      readonly prefixKey: string;
      readonly period: string;
      readonly bound: 'width' | 'limit';
      readonly share: number;
      readonly used: number;
      readonly value: bigint;
      /** The highest value below the bound. */
      readonly highest: bigint;
      /** When it is reached at the recent pace, ms since 1970-01-01T00:00:00Z. */
      readonly reachedAtMs: number | undefined;
    }
  /**
   * This node gave callers without a credential this share of a bounded series, or more; emitted once each per period.
   */
  | {
      readonly type: 'open-share';
      readonly prefixKey: string;
      readonly period: string;
      readonly share: number;
      readonly count: number;
    }
  /** The fullest prefixes in use on this node, and one measure for all others. */
  | {
      readonly type: 'capacity-measured';
      readonly measures: readonly CapacityMeasure[];
      readonly other: CapacityMeasure | undefined;
    }
  /** The prefixes whose standby is nearest its end, and one measure for all others. */
  | {
      readonly type: 'standby-measured';
      readonly measures: readonly StandbyMeasure[];
      readonly other: StandbyMeasure | undefined;
    }
  /** The prefixes with the longest gap records, and the sum of all others. */
  | {
      readonly type: 'gaps-measured';
      readonly measures: readonly GapMeasure[];
      readonly other: GapMeasure | undefined;
    }
  | { readonly type: 'temporary-number-issued'; readonly prefixKey: string; readonly number: string }
  | {
      readonly type: 'temporary-number-resolved';
      readonly prefixKey: string;
      readonly number: string;
      readonly resolvedNumber: string;
    }
  /** The temporary numbers of this node could not be given to the store yet. */
  | { readonly type: 'hand-over-failed'; readonly error: unknown }
  | { readonly type: 'store-connected' }
  /** `remedy` names the setting to look at, when the reason lies there; it names no address. */
  | { readonly type: 'store-disconnected'; readonly reason: string; readonly remedy?: string | undefined }
  /** What keeps the ceilings (PostgreSQL) can be reached. */
  | { readonly type: 'ceiling-store-connected' }
  | { readonly type: 'ceiling-store-disconnected'; readonly reason: string; readonly remedy?: string | undefined }
  /** This node may make snowflake ids under a worker id. */
  | { readonly type: 'worker-lease-taken'; readonly dataCentre: number; readonly worker: number }
  /** It may no longer: another node holds the id. */
  | { readonly type: 'worker-lease-lost'; readonly dataCentre: number; readonly worker: number }
  /** The lease could not be renewed; after two thirds of it no ids are made. */
  | { readonly type: 'worker-lease-not-renewed'; readonly worker: number; readonly error: unknown }
  | { readonly type: 'clock-stepped-back'; readonly byMs: number; readonly handling: ClockHandling }
  | {
      readonly type: 'api-key-created';
      readonly id: string;
      readonly name: string;
      readonly scopes: string;
      /** ms since 1970-01-01T00:00:00Z; undefined: it does not expire. */
      readonly expiresAtMs: number | undefined;
    }
  /**
   * The requests that clients sent to this node could not be added to those of other nodes; emitted once until they
   * can.
   */
  | { readonly type: 'request-counts-not-shared'; readonly error: unknown }
  | {
      readonly type: 'api-key-revoked';
      readonly id: string;
      readonly name: string;
      readonly scopes: string;
    }
  /** Prefixes that could print the same numbers, found after their registration. */
  | { readonly type: 'prefix-collisions-found'; readonly detail: string }
  /** Prefix configs were put back into the counter store (`healed`), or from there into their durable copy (`copied`). */
  | { readonly type: 'prefix-configs-healed'; readonly healed: number; readonly copied: number }
  | { readonly type: 'prefix-configs-healing-failed'; readonly error: unknown }
  /** The collector stopped taking traces; spans are dropped meanwhile. */
  | { readonly type: 'traces-not-exported'; readonly error: unknown }
  | { readonly type: 'traces-exported-again' }
  /** A setting of the store that an operator should know of; emitted once, until it changes. */
  | { readonly type: 'store-finding'; readonly finding: Finding }
  | { readonly type: 'store-finding-cleared'; readonly subject: string }
  | { readonly type: 'guarantee-changed'; readonly guarantee: Guarantee };

/**
 * Takes an event; must not throw and must not wait.
 * @param caller whose request caused it; undefined when the process itself did.
 */
export type Emit = (event: NumberGeneratorEvent, caller?: Caller) => void;

/** An event in its envelope, as listeners receive it. */
export interface EventEnvelope {
  /** Unique among all nodes; rises within one. */
  readonly id: string;
  /** When it was emitted, ms since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
  /** Subject of the caller; undefined for a caller without a credential, and for the process itself. */
  readonly actor: string | undefined;
  /** Id of the caller's request; undefined for the process itself. */
  readonly requestId: string | undefined;
  /** `""` for the default one. */
  readonly workspace: string;
  readonly event: NumberGeneratorEvent;
}

/** Receives every event; must not throw and must not wait. */
export type Listen = (envelope: EventEnvelope) => void;
