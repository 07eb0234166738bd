/** A rolling restart behind HAProxy at 2,000 requests per second: nobody sees it. Without the drain, clients do. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CHECKS, type Haproxy, startHaproxy } from '../support/haproxy.ts';
import { findFreePort, type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import { type SteadyResult, startSteadyLoad } from '../support/steady-load.ts';
import { isReady, registerPrefix } from './service-calls.ts';
import { until } from './until.ts';

const RATE = 2_000;
const NODES = 3;
const PREFIX = 'ROLL';
/** Many times what HAProxy needs to notice, for a machine with other work. */
const DRAIN_MS = 8 * CHECKS.intervalMs * CHECKS.fall;
const BEFORE_AND_AFTER_MS = 1_000;

interface Slot {
  readonly port: number;
  process: Service;
}

interface Stage extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly slots: readonly Slot[];
  readonly proxy: Haproxy;
  start(port: number): Promise<Service>;
}

const standUp = async (drainMs: number): Promise<Stage> => {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await startRedisServer({ appendonly: true }));
  let stack = opened;
  const start = async (port: number): Promise<Service> => {
    const env = { REDIS_URL: redis.url, PORT: String(port), SHUTDOWN_DRAIN_MS: String(drainMs) };
    const started = await startService({ env });
    stack.defer(async () => {
      await started.kill();
      await started.close();
    });
    await until('the node is ready', () => isReady(started.url));
    return started;
  };
  const slots: Slot[] = [];
  for (let index = 0; index < NODES; index += 1) {
    const port = await findFreePort();
    slots.push({ port, process: await start(port) });
  }
  await registerPrefix(slots[0]?.process.url ?? '', PREFIX);
  const proxy = opened.use(await startHaproxy(slots.map(({ port }) => port)));
  await until('HAProxy believes in every node', async () => (await proxy.counts()).every(({ up }) => up));
  stack = opened.move();
  return { redis, slots, proxy, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

/** SIGTERM to one node after the other; each is replaced on its port before the next goes. How long each took to stop, ms. */
const restart = async ({ slots, proxy, start }: Stage, nodes: number): Promise<number[]> => {
  const stopsMs: number[] = [];
  for (const [index, slot] of slots.slice(0, nodes).entries()) {
    const fromMs = performance.now();
    const code = await slot.process.stop();
    expect({ code, log: code === 0 ? [] : slot.process.logs().slice(-5) }).toEqual({ code: 0, log: [] });
    stopsMs.push(Math.round(performance.now() - fromMs));
    slot.process = await start(slot.port);
    await until('HAProxy sends requests to the new node', async () => (await proxy.counts())[index]?.up === true);
  }
  return stopsMs;
};

const restartUnderLoad = async (stage: Stage, nodes: number): Promise<{ load: SteadyResult; stopsMs: number[] }> => {
  const load = startSteadyLoad(`${stage.proxy.url}/api/numbers/${PREFIX}`, RATE);
  await delay(BEFORE_AND_AFTER_MS);
  const stopsMs = await restart(stage, nodes);
  await delay(BEFORE_AND_AFTER_MS);
  return { load: await load.stop(), stopsMs };
};

const readGaps = async ({ process }: Slot): Promise<unknown[]> => {
  const reply = (await (await fetch(`${process.url}/api/sequences/${PREFIX}/gaps`)).json()) as { items: unknown[] };
  return reply.items;
};

test(`${NODES} nodes restarted one after the other at ${RATE} requests/s: no request fails, none is retried by the proxy, no number is missing`, async () => {
  await using stage = await standUp(DRAIN_MS);
  const { load, stopsMs } = await restartUnderLoad(stage, NODES);
  const counts = await stage.proxy.counts();
  console.log(
    `rolling restart: ${JSON.stringify({ sent: load.sent, rate: load.rate, failures: load.failures, stopsMs, drainMs: DRAIN_MS, latencyMs: load.latencyMs, longestSilenceMs: load.longestSilenceMs })}`,
  );
  expect(load.failures).toEqual({});
  // The rate that was reached is printed, not judged: it is the machine's.
  expect(load.sent).toBeGreaterThan(RATE);
  const values = load.numbers.map((number) => Number(number.slice(PREFIX.length + 1))).sort((a, b) => a - b);
  expect(values).toEqual(Array.from({ length: load.sent }, (_, index) => index + 1));
  expect(await Promise.all(stage.slots.map(readGaps))).toEqual(stage.slots.map(() => []));
  for (const { connectErrors, responseErrors, retries, redispatches, requests } of counts) {
    expect({ connectErrors, responseErrors, retries, redispatches }).toEqual({
      connectErrors: 0,
      responseErrors: 0,
      retries: 0,
      redispatches: 0,
    });
    expect(requests).toBeGreaterThan(RATE / NODES / 10);
  }
});

test('one node restarted without a drain: clients see failures, so the test above can fail; even then no number comes twice', async () => {
  await using stage = await standUp(0);
  const { load } = await restartUnderLoad(stage, 1);
  console.log(`without a drain: ${JSON.stringify({ sent: load.sent, failures: load.failures })}`);
  expect(Object.keys(load.failures)).not.toEqual([]);
  expect(new Set(load.numbers).size).toBe(load.numbers.length);
});
