/** Restarts behind nginx, which has no health checks: keyed POSTs are repeated by the proxy, and nobody sees them fail. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { advisedLocation, startNginx } from '../support/nginx.ts';
import { findFreePort, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import { keyedPost, startSteadyLoad } from '../support/steady-load.ts';
import { isReady, registerPrefix } from './service-calls.ts';
import { until } from './until.ts';

const RATE = 400;
const ROUNDS = 3;
const PREFIX = 'NGX';
const BEFORE_AND_AFTER_MS = 1_000;

test(`two nodes restarted ${ROUNDS} times each behind nginx under keyed POSTs: none fails, no number comes twice, none is missing`, async () => {
  await using redis = await startRedisServer({ appendonly: true });
  await using nodes = new AsyncDisposableStack();
  const start = async (port: number): Promise<Service> => {
    const env = { REDIS_URL: redis.url, PORT: `${port}`, SHUTDOWN_DRAIN_MS: '500' };
    const service = nodes.use(await startService({ env }));
    await until('the node is ready', () => isReady(service.url));
    return service;
  };
  const ports = [await findFreePort(), await findFreePort()];
  const running = await Promise.all(ports.map(start));
  await registerPrefix(running[0]?.url ?? '', PREFIX);
  await using proxy = await startNginx(ports, advisedLocation());

  const load = startSteadyLoad(`${proxy.url}/api/numbers`, RATE, () => keyedPost(PREFIX));
  await delay(BEFORE_AND_AFTER_MS);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, port] of ports.entries()) {
      expect(await running[index]?.stop()).toBe(0);
      running[index] = await start(port);
    }
  }
  await delay(BEFORE_AND_AFTER_MS);
  const { failures, numbers, sent } = await load.stop();
  console.log(`restarts behind nginx: ${JSON.stringify({ sent, failures })}`);
  expect(failures).toEqual({});
  const values = numbers.map((number) => Number(number.slice(PREFIX.length + 1))).sort((a, b) => a - b);
  expect(values).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
});
