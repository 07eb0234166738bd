/** The Redis stores keep the contracts, and what only a server and a network can break. */
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CounterCall } from '../../src/core/counter/counter-call.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createRedisKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import type { RedisCommands } from '../../src/stores/redis/connection/redis-commands.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { listGapRecord } from '../../src/stores/redis/gap-listing.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { createRedisPrefixConfigStore } from '../../src/stores/redis/redis-prefix-config-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { startReplyProxy } from '../support/reply-proxy.ts';
import { call, describeCounterStore, reserve } from './counter-store.contract.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';
import { describeReceipts } from './receipts.contract.ts';

const TIMEOUT_MS = 1_000;
const ignore = (): void => undefined;

/** Not `events.once`, which would stop at the errors of the attempts before. */
const readyAgain = (connection: Pick<RedisCommands, 'once' | 'status'>): Promise<void> =>
  new Promise((resolve) => {
    if (connection.status === 'ready') resolve();
    else connection.once('ready', resolve);
  });

const ready = async (client: RedisClient): Promise<RedisClient> => {
  await Promise.all([readyAgain(client.commands), readyAgain(client.subscriber)]);
  return client;
};

let database: RedisDatabase;
let client: RedisClient;
let otherClient: RedisClient;

beforeAll(async () => {
  database = await leaseRedisDatabase();
  client = await ready(createRedisClient(database.url, 5_000, ignore));
  otherClient = await ready(createRedisClient(database.url, 5_000, ignore));
});

afterAll(async () => {
  await client.close();
  await otherClient.close();
  await database.release();
});

describeCounterStore('the Redis store', () => ({
  store: createRedisCounterStore(client),
  otherNode: createRedisCounterStore(otherClient),
  preload: async (name, value) => {
    await database.client.set(createRedisKeys('').ofSequence(name).counter, value);
  },
  read: async (name) => (await database.client.get(createRedisKeys('').ofSequence(name).counter)) ?? undefined,
}));

describeReceipts('the Redis store', () => ({
  store: createRedisCounterStore(client),
  otherNode: createRedisCounterStore(otherClient),
}));

describePrefixConfigStore('the Redis store', () => ({
  store: createRedisPrefixConfigStore(client),
  preload: async (prefixKey, json) => {
    await database.client.hset('prefix_configs', prefixKey, json);
  },
}));

const request = (prefixKey: string): CounterCall => call(sequenceOf(seriesOf(prefixKey), ''));

