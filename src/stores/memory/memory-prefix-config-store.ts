/** Prefix configs in memory: the reference implementation for tests. */
import { createConfigGenerations } from '../../core/prefix-config/config-generations.ts';
import { decodeHistory, encodeHistory } from '../../core/prefix-config/history-codec.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import { createEntryChanges, type PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../core/prefix-config/stored-config.ts';

/** `preload` writes an entry as an operator would, unchecked. */
export const createMemoryPrefixConfigStore = (): PrefixConfigStore & {
  preload(prefixKey: string, json: string): void;
  /** Loses all that is kept of a prefix. */
  lose(prefixKey: string): void;
} => {
  const entries = new Map<string, string>();
  const histories = new Map<string, string>();
  const generations = createConfigGenerations();
  const read = (prefixKey: string): StoredConfig | undefined => {
    const json = entries.get(prefixKey);
    return json === undefined ? undefined : decodeStoredConfig(prefixKey, json);
  };
  const pageOf = (keys: Iterable<string>, after: string, limit: number): string[] =>
    [...new Set(keys)]
      .filter((key) => key > after)
      .sort()
      .slice(0, limit);

  const change: PrefixConfigStore['change'] = async (prefixKey, rule) => {
    const changed = rule(
      { stored: read(prefixKey), history: decodeHistory(histories.get(prefixKey)) },
      generations.current(),
    );
    if (changed.entry === undefined) return changed;
    const { stored, history } = changed.entry;
    if (stored?.kind === 'config') entries.set(prefixKey, encodeStoredConfig(stored.config));
    else if (stored === undefined) entries.delete(prefixKey);
    if (history !== undefined) histories.set(prefixKey, encodeHistory(history));
    generations.note(prefixKey);
    return changed;
  };

  return {
    find: async (prefixKeys) => prefixKeys.map(read),
    histories: async (prefixKeys) => prefixKeys.map((prefixKey) => decodeHistory(histories.get(prefixKey))),
    list: async (after, limit) =>
      pageOf(entries.keys(), after, limit).map((prefixKey) => ({
        prefixKey,
        stored: decodeStoredConfig(prefixKey, entries.get(prefixKey) ?? ''),
      })),
    keys: async (after, limit) => pageOf([...entries.keys(), ...histories.keys()], after, limit),
    changesSince: async (generation) => generations.since(generation),
    change,
    ...createEntryChanges(change),
    onChange: () => undefined,
    lose: (prefixKey) => {
      entries.delete(prefixKey);
      histories.delete(prefixKey);
    },
    preload: (prefixKey, json) => {
      entries.set(prefixKey, json);
    },
  };
};
