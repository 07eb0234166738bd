/** Temporary numbers: tagged stand-ins for the time when even the standby is used up, replaced by hand afterwards. */
import type { Allocation, AllocationTarget } from '../../allocators/allocator.ts';
import type { CounterAllocator } from '../../allocators/counter/counter-allocator.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { TemporaryNumber, TemporaryNumberStore } from '../../core/counter/temporary-number-store.ts';
import { NotFoundError, QuotaExceededError } from '../../core/errors.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import { seriesOf } from '../../core/values/sequence-id.ts';
import { type Page, readPage } from '../shared/page.ts';
import type { SeriesCache } from './series-cache.ts';

/** The most a node keeps until the store is back. Requests are refused before: see `refuseBeyondShare`. */
export const KEPT_MAX = 100_000;
const HAND_OVER_CHUNK = 1_000;
const HAND_OVER_RETRY_MS = 5_000;
const RETRY_AFTER_S = 5;

/** What the real number will show. */
type DocumentTerms = Pick<TemporaryNumber, 'datedMs' | 'variables'>;

/** A real number that is allocated, while the store may not know yet. */
interface Resolution {
  readonly target: AllocationTarget;
  readonly allocation: Allocation;
  readonly resolvedNumber: string;
}

interface Kept {
  readonly entry: TemporaryNumber;
  readonly parties: readonly string[];
}

export interface TemporaryNumberService {
  /**
   * Issues stand-ins `TMP-{prefixKey}-{node}-{local clock, ms}-{n}`.
   * @param client who asks; undefined: nobody whose share is counted.
   * @throws QuotaExceededError when the prefix, or the client, would have more of what this node keeps than is left for others.
   */
  issue(
    prefixKey: string,
    count: number,
    instantMs: number,
    client: string | undefined,
    document?: DocumentTerms,
  ): readonly string[];
  /** Gives the store what this node has kept. What could not be given stays kept, and is tried again in 5 s. */
  handOver(): Promise<void>;
  /** Hands over what is kept, once; what the store does not take is lost with this process. */
  close(): Promise<void>;
  /** Hands over when the store is back. */
  readonly listen: Listen;
  list(after: string, limit: number, visible: (prefixKey: string) => boolean): Promise<Page<TemporaryNumber>>;
  /** @throws NotFoundError */
  find(number: string): Promise<TemporaryNumber>;
  /** Issues the real number, once: a repetition gives the same. @throws NotFoundError and what issuing throws. */
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
  const kept = new Map<string, Kept>();
  /** How many of those kept are of a prefix, or of a client. */
  const shares = new Map<string, number>();
  const unresolved = new Map<string, Resolution>();
  let issued = 0;
  let nextAttempt: NodeJS.Timeout | undefined;
  let isClosed = false;

  const find = async (number: string): Promise<TemporaryNumber> => {
    const entry = await store.find(number);
    if (entry === undefined) throw new NotFoundError({ kind: 'temporary-number', number });
    return entry;
  };

  const count = (party: string, more: number): void => {
    const now = (shares.get(party) ?? 0) + more;
    if (now > 0) shares.set(party, now);
    else shares.delete(party);
  };
  const forget = ({ entry, parties }: Kept): void => {
    if (!kept.delete(entry.number)) return;
    for (const party of parties) count(party, -1);
  };
  /** A party never gets more than remains for all others, so something always remains for a new one. */
  const refuseBeyondShare = (parties: readonly string[], wanted: number): void => {
    const left = KEPT_MAX - kept.size - wanted;
    const greedy = parties.find((party) => (shares.get(party) ?? 0) + wanted > left);
    if (greedy === undefined) return;
    throw new QuotaExceededError(
      { kind: 'temporary-numbers', of: greedy.startsWith('prefix ') ? 'prefix' : 'caller' },
      RETRY_AFTER_S,
    );
  };

  const handOver = async (): Promise<void> => {
    clearTimeout(nextAttempt);
    try {
      while (kept.size > 0) {
        const chunk = [...kept.values()].slice(0, HAND_OVER_CHUNK);
        await store.add(chunk.map(({ entry }) => entry));
        for (const entry of chunk) forget(entry);
      }
    } catch (error) {
      emit({ type: 'hand-over-failed', error });
      if (isClosed) return;
      clearTimeout(nextAttempt);
      nextAttempt = setTimeout(() => void handOver(), HAND_OVER_RETRY_MS);
      nextAttempt.unref();
    }
  };

  /** Allocates the real number; the same one again when an earlier attempt could not store it. */
  const allocateFor = async (entry: TemporaryNumber): Promise<Resolution> => {
    const earlier = unresolved.get(entry.number);
    if (earlier !== undefined) return earlier;
    const series = await seriesCache.get(seriesOf(entry.prefixKey));
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
    issue: (prefixKey, wanted, instantMs, client, document) => {
      const parties = [`prefix ${prefixKey}`, ...(client === undefined ? [] : [client])];
      refuseBeyondShare(parties, wanted);
      for (const party of parties) count(party, wanted);
      return Array.from({ length: wanted }, () => {
        issued += 1;
        const number = `TMP-${prefixKey}-${node}-${instantMs}-${issued}`;
        const entry = { number, prefixKey, issuedAtMs: instantMs, ...document, resolvedNumber: undefined };
        kept.set(number, { entry, parties });
        emit({ type: 'temporary-number-issued', prefixKey, number });
        return number;
      });
    },

    handOver,

    close: () => {
      isClosed = true;
      return handOver();
    },

    listen: ({ event: { type } }) => {
      if (type === 'store-returned') void handOver();
    },

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
        emit({ type: 'temporary-number-resolved', prefixKey, number, resolvedNumber }, caller);
      }
      const resolved = await find(number);
      // Another node was faster: this value was never shown, so it goes back, once.
      const isMine = resolved.resolvedNumber === resolvedNumber;
      if (unresolved.delete(number) && !isMine) allocator.giveBack(target, allocation);
      return resolved;
    },
  };
};
