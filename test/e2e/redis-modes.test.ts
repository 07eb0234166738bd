/** Two nodes behind sentinels and on a cluster: masters killed, paused and resumed, slots moved, all under load. */
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type LoadResult, takeNumbers } from '../support/load.ts';
import type { RedisServer } from '../support/redis.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisSentinels, startRedisSentinels } from '../support/redis-sentinel.ts';
import { type Service, startService } from '../support/service.ts';

const CLIENTS = 8;
const RECOVERY_MAX_MS = 60_000;
const PREFIXES = ['INV', 'ORDERS', 'ORD-EU', 'SHOP', 'RET', 'CRED'];
/** Enough for the whole failover at the rate of the load: beyond it, refusals would be right. */
const ENV = { STANDBY_SIZE: '200000', REDIS_TIMEOUT_MS: '500' };

const opened: { close(): Promise<void> }[] = [];
const opening = async <T extends { close(): Promise<void> }>(work: Promise<T>): Promise<T> => {
  const started = await work;
  opened.push(started);
  return started;
};

afterEach(async () => {
  for (const running of opened.splice(0).toReversed()) await running.close();
});

const startNodes = async (env: Readonly<Record<string, string>>): Promise<Service[]> => {
  const nodes = await Promise.all([1, 2].map(() => opening(startService({ env: { ...ENV, ...env } }))));
  for (const node of nodes) await expect.poll(async () => (await fetch(`${node.url}/readyz`)).status).toBe(200);
  for (const key of PREFIXES) {
    const reply = await fetch(`${nodes[0]?.url}/prefix-configs/${key}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ format: `${key}-{SEQ:1}` }),
    });
    expect(reply.status).toBe(200);
  }
  return nodes;
};

const urlsOf = (nodes: readonly Service[]): string[] =>
  nodes.flatMap(({ url }) => PREFIXES.map((key) => `${url}/api/numbers/${key}`));

/** Every number of the load and of the probes, and how the nodes answered. */
interface Outcome extends LoadResult {
  /** From the fault until every prefix came from Redis again, on each node. */
  readonly recoveryMs: number;
}

/** Takes numbers all the time while `fault` happens, until Redis serves everything again, and a little longer. */
const takeThrough = async (nodes: readonly Service[], fault: () => Promise<void>): Promise<Outcome> => {
  const urls = urlsOf(nodes);
  // Each node has a standby for each prefix before anything happens.
  const first = await takeNumbers({ urls, clients: urls.length, numbersMax: urls.length * 20 });
  const stop = new AbortController();
  const load = takeNumbers({ urls, clients: Math.max(CLIENTS, urls.length), signal: stop.signal });
  await setTimeout(300);
  const began = performance.now();
  await fault();
  const probed: string[] = [];
  const comesFromRedis = async (url: string): Promise<boolean> => {
    const reply = await fetch(url);
    if (reply.status === 200) probed.push(((await reply.json()) as { number: string }).number);
    return reply.headers.get('x-number-source') === 'redis';
  };
  await expect
    .poll(async () => (await Promise.all(urls.map(comesFromRedis))).every(Boolean), { timeout: RECOVERY_MAX_MS })
    .toBe(true);
  const recoveryMs = performance.now() - began;
  await setTimeout(300);
  stop.abort();
  const { numbers, refusals, lost } = await load;
  return { numbers: [...first.numbers, ...numbers, ...probed], refusals, lost, recoveryMs };
};

const repeatsIn = (numbers: readonly string[]): number => numbers.length - new Set(numbers).size;

const expectWhole = ({ numbers, refusals, lost }: Outcome): void => {
  expect(Object.fromEntries(refusals)).toEqual({});
  expect(lost).toBe(0);
  expect(repeatsIn(numbers)).toBe(0);
};

describe('behind sentinels', () => {
  const start = async (): Promise<{ sentinels: RedisSentinels; nodes: Service[]; master: RedisServer }> => {
    const sentinels = await opening(startRedisSentinels());
    return { sentinels, nodes: await startNodes(sentinels.env), master: await sentinels.master() };
  };

  test('a killed master is replaced: nobody is refused, no number comes twice', async () => {
    const { sentinels, nodes, master } = await start();
    const outcome = await takeThrough(nodes, async () => {
      await master.kill();
      await sentinels.replaced(master);
    });
    expectWhole(outcome);
  });

  test('a master that hung, was replaced and wakes up again: nobody is refused, no number comes twice', async () => {
    const { sentinels, nodes, master } = await start();
    const outcome = await takeThrough(nodes, async () => {
      master.pause();
      await sentinels.replaced(master);
      master.resume();
    });
    expectWhole(outcome);
  });

  test('a node started while no sentinel answers is not ready, says why, and serves when they are back', async () => {
    const sentinels = await opening(startRedisSentinels());
    for (const sentinel of sentinels.sentinels) sentinel.pause();
    const node = await opening(startService({ env: { ...ENV, ...sentinels.env } }));
    await node.waitForLog((line) => line['event'] === 'store-disconnected');
    expect((await fetch(`${node.url}/readyz`)).status).toBe(503);
    for (const sentinel of sentinels.sentinels) sentinel.resume();
    await expect.poll(async () => (await fetch(`${node.url}/readyz`)).status, { timeout: RECOVERY_MAX_MS }).toBe(200);
    expect(await node.stop()).toBe(0);
  });
});

describe('on a cluster', () => {
  const start = async (): Promise<{ cluster: RedisCluster; nodes: Service[] }> => {
    const cluster = await opening(startRedisCluster());
    return { cluster, nodes: await startNodes(cluster.env) };
  };

  test('a burst over many prefixes on all masters: each counts 1, 2, 3 …', async () => {
    const { nodes } = await start();
    const keys = Array.from({ length: 100 }, (_, index) => `BURST-${index}`);
    for (const key of keys) {
      const body = JSON.stringify({ format: `${key}:{SEQ:1}` });
      const headers = { 'content-type': 'application/json' };
      await fetch(`${nodes[0]?.url}/prefix-configs/${key}`, { method: 'PUT', headers, body });
    }
    const replies = await Promise.all(
      keys.flatMap((key) => nodes.map(async ({ url }) => (await fetch(`${url}/api/numbers/${key}?count=3`)).json())),
    );
    const numbers = replies.flatMap((reply) => (reply as { numbers: string[] }).numbers);
    expect(numbers.toSorted()).toEqual(
      keys.flatMap((key) => [1, 2, 3, 4, 5, 6].map((value) => `${key}:${value}`)).toSorted(),
    );
  });

  test('a killed master is replaced: nobody is refused, no number comes twice', async () => {
    const { cluster, nodes } = await start();
    const master = await cluster.masterOf('sequence:INV');
    const outcome = await takeThrough(nodes, async () => {
      await master.kill();
      await cluster.replaced('sequence:INV', master);
    });
    expectWhole(outcome);
  });

  test('a master that hung, was replaced and wakes up again: nobody is refused, no number comes twice', async () => {
    const { cluster, nodes } = await start();
    const master = await cluster.masterOf('sequence:INV');
    const outcome = await takeThrough(nodes, async () => {
      master.pause();
      await cluster.replaced('sequence:INV', master);
      master.resume();
    });
    expectWhole(outcome);
  });

  test('a slot moves to another master and back: nobody is refused, no number comes twice', async () => {
    const { cluster, nodes } = await start();
    const owner = await cluster.masterOf('sequence:INV');
    const other = cluster.servers.find((server) => server !== owner) ?? owner;
    const outcome = await takeThrough(nodes, async () => {
      for (const server of [other, owner, other]) await cluster.moveSlot('sequence:INV', server, 50);
    });
    expectWhole(outcome);
  });
});
