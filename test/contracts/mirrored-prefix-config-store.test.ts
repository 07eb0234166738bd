/** Prefix configs in Redis with their copy in PostgreSQL keep the contract, and outlive the loss of either. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { StorageUnavailableError } from '../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../src/core/events/events.ts';
import type { PrefixConfig } from '../../src/core/prefix-config/prefix-config.ts';
import { NO_ENTRY } from '../../src/core/prefix-config/prefix-history.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../src/core/prefix-config/stored-config.ts';
import {
  createMirroredPrefixConfigStore,
  type MirroredPrefixConfigStore,
} from '../../src/services/prefix-configs/mirrored-prefix-config-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { createPostgresPrefixConfigCopy } from '../../src/stores/postgres/postgres-prefix-config-copy.ts';
import { createRedisKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { createRedisPrefixConfigStore } from '../../src/stores/redis/redis-prefix-config-store.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';

const PREFIX_HISTORIES_KEY = createRedisKeys('').prefixHistories;

interface Node {
  readonly store: MirroredPrefixConfigStore;
  readonly events: NumberGeneratorEvent[];
  /** What is kept in PostgreSQL. */
  kept(prefixKey: string): Promise<PrefixConfig | undefined>;
  /** Resolves when the stores were compared as a whole. */
  through(): Promise<void>;
  close(): Promise<void>;
}

const startNode = async (redisUrl: string, databaseUrl: string): Promise<Node> => {
  const events: NumberGeneratorEvent[] = [];
  const redis: RedisClient = createRedisClient(redisUrl, 1_000, () => undefined);
  const postgres: PostgresClient = createPostgresClient(databaseUrl, 2_000, () => undefined);
  const copy = createPostgresPrefixConfigCopy(postgres);
  const store = createMirroredPrefixConfigStore(createRedisPrefixConfigStore(redis), copy, (event) =>
    events.push(event),
  );
  const through = async (): Promise<void> => {
    while (!store.isHealed()) await setTimeout(5);
  };
  return {
    store,
    events,
    kept: async (prefixKey) => {
      const [{ stored } = NO_ENTRY] = await copy.find([prefixKey]);
      return stored?.kind === 'config' ? stored.config : undefined;
    },
    through,
    close: async () => {
      await store.close();
      await redis.close();
      await postgres.close();
    },
  };
};

let keys = 0;
const configOf = (more: Partial<PrefixConfig> = {}): PrefixConfig => {
  keys += 1;
  const prefixKey = `M${keys}`;
  const stored = decodeStoredConfig(prefixKey, '{"format":"M{SEQ:4}"}');
  if (stored.kind !== 'config') throw new Error(stored.reason);
  return { ...stored.config, ...more };
};

let redis: OwnRedis;
let database: PostgresDatabase;
let node: Node;
const opened: Node[] = [];

const open = async (databaseUrl = database.url): Promise<Node> => {
  const started = await startNode(redis.url, databaseUrl);
  opened.push(started);
  return started;
};

beforeAll(async () => {
  redis = await startOwnRedis();
  database = await leasePostgresDatabase();
  node = await startNode(redis.url, database.url);
  await node.through();
});

afterEach(async () => {
  for (const started of opened.splice(0)) await started.close();
});

afterAll(async () => {
  await node.close();
  await redis.stop();
  await database.release();
});

const preload = (config: PrefixConfig) =>
  redis.client.hset('prefix_configs', config.prefixKey, encodeStoredConfig(config));
const inRedis = async (prefixKey: string): Promise<unknown> => {
  const json = await redis.client.hget('prefix_configs', prefixKey);
  return json === null ? undefined : decodeStoredConfig(prefixKey, json);
};

describePrefixConfigStore('Redis with a copy in PostgreSQL', () => ({
  store: node.store,
  preload: async (prefixKey, json) => {
    await redis.client.hset('prefix_configs', prefixKey, json);
  },
}));

