/** The strategies as callers see them, on each pair of stores: segment, snowflake, uuidv7. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');

describe.each(['sqlite', 'redis', 'redis and postgres'])('strategies on %s', (stores) => {
  let redis: RedisDatabase | undefined;
  let postgres: PostgresDatabase | undefined;
  let app: TestApp;
  const clock = { nowMs: NOON, now: () => clock.nowMs };

  beforeAll(async () => {
    if (stores !== 'sqlite') redis = await leaseRedisDatabase();
    if (stores === 'redis and postgres') postgres = await leasePostgresDatabase();
    app = await startApp(
      {
        ...(redis && { REDIS_URL: redis.url }),
        ...(postgres && { DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' }),
        DC_ID: '5',
      },
      clock,
    );
    await app.ready();
  });

  afterAll(async () => {
    await app.close();
    await redis?.release();
    await postgres?.release();
  });

  const register = async (key: string, body: object): Promise<void> => {
    expect(await app.call('PUT', `/api/prefix-configs/${key}`, body)).toMatchObject({ status: 200 });
  };
  const refusal = async (body: object): Promise<string> => {
    const reply = await app.call('PUT', '/api/prefix-configs/REFUSED', body);
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
    return reply.json.errors.map(({ path }: { path: string }) => path).join();
  };

  test('200: segment numbers like a counter on one node, and its sequence can be read', async () => {
    await register('SEG', { format: 'S{SEQ:4}', strategy: 'segment', initialSeq: 10 });
    const { headers, json } = await app.call('GET', '/api/numbers/SEG?count=3');
    expect(json.numbers).toEqual(['S0011', 'S0012', 'S0013']);
    expect(headers['x-number-source']).toBe(stores === 'sqlite' ? 'sqlite' : 'redis');
    const sequence = await app.call('GET', '/api/sequences/SEG');
    expect(sequence).toMatchObject({ status: 200, json: { strategy: 'segment' } });
    expect(Number(sequence.json.value)).toBeGreaterThanOrEqual(13);
  });

  test('200: snowflake ids show time, data centre and worker, and can be taken apart without a token', async () => {
    await register('SNOW', { format: 'T-{SEQ:19}', strategy: 'snowflake' });
    const { headers, json } = await app.call('GET', '/api/numbers/SNOW?count=2');
    expect(headers['x-number-source']).toBe('snowflake');
    const ids = json.numbers.map((number: string) => number.slice(2));
    expect(ids[0]).toMatch(/^0{2}[0-9]{17}$/);
    const apart = await app.call('GET', `/api/snowflakes/${ids[1]}`, undefined, {});
    expect(apart).toMatchObject({
      status: 200,
      json: { id: ids[1].replace(/^0+/, ''), issuedAt: '2026-11-25T12:00:00.000Z', dataCentre: 5, sequence: 1 },
    });
    expect(apart.json.worker).toBeGreaterThanOrEqual(0);
    expect((await app.call('GET', '/metrics')).text).toMatch(/^number_generator_snowflake_worker [0-9]+$/m);
  });

  test.each(['1', '0', 'x', '-5', '9223372036854775808', '59522206924805120.5'])(
    '400: %s is no snowflake id',
    async (id) => {
      expect(await app.call('GET', `/api/snowflakes/${id}`)).toMatchObject({
        status: 400,
        json: { code: 'VALIDATION_ERROR', errors: [{ path: 'id' }] },
      });
    },
  );

  test('200: a clock set back by a day costs the node its worker id, and no number', async () => {
    await register('BACK', { format: '{SEQ:19}', strategy: 'snowflake' });
    const take = async () => {
      const { json } = await app.call('GET', '/api/numbers/BACK');
      return (await app.call('GET', `/api/snowflakes/${json.number}`)).json;
    };
    const before = await take();
    clock.nowMs = NOON - 86_400_000;
    const after = await take();
    expect(after.issuedAt).toBe('2026-11-24T12:00:00.000Z');
    expect(after.worker).not.toBe(before.worker);
    expect(app.log.map(({ event }) => event)).toEqual(expect.arrayContaining(['clock-stepped-back']));
    clock.nowMs = NOON;
    expect((await take()).worker).toBe(after.worker);
  });

  test('200: uuidv7 prints 32 hex digits, whatever N says', async () => {
    await register('UUID', { format: 'u-{SEQ:1}', strategy: 'uuidv7' });
    const { headers, json } = await app.call('GET', '/api/numbers/UUID?count=100');
    expect(headers['x-number-source']).toBe('uuidv7');
    for (const number of json.numbers) expect(number).toMatch(/^u-01a[0-9a-f]{9}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    expect(json.numbers).toEqual(json.numbers.toSorted());
    expect(new Set(json.numbers).size).toBe(100);
  });

  test.each(['SNOW', 'UUID'])('404: %s has no counter to look at or to move', async (key) => {
    const expected = { status: 404, json: { code: 'NOT_FOUND' } };
    expect(await app.call('GET', `/api/sequences/${key}`)).toMatchObject(expected);
    expect(await app.call('GET', `/api/sequences/${key}/gaps`)).toMatchObject(expected);
    const advance = { to: 10, reason: 'test' };
    expect(await app.call('POST', `/api/sequences/${key}/advance`, advance)).toMatchObject(expected);
  });

  test('400: what needs a counter is refused where there is none, with the reason', async () => {
    const format = '{year}-{SEQ:6}';
    expect(await refusal({ format, strategy: 'snowflake', reset: 'yearly' })).toBe('reset');
    expect(await refusal({ format, strategy: 'uuidv7', reset: 'yearly' })).toBe('reset');
    expect(await refusal({ format, strategy: 'snowflake', initialSeq: 5 })).toBe('initialSeq');
    expect(await refusal({ format, strategy: 'uuidv7', initial_seq: 5 })).toBe('initial_seq');
    expect(await refusal({ format, strategy: 'snowflake', overflow: 'reject' })).toBe('overflow');
    expect(await refusal({ format, strategy: 'guess' })).toBe('strategy');
  });
});
