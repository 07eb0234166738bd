/** While PostgreSQL is away a node is ready as long as it can issue something, and not a number longer. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

let redis: RedisDatabase;
let postgres: PostgresServer;
let app: TestApp;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([leaseRedisDatabase(), startPostgresServer()]);
  app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, STANDBY_SIZE: '0' });
  await app.ready();
});

afterAll(async () => {
  await app.close();
  await Promise.all([redis.release(), postgres.close()]);
});

const issuing = async (): Promise<unknown> => {
  const { json } = await app.call('GET', '/health');
  return json.components.find(({ name }: { name: string }) => name === 'issuing');
};
/** Both probes say the same. */
const isReady = async (): Promise<boolean> => {
  const [ready, health] = [(await app.call('GET', '/readyz')).status, (await app.call('GET', '/health')).status];
  expect(health).toBe(ready);
  return ready === 200;
};

test('503: once every sequence has reached its ceiling, and 200 when PostgreSQL is back', async () => {
  await app.call('PUT', '/api/prefix-configs/P', { format: 'P{SEQ:3}' });
  expect(await app.call('GET', '/api/numbers/P')).toMatchObject({ status: 200 });
  await postgres.stop();
  const takeMany = () => app.call('POST', '/api/numbers', { prefixKey: 'P', count: 1_000 });
  let batches = 0;
  while ((await takeMany()).status === 200) {
    batches += 1;
    expect(await isReady()).toBe(true);
  }
  expect(batches).toBeGreaterThan(1);
  // The last thousand did not fit: one by one to the ceiling.
  while ((await app.call('GET', '/api/numbers/P')).status === 200);
  expect(await isReady()).toBe(false);
  expect(await issuing()).toMatchObject({ status: 'down', detail: expect.stringContaining('PostgreSQL') });
  await postgres.restart();
  await expect.poll(async () => (await app.call('GET', '/api/numbers/P')).status, { timeout: 10_000 }).toBe(200);
  expect(await isReady()).toBe(true);
});

test('503: where all prefixes are gapless, and 200 with one that needs no store', async () => {
  await app.call('DELETE', '/api/prefix-configs/P', undefined);
  await app.call('PUT', '/api/prefix-configs/G', { format: 'G{SEQ:3}', strategy: 'gapless' });
  expect(await app.call('GET', '/api/numbers/G')).toMatchObject({ status: 200 });
  await expect.poll(isReady).toBe(true);
  await postgres.stop();
  await expect.poll(isReady, { timeout: 5_000 }).toBe(false);
  await postgres.restart();
  await expect.poll(isReady, { timeout: 10_000 }).toBe(true);
  await app.call('PUT', '/api/prefix-configs/U', { format: 'u-{SEQ:1}', strategy: 'uuidv7' });
  expect(await app.call('GET', '/api/numbers/U')).toMatchObject({ status: 200 });
  await postgres.stop();
  await expect.poll(async () => (await app.call('GET', '/api/numbers/G')).status, { timeout: 10_000 }).toBe(503);
  await expect.poll(isReady).toBe(true);
  await postgres.restart();
});
