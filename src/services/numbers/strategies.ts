/** Which strategies this process serves, and by whom. */
import type { Allocator } from '../../allocators/allocator.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import { STRATEGIES, type Strategy } from '../../core/prefix-config/numbering.ts';
import type { SeriesCache } from './series-cache.ts';

/** The allocator of a strategy; or why this process cannot serve it, as a sentence for the client. */
export type Serving =
  | { readonly allocator: Allocator; readonly refusal?: undefined }
  | { readonly allocator?: undefined; readonly refusal: string };

export type Strategies = Readonly<Record<Strategy, Serving>>;

/**
 * @throws StorageUnavailableError for a prefix that another process, which serves the strategy, has registered. Registering
 * one here is refused.
 */
export const allocatorOf = (strategies: Strategies, strategy: Strategy): Allocator => {
  const { allocator, refusal } = strategies[strategy];
  if (allocator === undefined) throw new StorageUnavailableError(refusal);
  return allocator;
};

/** A list of 100,000 series is not gone through for every probe. */
const LOOK_EVERY_MS = 1_000;

/** @returns the strategies of the series that this node knows, at most a second old. */
export const createStrategiesInUse = (
  seriesCache: Pick<SeriesCache, 'known'>,
  monotonic: () => number,
): (() => ReadonlySet<Strategy>) => {
  let found: Set<Strategy> = new Set();
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = monotonic();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return found;
    lookedMs = nowMs;
    found = new Set();
    for (const { config } of seriesCache.known()) {
      found.add(config.strategy);
      if (found.size === STRATEGIES.length) break;
    }
    return found;
  };
};
