/** Pages of prefix configs that are kept twice: what either store has, brought together on the way. */
import { isStoreFailure, StorageUnavailableError } from '../../core/errors.ts';
import { isSameStored } from '../../core/prefix-config/entry-settling.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigCopy } from '../../core/prefix-config/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { versionOf } from '../../core/prefix-config/prefix-history.ts';
import type { ConfigReconciler } from './config-reconciler.ts';

type ConfigPage = Awaited<ReturnType<PrefixConfigStore['list']>>;

/** Of a page from which something is removed while it is read. */
const ATTEMPTS_MAX = 5;

export const createMirroredListing = (
  live: PrefixConfigStore,
  copy: PrefixConfigCopy,
  healer: Pick<ConfigReconciler, 'healTogether' | 'isThrough' | 'knownKeys'>,
): PrefixConfigStore['list'] => {
  /** While the copy is away: the live store's page, unless it lacks what was there. */
  const listAlone = (page: ConfigPage, after: string, limit: number, error: unknown): ConfigPage => {
    if (!isStoreFailure(error) || !healer.isThrough()) throw error;
    const present = new Set(page.map(({ prefixKey }) => prefixKey));
    const last = page.length < limit ? undefined : page.at(-1)?.prefixKey;
    const isInPage = (prefixKey: string): boolean => prefixKey > after && (last === undefined || prefixKey <= last);
    for (const prefixKey of healer.knownKeys()) {
      if (isInPage(prefixKey) && !present.has(prefixKey)) throw error;
    }
    return page;
  };

  /** Whether there is anything to bring together: what neither store can read is left to the operator. */
  const differs = (inLive: StoredConfig | undefined, kept: StoredConfig | undefined): boolean =>
    (versionOf(inLive) > 0 || versionOf(kept) > 0) && !isSameStored(inLive, kept);

  /** A page of what either store has; undefined when something that was removed is gone from it now. */
  const listOnce = async (after: string, limit: number): Promise<ConfigPage | undefined> => {
    const [inLive, kept] = await Promise.all([
      live.list(after, limit),
      copy.list(after, limit).catch((error: unknown) => ({ error })),
    ]);
    if ('error' in kept) return listAlone(inLive, after, limit, kept.error);
    const entries = new Map([...kept, ...inLive].map(({ prefixKey, stored }) => [prefixKey, stored]));
    const prefixKeys = [...entries.keys()].sort().slice(0, limit);
    const lookup = (page: ConfigPage) => new Map(page.map(({ prefixKey, stored }) => [prefixKey, stored]));
    const [ofLive, ofCopy] = [lookup(inLive), lookup(kept)];
    const different = prefixKeys.filter((prefixKey) => differs(ofLive.get(prefixKey), ofCopy.get(prefixKey)));
    const healed = different.length === 0 ? [] : await healer.healTogether(different);
    // The page must not be short because of that: a short page is read as the last one.
    if (healed.includes(undefined)) return undefined;
    for (const [index, prefixKey] of different.entries()) {
      const stored = healed[index];
      if (stored !== undefined) entries.set(prefixKey, stored);
    }
    return prefixKeys.flatMap((prefixKey) => {
      const stored = entries.get(prefixKey);
      return stored === undefined ? [] : [{ prefixKey, stored }];
    });
  };

  return async (after, limit) => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const page = await listOnce(after, limit);
      if (page !== undefined) return page;
    }
    throw new StorageUnavailableError('Redis and PostgreSQL keep differing about the prefix configs.');
  };
};
