/** The Redis stores keep the contracts behind sentinels and in a cluster too; and what each of these can lose. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StorageUnavailableError } from '../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { runRedisEntries, runRedisScriptConfirmed } from '../../src/stores/redis/connection/redis-script.ts';
import { createRedisApiKeyStore } from '../../src/stores/redis/redis-api-key-store.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { createRedisPrefixConfigStore } from '../../src/stores/redis/redis-prefix-config-store.ts';
import { createRedisTemporaryNumberStore } from '../../src/stores/redis/redis-temporary-number-store.ts';
import { startRedisServer } from '../support/redis.ts';
import { COUNT, closeAll, clusterTarget, openRedis, sentinelTarget } from '../support/redis-client.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { ask, type RedisSentinels, startRedisSentinels, startSentinel, until } from '../support/redis-sentinel.ts';
import { describeApiKeyStore } from './api-key-store.contract.ts';
import { call, describeCounterStore, reserve } from './counter-store.contract.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';

const TIMEOUT_MS = 1_000;
const KEY_PREFIXES = ['', 'shop-1.eu:'];

const describeTemporaryNumberStore = (name: string, openStore: () => RedisClient): void => {
  describe(`temporary numbers in ${name}`, () => {
    test('are kept once, listed in order, and resolved once', async () => {
      const store = createRedisTemporaryNumberStore(openStore());
      const numbers = Array.from({ length: 1_200 }, (_, index) => ({
        number: `TMP-${String(index).padStart(4, '0')}`,
        prefixKey: 'A',
        issuedAtMs: 1,
        resolvedNumber: undefined,
      }));
      await store.add(numbers);
      await store.add(numbers.slice(0, 3));
      expect((await store.list('', 2_000)).map(({ number }) => number)).toEqual(numbers.map(({ number }) => number));
      expect(await store.resolve('TMP-0001', 'A1')).toBe(true);
      expect(await store.resolve('TMP-0001', 'A2')).toBe(false);
      expect(await store.find('TMP-0001')).toMatchObject({ resolvedNumber: 'A1' });
    });
  });
};

describe.each(KEY_PREFIXES)('behind sentinels, with passwords of their own, under the key prefix "%s"', (keyPrefix) => {
  let sentinels: RedisSentinels;
  let client: RedisClient;
  let otherClient: RedisClient;

  beforeAll(async () => {
    sentinels = await startRedisSentinels({ password: 'secret', sentinelPassword: 'other-secret' });
    const target = sentinelTarget(sentinels.env['REDIS_URL'] ?? '', 'other-secret');
    client = await openRedis(target, undefined, keyPrefix);
    otherClient = await openRedis(target, undefined, keyPrefix);
  });

  afterAll(async () => {
    await client.close();
    await otherClient.close();
    await sentinels.close();
  });

  describeCounterStore('the store behind sentinels', () => ({
    store: createRedisCounterStore(client),
    otherNode: createRedisCounterStore(otherClient),
    preload: async (name, value) => {
      await ask(await sentinels.master(), 'secret', 'SET', client.names.ofSequence(name).counter, String(value));
    },
    read: async (name) => (await client.commands.get(client.names.ofSequence(name).counter)) ?? undefined,
  }));

  describePrefixConfigStore('the store behind sentinels', () => ({
    store: createRedisPrefixConfigStore(client),
    preload: async (prefixKey, json) => {
      await client.commands.hset(client.names.prefixConfigs, prefixKey, json);
    },
  }));

  describeTemporaryNumberStore('a store behind sentinels', () => client);
});

describe.each(KEY_PREFIXES)('in a cluster, under the key prefix "%s"', (keyPrefix) => {
  let cluster: RedisCluster;
  let client: RedisClient;
  let otherClient: RedisClient;

  beforeAll(async () => {
    cluster = await startRedisCluster({ password: 'secret' });
    client = await openRedis(clusterTarget(cluster.env['REDIS_URL'] ?? ''), undefined, keyPrefix);
    otherClient = await openRedis(clusterTarget(cluster.env['REDIS_URL'] ?? ''), undefined, keyPrefix);
  });

  afterAll(async () => {
    await client.close();
    await otherClient.close();
    await cluster.close();
  });

  describeCounterStore('the store in a cluster', () => ({
    store: createRedisCounterStore(client),
    otherNode: createRedisCounterStore(otherClient),
    preload: async (name, value) => {
      const { counter } = client.names.ofSequence(name);
      await ask(await cluster.masterOf(counter), 'secret', 'SET', counter, String(value));
    },
    read: async (name) => (await client.commands.get(client.names.ofSequence(name).counter)) ?? undefined,
  }));

  describePrefixConfigStore('the store in a cluster', () => ({
    store: createRedisPrefixConfigStore(client),
    preload: async (prefixKey, json) => {
      await client.commands.hset(client.names.prefixConfigs, prefixKey, json);
    },
  }));

  describeTemporaryNumberStore('a store in a cluster', () => client);

  describeApiKeyStore('the store in a cluster', () => ({
    store: createRedisApiKeyStore(client),
    otherNode: createRedisApiKeyStore(otherClient),
  }));

  test('tells other nodes of a changed prefix config, whatever server they listen to', async () => {
    const heard = Promise.withResolvers<string>();
    const subscribed = Promise.withResolvers<void>();
    createRedisPrefixConfigStore(otherClient).onChange((prefixKey) => {
      if (prefixKey === undefined) subscribed.resolve();
      // Messages of the tests before may still be on their way.
      else if (prefixKey === 'TOLD') heard.resolve(prefixKey);
    });
    await subscribed.promise;
    await client.commands.hset(client.names.prefixConfigs, 'TOLD', '{"format":"T{SEQ:3}"}');
    await createRedisPrefixConfigStore(client).remove('TOLD');
    expect(await heard.promise).toBe('TOLD');
  });

  test('serves sequences of all masters in one call, and keeps serving while their slots move', async () => {
    const store = createRedisCounterStore(client);
    const sequences = Array.from({ length: 60 }, (_, index) => sequenceOf(seriesOf(`MANY-${index}`), ''));
    const owners = await Promise.all(sequences.map((name) => cluster.masterOf(client.names.ofSequence(name).counter)));
    expect(new Set(owners).size).toBe(3);
    const replies = await store.reserve(sequences.map((sequence) => call(sequence, 5)));
    expect(replies.map((reply) => reply.kind === 'taken' && reply.range.first)).toEqual(sequences.map(() => 1n));
    const to = cluster.servers.find((server) => server !== owners[0]);
    if (to === undefined) throw new Error('No other server');
    await cluster.moveSlot(
      `${keyPrefix}sequence:MANY-0`,
      cluster.servers[0] === owners[0] ? to : (cluster.servers[0] ?? to),
    );
    // The server that took the slot over has to recover what it has not counted itself.
    const after = await reserve(
      store,
      sequences.map((sequence) => call(sequence, 5)),
    );
    expect(after.map((reply) => reply.kind === 'taken' && reply.range.first)).toEqual(sequences.map(() => 6n));
  });
});

describe('a master that was demoted', () => {
  test('is left at the first write it refuses, and not taken again before it is a master', async () => {
    const server = await startRedisServer();
    const sentinel = await startSentinel({ masterPort: server.port, quorum: 1, downAfterMs: 60_000 });
    const client = await openRedis(sentinelTarget(`redis://127.0.0.1:${sentinel.port}`), TIMEOUT_MS);
    const store = createRedisCounterStore(client);
    const name = sequenceOf(seriesOf('DEMOTED'), '');
    expect(await store.reserve([call(name, 1)])).toMatchObject([{ kind: 'taken' }]);
    await ask(server, undefined, 'REPLICAOF', '127.0.0.1', '9');
    await expect(store.reserve([call(name, 1)])).rejects.toThrow(StorageUnavailableError);
    await until('the end of the connection', async () => client.commands.status !== 'ready' || undefined);
    const seen = new Set<string>();
    for (let look = 0; look < 50; look += 1) {
      seen.add(client.commands.status);
      await setTimeout(10);
    }
    expect(seen).not.toContain('ready');
    await ask(server, undefined, 'REPLICAOF', 'NO', 'ONE');
    await until('the master', async () => (await reserve(store, [call(name, 1)]))[0]?.kind === 'taken' || undefined);
    await closeAll(client, sentinel, server);
  });
});

describe('a cluster with one dead master', () => {
  test('serves the entries of the others at once, and says which have no answer', async () => {
    const cluster = await startRedisCluster();
    const client = await openRedis(clusterTarget(cluster.env['REDIS_URL'] ?? ''), TIMEOUT_MS);
    const keys = Array.from({ length: 30 }, (_, index) => `counted-${index}`);
    const owners = await Promise.all(keys.map((key) => cluster.masterOf(key)));
    const entries = keys.map((key) => ({ keys: [key], arg: '1' }));
    await runRedisEntries(client.commands, COUNT, entries);
    await cluster.servers[0]?.kill();
    await until('the loss', async () => client.servers().length === 5 || undefined);
    const began = performance.now();
    const replies = await runRedisEntries(client.commands, COUNT, entries);
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS);
    expect(replies.map((reply) => (reply instanceof Error ? 'no answer' : reply))).toEqual(
      owners.map((owner) => (owner === cluster.servers[0] ? 'no answer' : '2')),
    );
    await client.commands.ping();
    await closeAll(client, cluster);
  });
});

describe('a confirmation by replicas', () => {
  test.each(['behind sentinels', 'in a cluster'])('%s counts those that have what the script wrote', async (where) => {
    const servers = where === 'in a cluster' ? await startRedisCluster() : await startRedisSentinels();
    const url = servers.env['REDIS_URL'] ?? '';
    const client = await openRedis(where === 'in a cluster' ? clusterTarget(url) : sentinelTarget(url), 5_000);
    const confirm = (): Promise<{ answer: unknown; replicas: number }> =>
      runRedisScriptConfirmed(client.commands, COUNT, ['counted'], [], 500);
    expect(await confirm()).toEqual({ answer: ['1'], replicas: 1 });
    const replica = await until('a replica', async () => {
      for (const server of servers.servers) {
        const info = String(await ask(server, undefined, 'INFO', 'replication'));
        const of = 'masterOf' in servers ? await servers.masterOf('counted') : await servers.master();
        if (info.includes('role:slave') && info.includes(`master_port:${of.port}`)) return server;
      }
      return undefined;
    });
    replica.pause();
    expect(await confirm()).toEqual({ answer: ['2'], replicas: 0 });
    replica.resume();
    await closeAll(client, servers);
  });
});
