/** Prefix configs in memory: the reference implementation for tests. */
import { decodeStoredConfig, encodeStoredConfig, type StoredConfig } from '../../core/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config-store.ts';

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
      const stored = read(config.prefixKey);
      if (stored === undefined) return { kind: 'missing' };
      const version = stored.kind === 'config' ? stored.config.version : 0;
      if (expectedVersion !== 'any' && expectedVersion !== version) return { kind: 'conflict' };
      const next = { ...config, version: version + 1 };
      entries.set(config.prefixKey, encodeStoredConfig(next));
      return { kind: 'replaced', config: next };
    },
    remove: async (prefixKey) => entries.delete(prefixKey),
    onChange: () => undefined,
    preload: (prefixKey, json) => {
      entries.set(prefixKey, json);
    },
  };
};
