/** API keys in the embedded database: the same JSON per id as in Redis. */
import { type ApiKey, decodeStoredApiKey, encodeStoredApiKey } from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';
import type { CallerShare } from '../../core/caller.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export const createSqliteApiKeyStore = ({ handle, transact }: SqliteDatabase): ApiKeyStore => {
  const select = handle.prepare('SELECT entry FROM api_keys WHERE id = ?');
  const selectAfter = handle.prepare('SELECT id, entry FROM api_keys WHERE id > ? ORDER BY id');
  const insert = handle.prepare('INSERT INTO api_keys (id, entry) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const remove = handle.prepare('DELETE FROM api_keys WHERE id = ?');

  const count = handle.prepare('SELECT count(*) AS held FROM api_key_holders WHERE holder = ?');
  const hold = handle.prepare('INSERT OR REPLACE INTO api_key_holders (id, holder, expires_at_ms) VALUES (?, ?, ?)');
  const removeOver = handle.prepare(
    'DELETE FROM api_keys WHERE id IN (SELECT id FROM api_key_holders WHERE holder = ? AND expires_at_ms <= ?)',
  );
  const release = handle.prepare(
    'DELETE FROM api_key_holders WHERE holder = ? AND NOT EXISTS (SELECT 1 FROM api_keys WHERE api_keys.id = api_key_holders.id)',
  );

  /** Only looked through when it is full: what was removed meanwhile stands there still, and what has ended makes room. */
  const isHeld = ({ createdAtMs }: ApiKey, { name, max }: CallerShare): boolean => {
    const isFull = (): boolean => Number(count.get(name)?.['held']) >= max;
    if (!isFull()) return false;
    removeOver.run(name, createdAtMs);
    release.run(name);
    return isFull();
  };

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

    insert: async (key, share) =>
      transact(() => {
        if (share !== undefined && select.get(key.id) === undefined && isHeld(key, share)) return 'share-held';
        if (insert.run(key.id, encodeStoredApiKey(key)).changes === 0) return false;
        if (share !== undefined) hold.run(key.id, share.name, key.expiresAtMs ?? null);
        return true;
      }),

    remove: async (id) => transact(() => remove.run(id).changes === 1),
  };
};
