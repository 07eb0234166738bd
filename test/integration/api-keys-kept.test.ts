/** With PostgreSQL, API keys outlive an emptied Redis, and a revoked one does not come back with an older Redis. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

let redis: RedisDatabase;
let postgres: PostgresDatabase;
const apps: TestApp[] = [];

const start = async (env: Readonly<Record<string, string>> = {}): Promise<TestApp> => {
  const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, ...env });
  await app.ready();
  apps.push(app);
  return app;
};

beforeAll(async () => {
  [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
});

afterAll(async () => {
  for (const app of apps) await app.close();
  await Promise.all([redis.release(), postgres.release()]);
});

const make = async (app: TestApp, name: string): Promise<{ readonly id: string; readonly key: string }> =>
  (await app.call('POST', '/api/api-keys', { name, scopes: ['configs:read'] })).json;
const useOn = async (app: TestApp, key: string): Promise<number> =>
  (await app.call('GET', '/api/prefix-configs', undefined, { 'x-api-key': key })).status;

test('200: a key that was made before Redis was emptied, on a node that has never seen it', async () => {
  const { id, key } = await make(await start(), 'made before');
  await redis.client.flushdb();
  expect(await useOn(await start(), key)).toBe(200);
  // And Redis has its copy again, for the time PostgreSQL is away.
  expect(await redis.client.hexists('api_keys', id)).toBe(1);
});

test('401: a key that was revoked, though Redis was set back to before that', async () => {
  const app = await start();
  const { id, key } = await make(app, 'revoked');
  const before = await redis.client.hgetall('api_keys');
  expect((await app.call('DELETE', `/api/api-keys/${id}`, undefined)).status).toBe(204);
  await redis.client.hset('api_keys', before);
  expect(await useOn(await start(), key)).toBe(401);
  expect(await redis.client.hexists('api_keys', id)).toBe(0);
});

test('200: a key that was made on Redis alone, from the first start with PostgreSQL on', async () => {
  const { id, key } = await make(await start({ DATABASE_URL: '' }), 'made on Redis');
  const app = await start();
  expect((await app.call('GET', '/api/api-keys')).json.items.map((item: { id: string }) => item.id)).toContain(id);
  await redis.client.flushdb();
  expect(await useOn(app, key)).toBe(200);
});
