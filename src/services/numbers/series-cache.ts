/** The series in use: prefix configs read once, compiled, and checked against the store every few seconds. */

import { putBounded } from '../../core/bounded-map.ts';
import { CorruptEntryError, isStoreFailure, PrefixNotRegisteredError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { encodeStoredConfig, type PrefixConfig, type StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { compileSeries, type Series } from './series.ts';

export interface SeriesCache {
  /**
   * The series of a prefix key, at most 5 s behind the store; while the store is away, as it was known last.
   * @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors when it has to be asked.
   */
  get(prefixKey: string): Series | Promise<Series>;
  /** One series, or all, may have changed: the next request asks the store. */
  forget(prefixKey?: string): void;
  /** This node has written a config: known from now on, also while the store is away. The next request asks all the same. */
  note(config: PrefixConfig): void;
  /** This node has removed a config: it is served no more, also while the store is away. */
  drop(prefixKey: string): void;
  /** The series as it was known last, without asking the store: for background work, which does not keep it in use. */
  peek(prefixKey: string): Series | undefined;
  /** All series that are known, for background work. */
  known(): Iterable<Series>;
  /** Stops the background check. */
  close(): void;
}

/** Half of the promised 5 s, so that a slow check still keeps the promise. */
const REFRESH_INTERVAL_MS = 2_500;
const REFRESH_CHUNK = 1_000;
const CACHED_MAX = 100_000;

interface Cached {
  readonly series: Series | undefined;
  readonly fingerprint: string;
  readonly error: CorruptEntryError | undefined;
  used: boolean;
  /** Somebody may have changed it: ask the store before using it, and use it all the same when the store is away. */
  stale: boolean;
}

const fingerprintOf = (stored: StoredConfig): string =>
  stored.kind === 'corrupt' ? stored.reason : encodeStoredConfig(stored.config);

/** @param standbySize values a node holds ready of each series for an outage of the store; 0 for none. */
export const createSeriesCache = (store: PrefixConfigStore, standbySize: number, emit: Emit): SeriesCache => {
  const cached = new Map<string, Cached>();
  const loading = new Map<string, Promise<Series>>();

  const keep = (prefixKey: string, stored: StoredConfig): Cached => {
    const fingerprint = fingerprintOf(stored);
    const before = cached.get(prefixKey);
    // The same object as long as the config is the same: requests that share it share a reserve entry.
    if (before !== undefined && before.fingerprint === fingerprint) return before;
    const corrupt = stored.kind === 'corrupt' ? new CorruptEntryError(prefixKey, stored.reason) : undefined;
    if (stored.kind === 'corrupt') emit({ type: 'prefix-config-corrupt', prefixKey, reason: stored.reason });
    const series = stored.kind === 'config' ? compileSeries(stored.config, standbySize) : undefined;
    const entry = { series, fingerprint, error: corrupt, used: true, stale: false };
    putBounded(cached, prefixKey, entry, CACHED_MAX);
    return entry;
  };

  const seriesOf = (entry: Cached): Series => {
    if (entry.series === undefined) throw entry.error;
    return entry.series;
  };

  const ask = async (prefixKey: string, isCurrent: () => boolean): Promise<Series> => {
    try {
      const [stored] = await store.find([prefixKey]);
      if (stored === undefined) {
        cached.delete(prefixKey);
        throw new PrefixNotRegisteredError(prefixKey);
      }
      const entry = keep(prefixKey, stored);
      // Forgotten while the question was under way: the answer may be older than that.
      entry.stale = !isCurrent();
      return seriesOf(entry);
    } catch (error) {
      const known = cached.get(prefixKey);
      if (known === undefined || !isStoreFailure(error)) throw error;
      return seriesOf(known);
    }
  };

  /** Asks the store, once for all who wait for the same series. */
  const load = (prefixKey: string): Promise<Series> => {
    const work = ask(prefixKey, () => loading.get(prefixKey) === work);
    const done = (): void => {
      if (loading.get(prefixKey) === work) loading.delete(prefixKey);
    };
    loading.set(prefixKey, work);
    work.then(done, done);
    return work;
  };

  const refresh = async (): Promise<void> => {
    const inUse: [string, Cached][] = [];
    for (const [prefixKey, entry] of cached) {
      // What nobody asked for since the last check is not kept up to date: whoever asks next asks the store.
      if (entry.used) inUse.push([prefixKey, entry]);
      else entry.stale = true;
      entry.used = false;
    }
    for (let start = 0; start < inUse.length; start += REFRESH_CHUNK) {
      const chunk = inUse.slice(start, start + REFRESH_CHUNK);
      const found = await store.find(chunk.map(([prefixKey]) => prefixKey));
      chunk.forEach(([prefixKey, entry], index) => {
        // Forgotten or read anew meanwhile: what was found may be older than that.
        if (cached.get(prefixKey) !== entry || entry.stale) return;
        const stored = found[index];
        if (stored === undefined) cached.delete(prefixKey);
        else keep(prefixKey, stored);
      });
    }
  };

  let refreshing = false;
  const timer = setInterval(() => {
    if (refreshing || cached.size === 0) return;
    refreshing = true;
    refresh()
      .catch((error: unknown) => emit({ type: 'prefix-config-refresh-failed', error }))
      .finally(() => {
        refreshing = false;
      });
  }, REFRESH_INTERVAL_MS);
  timer.unref();

  const forget = (prefixKey?: string): void => {
    const entries = prefixKey === undefined ? [...cached.values()] : [cached.get(prefixKey)];
    for (const entry of entries) if (entry !== undefined) entry.stale = true;
    if (prefixKey === undefined) loading.clear();
    else loading.delete(prefixKey);
  };
  store.onChange((prefixKey) => {
    forget(prefixKey);
    // Read at once, not with the next request: that may come when the store is away, and would be served by the old config.
    if (prefixKey !== undefined && cached.has(prefixKey)) load(prefixKey).catch(() => undefined);
  });

  return {
    get: (prefixKey) => {
      const entry = cached.get(prefixKey);
      if (entry !== undefined) {
        entry.used = true;
        if (!entry.stale) return seriesOf(entry);
      }
      return loading.get(prefixKey) ?? load(prefixKey);
    },
    forget,
    note: (config) => {
      const known = cached.get(config.prefixKey)?.series?.config;
      // Another node may have changed it since.
      if (known === undefined || known.version < config.version) keep(config.prefixKey, { kind: 'config', config });
      forget(config.prefixKey);
    },
    drop: (prefixKey) => {
      cached.delete(prefixKey);
      loading.delete(prefixKey);
    },
    peek: (prefixKey) => cached.get(prefixKey)?.series,
    known: () =>
      cached
        .values()
        .map(({ series }) => series)
        .filter((series) => series !== undefined),
    close: () => clearInterval(timer),
  };
};
