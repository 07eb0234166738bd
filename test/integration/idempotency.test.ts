/** Idempotency keys through the whole app: a repetition gets the same numbers, on every store and through every node. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { RECEIPT_TTL_MS } from '../../src/core/values/receipt.ts';
import { adminToken, bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';
import { closeAll } from '../support/redis-client.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';
import { startReplyProxy } from '../support/reply-proxy.ts';

const FORMAT = { format: 'INV-{year}-{SEQ:4}', reset: 'yearly' };
const HOUR_MS = 3_600_000;

/** A service on one store, for all tests: each has a prefix of its own, and a clock that goes on. */
interface Setting {
  readonly app: TestApp;
  /** The same service once more; the same object where a store serves one process only. */
  readonly other: TestApp;
  readonly clock: { nowMs: number };
  readonly strategy: 'counter' | 'gapless';
  close(): Promise<void>;
}

const openSqlite = async (strategy: Setting['strategy']): Promise<Setting> => {
  const clock = { nowMs: Date.UTC(2026, 11, 1) };
  const app = await startApp({}, { now: () => clock.nowMs });
  return { app, other: app, clock, strategy, close: app.close };
};

const STORES: readonly (readonly [string, () => Promise<Setting>])[] = [
  ['SQLite', () => openSqlite('counter')],
  ['SQLite, gapless', () => openSqlite('gapless')],
  [
    'Redis',
    async () => {
      const clock = { nowMs: Date.UTC(2026, 11, 1) };
      const database = await leaseRedisDatabase();
      const start = () => startApp({ REDIS_URL: database.url }, { now: () => clock.nowMs });
      const [app, other] = [await start(), await start()];
      const close = () => closeAll(other, app, { close: database.release });
      return { app, other, clock, strategy: 'counter', close };
    },
  ],
  [
    'PostgreSQL, gapless',
    async () => {
      const clock = { nowMs: Date.UTC(2026, 11, 1) };
      const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
      const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' };
      const start = () => startApp(env, { now: () => clock.nowMs });
      const [app, other] = [await start(), await start()];
      const close = async () => {
        // Together: each would take connections that the other one opened meanwhile for left open.
        await Promise.all([app.close(), other.close()]);
        await closeAll({ close: redis.release }, { close: postgres.release });
      };
      return { app, other, clock, strategy: 'gapless', close };
    },
  ],
];

let prefixes = 0;
let years = 2026;

