/** Prefix configs in memory: the reference implementation for tests. */
import { decodeStoredConfig, encodeStoredConfig, type StoredConfig } from '../../core/prefix-config.ts';
import { type PrefixConfigStore, replaceStored } from '../../core/prefix-config-store.ts';

/** `preload` writes an entry as an operator would, unchecked. */
export const createMemoryPrefixConfigStore = (): PrefixConfigStore & {
  preload(prefixKey: string, json: string): void;
} => {
  const entries = new Map<string, string>();
  const read = (prefixKey: string): StoredConfig | undefined => {
    const json = entries.get(prefixKey);
    return json === undefined ? undefined : decodeStoredConfig(prefixKey, json);
  };
  return {
    find: async (prefixKeys) => prefixKeys.map(read),
    list: async (after, limit) =>
      [...entries]
        .filter(([key]) => key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([prefixKey, json]) => ({ prefixKey, stored: decodeStoredConfig(prefixKey, json) })),
    insert: async (config) => {
      if (entries.has(config.prefixKey)) return false;
      entries.set(config.prefixKey, encodeStoredConfig(config));
      return true;
    },
    replace: async (config, expectedVersion) => {
      const outcome = replaceStored(read(config.prefixKey), config, expectedVersion);
      if (outcome.kind === 'replaced') entries.set(config.prefixKey, encodeStoredConfig(outcome.config));
      return outcome;
    },
    remove: async (prefixKey) => entries.delete(prefixKey),
    onChange: () => undefined,
    preload: (prefixKey, json) => {
      entries.set(prefixKey, json);
    },
  };
};
