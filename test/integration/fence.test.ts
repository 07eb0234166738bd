/** A Redis that was restarted, or lost what it had acknowledged: no number twice, and none missing unless the gap record says so. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import { inRedis } from '../support/in-redis.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';

const STANDBY_SIZE = 10;
const CONFIG = { format: '{SEQ:1}', allowCollision: true };

/** 1 … count, `from` … from + count - 1. */
const row = (count: number, from = 1): string[] => Array.from({ length: count }, (_, index) => `${from + index}`);

const eventsOf = (app: TestApp): unknown[] => app.log.map(({ event }) => event);

describe('a Redis that', () => {
  let redis: RedisServer;
  const apps: TestApp[] = [];
  const services: Service[] = [];

  const start = async (env: Record<string, string> = {}): Promise<TestApp> => {
    const app = await startApp({
      REDIS_URL: redis.url,
      REDIS_TIMEOUT_MS: '500',
      STANDBY_SIZE: `${STANDBY_SIZE}`,
      ...env,
    });
    apps.push(app);
    await app.ready();
    return app;
  };
  const startProcess = async (): Promise<Service> => {
    const service = await startService({ env: { REDIS_URL: redis.url, STANDBY_SIZE: '0', AUTH: 'off' } });
    services.push(service);
    return service;
  };
  const take = async (app: TestApp, count = 1, key = 'A'): Promise<string[]> => {
    const reply = await app.call('GET', `/api/numbers/${key}?count=${count}`);
    expect(reply.text).toContain('numbers');
    return reply.json.numbers;
  };
  /** Asks until it is served, and tells what came. */
  const takeWhenServed = async (app: TestApp, count = 1): Promise<string[]> => {
    let numbers: string[] = [];
    const served = async (): Promise<number> => {
      const { status, json } = await app.call('GET', `/api/numbers/A?count=${count}`);
      numbers = json.numbers;
      return status;
    };
    await expect.poll(served).toBe(200);
    return numbers;
  };
  const gapsOf = async (app: TestApp, key = 'A'): Promise<TestReply['json']> =>
    (await app.call('GET', `/api/sequences/${key}/gaps?limit=1000`)).json.items;
  /** What Redis has written to its file so far, and how to go back there once it is down. */
  const remember = (): (() => void) => {
    const dir = join(redis.dir, 'appendonlydir');
    const name = readdirSync(dir).find((file) => file.endsWith('.incr.aof'));
    if (name === undefined) throw new Error('no incremental append-only file');
    const { size } = statSync(join(dir, name));
    return () => {
      // Cut where a command ends: it is a Redis that died before it wrote the rest.
      expect(statSync(join(dir, name)).size).toBeGreaterThan(size);
      truncateSync(join(dir, name), size);
    };
  };

  beforeEach(async () => {
    // fsync with every write, so that only what a test cuts off is lost.
    redis = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] });
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await Promise.all(services.splice(0).map((service) => service.close()));
    await redis.close();
  });

  test('was restarted in good order goes on where it stopped: no gap, no jump, the recovery is exact', async () => {
    const app = await start({ STANDBY_SIZE: '0' });
    await app.call('PUT', '/api/prefix-configs/A', CONFIG);
    const before = await take(app, 25);
    await redis.restart();
    expect(await takeWhenServed(app, 1)).toEqual(['26']);
    expect(before).toEqual(row(25));
    expect(await take(app, 5)).toEqual(row(5, 27));
    expect(await gapsOf(app)).toEqual([]);
    expect(app.log).toContainEqual(expect.objectContaining({ event: 'sequence-recovered', exact: true, nodes: 1 }));
  });

  test('was restarted serves from the standby while the nodes report, and loses none of it', async () => {
    const app = await start();
    await app.call('PUT', '/api/prefix-configs/A', CONFIG);
    const numbers = await take(app, 5);
    await redis.restart();
    await app.ready();
    const sources = new Set<unknown>();
    for (let index = 0; index < 6; index += 1) {
      const reply = await app.call('GET', '/api/numbers/A');
      expect(reply.status).toBe(200);
      sources.add(reply.headers['x-number-source']);
      numbers.push(reply.json.number);
    }
    expect(sources).toContain('standby');
    await expect.poll(() => eventsOf(app)).toContain('sequence-recovered');
    numbers.push(...(await take(app, 60)));
    expect(new Set(numbers).size).toBe(numbers.length);
    // Without a hole, but for the standby that this node still holds.
    const { standby, value } = (await app.call('GET', '/api/sequences/A')).json;
    const held = new Set(row(Number(standby.last) - Number(standby.first) + 1, Number(standby.first)));
    const missing = row(Number(value)).filter((number) => !numbers.includes(number) && !held.has(number));
    expect(missing).toEqual([]);
    expect(await gapsOf(app)).toEqual([]);
  });

  test('lost its last state while all nodes live hands out no number twice, and misses none', async () => {
    const [one, two] = [await start(), await start()];
    await one.call('PUT', '/api/prefix-configs/A', CONFIG);
    const numbers = [...(await take(one, 3)), ...(await take(two, 4))];
    const cut = remember();
    const lost: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) lost.push(...(await take(one, 3)), ...(await take(two, 2)));
    await redis.kill();
    cut();
    await redis.restart();
    expect(new Set([...numbers, ...lost]).size).toBe(32);
    // Requests that need more than the standby has wait for the end of the recovery.
    const after = (await Promise.all([one, two, one, two].map((app) => takeWhenServed(app, 50)))).flat();
    const all = [...numbers, ...lost, ...after];
    expect(new Set(all).size).toBe(all.length);
    const recovered = [...one.log, ...two.log].filter(({ event }) => event === 'sequence-recovered');
    expect(recovered).toEqual([expect.objectContaining({ exact: true, nodes: 2 })]);
    expect(await gapsOf(one)).toEqual([]);
    const state = await Promise.all([one, two].map((app) => app.call('GET', '/api/sequences/A')));
    const held = new Set(
      state.flatMap(({ json: { standby } }) =>
        row(Number(standby.last) - Number(standby.first) + 1, Number(standby.first)),
      ),
    );
    const top = Math.max(...state.map(({ json }) => Number(json.value)));
    expect(row(top).filter((number) => !all.includes(number) && !held.has(number))).toEqual([]);
  });

  test('lost its last state and a node with it jumps above the ceiling, and the gap record says so', async () => {
    const app = await start({ STANDBY_SIZE: '0' });
    const other = await startProcess();
    await app.call('PUT', '/api/prefix-configs/A', CONFIG);
    const takeThere = async (count: number): Promise<string[]> =>
      ((await (await fetch(`${other.url}/api/numbers/A?count=${count}`)).json()) as { numbers: string[] }).numbers;
    const numbers = [...(await take(app, 2)), ...(await takeThere(3))];
    const cut = remember();
    const [, , ceiling = ''] = String(
      await inRedis(redis.url, (client) => client.hget('{sequence:A}:state', 'fence')),
    ).split(' ');
    numbers.push(...(await takeThere(4)));
    await other.kill();
    await redis.kill();
    cut();
    await redis.restart();
    // Nobody can have been given more than the ceiling.
    expect(await takeWhenServed(app, 5)).toEqual(row(5, Number(ceiling) + 1));
    expect(numbers).toEqual(row(9));
    const items = await gapsOf(app);
    expect(items.every(({ reason }: { reason: string }) => reason === 'recovery-jump' || reason === 'node-crash')).toBe(
      true,
    );
    expect(items).toContainEqual(expect.objectContaining({ reason: 'recovery-jump', last: ceiling }));
    // Every value that this node was not given is in the record, those of the other one included.
    const named = items.flatMap(({ first, last }: { first: string; last: string }) =>
      row(Number(last) - Number(first) + 1, Number(first)),
    );
    expect([...named, '1', '2'].map(Number).toSorted((a, b) => a - b)).toEqual(row(Number(ceiling)).map(Number));
    expect(app.log).toContainEqual(
      expect.objectContaining({ event: 'sequence-recovered', exact: false, jumped_to: ceiling }),
    );
  });

  test('was emptied is recovered by the nodes that live: numbers go on above what they know', async () => {
    const app = await start({ STANDBY_SIZE: '0' });
    await app.call('PUT', '/api/prefix-configs/A', CONFIG);
    expect(await take(app, 7)).toEqual(row(7));
    await inRedis(redis.url, async (client) => {
      const config = await client.hget('prefix_configs', 'A');
      await client.flushall();
      await client.hset('prefix_configs', 'A', config ?? '');
    });
    const [first] = await take(app, 1);
    expect(Number(first)).toBeGreaterThan(7);
  });

  test('lost the state of one sequence goes on above the counter, and no other sequence notices', async () => {
    const app = await start({ STANDBY_SIZE: '0' });
    for (const key of ['A', 'B']) await app.call('PUT', `/api/prefix-configs/${key}`, CONFIG);
    expect(await take(app, 7)).toEqual(row(7));
    expect(await take(app, 3, 'B')).toEqual(row(3));
    await inRedis(redis.url, (client) => client.del('{sequence:A}:state'));
    const [next] = await take(app, 1);
    expect(Number(next)).toBeGreaterThan(7);
    expect(await take(app, 1, 'B')).toEqual(['4']);
    const recovering = app.log.filter(({ event }) => event === 'sequence-recovering');
    expect(recovering).toEqual([expect.objectContaining({ prefix_key: 'A' })]);
  });

  test('200: a sequence is advanced while it waits to be recovered', async () => {
    const app = await start({ STANDBY_SIZE: '0' });
    await app.call('PUT', '/api/prefix-configs/A', CONFIG);
    await take(app, 2);
    await redis.restart();
    await app.ready();
    const reply = await app.call('POST', '/api/sequences/A/advance', { to: '500', reason: 'paper' });
    expect(reply.status).toBe(200);
    expect(await take(app, 1)).toEqual(['501']);
    expect(await gapsOf(app)).toMatchObject([{ first: '3', last: '500', reason: 'advance' }]);
  });
});
