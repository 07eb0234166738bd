/** Documents of other dates: which periods they may be dated in, and that a closed one gives nothing more, on any node. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';
import { startAppOn } from '../support/store-app.ts';

const NOW_MS = Date.parse('2026-11-25T12:00:00Z');
const YEARLY = { format: '{year}-{SEQ:3}', reset: 'yearly', allowPast: true, timeZone: 'Europe/Berlin' };

/** All are numbered alike: what they count is what is told apart. */
const registerOn = (app: TestApp, key: string, body: object) =>
  app.call('PUT', `/api/prefix-configs/${key}`, { allowCollision: true, ...body });
const takeOn = (app: TestApp, prefixKey: string, date?: string) =>
  app.call('POST', '/api/numbers', { prefixKey, ...(date !== undefined && { date }) });
const closeOn = (app: TestApp, key: string, period: string, reason = 'Filed') =>
  app.call('POST', `/api/sequences/${key}/periods/${period}/close`, { reason });

test('409: a period that was closed stays so when Redis is emptied, where PostgreSQL knows of it, on every node', async () => {
  const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
  const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url };
  const one = await startApp(env, { now: () => NOW_MS });
  await one.ready();
  await registerOn(one, 'GONE', YEARLY);
  expect((await takeOn(one, 'GONE', '2025-12-31')).json.number).toBe('2025-001');
  // One that gave numbers, and one that never did.
  for (const period of ['2025', '2024']) {
    expect(await closeOn(one, 'GONE', period, 'Filed: “100 %”, twice')).toMatchObject({ status: 200 });
  }
  await redis.client.flushdb();
  const two = await startApp(env, { now: () => NOW_MS });
  await two.ready();
  for (const app of [two, one]) {
    for (const date of ['2025-12-31', '2024-12-31']) {
      expect(await takeOn(app, 'GONE', date)).toMatchObject({ status: 409, json: { code: 'PERIOD_CLOSED' } });
    }
  }
  expect((await takeOn(two, 'GONE')).json.number).toBe('2026-001');
  // As it was closed first, in the state that Redis has now, too.
  expect((await closeOn(two, 'GONE', '2025', 'Again')).json).toMatchObject({ reason: 'Filed: “100 %”, twice' });
  expect(await redis.client.hget('{sequence:GONE}:2025:state', 'closed')).toContain('Filed: “100 %”, twice');
  await Promise.all([one.close(), two.close()]);
  await Promise.all([redis.release(), postgres.release()]);
});

