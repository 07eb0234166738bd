/** RATE_LIMIT_PER_SECOND: who asks too often is told so, everybody else is served; over all nodes, and without Redis. */
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const FORMAT = { format: 'A-{SEQ:3}' };
const LIMIT = 5;
const start = async (env: Readonly<Record<string, string>> = {}): Promise<TestApp> => {
  const app = await startApp({ RATE_LIMIT_PER_SECOND: String(LIMIT), ...env });
  await app.ready();
  expect((await app.call('PUT', '/api/prefix-configs/A', FORMAT, bearer({ subject: 'setup' }))).status).toBeLessThan(
    500,
  );
  return app;
};
const take = (app: TestApp, headers: Record<string, string> = {}, url = '/api/numbers/A'): Promise<TestReply> =>
  app.call('GET', url, undefined, headers);
const statuses = async (count: number, ask: () => Promise<TestReply>): Promise<number[]> => {
  const seen: number[] = [];
  for (let request = 0; request < count; request += 1) seen.push((await ask()).status);
  return seen;
};
const from = async (app: TestApp, address: string): Promise<number> =>
  (await app.server.inject({ url: '/api/numbers/A', remoteAddress: address })).statusCode;

describe('on one node', () => {
  // The second of a client ends when the test says so.
  const freeze = (): void => {
    vi.useFakeTimers({ toFake: ['Date'] });
  };
  afterEach(() => {
    vi.useRealTimers();
  });

  test('429: a client is refused beyond his limit, under every URL prefix together, and served a second later', async () => {
    const app = await start();
    freeze();
    const urls = ['/api/numbers/A', '/numbers/A', '/api/v1/numbers/A'];
    let turn = 0;
    const seen = await statuses(LIMIT + 2, () => take(app, {}, urls[turn++ % urls.length]));
    expect(seen).toEqual([...Array(LIMIT).fill(200), 429, 429]);
    const refused = await take(app);
    expect(refused.json).toMatchObject({ code: 'RATE_LIMITED', title: 'Too many requests', status: 429 });
    expect(refused.headers['retry-after']).toBe('1');
    // Who is refused takes no number.
    vi.setSystemTime(Date.now() + 1_000);
    expect((await take(app)).json.number).toBe(`A-00${LIMIT + 1}`);
    await app.close();
  });

  test('200, 429: everything is limited but /livez and /readyz, whose refusal would have the node restarted', async () => {
    const app = await start();
    for (const url of ['/health', '/metrics', '/openapi.json', '/docs/static/index.html']) {
      freeze();
      vi.setSystemTime(Date.now() + 1_000);
      const seen = await statuses(LIMIT + 1, () => take(app, {}, url));
      expect(seen.slice(0, -1), url).not.toContain(429);
      expect(seen.at(-1), url).toBe(429);
    }
    for (const url of ['/livez', '/readyz']) {
      expect(await statuses(LIMIT + 2, () => take(app, {}, url))).toEqual(Array(LIMIT + 2).fill(200));
    }
    await app.close();
  });

  test('429: who was refused is told in the log, once for each caller, and not by the address alone', async () => {
    const app = await start();
    freeze();
    for (const headers of [bearer({ subject: 'alice' }), bearer({ subject: 'bob' }), {}] as Record<string, string>[]) {
      expect((await statuses(LIMIT + 3, () => take(app, headers, '/numbers/A?count=1'))).at(-1)).toBe(429);
    }
    const told = app.log.filter(({ event }) => event === 'rate-limited');
    expect(told.map(({ subject }) => subject)).toEqual(['alice', 'bob', undefined]);
    for (const line of told) {
      expect(line).toMatchObject({ level: 'warn', method: 'GET', path: '/numbers/A', client: '127.0.0.1' });
      expect(line['request_id']).toEqual(expect.any(String));
    }
    await app.close();
  });

  test('404, 405, 429: calls of paths and methods that do not exist count too', async () => {
    const app = await start();
    for (const [method, url, status] of [
      ['GET', '/api/nothing', 404],
      ['DELETE', '/api/numbers', 405],
      ['OPTIONS', '/api/numbers', 204],
    ] as const) {
      freeze();
      vi.setSystemTime(Date.now() + 1_000);
      const seen = await statuses(LIMIT + 1, () => app.call(method, url, undefined, {}));
      expect(seen).toEqual([...Array(LIMIT).fill(status), 429]);
    }
    await app.close();
  });

  test('429: a client is the subject of his token or the maker of his API key, wherever he asks from; without one, or with a false one, his address', async () => {
    const app = await start();
    const body = { name: 'x', scopes: ['numbers:issue'] };
    const { key } = (await app.call('POST', '/api/api-keys', body, bearer({ subject: 'administrator' }))).json;
    freeze();
    // Making the key was a request of its maker.
    vi.setSystemTime(Date.now() + 1_000);
    for (const headers of [bearer({ subject: 'alice' }), bearer({ subject: 'bob' }), { 'x-api-key': key }, {}]) {
      expect(await statuses(LIMIT + 1, () => take(app, headers))).toEqual([...Array(LIMIT).fill(200), 429]);
    }
    // Another token of the same subject is the same client; a false one is no other client than none.
    expect((await take(app, bearer({ subject: 'alice' }))).status).toBe(429);
    expect((await take(app, { authorization: 'Bearer false' })).status).toBe(429);
    expect((await take(app, { 'x-api-key': `ng_${'0'.repeat(16)}_${'A'.repeat(43)}` })).status).toBe(429);
    await app.close();
  });

  test('429: all keys of a maker, and those that they made, are one client with him', async () => {
    const app = await start();
    const body = { name: 'x', scopes: ['numbers:issue', 'keys:admin'] };
    const make = async (headers: Record<string, string>): Promise<string> =>
      (await app.call('POST', '/api/api-keys', body, headers)).json.key;
    const root = await make(bearer({ subject: 'setup' }));
    const made = await make({ 'x-api-key': root });
    const madeByMade = await make({ 'x-api-key': made });
    const second = await make(bearer({ subject: 'setup' }));
    const beside = await make(bearer({ subject: 'somebody else' }));
    freeze();
    vi.setSystemTime(Date.now() + 1_000);
    const keys = [root, made, madeByMade, second];
    let turn = 0;
    const seen = await statuses(LIMIT, () => take(app, { 'x-api-key': keys[turn++ % keys.length] ?? '' }));
    expect(seen).toEqual(Array(LIMIT).fill(200));
    for (const key of keys) expect((await take(app, { 'x-api-key': key })).status).toBe(429);
    expect((await take(app, bearer({ subject: 'setup' }))).status).toBe(429);
    expect((await take(app, { 'x-api-key': beside })).status).toBe(200);
    await app.close();
  });

  test('401, 429: guessing tokens and keys is limited too', async () => {
    const app = await start();
    freeze();
    let guess = 0;
    const seen = await statuses(LIMIT + 1, () =>
      app.call('GET', '/api/prefix-configs', undefined, { 'x-api-key': `ng_${String(guess++).padStart(16, '0')}_x` }),
    );
    expect(seen).toEqual([...Array(LIMIT).fill(401), 429]);
    await app.close();
  });

  test('429: all addresses of one IPv6 network are one client, those of IPv4 are several', async () => {
    const app = await start();
    freeze();
    for (let host = 1; host <= LIMIT; host += 1) expect(await from(app, `2001:db8::${host}`)).toBe(200);
    expect(await from(app, '2001:db8::ffff')).toBe(429);
    expect(await from(app, '2001:db8:0:1::1')).toBe(200);
    expect(await from(app, '192.0.2.1')).toBe(200);
    await app.close();
  });

  test('200: a proxy that is not named in TRUST_PROXY cannot make up clients, one that is names them', async () => {
    const forwarded = async (app: TestApp, client: string): Promise<number> => {
      const headers = { 'x-forwarded-for': client };
      return (await app.server.inject({ url: '/api/numbers/A', remoteAddress: '10.1.2.3', headers })).statusCode;
    };
    const distrusting = await start({ TRUST_PROXY: '10.9.0.0/16' });
    const trusting = await start({ TRUST_PROXY: '10.1.0.0/16,::1' });
    freeze();
    for (let client = 1; client <= LIMIT + 1; client += 1) {
      expect(await forwarded(distrusting, `192.0.2.${client}`)).toBe(client <= LIMIT ? 200 : 429);
      expect(await forwarded(trusting, `192.0.2.${client}`)).toBe(200);
    }
    await trusting.close();
    await distrusting.close();
  });
});

