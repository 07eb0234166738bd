/** What one caller can leave behind in the stores for good is bounded: API keys, prefixes, counters of past periods. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { bearer, startApp, type TestApp } from '../support/app.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const start = async (store: string, env: Readonly<Record<string, string>>, clock?: Clock): Promise<TestApp> => {
  const database = store === 'redis' ? await leaseRedisDatabase() : undefined;
  const app = await startApp({ ...env, ...(database && { REDIS_URL: database.url }) }, clock);
  onTestFinished(async () => {
    await app.close();
    await database?.release();
  });
  await app.ready();
  return app;
};

describe.each(['sqlite', 'redis'])('many API keys on %s', (store) => {
  test('429: a caller has no more than API_KEYS_MAX, together with the keys that it made; one that is revoked makes room', async () => {
    const app = await start(store, { API_KEYS_MAX: '3' });
    const alice = bearer({ subject: 'alice' });
    const bob = bearer({ subject: 'bob' });
    const body = { name: 'k', scopes: ['keys:admin', 'numbers:issue'] };
    const make = (headers: Record<string, string>) => app.call('POST', '/api/api-keys', body, headers);
    const first = await make(alice);
    const second = await make({ 'x-api-key': first.json.key });
    expect((await make({ 'x-api-key': second.json.key })).status).toBe(201);
    for (const headers of [alice, { 'x-api-key': first.json.key }, { 'x-api-key': second.json.key }]) {
      const refused = await make(headers);
      expect(refused).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
      expect(refused.json.detail).toContain('API_KEYS_MAX');
      expect(refused.headers['retry-after']).toBeUndefined();
    }
    expect((await make(bob)).status).toBe(201);
    expect((await app.call('DELETE', `/api/api-keys/${second.json.id}`, undefined, alice)).status).toBe(204);
    // What it had made went with it.
    for (const status of [201, 201, 429]) expect((await make(alice)).status).toBe(status);
  });
});

describe.each(['sqlite', 'redis'])('many prefixes on %s', (store) => {
  test('429: a caller registers no more new prefixes than REGISTRATIONS_MAX; it changes, removes and registers again what it has', async () => {
    const app = await start(store, { REGISTRATIONS_MAX: '3' });
    const register = (key: string, subject: string, headers: Record<string, string> = {}) =>
      app.call(
        'PUT',
        `/api/prefix-configs/${key}`,
        { format: `${key}-{SEQ:3}` },
        { ...bearer({ subject }), ...headers },
      );
    // What is wrong, or there already, is no registration.
    expect((await register('A', 'alice')).status).toBe(200);
    expect((await register('A', 'alice')).status).toBe(409);
    expect((await app.call('PUT', '/api/prefix-configs/X', { format: '-' }, bearer({ subject: 'alice' }))).status).toBe(
      400,
    );
    const rest = await Promise.all(['B', 'C', 'D', 'E'].map((key) => register(key, 'alice')));
    expect(rest.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
    const refused = rest.find(({ status }) => status === 429);
    expect(refused?.json).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(refused?.json.detail).toContain('REGISTRATIONS_MAX');
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(28_000);
    expect((await register('A', 'alice', { 'if-match': '*' })).status).toBe(200);
    expect((await app.call('DELETE', '/api/prefix-configs/A', undefined, bearer({ subject: 'alice' }))).status).toBe(
      204,
    );
    expect((await register('A', 'alice')).status).toBe(200);
    expect((await register('F', 'bob')).status).toBe(200);
  });
});

describe.each(['sqlite', 'redis'])('periods that are over on %s', (store) => {
  test.each([
    ['daily', '{year}{month}{day}', '2026-11-27', '2026-11-26'],
    ['monthly', '{year}{month}', '2026-09-01', '2026-08-31'],
    ['yearly', '{year}', '2024-01-01', '2023-12-31'],
    ['fiscal-yearly', '{fiscalYear}', '2024-04-01', '2024-03-31'],
  ] as const)(
    '400: of a %s series only the last PAST_PERIODS_MAX give numbers',
    async (reset, shown, taken, refused) => {
      const app = await start(store, { PAST_PERIODS_MAX: '2' }, { now: () => Date.parse('2026-11-29T12:00:00Z') });
      const body = { format: `P-${shown}-{SEQ:3}`, reset, allowPast: true, fiscalYearStart: '04-01' };
      expect((await app.call('PUT', '/api/prefix-configs/PAST', body)).status).toBe(200);
      const take = (date: string, headers?: Record<string, string>) =>
        app.call('POST', '/api/numbers', { prefixKey: 'PAST', date }, headers);
      expect((await take(taken)).status).toBe(200);
      for (const headers of [{}, { 'idempotency-key': 'k' }]) {
        const reply = await take(refused, headers);
        expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
        expect(reply.json.detail).toBe('date: Lies 3 periods back; numbers are given of the last 2 (PAST_PERIODS_MAX)');
      }
    },
  );
});
