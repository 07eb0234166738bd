/** The series in use: prefix configs read once, compiled, and checked against the store every few seconds. */

import { putBounded } from '../../core/bounded-map.ts';
import { CorruptEntryError, isStoreFailure, PrefixNotRegisteredError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { PrefixConfig, StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { encodeStoredConfig } from '../../core/prefix-config/stored-config.ts';
import { readSeriesKey, type SeriesId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { compileSeries, type Series } from './series.ts';

export interface SeriesCache {
  /**
   * The series of a prefix key, at most 5 s behind the store; while the store is away, as it was known last.
   * @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors when it has to be asked.
   */
  get(series: SeriesId): Series | Promise<Series>;
  /** One series, or all, may have changed: the next request asks the store. */
  forget(series?: SeriesId): void;
  /** This node has written a config: known from now on, also while the store is away. The next request asks all the same. */
  note(config: PrefixConfig): void;
  /** This node has removed a config: it is served no more, also while the store is away. */
  drop(series: SeriesId): void;
  /** The series as it was known last, without asking the store: for background work, which does not keep it in use. */
  peek(series: SeriesId): Series | undefined;
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

  const keep = (key: string, stored: StoredConfig): Cached => {
    const fingerprint = fingerprintOf(stored);
    const before = cached.get(key);
    // The same object as long as the config is the same: requests that share it share a reserve entry.
    if (before !== undefined && before.fingerprint === fingerprint) return before;
    const corrupt =
      stored.kind === 'corrupt' ? new CorruptEntryError(readSeriesKey(key).prefixKey, stored.reason) : undefined;
    if (stored.kind === 'corrupt') emit({ type: 'prefix-config-corrupt', prefixKey: key, reason: stored.reason });
    const series = stored.kind === 'config' ? compileSeries(stored.config, standbySize, readSeriesKey(key)) : undefined;
    const entry = { series, fingerprint, error: corrupt, used: true, stale: false };
    putBounded(cached, key, entry, CACHED_MAX);
    return entry;
  };

  const usable = (entry: Cached): Series => {
    if (entry.series === undefined) throw entry.error;
    return entry.series;
  };

  const ask = async (key: string, isCurrent: () => boolean): Promise<Series> => {
    try {
      const [stored] = await store.find([key]);
      if (stored === undefined) {
        cached.delete(key);
        throw new PrefixNotRegisteredError(readSeriesKey(key).prefixKey);
      }
      const entry = keep(key, stored);
      // Forgotten during the lookup: the answer may be older than that.
      entry.stale = !isCurrent();
      return usable(entry);
    } catch (error) {
      const known = cached.get(key);
      if (known === undefined || !isStoreFailure(error)) throw error;
      return usable(known);
    }
  };

  /** Asks the store, once for all who wait for the same series. */
  const load = (key: string): Promise<Series> => {
    const work = ask(key, () => loading.get(key) === work);
    const done = (): void => {
      if (loading.get(key) === work) loading.delete(key);
    };
    loading.set(key, work);
    work.then(done, done);
    return work;
  };

  const refresh = async (): Promise<void> => {
    const inUse: [string, Cached][] = [];
    for (const [key, entry] of cached) {
      // Series without a request since the last check are not refreshed: the next request reads the store.
      if (entry.used) inUse.push([key, entry]);
      else entry.stale = true;
      entry.used = false;
    }
    for (let start = 0; start < inUse.length; start += REFRESH_CHUNK) {
      const chunk = inUse.slice(start, start + REFRESH_CHUNK);
      const found = await store.find(chunk.map(([key]) => key));
      chunk.forEach(([key, entry], index) => {
        // Forgotten or read anew meanwhile: what was found may be older than that.
        if (cached.get(key) !== entry || entry.stale) return;
        const stored = found[index];
        if (stored === undefined) cached.delete(key);
        else keep(key, stored);
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

  const forgetKey = (key?: string): void => {
    const entries = key === undefined ? [...cached.values()] : [cached.get(key)];
    for (const entry of entries) if (entry !== undefined) entry.stale = true;
    if (key === undefined) loading.clear();
    else loading.delete(key);
  };
  store.onChange((key) => {
    forgetKey(key);
    // Read at once, not with the next request: that may come when the store is away, and would be served by the old config.
    if (key !== undefined && cached.has(key)) load(key).catch(() => undefined);
  });

  return {
    get: (series) => {
      const key = seriesKeyOf(series);
      const entry = cached.get(key);
      if (entry !== undefined) {
        entry.used = true;
        if (!entry.stale) return usable(entry);
      }
      return loading.get(key) ?? load(key);
    },
    forget: (series) => forgetKey(series && seriesKeyOf(series)),
    note: (config) => {
      const known = cached.get(config.prefixKey)?.series?.config;
      // Another node may have changed it since.
      if (known === undefined || known.version < config.version) keep(config.prefixKey, { kind: 'config', config });
      forgetKey(config.prefixKey);
    },
    drop: (series) => {
      const key = seriesKeyOf(series);
      cached.delete(key);
      loading.delete(key);
    },
    peek: (series) => cached.get(seriesKeyOf(series))?.series,
    known: () =>
      cached
        .values()
        .map(({ series }) => series)
        .filter((series) => series !== undefined),
    close: () => clearInterval(timer),
  };
};
