/** Issuing numbers: the series is looked up, values are allocated, the template prints them. */
import type { CoalescingAllocator } from '../allocators/coalescing-allocator.ts';
import type { Clock } from '../core/clock.ts';
import type { Emit, NumberSource } from '../core/events.ts';
import type { SeriesCache } from './series-cache.ts';

/** The most numbers one request can take. */
export const COUNT_MAX = 10_000;

export interface IssuedNumbers {
  /** In the order of their values. */
  readonly numbers: readonly string[];
  readonly source: NumberSource;
}

export interface NumberService {
  /**
   * Issues `count` consecutive numbers (1 to 10,000), all dated by one reading of the clock.
   * @throws PrefixNotRegisteredError; SequenceOverflowError, then none was taken; StorageUnavailableError or
   * StorageTimeoutError; CorruptEntryError when what is stored for the prefix cannot be read.
   */
  issue(prefixKey: string, count: number): Promise<IssuedNumbers>;
}

interface Dependencies {
  readonly seriesCache: SeriesCache;
  readonly allocator: CoalescingAllocator;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly source: NumberSource;
}

export const createNumberService = ({ seriesCache, allocator, clock, emit, source }: Dependencies): NumberService => ({
  issue: async (prefixKey, count) => {
    const instantMs = clock.now();
    const found = seriesCache.get(prefixKey);
    // Not awaiting what is at hand saves a turn of the microtask queue per request.
    const series = found instanceof Promise ? await found : found;
    const range = await allocator.allocate(series.target, count);
    const print = series.printerAt(instantMs);
    const numbers: string[] = [];
    for (let value = range.first; value <= range.last; value += 1n) numbers.push(print(value));
    emit({ type: 'numbers-issued', count, source });
    return { numbers, source };
  },
});
