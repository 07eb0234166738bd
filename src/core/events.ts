/** Facts that the lower floors report; metrics and logs listen. */
import type { Finding, Guarantee } from './finding.ts';
import type { PrefixConfig } from './prefix-config.ts';

/** Where values came from, as the `X-Number-Source` header says it. */
export type NumberSource = 'redis' | 'sqlite' | 'memory' | 'standby' | 'temporary';

export type NumberGeneratorEvent =
  | { readonly type: 'numbers-issued'; readonly count: number; readonly source: NumberSource }
  | { readonly type: 'prefix-config-registered'; readonly config: PrefixConfig }
  | { readonly type: 'prefix-config-updated'; readonly config: PrefixConfig }
  | { readonly type: 'prefix-config-removed'; readonly prefixKey: string }
  | { readonly type: 'prefix-config-corrupt'; readonly prefixKey: string; readonly reason: string }
  | { readonly type: 'prefix-config-refresh-failed'; readonly error: unknown }
  /** The store does not answer: numbers come from the standby segments from now on. */
  | { readonly type: 'outage-began'; readonly reason: unknown }
  /** It answers again, and knows what was used meanwhile. */
  | { readonly type: 'store-returned' }
  /** This node stopped while it could not give back what it held. */
  | { readonly type: 'standby-not-returned'; readonly sequences: number }
  | {
      readonly type: 'sequence-advanced';
      readonly prefixKey: string;
      readonly from: bigint;
      readonly to: bigint;
      readonly reason: string;
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
  | { readonly type: 'store-disconnected'; readonly reason: string }
  /** A setting of the store that an operator should know of; told once, until it changes. */
  | { readonly type: 'store-finding'; readonly finding: Finding }
  | { readonly type: 'store-finding-cleared'; readonly subject: string }
  | { readonly type: 'guarantee-changed'; readonly guarantee: Guarantee };

/** Takes a fact; must not throw and must not wait. */
export type Emit = (event: NumberGeneratorEvent) => void;
