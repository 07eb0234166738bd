/** One Idempotency-Key is one request, whatever store keeps its numbers: counter, gapless, segment, reservations, through two nodes. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';
import { closeAll } from '../support/redis-client.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

interface Setting {
  readonly app: TestApp;
  /** The same service once more; the same object where a store serves one process only. */
  readonly other: TestApp;
  close(): Promise<void>;
}

const STORES: readonly (readonly [string, () => Promise<Setting>])[] = [
  [
    'SQLite',
    async () => {
      const app = await startApp();
      return { app, other: app, close: app.close };
    },
  ],
  [
    'Redis and PostgreSQL',
    async () => {
      const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
      const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' };
      const [app, other] = [await startApp(env), await startApp(env)];
      const close = async () => {
        await Promise.all([app.close(), other.close()]);
        await closeAll({ close: redis.release }, { close: postgres.release });
      };
      return { app, other, close };
    },
  ],
];

/** What a key may be used for, by the prefix it takes from; R is a reservation. */
const USES = ['COUNTER', 'GAPLESS', 'SEGMENT', 'R'] as const;
type Use = (typeof USES)[number];
const PAIRS = USES.flatMap((one) => USES.filter((two) => two !== one).map((two) => [one, two] as const));

let keys = 0;
const freshKey = (): string => `"strategies ${++keys}"`;

const post = (app: TestApp, url: string, body: object | undefined, key: string): Promise<TestReply> =>
  app.call('POST', url, body, { authorization: `Bearer ${adminToken}`, 'idempotency-key': key });
const use = (app: TestApp, what: Use, key: string): Promise<TestReply> =>
  what === 'R'
    ? post(app, '/api/reservations', { prefixKey: 'GAPLESS' }, key)
    : post(app, '/api/numbers', { prefixKey: what }, key);

const isTaken = ({ status }: TestReply): boolean => status === 200 || status === 201;

