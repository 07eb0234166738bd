/** What is read of a sequence after Redis lost it, when nobody asks for a number: the truth, or 503; never less than was known. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { inRedis } from '../support/in-redis.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';

const CONFIG = { format: 'INV-{SEQ:6}', initialSeq: 100 };

let redis: RedisServer;
let database: PostgresDatabase;
const apps: TestApp[] = [];

const start = async (env: Readonly<Record<string, string>>): Promise<TestApp> => {
  const app = await startApp({ REDIS_URL: redis.url, STANDBY_SIZE: '0', DATABASE_TIMEOUT_MS: '1000', ...env });
  apps.push(app);
  await app.ready();
  return app;
};
const emptied = () => inRedis(redis.url, (client) => client.flushall());
const take = async (app: TestApp, count: number): Promise<void> => {
  const status = async () => (await app.call('GET', `/api/numbers/INV?count=${count}`)).status;
  await expect.poll(status, { timeout: 15_000 }).toBe(200);
};
const register = async (app: TestApp, body: object = CONFIG): Promise<void> => {
  const status = async () => (await app.call('PUT', '/api/prefix-configs/INV', body)).status;
  await expect.poll(status, { timeout: 15_000 }).toBe(200);
};
/** All that can be read, from this node, one after the other. */
const readAll = async (app: TestApp) => {
  const report = (await app.call('GET', '/api/sequences/INV/report')).json;
  const parse = async (number: string) =>
    (await app.call('POST', '/api/numbers/parse', { number, prefixKey: 'INV' })).json.readings?.[0]?.issued;
  const state = (await app.call('GET', '/api/sequences/INV')).json;
  return {
    runs: report.runs?.map((run: Record<string, string>) => `${run['state']} ${run['first']}-${run['last']}`),
    exact: report.summary?.exact,
    issued: [await parse('INV-000105'), await parse('INV-000100'), await parse('INV-000300')],
    state: [state.value, state.nextNumber],
    preview: (await app.call('GET', '/api/prefix-configs/INV/preview')).json.number,
    gaps: (await app.call('GET', '/api/sequences/INV/gaps')).json.items?.map((gap: { first: string }) => gap.first),
  };
};
const TRUTH = {
  runs: ['issued 101-110', 'gap 111-200', 'issued 201-203'],
  exact: true,
  issued: ['issued', 'not-issued', 'not-issued'],
  state: ['203', 'INV-000204'],
  preview: 'INV-000204',
  gaps: ['111'],
};

beforeEach(async () => {
  redis = await startRedisServer({ appendonly: true });
  database = await leasePostgresDatabase();
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await redis.close();
  await database.release();
});

describe('with PostgreSQL, after Redis was emptied', () => {
  const count = async (...nodes: readonly TestApp[]): Promise<void> => {
    const [first] = nodes as [TestApp];
    await register(first);
    await take(first, 8);
    for (const node of nodes) await take(node, nodes.length === 1 ? 2 : 1);
    await first.call('POST', '/api/sequences/INV/advance', { to: 200, reason: 'x' });
    await take(nodes.at(-1) as TestApp, 3);
  };

  test('200: every node tells all of it at once, though nobody asks for a number', async () => {
    const [one, other] = [await start({ DATABASE_URL: database.url }), await start({ DATABASE_URL: database.url })];
    await count(one, other);
    await emptied();
    expect(await readAll(one)).toEqual(TRUTH);
    expect(await readAll(other)).toEqual(TRUTH);
    await emptied();
    const reads = await Promise.all(Array.from({ length: 6 }, (_, index) => readAll(index % 2 === 0 ? one : other)));
    for (const read of reads) expect(read).toEqual(TRUTH);
  });

  test('200: a node that never counted the sequence tells all of it, after those that did have left', async () => {
    const first = await start({ DATABASE_URL: database.url });
    await count(first);
    await apps.splice(0)[0]?.close();
    await emptied();
    const fresh = await start({ DATABASE_URL: database.url });
    expect(await readAll(fresh)).toEqual(TRUTH);
  });

  test('200: the measure of the gaps stays', async () => {
    const app = await start({ DATABASE_URL: database.url });
    await count(app);
    const measured = async () => {
      await app.watchHoldings();
      const { text } = await app.call('GET', '/metrics');
      return /^number_generator_gap_record_entries\{prefix="INV"\} (.*)$/m.exec(text)?.[1];
    };
    expect(await measured()).toBe('1');
    await emptied();
    expect(await measured()).toBe('1');
  });

  test('503: when PostgreSQL is away too, nobody can say', async () => {
    const app = await start({ DATABASE_URL: database.url });
    await count(app);
    await database.query('ALTER TABLE ceilings RENAME TO hidden');
    await emptied();
    for (const path of ['/report', '', '/gaps']) {
      expect((await app.call('GET', `/api/sequences/INV${path}`)).status).toBe(503);
    }
    await database.query('ALTER TABLE hidden RENAME TO ceilings');
    expect(await readAll(app)).toEqual(TRUTH);
  });

  test('200: a sequence that nobody counted is read as such, and reading it begins nothing', async () => {
    const app = await start({ DATABASE_URL: database.url });
    await register(app);
    expect(await readAll(app)).toMatchObject({ runs: [], exact: true, state: ['100', 'INV-000101'], gaps: [] });
    expect(await database.query('SELECT prefix_key FROM ceilings')).toEqual([]);
    expect(await inRedis(redis.url, (client) => client.exists('{sequence:INV}:state'))).toBe(0);
  });
});

describe('with Redis alone', () => {
  test('200: a node that has counted tells what it knows after Redis was emptied, and never that nothing was issued', async () => {
    const app = await start({});
    await register(app);
    await take(app, 10);
    const config = await inRedis(redis.url, (client) => client.hget('prefix_configs', 'INV'));
    await inRedis(redis.url, (client) =>
      client
        .multi()
        .flushall()
        .hset('prefix_configs', 'INV', config ?? '')
        .exec(),
    );
    const read = await readAll(app);
    expect([read.issued[0], read.exact]).toEqual(['issued', expect.anything()]);
    expect(read.runs[0]).toBe('issued 101-110');
    expect(BigInt(read.state[0])).toBeGreaterThanOrEqual(110n);
  });

  test('200: after a restart of Redis the sequence is recovered before it is read', async () => {
    const app = await start({});
    await register(app);
    await take(app, 10);
    await redis.restart();
    await expect
      .poll(() => readAll(app), { timeout: 15_000 })
      .toMatchObject({
        ...{ runs: ['issued 101-110'], exact: true, preview: 'INV-000111' },
      });
  });
});
