/** Several nodes on one Redis, each a process of its own. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { takeNumbers } from '../support/load.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';

const NUMBERS = 100_000;
const CLIENTS = 200;

const opened: (Service | RedisServer)[] = [];
const opening = async <T extends Service | RedisServer>(work: Promise<T>): Promise<T> => {
  const started = await work;
  opened.push(started);
  return started;
};

afterEach(async () => {
  for (const running of opened.splice(0).toReversed()) await running.close();
});

const register = (url: string, key: string, format: string): Promise<Response> =>
  fetch(`${url}/prefix-configs/${key}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ format }),
  });

const readReady = async (service: Service): Promise<number> => (await fetch(`${service.url}/readyz`)).status;

describe('nodes on one Redis', () => {
  test(`${CLIENTS} clients on two nodes take ${NUMBERS} numbers: all distinct, none missing, and the counter says so`, async () => {
    const redis = await opening(startRedisServer());
    const env = { REDIS_URL: redis.url };
    const nodes = await Promise.all([opening(startService({ env })), opening(startService({ env }))]);
    for (const node of nodes) await expect.poll(() => readReady(node)).toBe(200);
    await register(nodes[0].url, 'LOAD', 'LOAD-{SEQ:6}');
    const urls = nodes.map((node) => `${node.url}/api/numbers?prefixKey=LOAD`);
    const { numbers, refusals, lost } = await takeNumbers({ urls, clients: CLIENTS, numbersMax: NUMBERS });
    expect([...refusals, lost]).toEqual([0]);
    expect(numbers).toHaveLength(NUMBERS);
    expect(new Set(numbers).size).toBe(NUMBERS);
    expect(numbers.toSorted().at(-1)).toBe('LOAD-100000');
    const client = new Redis(redis.url);
    expect(await client.get('sequence:LOAD')).toBe(String(NUMBERS));
    client.disconnect();
  }, 300_000);

  test('a node started while its Redis is away is live, not ready, refuses with Retry-After, and serves as soon as Redis is there', async () => {
    const redis = await opening(startRedisServer());
    await redis.stop();
    const node = await opening(startService({ env: { REDIS_URL: redis.url } }));
    expect((await fetch(`${node.url}/livez`)).status).toBe(200);
    expect(await readReady(node)).toBe(503);
    const refused = await fetch(`${node.url}/numbers/A`);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await redis.restart();
    await node.waitForLog((line) => line['event'] === 'store-connected');
    expect((await register(node.url, 'A', 'A{SEQ:3}')).status).toBe(200);
    expect(await (await fetch(`${node.url}/numbers/A`)).json()).toEqual({ number: 'A001' });
    expect(await readReady(node)).toBe(200);
  });

  test('a node that waits for a hung Redis stops on SIGTERM all the same', async () => {
    const redis = await opening(startRedisServer());
    const node = await opening(startService({ env: { REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '500' } }));
    await expect.poll(() => readReady(node)).toBe(200);
    await register(node.url, 'A', 'A{SEQ:3}');
    redis.pause();
    const hung = fetch(`${node.url}/numbers/A`);
    expect(await (await hung).json()).toMatchObject({
      status: 503,
      code: 'STORAGE_TIMEOUT',
      title: 'Storage timed out',
    });
    expect(await node.stop()).toBe(0);
    redis.resume();
  });
});
