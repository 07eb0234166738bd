/** A gapless prefix while PostgreSQL is away: refused, never served from a standby, and without a hole afterwards. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

let redis: RedisDatabase;
let postgres: PostgresServer;
let app: TestApp;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([leaseRedisDatabase(), startPostgresServer()]);
  app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '5000' });
  await app.ready();
  const config = { format: 'G{SEQ:3}', strategy: 'gapless', outage: 'standby' };
  expect(await app.call('PUT', '/api/prefix-configs/G', config)).toMatchObject({ status: 200 });
  await app.call('PUT', '/api/prefix-configs/P', { format: 'P{SEQ:3}' });
  expect(await app.call('GET', '/api/numbers/P')).toMatchObject({ status: 200 });
});

afterAll(async () => {
  await app.close();
  await Promise.all([redis.release(), postgres.close()]);
});

const take = async (): Promise<string | number> => {
  const { status, json } = await app.call('GET', '/api/numbers/G');
  return status === 200 ? json.number : status;
};

test.each(['stop', 'kill'] as const)(
  '503 with Retry-After after %s, and the next number when it is back',
  async (how) => {
    const before = await take();
    expect(before).toMatch(/^G00[1-9]$/);
    await postgres[how]();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const reply = await app.call('GET', '/api/numbers/G');
      expect(reply).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
      expect(reply.headers).toMatchObject({ 'retry-after': '1' });
      expect(reply.headers['x-number-source']).toBeUndefined();
    }
    expect(await app.call('POST', '/api/reservations', { prefixKey: 'G' })).toMatchObject({ status: 503 });
    // What Redis counts goes on.
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200 });
    await postgres.restart();
    const next = `G00${Number(String(before).at(-1)) + 1}`;
    await expect.poll(take, { timeout: 10_000 }).toBe(next);
  },
);