describe('prefix configs in Redis and PostgreSQL', () => {
  test('are written to both, changed in both, removed from both', async () => {
    const config = configOf();
    await node.store.insert(config);
    expect(await node.kept(config.prefixKey)).toEqual(config);
    await node.store.replace({ ...config, format: 'N{SEQ:4}' }, 1);
    const { format, reset, strategy } = config;
    expect(await node.kept(config.prefixKey)).toEqual({
      ...config,
      format: 'N{SEQ:4}',
      version: 2,
      former: [{ format, reset, strategy }],
    });
    await node.store.remove(config.prefixKey);
    expect(await node.kept(config.prefixKey)).toBeUndefined();
    expect(await inRedis(config.prefixKey)).toBeUndefined();
    expect(await node.store.find([config.prefixKey])).toEqual([undefined]);
  });

  test('come back into a Redis that lost them, when they are asked for', async () => {
    const config = configOf();
    await node.store.insert(config);
    await redis.client.del('prefix_configs');
    expect(await node.store.find([config.prefixKey])).toEqual([{ kind: 'config', config }]);
    expect(await inRedis(config.prefixKey)).toEqual({ kind: 'config', config });
  });

  test('come back all at once when a node starts on an emptied Redis', async () => {
    const configs = Array.from({ length: 1_200 }, () => configOf());
    const started = await open();
    const postgres = createPostgresClient(database.url, 2_000, () => undefined);
    await createPostgresPrefixConfigCopy(postgres).write(async (writer) => {
      for (const config of configs) {
        await writer.put(config.prefixKey, { stored: { kind: 'config', config }, history: undefined });
      }
    });
    await postgres.close();
    await redis.client.flushall();
    const [other, third] = [await open(), await open()];
    await Promise.all([started.through(), other.through(), third.through()]);
    expect(Number(await redis.client.hlen('prefix_configs'))).toBeGreaterThanOrEqual(1_200);
  });

  test('are taken from PostgreSQL where Redis has an older version, another content of the same, or something unreadable', async () => {
    const configs = [configOf({ version: 3 }), configOf({ version: 2 }), configOf()];
    const [older, other, broken] = configs as [PrefixConfig, PrefixConfig, PrefixConfig];
    for (const config of configs) {
      await node.store.insert(config);
      await node.store.find([config.prefixKey]);
    }
    await preload({ ...older, version: 2, format: 'OLD{SEQ:4}' });
    await preload({ ...other, format: 'OTHER{SEQ:4}' });
    await redis.client.hset('prefix_configs', broken.prefixKey, '{');
    await (await open()).through();
    await expect
      .poll(() => node.store.find(configs.map(({ prefixKey }) => prefixKey)))
      .toEqual(configs.map((config) => ({ kind: 'config', config })));
  });

  test('preloaded by an operator are copied to PostgreSQL when they are first seen', async () => {
    const [found, unseen] = [configOf(), configOf({ version: 7 })];
    await preload(found);
    expect(await node.store.find([found.prefixKey])).toEqual([{ kind: 'config', config: found }]);
    await expect.poll(() => node.kept(found.prefixKey)).toEqual(found);
    await preload(unseen);
    await open();
    await expect.poll(() => node.kept(unseen.prefixKey)).toEqual(unseen);
  });

  test('are taken from Redis where PostgreSQL has an older version', async () => {
    const config = configOf();
    await node.store.insert(config);
    await preload({ ...config, version: 5 });
    await node.store.find([config.prefixKey]);
    await expect.poll(() => node.kept(config.prefixKey)).toEqual({ ...config, version: 5 });
  });

  test('stay removed while other nodes read and compare', async () => {
    const other = await open();
    for (let round = 0; round < 20; round += 1) {
      const config = configOf();
      await node.store.insert(config);
      let reading = true;
      const read = async () => {
        while (reading) await other.store.find([config.prefixKey]);
      };
      const readers = [read(), read()];
      expect(await node.store.remove(config.prefixKey)).toBe(true);
      await setTimeout(5);
      reading = false;
      await Promise.all(readers);
      expect(await node.store.find([config.prefixKey])).toEqual([undefined]);
      expect(await node.kept(config.prefixKey)).toBeUndefined();
    }
  });

  test('that were removed do not come back with an older Redis, and an old one does not win over a newer registration', async () => {
    const [gone, again] = [configOf(), configOf()];
    for (const config of [gone, again]) {
      await node.store.insert(config);
      for (let version = 1; version < 4; version += 1) await node.store.replace(config, version);
    }
    const backup = await Promise.all([
      redis.client.hgetall('prefix_configs'),
      redis.client.hgetall(PREFIX_HISTORIES_KEY),
    ]);
    for (const { prefixKey } of [gone, again]) await node.store.remove(prefixKey);
    const next = { ...again, format: 'NEW{SEQ:4}', version: 5 };
    expect(await node.store.insert({ ...next, version: 1 })).toBe(false);
    expect(await node.store.insert(next)).toBe(true);
    const kept = await node.kept(again.prefixKey);
    expect(kept).toMatchObject({ version: 5, format: 'NEW{SEQ:4}', former: [{ format: again.format }] });

    const restoreRedis = async () => {
      await redis.client.del('prefix_configs', PREFIX_HISTORIES_KEY);
      await redis.client.hset('prefix_configs', backup[0]);
      if (Object.keys(backup[1]).length > 0) await redis.client.hset(PREFIX_HISTORIES_KEY, backup[1]);
    };
    await restoreRedis();
    // The node that knew of it, and one that starts.
    expect(await node.store.find([gone.prefixKey, again.prefixKey])).toEqual([
      undefined,
      { kind: 'config', config: kept },
    ]);
    expect(await inRedis(gone.prefixKey)).toBeUndefined();
    await restoreRedis();
    const started = await open();
    await started.through();
    expect(await inRedis(gone.prefixKey)).toBeUndefined();
    expect(await node.kept(gone.prefixKey)).toBeUndefined();
    await expect.poll(() => inRedis(again.prefixKey)).toEqual({ kind: 'config', config: kept });
    expect(await started.store.insert(gone)).toBe(false);
  });

  test('that were removed are remembered when Redis is emptied, and when it is PostgreSQL that lost them', async () => {
    const config = configOf();
    const { prefixKey } = config;
    await node.store.insert(config);
    await node.store.remove(prefixKey);
    const [history] = await node.store.histories([prefixKey]);
    expect(history).toMatchObject({ removed: 1, former: [{ format: config.format }] });
    await redis.client.del('prefix_configs', PREFIX_HISTORIES_KEY);
    expect(await node.store.histories([prefixKey])).toEqual([history]);
    await database.query('DELETE FROM prefix_histories WHERE prefix_key = $1', [prefixKey]);
    const started = await open();
    await started.through();
    await redis.client.del('prefix_configs', PREFIX_HISTORIES_KEY);
    expect(await started.store.histories([prefixKey])).toEqual([history]);
  });

  test('removed in Redis alone, when the commit in PostgreSQL failed, stay removed', async () => {
    const config = configOf();
    await node.store.insert(config);
    await redis.client.hdel('prefix_configs', config.prefixKey);
    await redis.client.hset(PREFIX_HISTORIES_KEY, config.prefixKey, '{"removed":1}');
    expect(await node.store.find([config.prefixKey])).toEqual([undefined]);
    await expect.poll(() => node.kept(config.prefixKey)).toBeUndefined();
  });

  test('registered or removed by nodes that know no histories are what those say', async () => {
    const config = configOf();
    const { prefixKey } = config;
    await node.store.insert(config);
    await node.store.replace(config, 1);
    await node.store.remove(prefixKey);
    const asBefore = async (json: string | undefined) => {
      const postgres = createPostgresClient(database.url, 2_000, () => undefined);
      const copy = createPostgresPrefixConfigCopy(postgres);
      if (json === undefined) await redis.client.hdel('prefix_configs', prefixKey);
      else await redis.client.hset('prefix_configs', prefixKey, json);
      const stored = json === undefined ? undefined : decodeStoredConfig(prefixKey, json);
      await copy.write((writer) => writer.put(prefixKey, { stored, history: undefined }));
      await postgres.close();
    };
    await asBefore(encodeStoredConfig({ ...config, version: 1 }));
    await (await open()).through();
    expect(await node.store.find([prefixKey])).toEqual([{ kind: 'config', config: { ...config, version: 1 } }]);
    expect(await node.store.replace(config, 1)).toMatchObject({ kind: 'replaced', config: { version: 3 } });
    await asBefore(undefined);
    await (await open()).through();
    expect(await node.store.find([prefixKey])).toEqual([undefined]);
    expect(await node.store.histories([prefixKey])).toMatchObject([{ removed: 2 }]);
  });

  test('tell listeners when they were healed', async () => {
    const config = configOf();
    await node.store.insert(config);
    const heard: (string | undefined)[] = [];
    const started = await open();
    await started.through();
    started.store.onChange((prefixKey) => heard.push(prefixKey));
    await redis.client.hdel('prefix_configs', config.prefixKey);
    await started.store.find([config.prefixKey]);
    await expect.poll(() => heard).toContain(undefined);
    expect(started.events).toContainEqual({ type: 'prefix-configs-healed', healed: 1, copied: 0 });
  });
});