describe.each(['sqlite', 'redis'])('dates on %s', (store) => {
  let app: TestApp;
  let nowMs: number;
  let prefixes = 0;
  let key: string;

  // One app for all: each test has a prefix of its own.
  beforeAll(async () => {
    nowMs = NOW_MS;
    app = await startAppOn(store, { now: () => nowMs });
  });

  afterAll(() => app.close());

  beforeEach(() => {
    nowMs = NOW_MS;
    prefixes += 1;
    key = `P${prefixes}`;
  });

  test('200: a document of last year counts and prints in last year, one of this year in this', async () => {
    await registerOn(app, key, YEARLY);
    const dates = ['2025-12-31', undefined, '2026-01-01', '2025-01-01', '2025-12-31T23:30:00Z', '2025-12-31T22:59:59Z'];
    const numbers: string[] = [];
    for (const date of dates) numbers.push((await takeOn(app, key, date)).json.number);
    expect(numbers).toEqual(['2025-001', '2026-001', '2026-002', '2025-002', '2026-003', '2025-003']);
  });

  test('200: the whole date shows, and {hour} is that of the first moment of the day', async () => {
    await registerOn(app, key, { format: '{year}{month}{day}T{hour}-{SEQ:2}', timeZone: 'America/New_York' });
    expect((await takeOn(app, key, '2026-02-03')).json.number).toBe('20260203T00-01');
    expect((await takeOn(app, key, '2026-02-03T04:05:06+00:00')).json.number).toBe('20260202T23-02');
  });

  test.each([
    ['an earlier period, while allowPast is off', { ...YEARLY, allowPast: false }, '2025-12-31', 'allowPast is off'],
    ['a period to come', YEARLY, '2027-01-01', 'has not begun'],
    ['a period to come, in the zone of the prefix', YEARLY, '2026-12-31T23:00:00Z', 'has not begun'],
    ['no date', YEARLY, 'yesterday', 'A day as'],
    ['a day that does not exist', YEARLY, '2026-02-30', 'A day as'],
    ['a time without offset', YEARLY, '2026-11-25T12:00:00', 'A day as'],
    ['a year that two digits cannot tell', { ...YEARLY, format: '{yy}-{SEQ:3}' }, '1926-11-25', '2000 to 2099'],
  ])('400: %s', async (_what, config, date, message) => {
    await registerOn(app, key, config);
    const reply = await takeOn(app, key, date);
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR', errors: [{ path: 'date' }] } });
    expect(reply.json.errors[0].message).toContain(message);
    expect((await takeOn(app, key)).json.number).toMatch(/-001$/);
  });

  test('400: allowPast is for the strategy counter', async () => {
    const reply = await registerOn(app, key, { ...YEARLY, strategy: 'segment' });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'allowPast' }] } });
  });

  test('409: a closed period gives nothing more, its neighbours do; closing again answers the same', async () => {
    await registerOn(app, key, YEARLY);
    expect((await takeOn(app, key, '2025-06-01')).json.number).toBe('2025-001');
    const closed = await closeOn(app, key, '2025', 'Annual accounts filed');
    expect(closed).toMatchObject({
      status: 200,
      json: { prefixKey: key, period: '2025', reason: 'Annual accounts filed', closedAt: '2026-11-25T12:00:00.000Z' },
    });
    nowMs += 60_000;
    expect((await closeOn(app, key, '2025', 'Once more')).json).toEqual(closed.json);
    expect(await takeOn(app, key, '2025-06-01')).toMatchObject({
      status: 409,
      json: { code: 'PERIOD_CLOSED', title: 'Period is closed' },
    });
    expect((await takeOn(app, key, '2024-06-01')).json.number).toBe('2024-001');
    expect((await takeOn(app, key)).json.number).toBe('2026-001');
    expect(app.log.filter(({ event, prefix_key }) => event === 'period-closed' && prefix_key === key)).toMatchObject([
      { period: '2025' },
      {},
    ]);
  });

  test('200: a key used before the close finds its number after it; a new key finds the period closed', async () => {
    await registerOn(app, key, YEARLY);
    const take = (idempotencyKey: string, date = '2025-06-01') =>
      app.call('POST', '/api/numbers', { prefixKey: key, date }, { 'idempotency-key': `${key}-${idempotencyKey}` });
    expect((await take('one')).json.number).toBe('2025-001');
    await closeOn(app, key, '2025');
    expect((await take('one')).json.number).toBe('2025-001');
    expect(await take('one', '2025-06-02')).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_CONFLICT' } });
    expect(await take('two')).toMatchObject({ status: 409, json: { code: 'PERIOD_CLOSED' } });
  });

  test.each([
    ['that is not over', 'yearly', '2026', 'a minute after its end'],
    ['to come', 'yearly', '2027', 'a minute after its end'],
    ['of another reset', 'yearly', '2025-11', 'Not a period'],
    ['that does not exist', 'daily', '2025-02-30', 'Not a period'],
  ])('400: a period %s cannot be closed', async (_what, reset, period, message) => {
    await registerOn(app, key, { format: '{year}{month}{day}-{SEQ:3}', reset });
    const reply = await closeOn(app, key, period);
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'period' }] } });
    expect(reply.json.errors[0].message).toContain(message);
  });

  test('200: a period can be closed a minute after its end, and not before', async () => {
    await registerOn(app, key, { ...YEARLY, timeZone: 'UTC' });
    nowMs = Date.UTC(2027, 0, 1) + 59_999;
    expect((await closeOn(app, key, '2026')).status).toBe(400);
    nowMs += 1;
    expect((await closeOn(app, key, '2026')).status).toBe(200);
  });

  test('401, 404: closing needs a token, and a prefix', async () => {
    expect((await closeOn(app, 'GONE', '2025')).status).toBe(404);
    const url = '/api/sequences/GONE/periods/2025/close';
    expect((await app.call('POST', url, { reason: 'x' }, {})).status).toBe(401);
  });
});

describe('a closed period on two nodes', () => {
  test('gives nothing more on the other node, which held a standby of it; nor in an outage', async () => {
    const redis = await startRedisServer({ appendonly: true });
    let nowMs = Date.parse('2026-12-31T23:00:00Z');
    const env = { REDIS_URL: redis.url, STANDBY_SIZE: '10' };
    const [one, other] = [await startApp(env, { now: () => nowMs }), await startApp(env, { now: () => nowMs })];
    try {
      await Promise.all([one.ready(), other.ready()]);
      await registerOn(one, 'TWO', { ...YEARLY, timeZone: 'UTC' });
      expect((await takeOn(one, 'TWO')).json.number).toBe('2026-001');
      expect((await takeOn(other, 'TWO')).json.number).toBe('2026-002');
      expect((await other.call('GET', '/api/sequences/TWO')).json.standby).toMatchObject({ left: '10' });
      nowMs = Date.parse('2027-01-01T00:01:00Z');
      expect((await takeOn(other, 'TWO', '2026-12-31')).json.number).toBe('2026-003');
      expect((await closeOn(one, 'TWO', '2026')).status).toBe(200);
      expect((await takeOn(other, 'TWO', '2026-12-31')).json.code).toBe('PERIOD_CLOSED');
      await redis.kill();
      const away = await takeOn(other, 'TWO', '2026-12-31');
      expect(away).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
      await redis.restart();
      await expect.poll(async () => (await takeOn(one, 'TWO', '2026-12-31')).status, { timeout: 10_000 }).toBe(409);
      const gaps = await one.call('GET', '/api/sequences/TWO/gaps');
      expect(gaps.json.items).toEqual([]);
    } finally {
      await Promise.all([one.close(), other.close()]);
      await redis.close();
    }
  });
});