describe.each(STORES)('one Idempotency-Key, on %s', (_store, open) => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await open();
    await setting.app.ready();
    await setting.other.ready();
    for (const [key, strategy] of [
      ['COUNTER', 'counter'],
      ['GAPLESS', 'gapless'],
      ['SEGMENT', 'segment'],
    ]) {
      const body = { format: `${key}-{SEQ:6}`, strategy };
      expect(await setting.app.call('PUT', `/api/prefix-configs/${key}`, body)).toMatchObject({ status: 200 });
    }
  });
  afterAll(() => setting.close());

  test.each(PAIRS)('422 for %s and then %s, and the first again is answered as before', async (one, two) => {
    const { app, other } = setting;
    const key = freshKey();
    const first = await use(app, one, key);
    expect(isTaken(first)).toBe(true);
    expect(await use(other, two, key)).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_CONFLICT' } });
    expect((await use(other, one, key)).json).toEqual(first.json);
  });

  test.each(PAIRS)('422 for one of two when %s and %s race, never numbers for both', async (one, two) => {
    const { app, other } = setting;
    for (let round = 0; round < 10; round += 1) {
      const key = freshKey();
      const replies = await Promise.all([use(app, one, key), use(other, two, key)]);
      expect(replies.filter(isTaken)).toHaveLength(1);
      expect(replies.filter(({ status }) => status === 422)).toHaveLength(1);
    }
  });

  test('201 with the same reservation for the same key, through both nodes, at once and later', async () => {
    const { app, other } = setting;
    const key = freshKey();
    const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => use(index % 2 ? app : other, 'R', key)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(replies.map(({ json }) => json.id)).size).toBe(1);
    const { id, number } = replies[0]?.json ?? {};
    expect(replies[1]?.headers['location']).toBe(`/api/reservations/${id}`);
    expect((await use(app, 'R', freshKey())).json.number).not.toBe(number);
    // A repetition tells what became of it meanwhile.
    expect((await app.call('POST', `/api/reservations/${id}/confirm`)).status).toBe(200);
    expect(await use(other, 'R', key)).toMatchObject({ status: 201, json: { id, number, state: 'confirmed' } });
  });

  test('422 when the key of a reservation comes with another time to live; 400 when it is malformed', async () => {
    const { app, other } = setting;
    const key = freshKey();
    const body = { prefixKey: 'GAPLESS', ttlSeconds: 60 };
    const first = await post(app, '/api/reservations', body, key);
    expect(await post(other, '/api/reservations', { ...body, ttlSeconds: 61 }, key)).toMatchObject({ status: 422 });
    const snake = await post(other, '/api/reservations', { prefix_key: 'GAPLESS', ttl_seconds: 60 }, key);
    expect(snake).toMatchObject({ status: 201, json: { id: first.json.id } });
    const malformed = await post(app, '/api/reservations', body, 'a b');
    expect(malformed).toMatchObject({ status: 400, json: { errors: [{ path: 'Idempotency-Key' }] } });
  });

  test('201 with reservations of their own for two callers with the same key', async () => {
    const { app } = setting;
    const key = freshKey();
    const own = await use(app, 'R', key);
    const anonymous = await app.call('POST', '/api/reservations', { prefixKey: 'GAPLESS' }, { 'idempotency-key': key });
    expect(anonymous.status).toBe(201);
    expect(anonymous.json.id).not.toBe(own.json.id);
  });

  test('200 when a confirmation or a void is repeated under a key, for they may be repeated anyway', async () => {
    const { app, other } = setting;
    const confirmed = (await use(app, 'R', freshKey())).json;
    const voided = (await use(app, 'R', freshKey())).json;
    const key = freshKey();
    const confirm = (on: TestApp) => post(on, `/api/reservations/${confirmed.id}/confirm`, undefined, key);
    expect((await confirm(app)).json).toEqual((await confirm(other)).json);
    const end = (on: TestApp) => post(on, `/api/reservations/${voided.id}/void`, { reason: 'no' }, key);
    expect((await end(app)).json).toEqual((await end(other)).json);
    expect(await confirm(app)).toMatchObject({ status: 200, json: { state: 'confirmed' } });
  });

  test('400 with a key for calls that would not heed it, and nothing is done', async () => {
    const { app } = setting;
    const key = freshKey();
    const before = (await app.call('GET', '/api/sequences/COUNTER')).json.value;
    for (const [url, body] of [
      ['/api/sequences/COUNTER/advance', { to: '900000', reason: 'why' }],
      ['/api/api-keys', { name: 'till', scopes: ['numbers:issue'] }],
      ['/api/prefix-configs/NEW', { format: 'N-{SEQ:4}' }],
    ] as const) {
      const reply = await post(app, url, body, key);
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'Idempotency-Key' }] } });
    }
    expect((await app.call('GET', '/api/prefix-configs/NEW')).status).toBe(404);
    expect((await app.call('GET', '/api/sequences/COUNTER')).json.value).toBe(before);
    expect((await app.call('GET', '/api/api-keys')).json.items).toEqual([]);
  });
});

describe('one Idempotency-Key, while Redis is away', () => {
  test('200 for a gapless number, and 422 for a counter that comes with its key when Redis is back', async () => {
    const [redis, postgres] = await Promise.all([startRedisServer(), leasePostgresDatabase()]);
    const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, REDIS_TIMEOUT_MS: '5000' });
    onTestFinished(async () => {
      await app.close();
      await Promise.all([redis.close(), postgres.release()]);
    });
    await app.ready();
    for (const [key, strategy] of [
      ['COUNTER', 'counter'],
      ['GAPLESS', 'gapless'],
    ]) {
      await app.call('PUT', `/api/prefix-configs/${key}`, { format: `${key}-{SEQ:6}`, strategy });
      expect((await app.call('GET', `/api/numbers/${key}`)).status).toBe(200);
    }
    await redis.kill();
    const key = freshKey();
    const first = await use(app, 'GAPLESS', key);
    expect(first.status).toBe(200);
    expect((await use(app, 'COUNTER', key)).status).toBe(503);
    await redis.restart();
    await expect.poll(async () => (await use(app, 'COUNTER', key)).status).toBe(422);
    expect((await use(app, 'GAPLESS', key)).json).toEqual(first.json);
  });
});
