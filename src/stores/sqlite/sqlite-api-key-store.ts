/** API keys in the embedded database: the same JSON per id as in Redis. */
import { type ApiKey, decodeStoredApiKey, encodeStoredApiKey } from '../../core/api-key.ts';
import type { ApiKeyStore } from '../../core/api-key-store.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export const createSqliteApiKeyStore = ({ handle, transact }: SqliteDatabase): ApiKeyStore => {
  const select = handle.prepare('SELECT entry FROM api_keys WHERE id = ?');
  const selectAfter = handle.prepare('SELECT id, entry FROM api_keys WHERE id > ? ORDER BY id');
  const insert = handle.prepare('INSERT INTO api_keys (id, entry) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const remove = handle.prepare('DELETE FROM api_keys WHERE id = ?');

  const read = (id: string): ApiKey | undefined => {
    const row = select.get(id);
    return row === undefined ? undefined : decodeStoredApiKey(id, String(row['entry']));
  };

  return {
    find: async (ids) => transact(() => ids.map(read)),

    list: async (after, limit) =>
      transact(() => {
        const found: ApiKey[] = [];
        for (const row of selectAfter.iterate(after)) {
          const key = decodeStoredApiKey(String(row['id']), String(row['entry']));
          if (key !== undefined) found.push(key);
          if (found.length === limit) break;
        }
        return found;
      }),

    insert: async (key) => transact(() => insert.run(key.id, encodeStoredApiKey(key)).changes === 1),

    remove: async (id) => transact(() => remove.run(id).changes === 1),
  };
};
