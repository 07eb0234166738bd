/** Numbers are open to everybody by default: what somebody without a token or a key may take, and what he may not. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';

const STRANGER = {};
describe('without OPEN_COUNT_MAX', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await startApp();
    await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:6}', overflow: 'reject' });
  });
  afterEach(() => app.close());

  const forms = (count: number, headers: Record<string, string>): Promise<TestReply>[] => [
    app.call('GET', `/api/numbers/INV?count=${count}`, undefined, headers),
    app.call('GET', `/numbers?prefixKey=INV&count=${count}`, undefined, headers),
    app.call('POST', '/api/v1/numbers', { prefixKey: 'INV', count }, headers),
  ];

  test('403: a stranger who asks for more than 100 numbers is told why, gets none, and is named in the log', async () => {
    for (const count of [101, 10_000]) {
      for (const { status, json } of await Promise.all(forms(count, STRANGER))) {
        expect({ status, code: json.code }).toEqual({ status: 403, code: 'FORBIDDEN' });
        expect(json.detail).toContain('at most 100 numbers');
      }
    }
    expect((await app.call('GET', '/api/numbers/INV', undefined, STRANGER)).json.number).toBe('INV-000001');
    expect(app.log).toContainEqual(
      expect.objectContaining({
        event: 'forbidden',
        client: '127.0.0.1',
        reason: 'more than 100 numbers without a token',
      }),
    );
  });

  test('200: a stranger may take 100, and whoever shows a token or a key 10,000', async () => {
    for (const { status } of await Promise.all(forms(100, STRANGER))) expect(status).toBe(200);
    const made = await app.call('POST', '/api/api-keys', { name: 'shop', scopes: ['numbers:issue'] });
    for (const headers of [bearer({ scope: 'numbers:issue' }), { 'x-api-key': made.json.key }]) {
      for (const { status } of await Promise.all(forms(10_000, headers))) expect(status).toBe(200);
    }
  });

  test('401: a token that is not valid does not make a stranger known', async () => {
    const [reply] = await Promise.all(forms(101, { authorization: 'Bearer a.b.c' }));
    expect(reply?.status).toBe(401);
  });
});

test('403, 200: OPEN_COUNT_MAX says how many', async () => {
  const app = await startApp({ OPEN_COUNT_MAX: '2' });
  await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:6}' });
  expect((await app.call('GET', '/api/numbers/INV?count=3', undefined, STRANGER)).status).toBe(403);
  expect((await app.call('GET', '/api/numbers/INV?count=2', undefined, STRANGER)).status).toBe(200);
  await app.close();
});

test('200: with AUTH=off nobody is a stranger', async () => {
  const app = await startApp({ AUTH: 'off', HOST: '127.0.0.1' });
  await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:6}' }, STRANGER);
  expect((await app.call('GET', '/api/numbers/INV?count=10000', undefined, STRANGER)).status).toBe(200);
  await app.close();
});

test('429: each number that a stranger takes counts as a request, those of a known caller together as one', async () => {
  const app = await startApp({ RATE_LIMIT_PER_SECOND: '20' });
  await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:6}' });
  const known = bearer({ scope: 'numbers:issue' });
  expect((await app.call('GET', '/api/numbers/INV?count=500', undefined, known)).status).toBe(200);
  // However the requests fall into seconds: one of 21 is more than any second allows.
  const refused = await app.call('POST', '/api/numbers', { prefixKey: 'INV', count: 21 }, STRANGER);
  expect(refused).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED' } });
  // A second later it would be refused again.
  expect(refused.json.detail).toContain(
    'each number counts as a request, and only 20 may come in a second: ask for fewer',
  );
  expect(app.log).toContainEqual(
    expect.objectContaining({ event: 'rate-limited', level: 'warn', client: '127.0.0.1' }),
  );
  expect((await app.call('GET', '/api/numbers/INV', undefined, known)).json.number).toBe('INV-000501');
  await app.close();
});

test('200: what strangers take of a series that ends is told at a tenth and at half of it, once each, in the log and as a metric', async () => {
  const clock = { nowMs: Date.parse('2026-12-30T12:00:00Z') };
  const app = await startApp({}, { now: () => clock.nowMs });
  for (const [key, body] of [
    ['INV', { format: 'INV-{year}-{SEQ:3}', reset: 'yearly', overflow: 'reject' }],
    ['ENDLESS', { format: 'E-{SEQ:3}' }],
  ] as const) {
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
  }
  const take = async (key: string, count: number, headers: Record<string, string>): Promise<void> => {
    expect((await app.call('GET', `/api/numbers/${key}?count=${count}`, undefined, headers)).status).toBe(200);
  };
  const told = () =>
    app.log
      .filter(({ event }) => event === 'open-share')
      .map(({ level, prefix_key: key, period, share, count }) => [level, key, period, share, count]);
  await take('INV', 300, bearer({ scope: 'numbers:issue' }));
  await take('INV', 99, STRANGER);
  for (let list = 0; list < 10; list += 1) await take('ENDLESS', 100, STRANGER);
  expect(told()).toEqual([]);
  await take('INV', 1, STRANGER);
  expect(told()).toEqual([['warn', 'INV', '2026', 0.1, 100]]);
  for (let list = 0; list < 4; list += 1) await take('INV', 100, STRANGER);
  expect(told()).toEqual([
    ['warn', 'INV', '2026', 0.1, 100],
    ['warn', 'INV', '2026', 0.5, 500],
  ]);
  // A year later it begins anew.
  clock.nowMs += 7 * 86_400_000;
  await take('INV', 100, STRANGER);
  await take('INV', 10, STRANGER);
  expect(told()).toHaveLength(3);
  expect(told().at(-1)).toEqual(['warn', 'INV', '2027', 0.1, 100]);
  expect((await app.call('GET', '/metrics')).text).toContain('number_generator_open_shares_total 3');
  await app.close();
});
