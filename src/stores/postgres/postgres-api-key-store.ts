/** API keys in PostgreSQL: the same JSON per id as in Redis, in which the key itself does not stand; and the ids that were removed. */
import { type ApiKey, decodeStoredApiKey, encodeStoredApiKey } from '../../core/access/api-key.ts';
import type { DurableApiKeyStore } from '../../core/access/durable-api-key-store.ts';
import type { CallerShare } from '../../core/caller.ts';
import type { PostgresClient, Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  find: loadSql('find-api-keys'),
  list: loadSql('list-api-keys'),
  adopt: loadSql('adopt-api-keys'),
  lock: loadSql('lock-api-keys-of'),
  expire: loadSql('expire-api-keys'),
  insert: loadSql('insert-api-key'),
  remove: loadSql('remove-api-key'),
};

const readKey = ({ id, entry }: Row): ApiKey | undefined =>
  typeof entry === 'string' ? decodeStoredApiKey(id ?? '', entry) : undefined;

const expiryOf = ({ expiresAtMs }: ApiKey): string | null => expiresAtMs?.toString() ?? null;

const lookUp = async (run: Run, ids: readonly string[]): Promise<(ApiKey | 'removed' | undefined)[]> => {
  const rows = await run(SQL.find, [ids]);
  const found = new Map(rows.map((row) => [row['id'], row['entry'] === null ? ('removed' as const) : readKey(row)]));
  return ids.map((id) => found.get(id));
};

const insert = async (run: Run, key: ApiKey, share: CallerShare | undefined): Promise<boolean | 'share-held'> => {
  if (share !== undefined) {
    await run(SQL.lock, [share.name]);
    await run(SQL.expire, [share.name, `${key.createdAtMs}`]);
  }
  const bound = share === undefined ? [null, null] : [share.name, `${share.max}`];
  const rows = await run(SQL.insert, [key.id, encodeStoredApiKey(key), expiryOf(key), ...bound]);
  if (rows.length === 1) return true;
  const [taken] = await run(SQL.find, [[key.id]]);
  return taken === undefined ? 'share-held' : false;
};

export const createPostgresApiKeyStore = ({ run, transact }: PostgresClient): DurableApiKeyStore => ({
  lookUp: (ids) => lookUp(run, ids),

  find: async (ids) => (await lookUp(run, ids)).map((found) => (found === 'removed' ? undefined : found)),

  list: async (after, limit) => {
    const found: ApiKey[] = [];
    // On past what cannot be read: a short page would be taken for the last one.
    for (let from = after; found.length < limit; ) {
      const rows = await run(SQL.list, [from, `${limit}`]);
      for (const row of rows) {
        const key = readKey(row);
        if (key !== undefined) found.push(key);
      }
      if (rows.length < limit) break;
      from = rows.at(-1)?.['id'] ?? '';
    }
    return found.slice(0, limit);
  },

  insert: (key, share) => transact((runInside) => insert(runInside, key, share)),

  remove: async (id) => (await run(SQL.remove, [id])).length === 1,

  adopt: async (keys) => {
    if (keys.length === 0) return;
    await run(SQL.adopt, [keys.map(({ id }) => id), keys.map(encodeStoredApiKey), keys.map(expiryOf)]);
  },
});
