/** Prefix configs in Redis: one hash that operators may preload, changed by compare-and-set, announced on a channel. */
import { decodeStoredConfig, encodeStoredConfig } from '../../core/prefix-config.ts';
import { type PrefixConfigStore, type ReplaceOutcome, replaceStored } from '../../core/prefix-config-store.ts';
import { gatherReads } from './gathered-reads.ts';
import { type RedisClient, translated } from './redis-client.ts';
import { loadRedisScript, runRedisScript } from './redis-script.ts';

const NONE = '';
/** Enough for any honest race: each lost attempt means that somebody else's change went through. */
const ATTEMPTS_MAX = 10;

export const createRedisPrefixConfigStore = ({ commands, subscriber, names }: RedisClient): PrefixConfigStore => {
  const script = loadRedisScript('write-config');

  const readEntries = gatherReads((prefixKeys) => commands.hmget(names.prefixConfigs, ...prefixKeys));

  const read = async (prefixKey: string): Promise<string> =>
    (await commands.hget(names.prefixConfigs, prefixKey)) ?? NONE;

  const swap = async (prefixKey: string, before: string, after: string): Promise<boolean> => {
    const reply = await runRedisScript(
      commands,
      script,
      [names.prefixConfigs],
      [prefixKey, before, after, names.prefixConfigsChannel],
    );
    return String(reply) === '1';
  };

  const replace: PrefixConfigStore['replace'] = async (config, expectedVersion): Promise<ReplaceOutcome> => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = await read(config.prefixKey);
      const stored = before === NONE ? undefined : decodeStoredConfig(config.prefixKey, before);
      const outcome = replaceStored(stored, config, expectedVersion);
      if (outcome.kind !== 'replaced') return outcome;
      if (await swap(config.prefixKey, before, encodeStoredConfig(outcome.config))) return outcome;
    }
    return { kind: 'conflict' };
  };

  const remove: PrefixConfigStore['remove'] = async (prefixKey) => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = await read(prefixKey);
      if (before === NONE) return false;
      if (await swap(prefixKey, before, NONE)) return true;
    }
    return false;
  };

  return {
    find: (prefixKeys) =>
      translated(async () => {
        const entries = await readEntries(prefixKeys);
        return prefixKeys.map((prefixKey, index) => {
          const json = entries[index];
          return json === null || json === undefined ? undefined : decodeStoredConfig(prefixKey, json);
        });
      }),

    list: (after, limit) =>
      translated(async () => {
        const keys = (await commands.hkeys(names.prefixConfigs)).filter((key) => key > after).sort();
        const page = keys.slice(0, limit);
        if (page.length === 0) return [];
        const entries = await commands.hmget(names.prefixConfigs, ...page);
        return page.flatMap((prefixKey, index) => {
          const json = entries[index];
          // Removed between the two calls.
          if (json === null || json === undefined) return [];
          return [{ prefixKey, stored: decodeStoredConfig(prefixKey, json) }];
        });
      }),

    insert: (config) => translated(() => swap(config.prefixKey, NONE, encodeStoredConfig(config))),
    replace: (config, expectedVersion) => translated(() => replace(config, expectedVersion)),
    remove: (prefixKey) => translated(() => remove(prefixKey)),

    onChange: (listener) => {
      subscriber.on('message', (channel: string, prefixKey: string) => {
        if (channel === names.prefixConfigsChannel) listener(prefixKey);
      });
      const subscribe = async (): Promise<void> => {
        try {
          await subscriber.subscribe(names.prefixConfigsChannel);
        } catch {
          // The connection broke again; its next `ready` brings us back here.
        }
        // Messages were missed while the connection was away.
        listener(undefined);
      };
      subscriber.on('ready', () => void subscribe());
      if (subscriber.status === 'ready') void subscribe();
    },
  };
};
