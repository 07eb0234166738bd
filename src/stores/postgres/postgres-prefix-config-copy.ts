/** The durable copy of the prefix configs: the same JSON per prefix as in Redis, changed by one transaction at a time. */
import { StorageUnavailableError } from '../../core/errors.ts';
import { decodeStoredConfig, encodeStoredConfig, type StoredConfig } from '../../core/prefix-config.ts';
import type { PrefixConfigCopy, PrefixConfigCopyWriter } from '../../core/prefix-config-copy.ts';
import type { PostgresClient, Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  find: loadSql('find-configs'),
  list: loadSql('list-configs'),
  lock: loadSql('lock-configs'),
  put: loadSql('put-config'),
  remove: loadSql('remove-config'),
};

/** Writers of this node that wait for each other. */
const WAITING_MAX = 1_000;

const entryOf = (row: Row): { prefixKey: string; stored: StoredConfig } => {
  const prefixKey = row['prefix_key'] ?? '';
  return { prefixKey, stored: decodeStoredConfig(prefixKey, row['config'] ?? '') };
};

const find = async (run: Run, prefixKeys: readonly string[]): Promise<(StoredConfig | undefined)[]> => {
  const entries = (await run(SQL.find, [prefixKeys])).map(entryOf);
  const found = new Map(entries.map(({ prefixKey, stored }) => [prefixKey, stored]));
  return prefixKeys.map((prefixKey) => found.get(prefixKey));
};

const createWriter = (run: Run): PrefixConfigCopyWriter => ({
  find: (prefixKeys) => find(run, prefixKeys),
  put: async (config) => {
    await run(SQL.put, [config.prefixKey, `${config.version}`, encodeStoredConfig(config)]);
  },
  remove: async (prefixKey) => (await run(SQL.remove, [prefixKey])).length === 1,
});

export const createPostgresPrefixConfigCopy = ({ run, transact }: PostgresClient): PrefixConfigCopy => {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  return {
    find: (prefixKeys) => find(run, prefixKeys),

    list: async (after, limit) => (await run(SQL.list, [after, `${limit}`])).map(entryOf),

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
