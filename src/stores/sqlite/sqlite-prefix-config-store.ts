/** Prefix configs in the embedded database: the same JSON per prefix as in Redis. */
import { createConfigGenerations } from '../../core/prefix-config/config-generations.ts';
import { decodeHistory, encodeHistory } from '../../core/prefix-config/history-codec.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import { createEntryChanges, type PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import type { PrefixEntry, PrefixHistory } from '../../core/prefix-config/prefix-history.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../core/prefix-config/stored-config.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export const createSqlitePrefixConfigStore = ({ handle, transact }: SqliteDatabase): PrefixConfigStore => {
  const generations = createConfigGenerations();
  const select = handle.prepare('SELECT config FROM prefix_configs WHERE prefix_key = ?');
  const selectPage = handle.prepare(
    'SELECT prefix_key, config FROM prefix_configs WHERE prefix_key > ? ORDER BY prefix_key LIMIT ?',
  );
  const selectKeys = handle.prepare(
    'SELECT prefix_key FROM prefix_configs WHERE prefix_key > ?1 UNION ' +
      'SELECT prefix_key FROM prefix_histories WHERE prefix_key > ?1 ORDER BY prefix_key LIMIT ?2',
  );
  const selectHistory = handle.prepare('SELECT history FROM prefix_histories WHERE prefix_key = ?');
  const put = handle.prepare('INSERT OR REPLACE INTO prefix_configs (prefix_key, config) VALUES (?, ?)');
  const putHistory = handle.prepare('INSERT OR REPLACE INTO prefix_histories (prefix_key, history) VALUES (?, ?)');
  const remove = handle.prepare('DELETE FROM prefix_configs WHERE prefix_key = ?');

  const read = (prefixKey: string): StoredConfig | undefined => {
    const row = select.get(prefixKey);
    return row === undefined ? undefined : decodeStoredConfig(prefixKey, String(row['config']));
  };

  const readHistory = (prefixKey: string): PrefixHistory | undefined => {
    const row = selectHistory.get(prefixKey);
    return row === undefined ? undefined : decodeHistory(String(row['history']));
  };

  const write = (prefixKey: string, { stored, history }: PrefixEntry): void => {
    if (stored?.kind === 'config') put.run(prefixKey, encodeStoredConfig(stored.config));
    else if (stored === undefined) remove.run(prefixKey);
    if (history !== undefined) putHistory.run(prefixKey, encodeHistory(history));
  };

  const change: PrefixConfigStore['change'] = async (prefixKey, rule) => {
    const changed = transact(() => {
      const made = rule({ stored: read(prefixKey), history: readHistory(prefixKey) }, generations.current());
      if (made.entry !== undefined) write(prefixKey, made.entry);
      return made;
    });
    if (changed.entry !== undefined) generations.note(prefixKey);
    return changed;
  };

  return {
    find: async (prefixKeys) => transact(() => prefixKeys.map(read)),
    histories: async (prefixKeys) => transact(() => prefixKeys.map(readHistory)),

    list: async (after, limit) =>
      transact(() => selectPage.all(after, limit)).map((row) => {
        const prefixKey = String(row['prefix_key']);
        return { prefixKey, stored: decodeStoredConfig(prefixKey, String(row['config'])) };
      }),

    keys: async (after, limit) => transact(() => selectKeys.all(after, limit)).map((row) => String(row['prefix_key'])),

    changesSince: async (generation) => generations.since(generation),
    change,
    ...createEntryChanges(change),

    // This process is the only writer, and its services know what they wrote.
    onChange: () => undefined,
  };
};
