/** Idempotency keys through the whole app: a repetition gets the same numbers, on every store and through every node. */
import { afterEach, describe, expect, it } from 'vitest';
import { createToken } from '../../src/http/token.ts';
import { adminToken, JWT_SECRET, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const FORMAT = { format: 'INV-{year}-{SEQ:4}', reset: 'yearly' };
const DAY_MS = 86_400_000;
/** An hour before the New Year. */
const BEGIN = Date.UTC(2026, 11, 31, 23);

const opened: { close(): Promise<void> }[] = [];
const closing = <T extends { close(): Promise<void> }>(thing: T): T => {
  opened.push(thing);
  return thing;
};
afterEach(async () => {
  for (const thing of opened.splice(0).toReversed()) await thing.close();
});

interface Setting {
  readonly app: TestApp;
  /** The same service once more; the same object where a store serves one process only. */
  readonly other: TestApp;
  readonly clock: { nowMs: number };
  readonly strategy: string;
}

const begin = async (app: TestApp, strategy = 'counter'): Promise<void> => {
  await app.ready();
  for (const prefixKey of ['INV', 'OTHER']) {
    const reply = await app.call('PUT', `/api/prefix-configs/${prefixKey}`, { ...FORMAT, strategy });
    expect(reply.status).toBe(200);
  }
};

const openSqlite = async (strategy: string): Promise<Setting> => {
  const clock = { nowMs: BEGIN };
  const app = closing(await startApp({}, { now: () => clock.nowMs }));
  await begin(app, strategy);
  return { app, other: app, clock, strategy };
};

const STORES: readonly (readonly [string, () => Promise<Setting>])[] = [
  ['SQLite', () => openSqlite('counter')],
  ['SQLite, gapless', () => openSqlite('gapless')],
  [
    'Redis',
    async () => {
      const clock = { nowMs: BEGIN };
      const database = await leaseRedisDatabase();
      closing({ close: () => database.release() });
      const start = () => startApp({ REDIS_URL: database.url }, { now: () => clock.nowMs });
      const app = closing(await start());
      const other = closing(await start());
      await begin(app);
      await other.ready();
      return { app, other, clock, strategy: 'counter' };
    },
  ],
  [
    'PostgreSQL, gapless',
    async () => {
      const clock = { nowMs: BEGIN };
      const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
      closing({ close: () => redis.release() });
      closing({ close: () => postgres.release() });
      const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' };
      const app = await startApp(env, { now: () => clock.nowMs });
      const other = await startApp(env, { now: () => clock.nowMs });
      // Together: each would take connections that the other one opened meanwhile for left open.
      closing({ close: async () => void (await Promise.all([app.close(), other.close()])) });
      await begin(app, 'gapless');
      await other.ready();
      return { app, other, clock, strategy: 'gapless' };
    },
  ],
];

const ask = (app: TestApp, key: string, body: object = {}, headers: Record<string, string> = {}): Promise<TestReply> =>
  app.call('POST', '/api/numbers', { prefixKey: 'INV', ...body }, { 'idempotency-key': key, ...headers });

const numbersOf = (replies: readonly TestReply[]): unknown[] => replies.map(({ json }) => json.number ?? json.numbers);

describe.each(STORES)('with an Idempotency-Key, on %s', (_store, open) => {
  it('200: fifty concurrent requests through two nodes get one number', async () => {
    const { app, other } = await open();
    const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(i % 2 ? app : other, '"fifty"')));
    expect(new Set(numbersOf(replies))).toEqual(new Set(['INV-2026-0001']));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect((await app.call('GET', '/api/numbers/INV')).json).toEqual({ number: 'INV-2026-0002' });
  });

  it('200: after New Year, and after a change of the format, a repetition gets last year’s numbers', async () => {
    const { app, other, clock, strategy } = await open();
    const first = await ask(app, '"new-year"', { count: 3 });
    clock.nowMs += 2 * 3_600_000;
    await app.call(
      'PUT',
      '/api/prefix-configs/INV',
      { format: 'R{yy}-{SEQ:6}', reset: 'yearly', strategy },
      {
        authorization: `Bearer ${adminToken}`,
        'if-match': '*',
      },
    );
    const repeated = await ask(other, '"new-year"', { count: 3 });
    expect(first.json.numbers).toEqual(['INV-2026-0001', 'INV-2026-0002', 'INV-2026-0003']);
    expect(repeated.json).toEqual(first.json);
    expect((await ask(app, '"this-year"')).json).toEqual({ number: 'R27-000001' });
  });

  it('200: after 24 h the key is forgotten, and not a moment earlier', async () => {
    const { app, clock } = await open();
    await ask(app, '"a-day"');
    clock.nowMs += DAY_MS - 1;
    expect((await ask(app, '"a-day"')).json).toEqual({ number: 'INV-2026-0001' });
    clock.nowMs += 1;
    expect((await ask(app, '"a-day"')).json).toEqual({ number: 'INV-2027-0001' });
    expect((await ask(app, '"a-day"')).json).toEqual({ number: 'INV-2027-0001' });
  });

  it('422: another payload under the same key', async () => {
    const { app, other } = await open();
    await ask(app, '"mine"');
    for (const body of [{ count: 1 }, { count: 2 }, { prefixKey: 'OTHER' }]) {
      const { status, json } = await ask(other, '"mine"', body);
      expect([status, json.code, json.title]).toEqual([
        422,
        'IDEMPOTENCY_CONFLICT',
        'Idempotency key was used with another request',
      ]);
    }
    expect((await ask(app, '"next"')).json).toEqual({ number: 'INV-2026-0002' });
    expect((await ask(app, '"next-other"', { prefixKey: 'OTHER' })).json).toEqual({ number: 'INV-2026-0001' });
  });

  it('422: another payload at the same time', async () => {
    const { app } = await open();
    const replies = await Promise.all([ask(app, '"both"'), ask(app, '"both"', { count: 2 })]);
    expect(replies.map(({ status }) => status)).toEqual([200, 422]);
  });

  it('200: GET in both forms and POST are the same request', async () => {
    const { app } = await open();
    const headers = { 'idempotency-key': 'same' };
    const replies = [
      await app.call('GET', '/api/numbers?prefixKey=INV&count=2', undefined, headers),
      await app.call('GET', '/api/numbers/INV?count=2', undefined, headers),
      await ask(app, '"same"', { count: 2 }),
      await app.call('POST', '/numbers', { prefix_key: 'INV', count: 2 }, headers),
    ];
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  });

  it('200: two callers with the same key do not meet', async () => {
    const { app } = await open();
    const as = (sub: string) => ({ authorization: `Bearer ${createToken(JWT_SECRET, { subject: sub })}` });
    const callers = [{}, as('alice'), as('bob'), as('alice')];
    const numbers = [];
    for (const headers of callers) numbers.push((await ask(app, '"k"', {}, headers)).json.number);
    expect(numbers).toEqual(['INV-2026-0001', 'INV-2026-0002', 'INV-2026-0003', 'INV-2026-0002']);
  });

  it('401: a token that does not verify, since it says whose key it is', async () => {
    const { app } = await open();
    expect((await ask(app, '"k"', {}, { authorization: 'Bearer nonsense' })).status).toBe(401);
    expect((await app.call('GET', '/api/numbers/INV', undefined, { authorization: 'Bearer nonsense' })).status).toBe(
      200,
    );
  });

  it('200: a batch of 10,000 comes whole and again', async () => {
    const { app, other } = await open();
    await app.call('GET', '/api/numbers/INV');
    const first = await ask(app, '"batch"', { count: 10_000 });
    expect(first.json.numbers).toHaveLength(10_000);
    expect(first.json.numbers.at(-1)).toBe('INV-2026-10001');
    expect((await ask(other, '"batch"', { count: 10_000 })).text).toBe(first.text);
  });

  it('409: a batch that does not fit takes nothing, and its key can be used for it again', async () => {
    const { app, strategy } = await open();
    await app.call('PUT', '/api/prefix-configs/TINY', { format: 'T{SEQ:1}', overflow: 'reject', strategy });
    expect((await ask(app, '"ten"', { prefixKey: 'TINY', count: 10 })).status).toBe(409);
    const whole = await ask(app, '"nine"', { prefixKey: 'TINY', count: 9 });
    expect(whole.json.numbers).toEqual(['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8', 'T9']);
    expect((await ask(app, '"one"', { prefixKey: 'TINY' })).status).toBe(409);
    expect((await ask(app, '"nine"', { prefixKey: 'TINY', count: 9 })).text).toBe(whole.text);
  });

  it('a repetition is not counted as numbers issued, and no key is in the log or in the metrics', async () => {
    const { app } = await open();
    for (let i = 0; i < 3; i++) await ask(app, '"secret-key-of-mine"', { count: 2 });
    await ask(app, '"secret-key-of-mine"', { count: 3 });
    await ask(app, 'secret key of mine');
    const metrics = (await app.call('GET', '/metrics')).text;
    expect(metrics).toMatch(/^number_generator_numbers_issued_total\{source="\w+"\} 2$/m);
    expect(metrics + JSON.stringify(app.log)).not.toMatch(/secret.key.of.mine/);
  });

  it('400: a malformed key', async () => {
    const { app } = await open();
    for (const key of ['""', '"unclosed', 'two words', 'a, b', '"a", "b"', '1;x', `"${'x'.repeat(256)}"`, '"tab\\t"']) {
      const { status, json } = await ask(app, key);
      expect([key, status, json.code, json.errors[0].path]).toEqual([key, 400, 'VALIDATION_ERROR', 'Idempotency-Key']);
    }
    expect((await ask(app, `"${'x'.repeat(255)}"`)).status).toBe(200);
    expect((await ask(app, '"with \\"quotes\\" and a \\\\"')).status).toBe(200);
  });
});
