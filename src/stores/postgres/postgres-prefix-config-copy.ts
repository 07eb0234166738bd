/** The durable copy of the prefix configs: the same JSON per prefix as in Redis, changed by one transaction at a time. */
import { StorageUnavailableError } from '../../core/errors.ts';
import { decodeHistory, encodeHistory } from '../../core/prefix-config/history-codec.ts';
import type { PrefixConfigCopy, PrefixConfigCopyWriter } from '../../core/prefix-config/prefix-config-copy.ts';
import { NO_ENTRY, type PrefixEntry } from '../../core/prefix-config/prefix-history.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../core/prefix-config/stored-config.ts';
import type { PostgresClient, Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  find: loadSql('find-configs'),
  list: loadSql('list-configs'),
  keys: loadSql('list-config-keys'),
  lock: loadSql('lock-configs'),
  put: loadSql('put-config'),
  putHistory: loadSql('put-config-history'),
  remove: loadSql('remove-config'),
};

/** Writers of this node that wait for each other. */
const WAITING_MAX = 1_000;

const entryOf = ({ prefix_key: prefixKey, config, history }: Row): PrefixEntry => ({
  stored: typeof config === 'string' ? decodeStoredConfig(prefixKey ?? '', config) : undefined,
  history: decodeHistory(history),
});

const find = async (run: Run, prefixKeys: readonly string[]): Promise<PrefixEntry[]> => {
  const rows = await run(SQL.find, [prefixKeys]);
  const found = new Map(rows.map((row) => [row['prefix_key'], entryOf(row)]));
  return prefixKeys.map((prefixKey) => found.get(prefixKey) ?? NO_ENTRY);
};

const createWriter = (run: Run): PrefixConfigCopyWriter => ({
  find: (prefixKeys) => find(run, prefixKeys),
  put: async (prefixKey, { stored, history }) => {
    if (stored?.kind === 'config') {
      await run(SQL.put, [prefixKey, `${stored.config.version}`, encodeStoredConfig(stored.config)]);
    } else if (stored === undefined) await run(SQL.remove, [prefixKey]);
    if (history !== undefined) await run(SQL.putHistory, [prefixKey, encodeHistory(history)]);
  },
});

export const createPostgresPrefixConfigCopy = ({ run, transact }: PostgresClient): PrefixConfigCopy => {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  return {
    find: (prefixKeys) => find(run, prefixKeys),

    list: async (after, limit) =>
      (await run(SQL.list, [after, `${limit}`])).map(({ prefix_key: key, config }) => {
        const prefixKey = key ?? '';
        return { prefixKey, stored: decodeStoredConfig(prefixKey, config ?? '') };
      }),

    keys: async (after, limit) =>
      (await run(SQL.keys, [after, `${limit}`])).map(({ prefix_key: prefixKey }) => prefixKey ?? ''),

    // One after the other on this node, so that writers waiting for the lock take one connection and not all of them.
    write: async (work) => {
      if (waiting >= WAITING_MAX) throw new StorageUnavailableError('Too many changes of prefix configs wait.');
      const transaction = () =>
        transact(async (runInside) => {
          await runInside(SQL.lock, []);
          return work(createWriter(runInside));
        });
      waiting += 1;
      const result = last.then(transaction, transaction);
      last = result.catch(() => undefined);
      return result.finally(() => {
        waiting -= 1;
      });
    },
  };
};
