/** Prefix configs in Redis: one hash that operators may preload, changed by compare-and-set, announced on a channel. */
import { randomBytes } from 'node:crypto';
import { StorageUnavailableError } from '../../core/errors.ts';
import { CHANGES_KEPT } from '../../core/prefix-config/config-generations.ts';
import type { Changed } from '../../core/prefix-config/entry-changes.ts';
import { decodeHistory, encodeHistory } from '../../core/prefix-config/history-codec.ts';
import {
  type ConfigChanges,
  createEntryChanges,
  type EntryRule,
  type PrefixConfigStore,
} from '../../core/prefix-config/prefix-config-store.ts';
import type { PrefixEntry } from '../../core/prefix-config/prefix-history.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../core/prefix-config/stored-config.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';
import { gatherReads } from './gathered-reads.ts';

const NONE = '';
const GENERATION = 'generation';
/** Enough for any real race: each lost attempt means that another change succeeded. */
const ATTEMPTS_MAX = 50;

export const createRedisPrefixConfigStore = ({ commands, subscriber, names }: RedisClient): PrefixConfigStore => {
  const script = loadRedisScript('write-config');
  const hashes = [names.prefixConfigs, names.prefixHistories, names.prefixChanges];

  const readEntries = gatherReads((prefixKeys) => commands.hmget(names.prefixConfigs, ...prefixKeys));

  const read = async (prefixKey: string): Promise<readonly [config: string, history: string, generation: string]> => {
    const [config, history, generation] = await Promise.all([
      commands.hget(names.prefixConfigs, prefixKey),
      commands.hget(names.prefixHistories, prefixKey),
      commands.hget(names.prefixChanges, GENERATION),
    ]);
    return [config ?? NONE, history ?? NONE, generation ?? NONE];
  };

  const textsOf = ({ stored, history }: PrefixEntry, before: readonly string[]): readonly [string, string] => {
    // What cannot be read is left as it is.
    const config =
      stored?.kind === 'config' ? encodeStoredConfig(stored.config) : stored === undefined ? NONE : (before[0] ?? NONE);
    return [config, history === undefined ? (before[1] ?? NONE) : encodeHistory(history)];
  };

  const change = async <Outcome>(prefixKey: string, rule: EntryRule<Outcome>): Promise<Changed<Outcome>> => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = await read(prefixKey);
      const stored = before[0] === NONE ? undefined : decodeStoredConfig(prefixKey, before[0]);
      const changed = rule({ stored, history: decodeHistory(before[1]) }, before[2]);
      if (changed.entry === undefined) return changed;
      const after = textsOf(changed.entry, before);
      const args = [prefixKey, before[0], after[0], before[1], after[1], names.prefixConfigsChannel];
      const generations = [changed.generation ?? '*', randomBytes(6).toString('hex'), `${CHANGES_KEPT}`];
      const reply = await runRedisScript(commands, script, hashes, [...args, ...generations]);
      if (String(reply) === '1') return changed;
    }
    throw new StorageUnavailableError('The prefix config is being changed by too many at once.');
  };

  const translatedChange: PrefixConfigStore['change'] = (prefixKey, rule) => translated(() => change(prefixKey, rule));

  const readKeys = async (hashes: readonly string[], after: string, limit: number): Promise<readonly string[]> => {
    const keys = (await Promise.all(hashes.map((hash) => commands.hkeys(hash)))).flat();
    return [...new Set(keys)]
      .filter((key) => key > after)
      .sort()
      .slice(0, limit);
  };

  const changesSince = async (known: string | undefined): Promise<ConfigChanges> => {
    const generation = (await commands.hget(names.prefixChanges, GENERATION)) ?? NONE;
    if (generation === known) return { generation, prefixKeys: [] };
    const [from, to] = [Number.parseInt(known ?? NONE, 10), Number.parseInt(generation, 10)];
    if (!(to > from && to - from < CHANGES_KEPT)) return { generation, prefixKeys: undefined };
    const counts = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const found = await commands.hmget(names.prefixChanges, ...counts.map((count) => `${count % CHANGES_KEPT}`));
    // The store may have gone back since, and counted on: then the known one is none of its generations.
    const isWhole =
      found[0]?.startsWith(`${known}:`) && counts.every((count, index) => found[index]?.startsWith(`${count}:`));
    const keyOf = (change: string | null): string => change?.split(':').slice(2).join(':') ?? NONE;
    return { generation, prefixKeys: isWhole ? found.slice(1).map(keyOf) : undefined };
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
        const page = await readKeys([names.prefixConfigs], after, limit);
        if (page.length === 0) return [];
        const entries = await commands.hmget(names.prefixConfigs, ...page);
        return page.flatMap((prefixKey, index) => {
          const json = entries[index];
          // Removed between the two calls.
          if (json === null || json === undefined) return [];
          return [{ prefixKey, stored: decodeStoredConfig(prefixKey, json) }];
        });
      }),

    histories: (prefixKeys) =>
      translated(async () => {
        if (prefixKeys.length === 0) return [];
        const entries = await commands.hmget(names.prefixHistories, ...prefixKeys);
        return prefixKeys.map((_, index) => decodeHistory(entries[index]));
      }),

    keys: (after, limit) => translated(() => readKeys([names.prefixConfigs, names.prefixHistories], after, limit)),

    changesSince: (generation) => translated(() => changesSince(generation)),

    change: translatedChange,
    ...createEntryChanges(translatedChange),

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