const ask = (
  app: TestApp,
  prefixKey: string,
  key: string,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<TestReply> =>
  app.call('POST', '/api/numbers', { prefixKey, ...body }, { 'idempotency-key': key, ...headers });

const numbersOf = (replies: readonly TestReply[]): unknown[] => replies.map(({ json }) => json.number ?? json.numbers);

describe.each(STORES)('with an Idempotency-Key, on %s', (_store, open) => {
  let setting: Setting;
  /** The prefix of this test, and the year in which it begins, one hour before its end. */
  let prefixKey: string;
  let year: number;
  beforeAll(async () => {
    setting = await open();
    await setting.app.ready();
    await setting.other.ready();
  });
  beforeEach(async () => {
    prefixKey = `INV${++prefixes}`;
    year = years;
    years += 2;
    setting.clock.nowMs = Date.UTC(year, 11, 31, 23);
    await register('');
  });
  afterAll(() => setting.close());

  /** Registers the prefix of this test, or one beside it, with the strategy of the store. */
  const register = async (suffix: string, config: object = FORMAT): Promise<string> => {
    // All are numbered alike: so none could pass for another by its text.
    const body = { ...config, strategy: setting.strategy, allowCollision: true };
    const { status } = await setting.app.call('PUT', `/api/prefix-configs/${prefixKey}${suffix}`, body);
    expect(status).toBe(200);
    return `${prefixKey}${suffix}`;
  };
  /** Keys are those of anonymous callers, so every test has its own. */
  const keyed = (name: string): string => `"${name} of ${prefixKey}"`;
  const first = (count: number, of = year): string[] =>
    Array.from({ length: count }, (_, index) => `INV-${of}-${String(index + 1).padStart(4, '0')}`);

  test('200: fifty concurrent requests through two nodes get one number', async () => {
    const { app, other } = setting;
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) => ask(index % 2 ? app : other, prefixKey, keyed('fifty'))),
    );
    expect(new Set(numbersOf(replies))).toEqual(new Set(first(1)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect((await app.call('GET', `/api/numbers/${prefixKey}`)).json.number).toBe(`INV-${year}-0002`);
  });

  test('200: after New Year, and after a change of the format, a repetition gets last year’s numbers', async () => {
    const { app, other, clock, strategy } = setting;
    const begun = await ask(app, prefixKey, keyed('new year'), { count: 3 });
    clock.nowMs += 2 * HOUR_MS;
    const changed = { format: 'R{year}-{SEQ:6}', reset: 'yearly', strategy };
    const headers = { authorization: `Bearer ${adminToken}`, 'if-match': '*' };
    await app.call('PUT', `/api/prefix-configs/${prefixKey}`, changed, headers);
    const repeated = await ask(other, prefixKey, keyed('new year'), { count: 3 });
    expect(begun.json.numbers).toEqual(first(3));
    expect(repeated.json).toEqual(begun.json);
    expect((await ask(app, prefixKey, keyed('this year'))).json.number).toBe(`R${year + 1}-000001`);
  });

  test('200: after 24 h the key is forgotten, and not a moment earlier', async () => {
    const { app, clock } = setting;
    await ask(app, prefixKey, keyed('a day'));
    clock.nowMs += RECEIPT_TTL_MS - 1;
    expect((await ask(app, prefixKey, keyed('a day'))).json.number).toBe(`INV-${year}-0001`);
    clock.nowMs += 1;
    expect((await ask(app, prefixKey, keyed('a day'))).json.number).toBe(`INV-${year + 1}-0001`);
    expect((await ask(app, prefixKey, keyed('a day'))).json.number).toBe(`INV-${year + 1}-0001`);
  });

  test('422: another payload under the same key', async () => {
    const { app, other } = setting;
    const elsewhere = await register('.OTHER');
    await ask(app, prefixKey, keyed('mine'));
    for (const body of [{ count: 1 }, { count: 2 }, { prefixKey: elsewhere }]) {
      const { status, json } = await ask(other, prefixKey, keyed('mine'), body);
      expect([status, json.code, json.title]).toEqual([
        422,
        'IDEMPOTENCY_CONFLICT',
        'Idempotency key was used with another request',
      ]);
    }
    expect((await ask(app, prefixKey, keyed('next'))).json.number).toBe(`INV-${year}-0002`);
    expect((await ask(app, elsewhere, keyed('first'))).json.number).toBe(`INV-${year}-0001`);
  });

  test('422: another variable under the same key; 200: the same ones, in whatever order', async () => {
    const { app, other } = setting;
    const format = { format: 'VAR{var:site}-{var:desk}-{SEQ:3}' };
    await app.call('PUT', `/api/prefix-configs/${prefixKey}.VAR`, format);
    const take = (node: TestApp, variables: object) => ask(node, `${prefixKey}.VAR`, keyed('variables'), { variables });
    expect((await take(app, { site: 'N', desk: '1' })).json.number).toBe('VARN-1-001');
    expect((await take(other, { desk: '1', site: 'N' })).json.number).toBe('VARN-1-001');
    expect((await take(other, { site: 'N', desk: '2' })).status).toBe(422);
  });

  test('422: another payload at the same time', async () => {
    const { app } = setting;
    const both = [ask(app, prefixKey, keyed('both')), ask(app, prefixKey, keyed('both'), { count: 2 })];
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 422]);
  });

  test('200: GET in both forms and POST are the same request', async () => {
    const { app } = setting;
    const headers = { 'idempotency-key': `same-${prefixKey}` };
    const replies = [
      await app.call('GET', `/api/numbers?prefixKey=${prefixKey}&count=2`, undefined, headers),
      await app.call('GET', `/api/numbers/${prefixKey}?count=2`, undefined, headers),
      await ask(app, prefixKey, `"same-${prefixKey}"`, { count: 2 }),
      await app.call('POST', '/numbers', { prefix_key: prefixKey, count: 2 }, headers),
    ];
    expect(replies.map(({ json }) => json)).toEqual(replies.map(() => ({ numbers: first(2) })));
  });

  test('200: two callers with the same key do not meet', async () => {
    const { app } = setting;
    const as = (subject: string) => bearer({ subject });
    const numbers: unknown[] = [];
    for (const headers of [{}, as('alice'), as('bob'), as('alice')]) {
      numbers.push((await ask(app, prefixKey, keyed('k'), {}, headers)).json.number);
    }
    const [one, two, three] = first(3);
    expect(numbers).toEqual([one, two, three, two]);
  });

  test('401: a token that does not verify, since it says whose key it is', async () => {
    const { app } = setting;
    const headers = { authorization: 'Bearer nonsense' };
    expect((await ask(app, prefixKey, keyed('k'), {}, headers)).status).toBe(401);
    expect((await ask(app, prefixKey, keyed('k'))).json).toMatchObject({ number: `INV-${year}-0001` });
  });

  test('200: a batch of 10,000 comes whole, in one run, and again', async () => {
    const { app, other } = setting;
    // Strangers take fewer at a time.
    const authorization = `Bearer ${adminToken}`;
    await app.call('GET', `/api/numbers/${prefixKey}`);
    const batch = await ask(app, prefixKey, keyed('batch'), { count: 10_000 }, { authorization });
    expect(batch.json.numbers).toEqual(
      Array.from({ length: 10_000 }, (_, index) => `INV-${year}-${String(index + 2).padStart(4, '0')}`),
    );
    expect((await ask(other, prefixKey, keyed('batch'), { count: 10_000 }, { authorization })).text).toBe(batch.text);
  });

  test('409: a batch that does not fit takes nothing; what fits is taken whole', async () => {
    const { app } = setting;
    const tiny = await register('.TINY', { format: 'T{SEQ:1}', overflow: 'reject' });
    expect((await ask(app, tiny, keyed('ten'), { count: 10 })).status).toBe(409);
    const whole = await ask(app, tiny, keyed('nine'), { count: 9 });
    expect(whole.json.numbers).toEqual(['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8', 'T9']);
    expect((await ask(app, tiny, keyed('one'))).status).toBe(409);
    expect((await ask(app, tiny, keyed('nine'), { count: 9 })).text).toBe(whole.text);
  });

  test('a repetition is not counted as numbers issued, and no key is in the log or in the metrics', async () => {
    const { app } = setting;
    const count = async (): Promise<number> =>
      Number(
        new RegExp(
          `^number_generator_numbers_issued_total\\{prefix="${prefixKey}",.*source="(?!standby).*\\} (\\d+)$`,
          'm',
        ).exec((await app.call('GET', '/metrics')).text)?.[1] ?? 0,
      );
    const before = await count();
    for (let i = 0; i < 3; i++) await ask(app, prefixKey, '"secret-key-of-mine"', { count: 2 });
    await ask(app, prefixKey, '"secret-key-of-mine"', { count: 3 });
    await ask(app, prefixKey, 'secret key of mine');
    expect((await count()) - before).toBe(2);
    const { text } = await app.call('GET', '/metrics');
    expect(text + JSON.stringify(app.log)).not.toMatch(/secret.key.of.mine/);
  });

  test('400: a malformed key', async () => {
    const { app } = setting;
    const long = `"${'x'.repeat(256)}"`;
    for (const key of ['', '""', '"unclosed', 'two words', 'a, b', '"a", "b"', '1;x', long, '"tab\t"', '"ä"']) {
      const { status, json } = await ask(app, prefixKey, key);
      expect([key, status, json.code, json.errors?.[0].path]).toEqual([
        key,
        400,
        'VALIDATION_ERROR',
        'Idempotency-Key',
      ]);
    }
    for (const key of [long.replace('x', ''), '"with \\"quotes\\" and a \\\\"', 'a:b/c=']) {
      expect((await ask(app, prefixKey, key)).status).toBe(200);
    }
  });
});

