/** Recoveries on real servers: nodes hear of them, replicas confirm ceilings, and a promoted replica counts nothing twice. */
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { type SequenceId, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { createRedisPrefixConfigStore } from '../../src/stores/redis/redis-prefix-config-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import {
  call,
  INV,
  range,
  report,
  type SequenceUnderTest,
  startSequenceUnderTest,
} from '../support/sequence-under-test.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const server = async (args: readonly string[] = []): Promise<RedisServer> => {
  const started = await startRedisServer({ args: ['--repl-diskless-sync-delay', '0', ...args] });
  ends.push(started.close);
  return started;
};

const connect = (url: string): RedisClient => {
  const client = createRedisClient(url, 2_000, () => undefined);
  ends.push(client.close);
  return client;
};

const sequenceOn = async ({ url }: RedisServer): Promise<SequenceUnderTest> => {
  const client = new Redis(url);
  ends.push(() => client.disconnect());
  await client.ping();
  return startSequenceUnderTest(undefined, { url, client, stop: async () => client.disconnect() });
};

/** A master with one replica, which has caught up. */
const startPair = async (): Promise<{ replica: RedisServer; own: SequenceUnderTest }> => {
  const master = await server();
  const replica = await server(['--replicaof', '127.0.0.1', String(master.port)]);
  const own = await sequenceOn(master);
  await until(async () => (await own.redis.client.info('replication')).includes('state=online'));
  return { replica, own };
};

/** Asks until the answer is as wanted; the test's own time limit ends it. */
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await setTimeout(10);
};

describe('every node hears that a recovery begins', () => {
  test('of a sequence with or without a period, also after the connection was lost, and of nothing else', async () => {
    const redis = await server();
    const listening = connect(redis.url);
    const heard: SequenceId[] = [];
    let wake = (): void => undefined;
    createRedisCounterStore(listening).fence?.onRecovery((sequence) => {
      heard.push(sequence);
      wake();
    });
    const operator = await sequenceOn(redis);
    const subscribed = async (): Promise<boolean> =>
      Number((await operator.redis.client.pubsub('NUMSUB', 'sequences:recovering'))[1]) === 1;
    const begin = async (sequence: SequenceId): Promise<void> => {
      const told = new Promise<void>((resolve) => (wake = resolve));
      // Of a later epoch than the first: a first contact is no news.
      await operator.operations.report([report({ sequence, epoch: 5n })]);
      await told;
    };
    await until(subscribed);
    createRedisPrefixConfigStore(listening).onChange(() => undefined);
    await operator.redis.client.publish('sequences:recovering', 'no key of ours');
    await operator.redis.client.publish('prefix_configs:changed', 'sequence:INV');
    await begin(INV);
    await redis.restart();
    await until(subscribed);
    await begin(sequenceOf(seriesOf('ORD-EU:1'), '2026'));
    expect(heard).toEqual([INV, sequenceOf(seriesOf('ORD-EU:1'), '2026')]);
  });

  test('of its own database, and neither of recoveries nor of configs of another one of the same server', async () => {
    const redis = await server();
    const heard: string[] = [];
    const open = (database: number) => {
      const client = connect(`${redis.url}/${database}`);
      const store = createRedisCounterStore(client);
      store.fence?.onRecovery((sequence) => heard.push(`${database} ${sequence.series.prefixKey}`));
      const configs = createRedisPrefixConfigStore(client);
      configs.onChange((prefixKey) => prefixKey !== undefined && heard.push(`${database} config ${prefixKey}`));
      return { client, store, configs };
    };
    const nodes = [open(0), open(1), open(1)] as const;
    const operator = new Redis(redis.url);
    ends.push(() => operator.disconnect());
    await until(async () => {
      const counts = await operator.pubsub('NUMSUB', 'sequences:recovering', 'prefix_configs:changed');
      const others = await operator.pubsub('NUMSUB', 'sequences:recovering@1', 'prefix_configs:changed@1');
      return (
        `${counts} ${others}` ===
        'sequences:recovering,1,prefix_configs:changed,1 sequences:recovering@1,2,prefix_configs:changed@1,2'
      );
    });
    for (const { store, client } of nodes.slice(0, 2)) {
      await store.fence?.report([report({ sequence: INV, epoch: 5n })]);
      await client.commands.ping();
    }
    // Behind these two everything of before has been heard.
    await operator.publish('prefix_configs:changed', 'LAST');
    await operator.publish('prefix_configs:changed@1', 'LAST');
    await until(async () => heard.filter((line) => line.endsWith('LAST')).length === 3);
    expect(heard.toSorted()).toEqual(['0 INV', '0 config LAST', '1 INV', '1 INV', '1 config LAST', '1 config LAST']);
  });

  test('but a store without a subscription tells nobody', async () => {
    const own = await sequenceOn(await server());
    const heard: SequenceId[] = [];
    own.operations.onRecovery((sequence) => heard.push(sequence));
    await own.report();
    expect(heard).toEqual([]);
  });
});

describe('a replica', () => {
  test('confirms a ceiling that is proposed; when it takes over, nothing is counted before it was recovered', async () => {
    const { replica, own: before } = await startPair();
    await before.send({ count: 3, standbySize: 0 });
    const { epoch } = before.fence;
    await until(async () => (await before.redis.client.wait(1, 100)) === 1);
    const proposal = { sequence: INV, epoch, ceiling: 50_000n };
    expect(await before.operations.propose(proposal)).toBe(true);

    const after = await sequenceOn(replica);
    await after.redis.client.replicaof('NO', 'ONE');
    const next = call({ call: 2, kind: 'take', standbySize: 0, seen: 3n, epoch });
    expect(await after.store.reserve([next])).toEqual([{ kind: 'recovering' }]);
    expect(await after.report({ settled: 1, epoch: epoch + 1n, seen: 3n, taken: [range(1n, 3n)] })).toMatchObject({
      kind: 'waiting',
      epoch,
      ceiling: 50_000n,
      reported: ['node-a'],
      missing: [],
    });
    expect(await after.install({ ceiling: 60_000n })).toBe(true);
    // The old master does not know yet that it is none: what is counted there belongs to the old epoch.
    expect(await before.store.reserve([{ ...next, epoch: after.fence.epoch }])).toEqual([{ kind: 'recovering' }]);
    expect(await after.store.reserve([{ ...next, epoch: after.fence.epoch }])).toMatchObject([
      { range: range(4n, 4n) },
    ]);
  });

  test('that does not answer confirms nothing', async () => {
    const { replica, own } = await startPair();
    await own.send({});
    await until(async () => (await own.redis.client.wait(1, 100)) === 1);
    replica.pause();
    expect(await own.operations.propose({ sequence: INV, epoch: own.fence.epoch, ceiling: 50_000n })).toBe(false);
    replica.resume();
  });
});
