/** Segments on three nodes: an outage of Redis that nobody notices, and a clean stop that leaves nothing behind. */
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';

const NODES = 3;
const OUTAGE_MS = 10_000;
/** Until the ranges have grown to what fifteen seconds need. */
const WARM_UP_MS = 4_000;
/** Between two requests of a client: it, not the machine, makes the pace, so that an outage does not change it. */
const PAUSE_MS = 20;

interface Load {
  readonly values: number[];
  readonly failures: string[];
  stop(): Promise<void>;
}

const putUnderLoad = (app: TestApp): Load => {
  const values: number[] = [];
  const failures: string[] = [];
  let running = true;
  const run = async (): Promise<void> => {
    while (running) {
      const { status, text, json } = await app.call('GET', '/api/numbers/SEG?count=5');
      if (status === 200) values.push(...json.numbers.map((number: string) => Number(number.slice(1))));
      else failures.push(text);
      await setTimeout(PAUSE_MS);
    }
  };
  const clients = [run(), run()];
  return {
    values,
    failures,
    stop: async () => {
      running = false;
      await Promise.all(clients);
    },
  };
};

test('three nodes go on for 10 s without Redis: no request fails, no number comes twice; stopped, they leave no gap', async () => {
  const redis = await startRedisServer({ appendonly: true });
  const env = { REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '300', LOG_LEVEL: 'warn' };
  const apps: TestApp[] = [];
  for (let node = 0; node < NODES; node += 1) apps.push(await startApp(env));
  await Promise.all(apps.map((app) => app.ready()));
  await apps[0]?.call('PUT', '/api/prefix-configs/SEG', { format: 'S{SEQ:1}', strategy: 'segment' });
  const loads = apps.map(putUnderLoad);
  await setTimeout(WARM_UP_MS);
  await redis.kill();
  await setTimeout(OUTAGE_MS);
  for (const app of apps) expect((await app.call('GET', '/readyz')).status).toBe(200);
  await redis.restart();
  await setTimeout(2_000);
  await Promise.all(loads.map((load) => load.stop()));
  // Together: each looks for what is left open, and would find the others.
  await Promise.all(apps.map((app) => app.close()));

  expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
  const issued = loads.flatMap(({ values }) => values);
  expect(new Set(issued).size).toBe(issued.length);
  for (const { values } of loads) expect(values.length).toBeGreaterThan(500);

  const client = new Redis(redis.url);
  const [counter, free, ahead, gaps] = await Promise.all([
    client.get('sequence:SEG'),
    client.hget('{sequence:SEG}:state', 'free'),
    client.hget('{sequence:SEG}:state', 'ahead'),
    client.hgetall('{sequence:SEG}:gaps'),
  ]);
  client.disconnect();
  await redis.close();
  const known = new Set(issued);
  for (const [, first, last] of (free ?? '').matchAll(/([0-9]+):([0-9]+)/g)) {
    for (let value = Number(first); value <= Number(last); value += 1) {
      expect({ value, known: known.has(value) }).toEqual({ value, known: false });
      known.add(value);
    }
  }
  expect(known.size).toBe(Number(counter));
  expect(Math.max(...known)).toBe(Number(counter));
  expect([ahead, gaps]).toEqual(['', {}]);
}, 60_000);
