/** Series that restart: the period shows in the number, counts by itself, and has its standby before it begins. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { startAppOn } from '../support/store-app.ts';

const NEW_YEAR_MS = Date.UTC(2027, 0, 1);

describe.each(['sqlite', 'redis'])('periods on %s', (store) => {
  let app: TestApp;
  let nowMs: number;

  beforeEach(async () => {
    nowMs = NEW_YEAR_MS - 1;
    app = await startAppOn(store, { now: () => nowMs });
  });

  afterEach(() => app.close());

  const register = (key: string, body: object) => app.call('PUT', `/api/prefix-configs/${key}`, body);
  const take = async (key: string): Promise<string> => (await app.call('GET', `/api/numbers/${key}`)).json.number;

  test.each([
    ['yearly', '{year}-{SEQ:3}', 0, ['2026-001', '2026-002', '2027-001', '2027-002']],
    ['yearly', '{yy}{SEQ:3}', 5, ['26006', '26007', '27006', '27007']],
    ['monthly', '{year}-{month}-{SEQ:2}', 0, ['2026-12-01', '2026-12-02', '2027-01-01', '2027-01-02']],
    ['daily', '{year}{month}{day}/{SEQ:2}', 0, ['20261231/01', '20261231/02', '20270101/01', '20270101/02']],
    ['fiscal-yearly', 'FY{fiscalYear}-{SEQ:2}', 0, ['FY2026-01', 'FY2026-02', 'FY2027-01', 'FY2027-02']],
    ['never', '{year}-{SEQ:3}', 0, ['2026-001', '2026-002', '2027-003', '2027-004']],
  ])('reset %s with %s restarts at initialSeq + 1, and nowhere else', async (reset, format, initialSeq, expected) => {
    expect((await register('P', { format, reset, initialSeq })).status).toBe(200);
    const numbers = [await take('P'), await take('P')];
    nowMs = NEW_YEAR_MS;
    numbers.push(await take('P'), await take('P'));
    expect(numbers).toEqual(expected);
  });

  test('the period turns at midnight of the zone of the prefix, and with it the text', async () => {
    await register('T', { format: '{year}-{SEQ:2}', reset: 'yearly', timeZone: 'Asia/Tokyo' });
    nowMs = NEW_YEAR_MS - 9 * 3_600_000 - 1;
    const numbers = [await take('T')];
    nowMs += 1;
    numbers.push(await take('T'));
    expect(numbers).toEqual(['2026-01', '2027-01']);
    expect((await app.call('GET', '/api/sequences/T')).json).toMatchObject({ period: '2027', value: '1' });
  });

  test('the fiscal year turns on its own day', async () => {
    await register('F', { format: '{fiscalYear}-{SEQ:2}', reset: 'fiscal-yearly', fiscalYearStart: '04-01' });
    nowMs = Date.UTC(2027, 3, 1) - 1;
    const numbers = [await take('F')];
    nowMs += 1;
    numbers.push(await take('F'));
    expect(numbers).toEqual(['2026-01', '2027-01']);
  });

  test.each([
    ['yearly', 'INV-{SEQ:3}', 'INV-001'],
    ['yearly', '{month}-{SEQ:3}', '01-001'],
    ['monthly', '{year}-{SEQ:3}', '2026-001'],
    ['monthly', '{month}-{SEQ:3}', '01-001'],
    ['daily', '{year}-{month}-{SEQ:3}', '2026-01-001'],
    ['fiscal-yearly', '{month}-{SEQ:3}', '01-001'],
  ])('400: reset %s does not show in %s, and the reply names two equal numbers', async (reset, format, twin) => {
    const reply = await register('HIDDEN', { format, reset });
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR', errors: [{ path: 'reset' }] } });
    expect(reply.json.errors[0].message).toContain(twin);
  });

  test('400: a prefix keeps the reset it has counted with, also when it is registered again', async () => {
    await register('KEEP', { format: '{year}-{SEQ:3}', reset: 'yearly' });
    await take('KEEP');
    expect((await app.call('DELETE', '/api/prefix-configs/KEEP')).status).toBe(204);
    const other = await register('KEEP', { format: '{year}-{SEQ:3}' });
    expect(other).toMatchObject({ status: 400, json: { errors: [{ path: 'reset' }] } });
    expect((await register('KEEP', { format: '{year}-{SEQ:3}', reset: 'yearly' })).status).toBe(200);
    expect(await take('KEEP')).toBe('2026-002');
  });
});

describe('an outage over midnight on New Year’s Eve', () => {
  let redis: RedisServer;
  let app: TestApp;
  let nowMs: number;

  beforeEach(async () => {
    nowMs = NEW_YEAR_MS - 3_600_000;
    redis = await startRedisServer({ appendonly: true });
    app = await startApp({ REDIS_URL: redis.url, STANDBY_SIZE: '10' }, { now: () => nowMs });
    await app.ready();
  });

  afterEach(async () => {
    await app.close();
    await redis.close();
  });

  test('is served, for the next period’s standby is taken in the last ten minutes of this one', async () => {
    await app.call('PUT', '/api/prefix-configs/NYE', { format: '{year}-{SEQ:4}', reset: 'yearly' });
    await app.call('GET', '/api/numbers/NYE');
    app.prepareStandby();
    const client = new Redis(redis.url);
    expect(await client.exists('{sequence:NYE}:2027:state')).toBe(0);
    nowMs = NEW_YEAR_MS - 599_000;
    app.prepareStandby();
    await expect.poll(() => client.exists('{sequence:NYE}:2027:state')).toBe(1);
    client.disconnect();
    await redis.kill();
    nowMs = NEW_YEAR_MS + 1;
    const reply = await app.call('GET', '/api/numbers/NYE');
    expect(reply).toMatchObject({ status: 200, headers: { 'x-number-source': 'standby' } });
    expect(reply.json.number).toMatch(/^2027-00[0-9]{2}$/);
    await redis.restart();
    await expect.poll(async () => (await app.call('GET', '/api/numbers/NYE')).headers['x-number-source']).toBe('redis');
    expect((await app.call('GET', '/api/sequences/NYE/gaps')).json.items).toEqual([]);
  });
});
