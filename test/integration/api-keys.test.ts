/** API keys through the whole app: made, used, listed, narrowed, revoked; on SQLite, and on Redis through two nodes. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const DAY_MS = 86_400_000;
const FORMAT = { format: 'A-{SEQ:3}' };
interface Setting {
  readonly app: TestApp;
  readonly other: TestApp;
  readonly clock: { nowMs: number };
  close(): Promise<void>;
}

const STORES: readonly (readonly [string, () => Promise<Setting>])[] = [
  [
    'SQLite',
    async () => {
      const clock = { nowMs: Date.now() };
      const app = await startApp({ NUMBERS_AUTH: 'required' }, { now: () => clock.nowMs });
      return { app, other: app, clock, close: app.close };
    },
  ],
  [
    'Redis',
    async () => {
      const clock = { nowMs: Date.now() };
      const database = await leaseRedisDatabase();
      const start = () => startApp({ NUMBERS_AUTH: 'required', REDIS_URL: database.url }, { now: () => clock.nowMs });
      const [app, other] = [await start(), await start()];
      await Promise.all([app.ready(), other.ready()]);
      const close = async (): Promise<void> => {
        await other.close();
        await app.close();
        await database.release();
      };
      return { app, other, clock, close };
    },
  ],
];

describe.each(STORES)('API keys, on %s', (_store, open) => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await open();
    for (const key of ['SHOP-1', 'OTHER']) await setting.app.call('PUT', `/api/prefix-configs/${key}`, FORMAT);
  });
  afterAll(() => setting.close());

  const make = (scopes: readonly string[], more: object = {}, headers?: Record<string, string>): Promise<TestReply> =>
    setting.app.call('POST', '/api/api-keys', { name: 'web shop', scopes, ...more }, headers);
  const take = (app: TestApp, key: string, prefixKey = 'SHOP-1'): Promise<TestReply> =>
    app.call('GET', `/api/numbers/${prefixKey}`, undefined, { 'x-api-key': key });

  test('201: a key is shown once, works on every node, and does what its scopes say and nothing else', async () => {
    const { status, json, headers } = await make(['numbers:issue:SHOP-*'], { expires_in_days: 1 });
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['location']).toBe(`/api/api-keys/${json.id}`);
    // At least 128 bits of chance: 43 characters of base64url are 256.
    expect(json.key).toMatch(new RegExp(`^ng_${json.id}_[A-Za-z0-9_-]{43}$`));
    expect(Date.parse(json.expiresAt) - Date.parse(json.createdAt)).toBe(DAY_MS);
    expect((await take(setting.app, json.key)).status).toBe(200);
    expect((await take(setting.other, json.key)).status).toBe(200);
    expect(await take(setting.app, json.key, 'OTHER')).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    const manage = await setting.app.call('GET', '/api/prefix-configs/SHOP-1', undefined, { 'x-api-key': json.key });
    expect(manage.status).toBe(403);
    const listed = await setting.other.call('GET', '/api/api-keys');
    const { key: _shownOnce, ...rest } = json;
    expect(listed.json.items).toContainEqual(rest);
    expect(listed.text).not.toContain(json.key);
  });

  test('201: a key is valid for 90 days, for as long as was asked, or for ever when that was said', async () => {
    const validity = async (more: object): Promise<number | undefined> => {
      const { json } = await make(['numbers:issue'], more);
      return json.expiresAt === null ? undefined : Date.parse(json.expiresAt) - Date.parse(json.createdAt);
    };
    expect(await validity({})).toBe(90 * DAY_MS);
    expect(await validity({ expiresInDays: 7 })).toBe(7 * DAY_MS);
    expect(await validity({ expires_in_days: null })).toBeUndefined();
    expect(await validity({ expiresInDays: null })).toBeUndefined();
  });

  test('201: a key that a key makes ends with it at the latest, and says who made it', async () => {
    const scopes = ['keys:admin', 'numbers:issue'];
    const maker = (await make(scopes, { expiresInDays: 2 })).json;
    for (const more of [{}, { expiresInDays: null }, { expiresInDays: 30 }]) {
      const made = (await make(scopes, more, { 'x-api-key': maker.key })).json;
      expect(made).toMatchObject({ expiresAt: maker.expiresAt, createdBy: `api-key:${maker.id}` });
    }
    const shorter = (await make(scopes, { expiresInDays: 1 }, { 'x-api-key': maker.key })).json;
    expect(Date.parse(shorter.expiresAt)).toBeLessThan(Date.parse(maker.expiresAt));
  });

  test('401: with a key all that it made, and those made, are refused, here at once and elsewhere within 5 s; no list shows them', async () => {
    const scopes = ['keys:admin', 'numbers:issue'];
    const first = (await make(scopes)).json;
    const second = (await make(scopes, {}, { 'x-api-key': first.key })).json;
    const third = (await make(scopes, {}, { 'x-api-key': second.key })).json;
    const beside = (await make(scopes)).json;
    for (const app of [setting.app, setting.other]) {
      for (const { key } of [first, second, third, beside]) expect((await take(app, key)).status).toBe(200);
    }
    const revoked = performance.now();
    expect((await setting.app.call('DELETE', `/api/api-keys/${first.id}`)).status).toBe(204);
    for (const { key } of [first, second, third]) expect((await take(setting.app, key)).status).toBe(401);
    while ((await take(setting.other, third.key)).status === 200) await setTimeout(20);
    expect(performance.now() - revoked).toBeLessThan(5_000);
    for (const app of [setting.app, setting.other]) expect((await take(app, beside.key)).status).toBe(200);
    const ids = (await setting.app.call('GET', '/api/api-keys?limit=1000')).json.items.map(
      ({ id }: { id: string }) => id,
    );
    expect(ids).toContain(beside.id);
    for (const { id } of [first, second, third]) expect(ids).not.toContain(id);
  });

  test('403: no more than four keys make each other in a row', async () => {
    const scopes = ['keys:admin', 'numbers:issue'];
    let { json } = await make(scopes);
    for (let made = 1; made <= 4; made += 1) {
      const next = await make(scopes, {}, { 'x-api-key': json.key });
      expect(next.status).toBe(201);
      json = next.json;
      expect((await take(setting.app, json.key)).status).toBe(200);
    }
    expect((await make(scopes, {}, { 'x-api-key': json.key })).status).toBe(403);
  });

  test('401: a revoked key is refused here at once, and on every other node within 5 s', async () => {
    const { json } = await make(['numbers:issue']);
    expect((await take(setting.other, json.key)).status).toBe(200);
    const revoked = performance.now();
    expect((await setting.app.call('DELETE', `/api/api-keys/${json.id}`)).status).toBe(204);
    expect(await take(setting.app, json.key)).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED' } });
    while ((await take(setting.other, json.key)).status === 200) await setTimeout(20);
    expect(performance.now() - revoked).toBeLessThan(5_000);
    expect(await setting.app.call('DELETE', `/api/api-keys/${json.id}`)).toMatchObject({ status: 404 });
  });

  test('401: an expired key is refused to the millisecond', async () => {
    const { json } = await make(['numbers:issue'], { expiresInDays: 1 });
    setting.clock.nowMs = Date.parse(json.expiresAt) - 1;
    expect((await take(setting.app, json.key)).status).toBe(200);
    setting.clock.nowMs += 1;
    expect((await take(setting.app, json.key)).status).toBe(401);
  });

  test('401: what is nearly a key, or comes with a token, is refused, and the log does not show it', async () => {
    const { json } = await make(['numbers:issue']);
    const last = json.key.at(-1) === 'A' ? 'B' : 'A';
    const others = ['', 'x', json.id, `${json.key.slice(0, -1)}${last}`, `${json.key}A`, json.key.toUpperCase()];
    for (const key of [...others, `ng_${'0'.repeat(16)}_${'A'.repeat(43)}`]) {
      expect((await take(setting.app, key)).status).toBe(401);
    }
    const both = { 'x-api-key': json.key, ...bearer({ scope: 'numbers:issue' }) };
    expect((await setting.app.call('GET', '/api/numbers/SHOP-1', undefined, both)).status).toBe(401);
    expect(setting.app.log).toContainEqual(
      expect.objectContaining({ event: 'unauthorized', reason: 'API_KEY_INVALID', client: '127.0.0.1' }),
    );
    expect(JSON.stringify(setting.app.log)).not.toContain(json.key.slice(-43, -1));
  });

  test('403: nobody makes a key that can do more than he can himself', async () => {
    const shop = bearer({ scope: 'keys:admin:SHOP-* numbers:issue:SHOP-* configs:read:SHOP-1' });
    for (const scopes of [
      ['numbers:issue'],
      ['numbers:issue:SHOP*'],
      ['numbers:issue:OTHER'],
      ['configs:read:SHOP-*'],
      ['configs:write:SHOP-1'],
      ['keys:admin'],
      ['numbers:issue:SHOP-1', 'keys:admin:S*'],
    ]) {
      expect(await make(scopes, {}, shop)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    }
    expect((await make(['numbers:issue:SHOP-7', 'keys:admin:SHOP-A*'], {}, shop)).status).toBe(201);
    // The scope to make keys is no scope to take numbers, and the other way round.
    expect((await make(['numbers:issue'], {}, bearer({ scope: 'keys:admin' }))).status).toBe(403);
    expect((await make(['numbers:issue'], {}, bearer({ scope: 'numbers:issue' }))).status).toBe(403);
  });

  test('403: a narrowed administrator sees and revokes only keys that stay within his prefixes', async () => {
    const shop = bearer({ scope: 'keys:admin:SHOP-*' });
    const [inside, outside] = [
      await make(['numbers:issue:SHOP-1']),
      await make(['numbers:issue:SHOP-1', 'configs:read']),
    ];
    const { json } = await setting.app.call('GET', '/api/api-keys?limit=1000', undefined, shop);
    const ids = json.items.map(({ id }: { id: string }) => id);
    expect(ids).toContain(inside.json.id);
    expect(ids).not.toContain(outside.json.id);
    const revoke = (id: string) => setting.app.call('DELETE', `/api/api-keys/${id}`, undefined, shop);
    expect(await revoke(outside.json.id)).toMatchObject({ status: 403 });
    expect(await revoke(inside.json.id)).toMatchObject({ status: 204 });
    expect((await take(setting.app, outside.json.key)).status).toBe(200);
  });

  test('400: a name, at least one scope, and only scopes that mean something', async () => {
    for (const body of [
      {},
      { name: '', scopes: ['configs:read'] },
      { name: 'x', scopes: [] },
      { name: 'x', scopes: ['configs:everything'] },
      { name: 'x', scopes: ['configs:read configs:write'] },
      { name: 'x', scopes: ['configs:read'], expiresInDays: 0 },
      { name: 'x', scopes: ['configs:read'], expiresInDays: 1, expires_in_days: 2 },
      { name: 'x', scopes: ['configs:read'], admin: true },
    ]) {
      const reply = await setting.app.call('POST', '/api/api-keys', body);
      expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
    }
  });

  test('200: lists are paged, and the log tells who made and revoked a key, and never the key', async () => {
    const { json } = await make(['configs:read'], {}, bearer({ scope: 'keys:admin configs:read', subject: 'alice' }));
    expect(json.createdBy).toBe('alice');
    await setting.app.call(
      'DELETE',
      `/api/api-keys/${json.id}`,
      undefined,
      bearer({ scope: 'keys:admin', subject: 'bob' }),
    );
    const line = { event: 'api-key', id: json.id };
    expect(setting.app.log).toContainEqual(expect.objectContaining({ ...line, status: 'created', subject: 'alice' }));
    expect(setting.app.log).toContainEqual(expect.objectContaining({ ...line, status: 'revoked', subject: 'bob' }));
    expect(JSON.stringify(setting.app.log)).not.toContain(json.key);
    const all = (await setting.app.call('GET', '/api/api-keys?limit=1000')).json.items;
    const seen: unknown[] = [];
    for (let cursor = ''; ; ) {
      const page = (await setting.app.call('GET', `/api/api-keys?limit=1${cursor}`)).json;
      seen.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual(all);
  });

  test('200: an idempotency key is that of the API key it came with', async () => {
    const keys = await Promise.all([make(['numbers:issue']), make(['numbers:issue'])]);
    const ask = async (key: string): Promise<string> => {
      const headers = { 'x-api-key': key, 'idempotency-key': '"order 1"' };
      return (await setting.app.call('POST', '/api/numbers', { prefixKey: 'SHOP-1' }, headers)).json.number;
    };
    const [one, two] = keys.map(({ json }) => json.key);
    const first = await ask(one);
    expect(await ask(one)).toBe(first);
    expect(await ask(two)).not.toBe(first);
    // A token that claims to be the API key is not its caller.
    const impostor = {
      ...bearer({ scope: 'numbers:issue', subject: `api-key:${keys[0].json.id}` }),
      'idempotency-key': '"order 1"',
    };
    const refused = await setting.app.call('POST', '/api/numbers', { prefixKey: 'SHOP-1' }, impostor);
    expect(refused.status).toBe(401);
  });
});

describe('API keys while Redis is away', () => {
  test('200, 503: a key in use goes on taking numbers from the standby, one that is not known cannot be judged', async () => {
    const redis = await startRedisServer();
    const app = await startApp({ NUMBERS_AUTH: 'required', REDIS_URL: redis.url });
    await app.ready();
    await app.call('PUT', '/api/prefix-configs/A', FORMAT);
    const [used, unused] = await Promise.all(
      ['used', 'unused'].map((name) => app.call('POST', '/api/api-keys', { name, scopes: ['numbers:issue'] })),
    );
    const ask = (reply: TestReply | undefined): Promise<TestReply> =>
      app.call('GET', '/api/numbers/A', undefined, { 'x-api-key': reply?.json.key });
    // The second call brings the standby.
    await ask(used);
    await ask(used);
    await redis.kill();
    await expect.poll(async () => (await ask(used)).headers['x-number-source']).toBe('standby');
    await setTimeout(4_100);
    expect(await ask(used)).toMatchObject({ status: 200 });
    expect(await ask(unused)).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
    await app.close();
    await redis.close();
  });
});
