/** Has a standby taken for the next period in good time, so that an outage over midnight on New Year's Eve is served. */
import type { CounterAllocator } from '../../allocators/counter/counter-allocator.ts';
import type { Clock } from '../../core/clock.ts';
import type { SeriesCache } from './series-cache.ts';

const LOOK_INTERVAL_MS = 30_000;

interface Dependencies {
  readonly seriesCache: SeriesCache;
  readonly allocator: CounterAllocator;
  readonly clock: Clock;
}

export interface StandbyKeeper {
  /** Prepares the next period of every series this node holds a standby for, when it is ten minutes away or less. */
  look(): void;
  close(): void;
}

export const createStandbyKeeper = ({ seriesCache, allocator, clock }: Dependencies): StandbyKeeper => {
  const look = (): void => {
    const instantMs = clock.now();
    for (const series of seriesCache.known()) {
      const { target, upcoming } = series.at(instantMs);
      if (upcoming !== undefined && allocator.standbyOf(target) !== undefined) allocator.prepare(upcoming);
    }
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
};
