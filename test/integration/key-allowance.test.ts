/** Idempotency keys of one caller and prefix are bounded: each is remembered by the store for a day. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { closeAll } from '../support/redis-client.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const LIMITS = { IDEMPOTENCY_KEYS_MAX: '5', OPEN_IDEMPOTENCY_KEYS_MAX: '3' };

interface Setting {
  readonly nodes: readonly TestApp[];
  readonly strategy: string;
  close(): Promise<void>;
}

const STORES: readonly (readonly [string, () => Promise<Setting>])[] = [
  ['SQLite', async () => onSqlite('counter')],
  ['SQLite, gapless', async () => onSqlite('gapless')],
  [
    'two nodes with Redis',
    async () => {
      const database = await leaseRedisDatabase();
      const start = () => startApp({ REDIS_URL: database.url, ...LIMITS });
      const [one, two] = [await start(), await start()];
      return { nodes: [one, two], strategy: 'counter', close: () => closeAll(two, one, { close: database.release }) };
    },
  ],
  [
    'Redis and PostgreSQL, gapless',
    async () => {
      const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
      const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, ...LIMITS });
      const close = () => closeAll(app, { close: redis.release }, { close: postgres.release });
      return { nodes: [app], strategy: 'gapless', close };
    },
  ],
];
const onSqlite = async (strategy: string): Promise<Setting> => {
  const app = await startApp(LIMITS);
  return { nodes: [app], strategy, close: app.close };
};

describe.each(STORES)('on %s', (_name, open) => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await open();
    await Promise.all(setting.nodes.map((node) => node.ready()));
    for (const key of ['A', 'B']) {
      const body = { format: `${key}-{SEQ:6}`, strategy: setting.strategy, outage: 'reject' };
      expect((await setting.nodes[0]?.call('PUT', `/api/prefix-configs/${key}`, body))?.status).toBe(200);
    }
  }, 60_000);
  afterAll(() => setting.close());

  let asked = 0;
  const take = (
    prefixKey: string,
    key: string | undefined,
    headers: Record<string, string> = {},
  ): Promise<TestReply> => {
    const node = setting.nodes[asked++ % setting.nodes.length] as TestApp;
    const sent = { ...headers, ...(key !== undefined && { 'idempotency-key': key }) };
    return node.call('POST', '/api/numbers', { prefixKey }, sent);
  };

  test('429: a stranger beyond OPEN_IDEMPOTENCY_KEYS_MAX gets no number, and gets those of earlier keys again', async () => {
    const first: TestReply[] = [];
    for (const key of ['a', 'b', 'c']) first.push(await take('A', key));
    expect(first.map(({ status }) => status)).toEqual([200, 200, 200]);
    const refused = await take('A', 'd');
    expect(refused).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
    expect(refused.json.detail).toContain('OPEN_IDEMPOTENCY_KEYS_MAX');
    // 24 h for three keys: another one in 8 h.
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(28_700);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(28_800);
    for (const [at, key] of ['a', 'b', 'c'].entries()) expect((await take('A', key)).json).toEqual(first[at]?.json);
    expect((await take('A', 'a')).status).toBe(200);
    const without = await take('A', undefined);
    expect(without.json.number).toBe('A-000004');
    // Another prefix, and another caller, have their own.
    expect((await take('B', 'd')).status).toBe(200);
    expect((await take('A', 'd', bearer({ subject: 'alice' }))).json.number).toBe('A-000005');
  });

  test('429: whoever shows a token has IDEMPOTENCY_KEYS_MAX', async () => {
    for (let key = 0; key < 5; key += 1)
      expect((await take('B', `k${key}`, bearer({ subject: 'bob' }))).status).toBe(200);
    expect((await take('B', 'k5', bearer({ subject: 'bob' }))).status).toBe(429);
    expect((await take('B', 'k4', bearer({ subject: 'bob' }))).status).toBe(200);
    expect((await take('B', 'k5', bearer({ subject: 'carol' }))).status).toBe(200);
  });

  test('429: the keys of reservations count too', async () => {
    const reserve = async (key: string): Promise<number | undefined> => {
      const headers = { ...bearer({ subject: 'dora' }), 'idempotency-key': key };
      return (await setting.nodes[0]?.call('POST', '/api/reservations', { prefixKey: 'A' }, headers))?.status;
    };
    // Where numbers cannot be reserved that is said first.
    const [made, beyond] = setting.strategy === 'gapless' ? [201, 429] : [400, 400];
    for (let key = 0; key < 5; key += 1) expect(await reserve(`r${key}`)).toBe(made);
    expect(await reserve('r5')).toBe(beyond);
    expect(await reserve('r4')).toBe(made);
  });
});

test('200: with AUTH=off nobody is a stranger', async () => {
  const app = await startApp({ AUTH: 'off', HOST: '127.0.0.1', ...LIMITS });
  await app.call('PUT', '/api/prefix-configs/A', { format: 'A-{SEQ:6}' }, {});
  const take = (key: string) => app.call('POST', '/api/numbers', { prefixKey: 'A' }, { 'idempotency-key': key });
  for (let key = 0; key < 5; key += 1) expect((await take(`k${key}`)).status).toBe(200);
  expect((await take('k5')).status).toBe(429);
  await app.close();
});