describe('on two nodes with Redis', () => {
  test('429: they add up what a client asks of them, within a tenth of a second', async () => {
    const database = await leaseRedisDatabase();
    const env = { REDIS_URL: database.url, RATE_LIMIT_PER_SECOND: '20' };
    const nodes = [await start(env), await start(env)];
    let served = 0;
    const began = performance.now();
    // Each node alone would serve 20 a second.
    for (let request = 0; performance.now() - began < 2_000; request += 1) {
      const [node = nodes[0]] = [nodes[request % 2]];
      if ((await take(node as TestApp)).status === 200) served += 1;
      await setTimeout(4);
    }
    // Two or three seconds of 20, and in each what both serve before they know of each other; alone it would be 80 or more.
    expect(served).toBeGreaterThanOrEqual(40);
    expect(served).toBeLessThan(80);
    const keys = await database.client.keys('rate_limit:*');
    for (const key of keys) expect(await database.client.pttl(key)).toBeLessThanOrEqual(1_000);
    for (const node of nodes.toReversed()) await node.close();
    await database.release();
  });

  test('200, 429: while Redis is away numbers go on, and each node counts alone', async () => {
    const redis = await startRedisServer();
    onTestFinished(() => redis.close());
    const app = await start({ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '200' });
    await take(app);
    redis.pause();
    const replies: TestReply[] = [];
    await expect
      .poll(async () => {
        replies.push(await take(app));
        return replies.at(-1)?.headers['x-number-source'];
      })
      .toBe('standby');
    await setTimeout(1_100);
    // In a second that begins now, whatever the machine is busy with.
    const began = performance.now();
    const seen = await Promise.all(Array.from({ length: LIMIT + 3 }, () => take(app)));
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(seen.filter(({ status }) => status === 200)).toHaveLength(LIMIT);
    expect(seen.filter(({ status }) => status === 429)).toHaveLength(3);
    expect(app.log).toContainEqual(expect.objectContaining({ event: 'request-counts-not-shared' }));
    redis.resume();
    await app.close();
  });
});
