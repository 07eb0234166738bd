/** Facts that the lower floors report; metrics and logs listen. */
import type { PrefixConfig } from './prefix-config.ts';

/** Where values came from, as the `X-Number-Source` header says it. */
export type NumberSource = 'redis' | 'sqlite' | 'memory';

export type NumberGeneratorEvent =
  | { readonly type: 'numbers-issued'; readonly count: number; readonly source: NumberSource }
  | { readonly type: 'prefix-config-registered'; readonly config: PrefixConfig }
  | { readonly type: 'prefix-config-updated'; readonly config: PrefixConfig }
  | { readonly type: 'prefix-config-removed'; readonly prefixKey: string }
  | { readonly type: 'prefix-config-corrupt'; readonly prefixKey: string; readonly reason: string }
  | { readonly type: 'prefix-config-refresh-failed'; readonly error: unknown }
  | { readonly type: 'store-connected' }
  | { readonly type: 'store-disconnected'; readonly reason: string };

/** Takes a fact; must not throw and must not wait. */
export type Emit = (event: NumberGeneratorEvent) => void;