describe('when Redis does not answer', { timeout: 60_000 }, () => {
  const PATIENCE = { timeout: 15_000 };
  /** As a client does: after a 503 again, under the same key. */
  const askUntilServed = async (app: TestApp, key: string): Promise<unknown> => {
    let reply = await ask(app, 'INV', key);
    for (const end = performance.now() + PATIENCE.timeout; reply.status === 503 && performance.now() < end; ) {
      expect(reply.headers['retry-after']).toBe('1');
      await setTimeout(50);
      reply = await ask(app, 'INV', key);
    }
    return reply.json;
  };
  const open = async () => {
    const server = await startRedisServer({ appendonly: true });
    const proxy = await startReplyProxy(server.port);
    const start = async (port: number): Promise<TestApp> => {
      const app = await startApp({ REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_TIMEOUT_MS: '1000' });
      await app.ready();
      return app;
    };
    onTestFinished(() => closeAll(proxy, server));
    return { server, proxy, start };
  };
  const begin = async (app: TestApp): Promise<void> => {
    await app.call('PUT', '/api/prefix-configs/INV', { format: 'I{SEQ:3}', outage: 'temporary' });
    expect(await askUntilServed(app, '"warm"')).toEqual({ number: 'I001' });
  };

  test.each(['cut', 'swallowed'] as const)(
    '200: the reply %s after the script ran, fifty concurrent requests get one number, here and through another node',
    async (fate) => {
      const { server, proxy, start } = await open();
      const other = await start(server.port);
      const app = await start(proxy.port);
      onTestFinished(() => closeAll(app, other));
      await begin(app);
      proxy.replies(fate, 'receipt new');
      const replies = await Promise.all(Array.from({ length: 50 }, () => askUntilServed(app, '"lost"')));
      expect(replies).toEqual(replies.map(() => ({ number: 'I002' })));
      expect(await askUntilServed(other, '"lost"')).toEqual({ number: 'I002' });
      expect(await askUntilServed(other, '"next"')).toEqual({ number: 'I003' });
    },
  );

  test('503: neither a standby number nor a temporary one is given under a key; 200 when it is back', async () => {
    const { server, proxy, start } = await open();
    const app = await start(proxy.port);
    onTestFinished(app.close);
    await begin(app);
    const source = async () => (await app.call('GET', '/api/numbers/INV')).headers['x-number-source'];
    const standby = async () => (await app.call('GET', '/api/sequences/INV')).json.standby;
    await expect.poll(standby, PATIENCE).toMatchObject({ left: '1000' });
    await server.stop();
    await expect.poll(source, PATIENCE).toBe('standby');
    const { status, json, headers } = await ask(app, 'INV', '"away"');
    expect([status, json.code, headers['retry-after']]).toEqual([503, 'STORAGE_UNAVAILABLE', '1']);
    await server.restart();
    expect(await askUntilServed(app, '"away"')).toEqual({ number: expect.stringMatching(/^I\d+$/) });
  });
});
