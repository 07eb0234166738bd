/** Prefix configs in the embedded database: the same JSON per prefix as in Redis. */
import { decodeStoredConfig, encodeStoredConfig, type StoredConfig } from '../../core/prefix-config.ts';
import { type PrefixConfigStore, replaceStored } from '../../core/prefix-config-store.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export const createSqlitePrefixConfigStore = ({ handle, transact }: SqliteDatabase): PrefixConfigStore => {
  const select = handle.prepare('SELECT config FROM prefix_configs WHERE prefix_key = ?');
  const selectPage = handle.prepare(
    'SELECT prefix_key, config FROM prefix_configs WHERE prefix_key > ? ORDER BY prefix_key LIMIT ?',
  );
  const insert = handle.prepare('INSERT INTO prefix_configs (prefix_key, config) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const update = handle.prepare('UPDATE prefix_configs SET config = ? WHERE prefix_key = ?');
  const remove = handle.prepare('DELETE FROM prefix_configs WHERE prefix_key = ?');

  const read = (prefixKey: string): StoredConfig | undefined => {
    const row = select.get(prefixKey);
    return row === undefined ? undefined : decodeStoredConfig(prefixKey, String(row['config']));
  };

  return {
    find: async (prefixKeys) => transact(() => prefixKeys.map(read)),

    list: async (after, limit) =>
      transact(() => selectPage.all(after, limit)).map((row) => {
        const prefixKey = String(row['prefix_key']);
        return { prefixKey, stored: decodeStoredConfig(prefixKey, String(row['config'])) };
      }),

    insert: async (config) => transact(() => insert.run(config.prefixKey, encodeStoredConfig(config)).changes === 1),

    replace: async (config, expectedVersion) =>
      transact(() => {
        const outcome = replaceStored(read(config.prefixKey), config, expectedVersion);
        if (outcome.kind === 'replaced') update.run(encodeStoredConfig(outcome.config), config.prefixKey);
        return outcome;
      }),

    remove: async (prefixKey) => transact(() => remove.run(prefixKey).changes === 1),

    // This process is the only writer, and its services know what they wrote.
    onChange: () => undefined,
  };
};
