/** Watches how much of a bounded series goes to callers without a credential: what they take is gone for good. */

import { putBounded } from '../../core/bounded-map.ts';
import type { Clock } from '../../core/clock.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import { limitOf } from '../../core/prefix-config/prefix-config.ts';
import { seriesOf } from '../../core/values/sequence-id.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';

interface Dependencies {
  readonly seriesCache: Pick<SeriesCache, 'peek'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Shares that are reported once per period: time to do something, and nearly too late. */
const OPEN_SHARES: readonly number[] = [0.1, 0.5];
/** Beyond, the prefix that was looked at the longest time ago is counted anew. */
const WATCHED_MAX = 10_000;
const LOOK_MS = 1_000;

interface Watched {
  period: string;
  /** Numbers of this period that this node gave to strangers. */
  count: number;
  /** The count at which it is checked again; Infinity when the series has no end, or all shares were reported. */
  lookAt: number;
  /** When it is looked at again anyway, for another period may have begun; ms. */
  lookAtMs: number;
  told: number;
}

/** @returns a listener for the facts of the service: nearly always it only adds. */
export const createOpenShareWatcher = ({ seriesCache, clock, emit }: Dependencies): Listen => {
  const watched = new Map<string, Watched>();

  /** The present period, and how many numbers of it count as each of the shares. */
  const lookUp = (prefixKey: string): { readonly period: string; readonly bounds: readonly number[] } | undefined => {
    const series = seriesCache.peek(seriesOf(prefixKey));
    if (series === undefined) return undefined;
    const { config } = series;
    const values =
      config.overflow === 'reject' ? Number(limitOf(config) - config.initialSeq) : Number.POSITIVE_INFINITY;
    return { period: series.periodAt(clock.now()), bounds: OPEN_SHARES.map((share) => Math.max(1, share * values)) };
  };

  const begin = (prefixKey: string): Watched | undefined => {
    const found = lookUp(prefixKey);
    if (found === undefined) return undefined;
    const begun = {
      period: found.period,
      count: 0,
      lookAt: found.bounds[0] ?? Number.POSITIVE_INFINITY,
      lookAtMs: 0,
      told: 0,
    };
    putBounded(watched, prefixKey, begun, WATCHED_MAX);
    return begun;
  };

  const look = (prefixKey: string, entry: Watched, count: number): void => {
    entry.lookAtMs = clock.now() + LOOK_MS;
    const found = lookUp(prefixKey);
    if (found === undefined) return;
    const { period, bounds } = found;
    if (period !== entry.period) Object.assign(entry, { period, count, told: 0 });
    // The highest one that is passed stands for those below.
    const passed = bounds.filter((bound) => entry.count >= bound).length;
    entry.lookAt = bounds[passed] ?? Number.POSITIVE_INFINITY;
    if (passed <= entry.told) return;
    entry.told = passed;
    emit({ type: 'open-share', prefixKey, period, share: OPEN_SHARES[passed - 1] ?? 0, count: entry.count });
  };

  return ({ event, actor }) => {
    if (event.type !== 'numbers-issued' || actor !== undefined) return;
    const { prefixKey, count } = event;
    const entry = watched.get(prefixKey) ?? begin(prefixKey);
    if (entry === undefined) return;
    entry.count += count;
    if (entry.count >= entry.lookAt || clock.now() >= entry.lookAtMs) look(prefixKey, entry, count);
  };
};
