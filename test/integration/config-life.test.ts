/** The life of a prefix config on every store: what it was outlives its removal, so that no number comes twice. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const STORES = ['sqlite', 'redis', 'redis and postgres'] as const;

interface Fleet {
  /** Two nodes on one store; embedded, both are the same. */
  readonly apps: readonly [TestApp, TestApp];
  close(): Promise<void>;
}

let nowMs = Date.parse('2026-11-25T12:00:00Z');

const startFleet = async (store: (typeof STORES)[number]): Promise<Fleet> => {
  const redis = store === 'sqlite' ? undefined : await leaseRedisDatabase();
  const postgres = store === 'redis and postgres' ? await leasePostgresDatabase() : undefined;
  const env = {
    LOG_LEVEL: 'warn',
    ...(redis && { REDIS_URL: redis.url }),
    ...(postgres && { DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' }),
  };
  const clock = { now: () => nowMs };
  const first = await startApp(env, clock);
  const second = redis === undefined ? first : await startApp(env, clock);
  await Promise.all([first.ready(), second.ready()]);
  return {
    apps: [first, second],
    close: async () => {
      // Together: each looks for what is left open by all.
      await Promise.all(first === second ? [first.close()] : [first.close(), second.close()]);
      await redis?.release();
      await postgres?.release();
    },
  };
};

describe.each(STORES)('the life of a prefix config on %s', (store) => {
  let fleet: Fleet;
  let app: TestApp;
  let other: TestApp;
  let keys = 0;

  beforeAll(async () => {
    fleet = await startFleet(store);
    [app, other] = fleet.apps;
  });
  afterAll(() => fleet.close());

  const freshKey = (): string => {
    keys += 1;
    return `L${keys}`;
  };
  // What one prefix has printed is compared here, not what others print.
  const put = (key: string, body: object, node = app) =>
    node.call('PUT', `/api/prefix-configs/${key}`, { allowCollision: true, ...body });
  const remove = (key: string, ifMatch?: string, node = app) =>
    node.call('DELETE', `/api/prefix-configs/${key}`, undefined, {
      authorization: `Bearer ${adminToken}`,
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    });
  const change = (key: string, body: object, ifMatch = '*') =>
    app.call(
      'PUT',
      `/api/prefix-configs/${key}`,
      { allowCollision: true, ...body },
      {
        authorization: `Bearer ${adminToken}`,
        'if-match': ifMatch,
      },
    );
  const take = async (key: string, more: object = {}) =>
    (await app.call('POST', '/api/numbers', { prefixKey: key, ...more })).json.number;

  test('400: a prefix that was removed is registered again only as it could have been changed: A11 comes once', async () => {
    const key = freshKey();
    expect((await put(key, { format: 'A1{SEQ:1}' })).status).toBe(200);
    expect(await take(key)).toBe('A11');
    expect((await remove(key)).status).toBe(204);
    expect(await put(key, { format: 'A{SEQ:2}', initialSeq: 10 })).toMatchObject({
      status: 400,
      json: { errors: [{ path: 'format' }] },
    });
    expect((await put(key, { format: 'A1{SEQ:1}' })).status).toBe(200);
    expect(await take(key)).toBe('A12');
  });

  test('400: another reset after a removal, in a later period and with allowPast, repeats no number of an earlier one', async () => {
    const key = freshKey();
    const [format, before] = ['R{year}{month}-{SEQ:4}', nowMs];
    try {
      await put(key, { format, reset: 'monthly', allowPast: true });
      const numbers = new Set<string>();
      for (let index = 0; index < 5; index += 1) numbers.add(await take(key));
      nowMs = Date.parse('2026-12-02T12:00:00Z');
      expect((await remove(key)).status).toBe(204);
      for (const reset of ['yearly', 'never', 'daily']) {
        const other = reset === 'daily' ? 'R{year}{month}-{SEQ:4}-{day}' : format;
        const reply = await put(key, { format: other, reset, allowPast: true });
        if (reset !== 'daily')
          expect(reply, reset).toMatchObject({ status: 400, json: { errors: [{ path: 'reset' }] } });
        else expect(reply.status).toBe(200);
      }
      for (let index = 0; index < 5; index += 1) numbers.add(await take(key, { date: '2026-11-25' }));
      expect(numbers.size).toBe(10);
    } finally {
      nowMs = before;
    }
  });

  test('400: gapless numbers come once too, through removals as through changes', async () => {
    const key = freshKey();
    const first = await put(key, { format: 'G1{SEQ:1}', strategy: 'gapless' });
    expect(first.status).toBe(store === 'redis' ? 400 : 200);
    if (store === 'redis') return;
    expect(await take(key)).toBe('G11');
    await remove(key);
    expect((await put(key, { format: 'G{SEQ:2}', strategy: 'gapless' })).status).toBe(400);
    expect((await put(key, { format: 'G1{SEQ:1}' })).json.errors).toMatchObject([{ path: 'strategy' }]);
    expect((await put(key, { format: 'G1{SEQ:1}', strategy: 'gapless' })).status).toBe(200);
    expect(await take(key)).toBe('G12');
  });

  test.each([
    ['counter', 'gapless'],
    ['segment', 'gapless'],
    ['gapless', 'counter'],
  ])(
    '400: %s becomes no %s once any period has counted, though it is over, by change or after a removal',
    async (from, to) => {
      if (store === 'redis')
        return expect((await put(freshKey(), { format: '{SEQ:1}', strategy: 'gapless' })).status).toBe(400);
      const [key, fresh, before] = [freshKey(), freshKey(), nowMs];
      const body = { format: 'A{year}{month}-{SEQ:3}', reset: 'monthly' };
      const next = { format: 'B{year}{month}-{SEQ:3}', reset: 'monthly', strategy: to };
      try {
        for (const name of [key, fresh]) expect((await put(name, { ...body, strategy: from })).status).toBe(200);
        expect(await take(key)).toBe('A202611-001');
        nowMs = Date.parse('2027-02-02T12:00:00Z');
        const refusal = { status: 400, json: { errors: [{ path: 'strategy' }] } };
        expect(await change(key, next)).toMatchObject(refusal);
        expect((await remove(key)).status).toBe(204);
        expect(await put(key, next, other)).toMatchObject(refusal);
        expect(await put(key, { ...next, format: 'C{SEQ:3}', reset: 'never' }, other)).toMatchObject(refusal);
        expect((await put(key, { ...body, format: 'D{year}{month}-{SEQ:3}', strategy: from })).status).toBe(200);
        const report = await app.call('GET', `/api/sequences/${key}/report?period=2026-11`);
        // Segments have no report.
        expect(report.status).toBe(from === 'segment' ? 400 : 200);
        if (from !== 'segment') expect(report.json.runs.length).toBeGreaterThan(0);
        // One that has never counted may become anything.
        expect((await change(fresh, next)).status).toBe(200);
      } finally {
        nowMs = before;
      }
    },
  );

  test('400: a number that is dated back is enough to keep a counter from becoming gapless', async () => {
    if (store === 'redis')
      return expect((await put(freshKey(), { format: '{SEQ:1}', strategy: 'gapless' })).status).toBe(400);
    const key = freshKey();
    await put(key, { format: 'A{year}-{SEQ:3}', reset: 'yearly', allowPast: true });
    expect(await take(key, { date: '2019-05-01' })).toBe('A2019-001');
    const next = { format: 'B{year}-{SEQ:3}', reset: 'yearly', strategy: 'gapless' };
    expect(await change(key, next)).toMatchObject({ status: 400, json: { errors: [{ path: 'strategy' }] } });
  });

  test('400: what was numbered before the last change counts after a removal, and after a second one', async () => {
    const key = freshKey();
    await put(key, { format: 'A1{SEQ:1}' });
    expect(await take(key)).toBe('A11');
    await change(key, { format: 'B{SEQ:2}' });
    for (let round = 0; round < 2; round += 1) {
      expect((await remove(key)).status).toBe(204);
      expect((await remove(key)).status).toBe(404);
      expect((await put(key, { format: 'A{SEQ:2}', initialSeq: 10 })).status).toBe(400);
      expect((await put(key, { format: `C${'C'.repeat(round)}-{SEQ:2}` })).status).toBe(200);
    }
    expect((await change(key, { format: 'A{SEQ:2}', initialSeq: 10 })).status).toBe(400);
  });

  test('400: another node refuses it too, by PUT and by POST', async () => {
    const key = freshKey();
    await put(key, { format: 'A1{SEQ:1}' });
    await take(key);
    await remove(key);
    const body = { format: 'A{SEQ:2}', initialSeq: 10 };
    expect((await put(key, body, other)).status).toBe(400);
    expect((await other.call('POST', `/api/prefix-configs/${key}`, body)).status).toBe(400);
  });

  test('404, 200: a removed prefix is no prefix for anybody, and its versions go on when it is registered again', async () => {
    const key = freshKey();
    await put(key, { format: 'V{SEQ:3}' });
    await change(key, { format: 'V{SEQ:4}' });
    await remove(key);
    expect((await app.call('GET', `/api/prefix-configs/${key}`)).status).toBe(404);
    expect((await change(key, { format: 'V{SEQ:4}' })).status).toBe(404);
    expect((await other.call('GET', `/api/numbers/${key}`)).json.code).toBe('PREFIX_NOT_REGISTERED');
    const list = await app.call('GET', '/api/prefix-configs?limit=1000');
    expect(list.json.items.map(({ prefixKey }: { prefixKey: string }) => prefixKey)).not.toContain(key);
    const again = await put(key, { format: 'V{SEQ:4}' });
    expect([again.json.version, again.headers['etag']]).toEqual([3, '"3"']);
    expect((await change(key, { format: 'V{SEQ:5}' }, '"2"')).status).toBe(412);
    expect((await change(key, { format: 'V{SEQ:5}' }, '"3"')).json.version).toBe(4);
  });

  test('412: DELETE with the ETag of another version removes nothing', async () => {
    const key = freshKey();
    await put(key, { format: 'D{SEQ:3}' });
    await change(key, { format: 'D{SEQ:4}' });
    expect(await remove(key, '"1"')).toMatchObject({ status: 412, json: { code: 'VERSION_CONFLICT' } });
    expect(await remove(key, 'x')).toMatchObject({ status: 400, json: { errors: [{ path: 'If-Match' }] } });
    expect((await app.call('GET', `/api/prefix-configs/${key}`)).status).toBe(200);
    expect((await remove(key, '"2"')).status).toBe(204);
    expect((await remove(key, '"2"')).status).toBe(404);
    await put(key, { format: 'D{SEQ:4}' });
    expect((await remove(key, '*')).status).toBe(204);
    expect((await remove(key, '*')).status).toBe(404);
  });

  test('204, 412: of a removal and a change that race for one version exactly one goes through', async () => {
    for (let round = 0; round < 10; round += 1) {
      const key = freshKey();
      await put(key, { format: 'D{SEQ:3}' });
      const [changed, removed, again] = await Promise.all([
        change(key, { format: 'D{SEQ:4}' }, '"1"'),
        remove(key, '"1"', other),
        remove(key, '"1"'),
      ]);
      const through = [changed, removed, again].filter(({ status }) => status === 200 || status === 204);
      expect(through).toHaveLength(1);
      for (const { status } of [changed, removed, again]) expect([200, 204, 404, 412]).toContain(status);
      expect((await app.call('GET', `/api/prefix-configs/${key}`)).status).toBe(changed.status === 200 ? 200 : 404);
    }
  });

  test('200: of registrations that race after a removal one wins, and none goes by what was there before', async () => {
    for (let round = 0; round < 10; round += 1) {
      const key = freshKey();
      await put(key, { format: 'A1{SEQ:1}' });
      await take(key);
      await remove(key);
      const replies = await Promise.all([
        put(key, { format: 'B{SEQ:2}' }),
        put(key, { format: 'B1{SEQ:1}' }, other),
        put(key, { format: 'A{SEQ:2}', initialSeq: 10 }, other),
      ]);
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
      expect([400, 409]).toContain(replies[2].status);
      expect((await app.call('GET', `/api/prefix-configs/${key}`)).json.version).toBe(2);
    }
  });

  test('400: a prefix with a strategy that was removed takes up no other one that repeats its numbers', async () => {
    const key = freshKey();
    await put(key, { format: 'S-{SEQ:3}', strategy: 'snowflake' });
    const [first] = (await app.call('POST', '/api/numbers', { prefixKey: key, count: 2 })).json.numbers;
    await remove(key);
    const value = `${BigInt(first.slice(2)) - 1n}`;
    expect(await put(key, { format: 'S-{SEQ:3}', initialSeq: value })).toMatchObject({
      status: 400,
      json: { errors: [{ path: 'initialSeq' }] },
    });
    expect((await put(key, { format: 'S-{SEQ:3}' })).status).toBe(200);
    expect(await take(key)).toBe('S-001');
  });

  const report = async (key: string, period = '') =>
    (await app.call('GET', `/api/sequences/${key}/report${period === '' ? '' : `?period=${period}`}`)).json;
  const parse = async (number: string, prefixKey?: string) =>
    (await app.call('POST', '/api/numbers/parse', { number, ...(prefixKey && { prefixKey }) })).json.readings.map(
      ({ value, issued }: { value: string; issued: string }) => `${value} ${issued}`,
    );

  test('200: report, parse and preview know each number by the format of its time, through changes and a removal', async () => {
    const key = freshKey();
    await put(key, { format: `${key}A-{SEQ:4}` });
    for (let index = 0; index < 3; index += 1) await take(key);
    await change(key, { format: `${key}B-{SEQ:5}` });
    expect((await report(key)).runs[0]).toMatchObject({ first: '1', last: '3', lastNumber: `${key}A-0003` });
    const preview = await app.call('GET', `/api/prefix-configs/${key}/preview`);
    expect(preview.json.number).toBe(`${key}B-00004`);
    for (let index = 0; index < 2; index += 1) await take(key);
    expect((await report(key)).runs[0]).toMatchObject({
      first: '1',
      last: '5',
      firstNumber: `${key}A-0001`,
      lastNumber: `${key}B-00005`,
    });
    await remove(key);
    await put(key, { format: `${key}C-{SEQ:2}` });
    await take(key);
    expect((await report(key)).runs[0]).toMatchObject({
      first: '1',
      last: '6',
      firstNumber: `${key}A-0001`,
      lastNumber: `${key}C-06`,
    });
    for (const only of [undefined, key]) {
      expect(await parse(`${key}A-0002`, only)).toEqual(['2 issued']);
      expect(await parse(`${key}B-00005`, only)).toEqual(['5 issued']);
      expect(await parse(`${key}C-06`, only)).toEqual(['6 issued']);
      expect(await parse(`${key}A-0004`, only)).toEqual(['4 not-issued']);
      expect(await parse(`${key}B-00002`, only)).toEqual(['2 not-issued']);
      expect(await parse(`${key}C-02`, only)).toEqual(['2 not-issued']);
      expect(await parse(`${key}C-07`, only)).toEqual(['7 not-issued']);
    }
  });

  test('200: with a reset, periods that were over keep their format, and the present one has both', async () => {
    const key = freshKey();
    const before = nowMs;
    try {
      await put(key, { format: `${key}-{year}-{SEQ:4}`, reset: 'yearly', allowPast: true });
      await take(key, { date: '2026-11-01' });
      nowMs = Date.parse('2027-01-05T12:00:00Z');
      await take(key);
      await change(key, { format: `${key}/{year}/{SEQ:4}`, reset: 'yearly', allowPast: true });
      await take(key);
      await take(key, { date: '2026-12-01' });
      for (const year of ['2026', '2027']) {
        expect((await report(key, year)).runs[0]).toMatchObject({
          first: '1',
          last: '2',
          firstNumber: `${key}-${year}-0001`,
          lastNumber: `${key}/${year}/0002`,
        });
        expect(await parse(`${key}-${year}-0001`)).toEqual(['1 issued']);
        expect(await parse(`${key}/${year}/0002`)).toEqual(['2 issued']);
        expect(await parse(`${key}-${year}-0002`)).toEqual(['2 not-issued']);
      }
    } finally {
      nowMs = before;
    }
  });

  test('200: gapless numbers are known by what the ledger says was printed', async () => {
    const key = freshKey();
    const strategy = store === 'redis' ? 'counter' : 'gapless';
    await put(key, { format: `${key}A-{SEQ:4}`, strategy });
    await take(key);
    await change(key, { format: `${key}B-{SEQ:4}`, strategy });
    await take(key);
    expect(await parse(`${key}A-0001`)).toEqual(['1 issued']);
    expect(await parse(`${key}B-0002`)).toEqual(['2 issued']);
    expect(await parse(`${key}A-0002`)).toEqual(['2 not-issued']);
    expect(await parse(`${key}B-0001`)).toEqual(['1 not-issued']);
  });
});
