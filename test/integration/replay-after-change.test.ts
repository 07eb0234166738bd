/** A repetition under an Idempotency-Key gets what the first request got, whatever became of its prefix since. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

interface Setting {
  readonly app: TestApp;
  close(): Promise<void>;
}

const open = async (store: string): Promise<Setting> => {
  const redis = store === 'SQLite' ? undefined : await leaseRedisDatabase();
  const postgres = store === 'Redis and PostgreSQL' ? await leasePostgresDatabase() : undefined;
  const app = await startApp({
    ...(redis && { REDIS_URL: redis.url }),
    ...(postgres && { DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' }),
  });
  await app.ready();
  const close = async (): Promise<void> => {
    await app.close();
    await redis?.release();
    await postgres?.release();
  };
  return { app, close };
};

describe.each(['SQLite', 'Redis', 'Redis and PostgreSQL'])('on %s', (store) => {
  let setting: Setting;
  let keys = 0;

  beforeAll(async () => {
    setting = await open(store);
  });
  afterAll(() => setting.close());

  const put = (prefixKey: string, body: object, headers: Record<string, string> = {}): Promise<TestReply> =>
    setting.app.call('PUT', `/api/prefix-configs/${prefixKey}`, body, {
      ...{ authorization: `Bearer ${adminToken}` },
      ...headers,
    });
  const post = (url: string, body: object, key: string): Promise<TestReply> =>
    setting.app.call('POST', url, body, { authorization: `Bearer ${adminToken}`, 'idempotency-key': key });
  const remove = async (prefixKey: string): Promise<void> => {
    expect((await setting.app.call('DELETE', `/api/prefix-configs/${prefixKey}`)).status).toBe(204);
  };
  const freshKey = (): string => `"replay ${++keys}"`;

  const strategies = store === 'Redis' ? ['counter'] : ['counter', 'gapless'];

  test.each(strategies)(
    '200: the numbers of a %s prefix that was removed come again as they were',
    async (strategy) => {
      const prefixKey = `GONE-${strategy}`;
      expect((await put(prefixKey, { format: '{prefix}/{SEQ:4}', strategy })).status).toBe(200);
      const key = freshKey();
      const body = { prefixKey, count: 3 };
      const first = await post('/api/numbers', body, key);
      expect(first.json.numbers).toHaveLength(3);
      await remove(prefixKey);
      const again = await post('/api/numbers', body, key);
      expect([again.status, again.json]).toEqual([200, first.json]);
      const other = await post('/api/numbers', { prefixKey, count: 2 }, key);
      expect([other.status, other.json.code]).toEqual([422, 'IDEMPOTENCY_CONFLICT']);
      const unkeyed = await post('/api/numbers', body, freshKey());
      expect([unkeyed.status, unkeyed.json.code]).toEqual([400, 'PREFIX_NOT_REGISTERED']);
    },
  );

  test('200: and so they do when the prefix would refuse the request now: other variables, no earlier periods', async () => {
    const format = 'C{var:branch}/{year}/{SEQ:4}';
    expect((await put('CHANGED', { format, reset: 'yearly', allowPast: true })).status).toBe(200);
    const key = freshKey();
    const body = { prefixKey: 'CHANGED', date: '2020-05-05', variables: { branch: 'N' } };
    const first = await post('/api/numbers', body, key);
    expect(first.json).toEqual({ number: 'CN/2020/0001' });
    expect((await put('CHANGED', { format, reset: 'yearly' }, { 'if-match': '*' })).status).toBe(200);
    const again = await post('/api/numbers', body, key);
    expect([again.status, again.json]).toEqual([200, first.json]);
  });

  // Redis alone serves no gapless prefix, so there is nothing to reserve.
  if (store !== 'Redis') {
    test('201: a reservation of a prefix that was removed is found again under its key', async () => {
      expect((await put('HELD', { format: 'H-{SEQ:4}', strategy: 'gapless' })).status).toBe(200);
      const key = freshKey();
      const first = await post('/api/reservations', { prefixKey: 'HELD' }, key);
      expect(first.status).toBe(201);
      await remove('HELD');
      const again = await post('/api/reservations', { prefixKey: 'HELD' }, key);
      expect([again.status, again.json]).toEqual([201, first.json]);
    });
  }
});
