/** One caller does not reserve a whole series: what is open is bounded, and what is confirmed, voided or over makes room. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { bearer, startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const LIMITS = { OPEN_RESERVATIONS_MAX: '3', RESERVATIONS_MAX: '5' };

const start = async (store: string): Promise<TestApp> => {
  if (store === 'SQLite') {
    const app = await startApp(LIMITS);
    onTestFinished(app.close);
    return app;
  }
  const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
  const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, ...LIMITS });
  onTestFinished(async () => {
    await app.close();
    await redis.release();
    await postgres.release();
  });
  return app;
};

describe.each(['SQLite', 'PostgreSQL'])('on %s', (store) => {
  test('429: beyond its share a caller reserves nothing more, and the others still do', async () => {
    const app = await start(store);
    await app.ready();
    for (const key of ['GAP', 'SECOND']) {
      const body = { format: `${key}-{SEQ:2}`, strategy: 'gapless', overflow: 'reject' };
      expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
    }
    const reserve = (prefixKey: string, headers: Record<string, string> = {}) =>
      app.call('POST', '/api/reservations', { prefixKey, ttlSeconds: 604_800 }, headers);
    const all = await Promise.all(Array.from({ length: 40 }, () => reserve('GAP')));
    const made = all.filter(({ status }) => status === 201);
    expect(made).toHaveLength(3);
    const refused = all.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(37);
    expect(refused[0]?.json).toMatchObject({ code: 'QUOTA_EXCEEDED', title: 'Quota exceeded' });
    expect(refused[0]?.json.detail).toContain('3 reservations of "GAP" open');
    expect(refused[0]?.json.detail).toContain('OPEN_RESERVATIONS_MAX');
    // Numbers, another prefix and another caller are not touched by it.
    expect((await app.call('GET', '/api/numbers/GAP', undefined, {})).json.number).toBe('GAP-04');
    expect((await reserve('SECOND')).status).toBe(201);
    const known = bearer({ subject: 'alice' });
    for (let one = 0; one < 5; one += 1) expect((await reserve('GAP', known)).status).toBe(201);
    expect((await reserve('GAP', known)).status).toBe(429);
    // Whoever confirms or gives back may go on.
    const [first, second] = made.map(({ json }) => json.id as string);
    expect((await app.call('POST', `/api/reservations/${first}/confirm`, undefined, {})).status).toBe(200);
    expect((await app.call('POST', `/api/reservations/${second}/void`, { reason: 'x' }, {})).status).toBe(200);
    for (let one = 0; one < 2; one += 1) expect((await reserve('GAP')).status).toBe(201);
    expect((await reserve('GAP')).status).toBe(429);
  });
});
