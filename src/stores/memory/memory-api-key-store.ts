/** API keys in memory: the reference implementation for tests. */
import type { ApiKey } from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';

export const createMemoryApiKeyStore = (): ApiKeyStore => {
  const keys = new Map<string, ApiKey>();
  const holders = new Map<string, string>();
  return {
    find: async (ids) => ids.map((id) => keys.get(id)),
    list: async (after, limit) =>
      [...keys.values()]
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    insert: async (key, share) => {
      if (keys.has(key.id)) return false;
      if (share !== undefined) {
        const held = [...keys.values()].filter(({ id }) => holders.get(id) === share.name);
        const isOver = ({ expiresAtMs = Number.POSITIVE_INFINITY }: ApiKey): boolean => expiresAtMs <= key.createdAtMs;
        if (held.length >= share.max) for (const { id } of held.filter(isOver)) keys.delete(id);
        if (held.filter(({ id }) => keys.has(id)).length >= share.max) return 'share-held';
        holders.set(key.id, share.name);
      }
      keys.set(key.id, key);
      return true;
    },
    remove: async (id) => keys.delete(id),
  };
};
