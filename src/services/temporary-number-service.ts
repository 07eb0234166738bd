/** Temporary numbers: tagged stand-ins for the time when even the standby is used up, replaced by hand afterwards. */
import type { Allocation } from '../allocators/allocator.ts';
import type { CounterAllocator } from '../allocators/counter-allocator.ts';
import type { AllocationTarget } from '../allocators/lane.ts';
import { type Caller, signatureOf } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import { StorageUnavailableError, TemporaryNumberNotFoundError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { TemporaryNumber, TemporaryNumberStore } from '../core/temporary-number-store.ts';
import { type Page, readPage } from './page.ts';
import type { SeriesCache } from './series-cache.ts';

/** The most a node keeps until the store is back; beyond, requests are refused. */
export const KEPT_MAX = 100_000;
const HAND_OVER_CHUNK = 1_000;
const HAND_OVER_RETRY_MS = 5_000;

/** What the real number will show. */
type DocumentTerms = Pick<TemporaryNumber, 'datedMs' | 'variables'>;

/** A real number that is allocated, while the store may not know yet. */
interface Resolution {
  readonly target: AllocationTarget;
  readonly allocation: Allocation;
  readonly resolvedNumber: string;
}

export interface TemporaryNumberService {
  /** Issues stand-ins `TMP-{prefixKey}-{node}-{local clock, ms}-{n}`. @throws StorageUnavailableError when this node keeps too many. */
  issue(prefixKey: string, count: number, instantMs: number, document?: DocumentTerms): readonly string[];
  /** Gives the store what this node has kept. What could not be given stays kept, and is tried again in 5 s. */
  handOver(): Promise<void>;
  list(after: string, limit: number, visible: (prefixKey: string) => boolean): Promise<Page<TemporaryNumber>>;
  /** @throws TemporaryNumberNotFoundError */
  find(number: string): Promise<TemporaryNumber>;
  /** Issues the real number, once: a repetition gives the same. @throws TemporaryNumberNotFoundError and what issuing throws. */
  resolve(number: string, caller: Caller): Promise<TemporaryNumber>;
}

interface Dependencies {
  readonly store: TemporaryNumberStore;
  readonly seriesCache: SeriesCache;
  readonly allocator: CounterAllocator;
  readonly clock: Clock;
  readonly emit: Emit;
  /** The name of this process. */
  readonly node: string;
}

export const createTemporaryNumberService = (dependencies: Dependencies): TemporaryNumberService => {
  const { store, seriesCache, allocator, clock, emit, node } = dependencies;
  const kept = new Map<string, TemporaryNumber>();
  const unresolved = new Map<string, Resolution>();
  let issued = 0;
  let nextAttempt: NodeJS.Timeout | undefined;

  const find = async (number: string): Promise<TemporaryNumber> => {
    const entry = await store.find(number);
    if (entry === undefined) throw new TemporaryNumberNotFoundError(number);
    return entry;
  };

  const handOver = async (): Promise<void> => {
    clearTimeout(nextAttempt);
    try {
      while (kept.size > 0) {
        const chunk = [...kept.values()].slice(0, HAND_OVER_CHUNK);
        await store.add(chunk);
        for (const { number } of chunk) kept.delete(number);
      }
    } catch (error) {
      emit({ type: 'hand-over-failed', error });
      nextAttempt = setTimeout(() => void handOver(), HAND_OVER_RETRY_MS);
      nextAttempt.unref();
    }
  };

  /** Allocates the real number; the same again when an earlier attempt could not tell the store. */
  const allocateFor = async (entry: TemporaryNumber): Promise<Resolution> => {
    const earlier = unresolved.get(entry.number);
    if (earlier !== undefined) return earlier;
    const series = await seriesCache.get(entry.prefixKey);
    // Dated when the document was, so that it counts in the period of the document.
    const { printerFor, target } = series.of(entry.datedMs ?? entry.issuedAtMs, clock.now());
    const print = printerFor(entry.variables);
    const allocation = await allocator.allocate(target, 1);
    const resolution = { target, allocation, resolvedNumber: print(allocation.ranges[0]?.first ?? 0n) };
    // Somebody may have been as far as this while the value was on its way.
    const other = unresolved.get(entry.number);
    if (other !== undefined) {
      allocator.giveBack(target, allocation);
      return other;
    }
    unresolved.set(entry.number, resolution);
    return resolution;
  };

  return {
    issue: (prefixKey, count, instantMs, document) => {
      if (kept.size + count > KEPT_MAX) {
        throw new StorageUnavailableError('This node keeps as many temporary numbers as it can.');
      }
      return Array.from({ length: count }, () => {
        issued += 1;
        const number = `TMP-${prefixKey}-${node}-${instantMs}-${issued}`;
        kept.set(number, { number, prefixKey, issuedAtMs: instantMs, ...document, resolvedNumber: undefined });
        emit({ type: 'temporary-number-issued', prefixKey, number });
        return number;
      });
    },

    handOver,

    list: (after, limit, visible) =>
      readPage(
        store.list,
        ({ number }) => number,
        (entry) => (visible(entry.prefixKey) ? entry : undefined),
        { after, limit },
      ),

    find,

    resolve: async (number, caller) => {
      const entry = await find(number);
      if (entry.resolvedNumber !== undefined && !unresolved.has(number)) return entry;
      const { target, allocation, resolvedNumber } = await allocateFor(entry);
      const isFirst = await store.resolve(number, resolvedNumber);
      if (isFirst) {
        const { prefixKey } = entry;
        emit({ type: 'temporary-number-resolved', prefixKey, number, resolvedNumber, ...signatureOf(caller) });
      }
      const resolved = await find(number);
      // Another node was faster: this value was never shown, so it goes back, once.
      const isMine = resolved.resolvedNumber === resolvedNumber;
      if (unresolved.delete(number) && !isMine) allocator.giveBack(target, allocation);
      return resolved;
    },
  };
};