describe('while PostgreSQL is away', () => {
  let server: PostgresServer;
  let lonely: Node;
  const config = configOf();

  beforeAll(async () => {
    server = await startPostgresServer();
    lonely = await startNode(redis.url, server.url);
    await lonely.through();
    await lonely.store.insert(config);
    await lonely.store.find([config.prefixKey]);
    while (!lonely.store.isHealed()) await setTimeout(5);
    await server.stop();
  });

  afterAll(async () => {
    await lonely.close();
    await server.close();
  });

  test('reads go on from Redis, and a prefix that nobody registered stays unregistered', async () => {
    expect(await lonely.store.find([config.prefixKey])).toEqual([{ kind: 'config', config }]);
    expect(await lonely.store.find(['NOWHERE'])).toEqual([undefined]);
    expect(await lonely.store.list('', 1)).toHaveLength(1);
  });

  test('writes are refused and change nothing', async () => {
    const other = configOf();
    await expect(lonely.store.insert(other)).rejects.toThrow(StorageUnavailableError);
    await expect(lonely.store.replace(config, 'any')).rejects.toThrow(StorageUnavailableError);
    await expect(lonely.store.remove(config.prefixKey)).rejects.toThrow(StorageUnavailableError);
    expect(await inRedis(other.prefixKey)).toBeUndefined();
    expect(await inRedis(config.prefixKey)).toEqual({ kind: 'config', config });
  });

  test('a registered prefix that Redis lost is not taken for unregistered, and is back when PostgreSQL is', async () => {
    await redis.client.hdel('prefix_configs', config.prefixKey);
    await expect(lonely.store.find([config.prefixKey])).rejects.toThrow(StorageUnavailableError);
    const started = await open(server.url);
    await expect(started.store.find(['NOBODY-KNOWS'])).rejects.toThrow(StorageUnavailableError);
    await server.restart();
    await expect.poll(() => inRedis(config.prefixKey)).toEqual({ kind: 'config', config });
    expect(await lonely.store.find([config.prefixKey])).toEqual([{ kind: 'config', config }]);
  });
});
