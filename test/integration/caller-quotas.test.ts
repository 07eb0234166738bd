/** What one caller can leave behind in the stores for good is bounded: API keys, prefixes, counters of past periods. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createToken } from '../../src/http/token.ts';
import { JWT_SECRET, startApp, type TestApp } from '../support/app.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const start = async (store: string, env: Readonly<Record<string, string>>): Promise<TestApp> => {
  const database = store === 'redis' ? await leaseRedisDatabase() : undefined;
  const app = await startApp({ ...env, ...(database && { REDIS_URL: database.url }) });
  onTestFinished(async () => {
    await app.close();
    await database?.release();
  });
  await app.ready();
  return app;
};

describe.each(['sqlite', 'redis'])('many API keys on %s', (store) => {
  it('429: a caller has no more than API_KEYS_MAX, together with the keys that it made; one that is revoked makes room', async () => {
    const app = await start(store, { API_KEYS_MAX: '3' });
    const alice = { authorization: `Bearer ${createToken(JWT_SECRET, { subject: 'alice' })}` };
    const bob = { authorization: `Bearer ${createToken(JWT_SECRET, { subject: 'bob' })}` };
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
