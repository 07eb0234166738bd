/** API keys in Redis: one hash, the id → JSON, in which the key itself does not stand. */
import { type ApiKey, decodeStoredApiKey, encodeStoredApiKey } from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

export const createRedisApiKeyStore = ({ commands, names }: Pick<RedisClient, 'commands' | 'names'>): ApiKeyStore => {
  const insertScript = loadRedisScript('insert-api-key');

  const read = async (ids: readonly string[]): Promise<(ApiKey | undefined)[]> => {
    const entries = await commands.hmget(names.apiKeys, ...ids);
    return ids.map((id, index) => {
      const json = entries[index];
      return json === null || json === undefined ? undefined : decodeStoredApiKey(id, json);
    });
  };

  return {
    find: (ids) => translated(() => read(ids)),

    list: (after, limit) =>
      translated(async () => {
        const ids = (await commands.hkeys(names.apiKeys)).filter((id) => id > after).sort();
        const found: ApiKey[] = [];
        // On past what cannot be read: a short page would be taken for the last one.
        for (let from = 0; from < ids.length && found.length < limit; from += limit) {
          const some = await read(ids.slice(from, from + limit));
          found.push(...some.filter((key) => key !== undefined));
        }
        return found.slice(0, limit);
      }),

    insert: (key, share) =>
      translated(async () => {
        const keys = [names.apiKeys, ...(share === undefined ? [] : [names.apiKeysOf(share.name)])];
        const words = [key.id, encodeStoredApiKey(key), `${key.expiresAtMs ?? 0}`];
        const bound = share === undefined ? [] : [`${share.max}`, `${key.createdAtMs}`];
        const answer = Number(await runRedisScript(commands, insertScript, keys, [...words, ...bound]));
        return answer < 0 ? 'share-held' : answer === 1;
      }),

    remove: (id) => translated(async () => Number(await commands.hdel(names.apiKeys, id)) === 1),
  };
};
