/** Where counting began: told truly by every store, whatever became of `initialSeq`, of Redis, and of nodes that only listened. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { JWT_SECRET, startApp, type TestApp } from '../support/app.ts';
import { inRedis } from '../support/in-redis.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';
import { createToken } from '../support/token.ts';

const admin = createToken(JWT_SECRET, {});

const configure = async (app: TestApp, key: string, initialSeq: number): Promise<void> => {
  const body = { format: `${key}-{SEQ:6}`, initialSeq };
  const put = async (headers: Record<string, string>) =>
    (await app.call('PUT', `/api/prefix-configs/${key}`, body, { authorization: `Bearer ${admin}`, ...headers }))
      .status;
  // The first use of PostgreSQL makes the tables.
  const either = async () => {
    const status = await put({});
    return status === 409 ? put({ 'if-match': '*' }) : status;
  };
  await expect.poll(either).toBe(200);
};
const take = async (app: TestApp, key: string, count = 1): Promise<string[]> => {
  let numbers: string[] = [];
  const served = async () => {
    const { status, json } = await app.call('GET', `/api/numbers/${key}?count=${count}`);
    numbers = json.numbers;
    return status;
  };
  await expect.poll(served, { timeout: 15_000 }).toBe(200);
  return numbers;
};
const runsOf = async (app: TestApp, key: string): Promise<string[]> => {
  const { json } = await app.call('GET', `/api/sequences/${key}/report`);
  const runs = json.runs.map((run: Record<string, string>) => `${run['state']} ${run['first']}-${run['last']}`);
  return [...runs.filter((run: string) => !run.startsWith('held')), `exact ${json.summary.exact}`];
};
const issuedOf = async (app: TestApp, key: string, number: string): Promise<string> => {
  const { json } = await app.call('POST', '/api/numbers/parse', { number, prefixKey: key });
  return json.readings[0].issued;
};

describe.each(['sqlite', 'redis', 'postgres'])('where counting began, on %s', (store) => {
  const app = sharedByTests(() => startAppOn(store, undefined, { STANDBY_SIZE: '0' }));

  test('200: is told truly after initialSeq was lowered', async () => {
    await configure(app, 'LOW', 3_046);
    expect(await take(app, 'LOW')).toEqual(['LOW-003047']);
    await configure(app, 'LOW', 0);
    expect(await runsOf(app, 'LOW')).toEqual(['issued 3047-3047', 'exact true']);
    expect([await issuedOf(app, 'LOW', 'LOW-000050'), await issuedOf(app, 'LOW', 'LOW-003047')]).toEqual([
      'not-issued',
      'issued',
    ]);
    expect(await take(app, 'LOW')).toEqual(['LOW-003048']);
    expect(await runsOf(app, 'LOW')).toEqual(['issued 3047-3048', 'exact true']);
  });

  test('200: and after it was raised: nothing that was issued vanishes', async () => {
    await configure(app, 'HIGH', 10);
    await take(app, 'HIGH', 3);
    await configure(app, 'HIGH', 5_000);
    expect(await runsOf(app, 'HIGH')).toEqual(['issued 11-13', 'exact true']);
    expect(await take(app, 'HIGH')).toEqual(['HIGH-005001']);
    expect(await runsOf(app, 'HIGH')).toEqual(['issued 11-13', 'gap 14-5000', 'issued 5001-5001', 'exact true']);
  });

  test('200: at initialSeq, when that was raised before the first number', async () => {
    await configure(app, 'EARLY', 10);
    await configure(app, 'EARLY', 700);
    await take(app, 'EARLY', 2);
    expect(await runsOf(app, 'EARLY')).toEqual(['issued 701-702', 'exact true']);
  });
});

describe('with PostgreSQL, where counting began', () => {
  let redis: RedisServer;
  let database: PostgresDatabase;
  const apps: TestApp[] = [];

  beforeAll(async () => {
    redis = await startRedisServer({ appendonly: true });
    database = await leasePostgresDatabase();
  });

  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  afterAll(async () => {
    await redis.close();
    await database.release();
  });

  const start = async (): Promise<TestApp> => {
    const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: database.url, STANDBY_SIZE: '0' });
    apps.push(app);
    await app.ready();
    return app;
  };

  test('200: outlives an emptied Redis', async () => {
    const app = await start();
    await configure(app, 'GONE', 3_046);
    await take(app, 'GONE', 2);
    await configure(app, 'GONE', 0);
    await inRedis(redis.url, (client) => client.flushall());
    expect(await take(app, 'GONE')).toEqual(['GONE-003049']);
    expect(await runsOf(app, 'GONE')).toEqual(['issued 3047-3049', 'exact true']);
  });

  test('200: is no gap in any of 30 fresh prefixes that three nodes use at once', async () => {
    const nodes = await Promise.all([start(), start(), start()]);
    const [first] = nodes;
    const keys = Array.from({ length: 30 }, (_, index) => `F${index}`);
    for (const key of keys) await configure(first, key, 3_046);
    await Promise.all(keys.map((key, index) => take(nodes[index % 3] ?? first, key)));
    for (const key of keys)
      expect([key, ...(await runsOf(first, key))]).toEqual([key, 'issued 3047-3047', 'exact true']);
  });

  test('200: is said to be unknown, and nothing invented, for a sequence that an earlier version has stored', async () => {
    const app = await start();
    await configure(app, 'OLD', 40);
    await take(app, 'OLD', 3);
    // As it was stored before: neither Redis nor PostgreSQL knows.
    await inRedis(redis.url, (client) => client.hdel('{sequence:OLD}:state', 'origin'));
    await database.query(`UPDATE ceilings SET origin = NULL WHERE prefix_key = 'OLD'`);
    expect(await runsOf(app, 'OLD')).toEqual(['issued 41-43', 'exact false']);
    expect(await issuedOf(app, 'OLD', 'OLD-000041')).toBe('issued');
    await configure(app, 'OLD', 0);
    expect(await runsOf(app, 'OLD')).toEqual(['gap 1-43', 'exact false']);
    expect([await issuedOf(app, 'OLD', 'OLD-000042'), await issuedOf(app, 'OLD', 'OLD-000044')]).toEqual([
      'unknown',
      'not-issued',
    ]);
    const { json } = await app.call('GET', '/api/sequences/OLD/report');
    expect(json.runs[0]).toMatchObject({ state: 'gap', reason: 'origin-unknown' });
  });
});
