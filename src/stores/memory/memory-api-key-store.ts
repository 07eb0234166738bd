/** API keys in memory: the reference implementation for tests. */
import type { ApiKey } from '../../core/api-key.ts';
import type { ApiKeyStore } from '../../core/api-key-store.ts';

export const createMemoryApiKeyStore = (): ApiKeyStore => {
  const keys = new Map<string, ApiKey>();
  return {
    find: async (ids) => ids.map((id) => keys.get(id)),
    list: async (after, limit) =>
      [...keys.values()]
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    insert: async (key) => {
      if (keys.has(key.id)) return false;
      keys.set(key.id, key);
      return true;
    },
    remove: async (id) => keys.delete(id),
  };
};