describe('the Redis store', () => {
  test('keeps the counter under the name that operators know, without a TTL', async () => {
    await database.client.set('sequence:TTL', '41', 'EX', 100);
    await reserve(createRedisCounterStore(client), [request('TTL')]);
    expect(await database.client.get('sequence:TTL')).toBe('42');
    expect(Number(await database.client.ttl('sequence:TTL'))).toBe(-1);
  });

  test('reports a counter of the wrong type as corrupt and serves its neighbours', async () => {
    await database.client.rpush('sequence:LIST', 'x');
    const outcomes = await createRedisCounterStore(client).reserve([request('LIST'), request('BESIDE')]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['corrupt', 'taken']);
  });

  test('sends the script in full when the server forgot it', async () => {
    const store = createRedisCounterStore(client);
    await store.reserve([request('FLUSHED')]);
    await database.client.script('FLUSH');
    expect(await store.reserve([request('FLUSHED')])).toMatchObject([
      { kind: 'taken', range: { first: 2n, last: 2n } },
    ]);
  });

  test('reads closures of earlier versions, which name nobody, and whatever stands where a name would', async () => {
    const store = createRedisCounterStore(client);
    const [old, odd] = ['2024', '2025'].map((period) => sequenceOf(seriesOf('CLOSED'), period));
    if (old === undefined || odd === undefined) throw new Error('two');
    await database.client.hset(createRedisKeys('').ofSequence(old).state, 'closed', '7 Filed\n{on time}');
    await database.client.hset(createRedisKeys('').ofSequence(odd).state, 'closed', '8 Filed\n{"subject":5}');
    const again = { reason: 'Again', closedAtMs: 9, subject: 'alice', requestId: 'r-1' };
    expect(await store.close(old, again)).toEqual({ reason: 'Filed\n{on time}', closedAtMs: 7 });
    expect(await store.close(odd, again)).toEqual({ reason: 'Filed', closedAtMs: 8 });
  });

  describe('the gap record, which Redis keeps unsorted', () => {
    const name = sequenceOf(seriesOf('MANY'), '');
    const firsts = Array.from({ length: 3_000 }, (_, index) => 10n ** BigInt(index % 19) + BigInt(index) * 10n).sort(
      (a, b) => Number(a < b) * -2 + 1,
    );

    beforeAll(async () => {
      const words = firsts.toReversed().flatMap((first) => [`${first}`, `${first + 1n} advance - 1700000000`]);
      await database.client.hset(createRedisKeys('').ofSequence(name).gaps, ...words);
    });

    test('is listed in rising order, page by page, each gap once', async () => {
      const store = createRedisCounterStore(client);
      const listed: bigint[] = [];
      for (let after = 0n; ; ) {
        const page = await store.listGaps(name, after, 700);
        listed.push(...page.map(({ range }) => range.first));
        if (page.length < 700) break;
        after = listed.at(-1) ?? 0n;
      }
      expect(listed).toEqual(firsts);
    });

    test('is read anew when a pass over it ended early, and not for ever', async () => {
      let early = 1;
      const commands = {
        hlen: (key: string) => client.commands.hlen(key),
        hscan: async (key: string, cursor: string) => {
          const [next, words] = await client.commands.hscan(key, cursor, 'COUNT', 1_000);
          // As a cursor of another server may be taken for the end.
          return [early-- > 0 ? '0' : next, words];
        },
      } as unknown as RedisCommands;
      const { gaps } = createRedisKeys('').ofSequence(name);
      const page = await listGapRecord(commands, gaps, 0n, 5_000);
      expect(page.map(({ range }) => range.first)).toEqual(firsts);
      early = 3;
      await expect(listGapRecord(commands, gaps, 0n, 10)).rejects.toBeInstanceOf(StorageUnavailableError);
    });
  });

  test('tells other nodes of a changed prefix config', async () => {
    const heard: (string | undefined)[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { promise: subscribed, resolve: onSubscribed } = Promise.withResolvers<void>();
    createRedisPrefixConfigStore(otherClient).onChange((prefixKey) => {
      heard.push(prefixKey);
      if (prefixKey === undefined) onSubscribed();
      else resolve();
    });
    await subscribed;
    await createRedisPrefixConfigStore(client).remove('NOT-THERE');
    await database.client.hset('prefix_configs', 'TOLD', '{"format":"T{SEQ:3}"}');
    await createRedisPrefixConfigStore(client).remove('TOLD');
    await promise;
    expect(heard).toEqual([undefined, 'TOLD']);
  });
});

describe('on a server in cluster mode, which refuses keys of different slots', () => {
  test.each(['', '2026', '2026-11-21'])('all keys of a sequence lie in one slot: period "%s"', async (period) => {
    await using server = await startRedisServer({ args: ['--cluster-enabled', 'yes'] });
    const operator = new Redis(server.url);
    await operator.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    while (!String(await operator.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await setTimeout(20);
    const store = createRedisCounterStore({ commands: operator, names: createRedisKeys('') });
    const sequence = sequenceOf(seriesOf('ORD-EU:1'), period);
    expect(await store.reserve([call(sequence, 3)])).toMatchObject([{ kind: 'taken', range: { first: 1n, last: 3n } }]);
    const terms = { initialSeq: 0n, limit: 99n, epoch: 0n, window: 100 };
    expect(await store.advance({ sequence, operation: 'slots', to: 9n, ...terms })).toMatchObject({ to: 9n });
    expect(await store.inspect(sequence)).toMatchObject({ value: 9n });
    expect(await store.listGaps(sequence, 0n, 9)).toHaveLength(1);
    operator.disconnect();
  });
});

describe('the Redis client', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });

  afterAll(() => redis.close());

  test('fails at once while there is no connection, and serves as soon as there is one', async () => {
    const events: NumberGeneratorEvent[] = [];
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    await redis.stop();
    const lonely = createRedisClient(redis.url, TIMEOUT_MS, (event) => {
      events.push(event);
      if (event.type === 'store-connected') resolve();
    });
    const store = createRedisCounterStore(lonely);
    await expect(store.reserve([request('LATE')])).rejects.toThrow(StorageUnavailableError);
    await expect(store.checkHealth()).rejects.toThrow(StorageUnavailableError);
    await expect(createRedisPrefixConfigStore(lonely).find(['LATE'])).rejects.toThrow(StorageUnavailableError);
    await redis.restart();
    await connected;
    expect(await store.reserve([request('LATE')])).toMatchObject([{ kind: 'taken', range: { first: 1n, last: 1n } }]);
    expect(events.map(({ type }) => type)).toEqual(['store-disconnected', 'store-connected']);
    await lonely.close();
  });

  test('fails with StorageTimeoutError when Redis hangs, destroys the socket, and comes back by itself', async () => {
    const { promise: disconnected, resolve: onDisconnected } = Promise.withResolvers<void>();
    const impatient = await ready(
      createRedisClient(redis.url, TIMEOUT_MS, (event) => {
        if (event.type === 'store-disconnected') onDisconnected();
      }),
    );
    const store = createRedisCounterStore(impatient);
    redis.pause();
    await expect(store.reserve([request('HUNG')])).rejects.toThrow(StorageTimeoutError);
    await disconnected;
    redis.resume();
    await readyAgain(impatient.commands);
    expect((await store.reserve([request('HUNG')]))[0]).toMatchObject({ kind: 'taken' });
    await impatient.close();
  });

  test('a reply lost after the script ran costs nothing: the same call again brings the same range, and nothing ran twice', async () => {
    const proxy = await startReplyProxy(redis.port);
    const cut = await ready(createRedisClient(`redis://127.0.0.1:${proxy.port}`, TIMEOUT_MS, ignore));
    const store = createRedisCounterStore(cut);
    await store.reserve([request('LOST')]);
    const unanswered = request('LOST');
    proxy.replies('swallowed');
    const work = store.reserve([unanswered]);
    const closed = new Promise((resolve) => cut.commands.once('close', resolve));
    await expect(work).rejects.toThrow(StorageTimeoutError);
    await closed;
    proxy.replies('passed');
    await readyAgain(cut.commands);
    // A command sent twice by the client library would have moved the counter to 3.
    expect(await store.inspect(unanswered.sequence)).toMatchObject({ value: 2n });
    expect(await store.reserve([unanswered])).toMatchObject([{ kind: 'taken', range: { first: 2n, last: 2n } }]);
    expect(await store.reserve([request('LOST')])).toMatchObject([{ kind: 'taken', range: { first: 3n, last: 3n } }]);
    await cut.close();
    await proxy.close();
  });

  test('keeps hearing of changes after the connection was lost', async () => {
    const listener = await ready(createRedisClient(redis.url, TIMEOUT_MS, ignore));
    const writer = await ready(createRedisClient(redis.url, TIMEOUT_MS, ignore));
    const heard: (string | undefined)[] = [];
    let wake = ignore;
    const nextChange = (): Promise<void> => new Promise((resolve) => (wake = resolve));
    const first = nextChange();
    createRedisPrefixConfigStore(listener).onChange((prefixKey) => {
      heard.push(prefixKey);
      wake();
    });
    await first;
    const missed = nextChange();
    await redis.restart();
    await missed;
    await readyAgain(writer.commands);
    const told = nextChange();
    await writer.commands.hset('prefix_configs', 'AFTER', '{"format":"T{SEQ:3}"}');
    await createRedisPrefixConfigStore(writer).remove('AFTER');
    await told;
    expect(heard).toEqual([undefined, undefined, 'AFTER']);
    await listener.close();
    await writer.close();
  });
});
