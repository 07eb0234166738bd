/** With PostgreSQL keeping the ceilings: whatever Redis loses, numbers go on above what was issued; and what happens when PostgreSQL fails. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import { inRedis } from '../support/in-redis.ts';
import { startPostgresServer } from '../support/postgres.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { runMain, type Service, startService } from '../support/service.ts';

const CONFIG = { format: '{SEQ:1}', allowCollision: true };

const row = (count: number, from = 1): string[] => Array.from({ length: count }, (_, index) => `${from + index}`);

let redis: RedisServer;
const apps: TestApp[] = [];
const services: Service[] = [];

const start = async (databaseUrl: string, toBeReady = true): Promise<TestApp> => {
  const app = await startApp({
    REDIS_URL: redis.url,
    DATABASE_URL: databaseUrl,
    REDIS_TIMEOUT_MS: '500',
    DATABASE_TIMEOUT_MS: '1000',
    STANDBY_SIZE: '0',
  });
  apps.push(app);
  if (toBeReady) await app.ready();
  return app;
};
const closeAll = async (): Promise<void> => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await Promise.all(services.splice(0).map((service) => service.close()));
};
const register = async (app: TestApp, key = 'A'): Promise<void> => {
  // The first use of PostgreSQL makes the tables.
  await expect.poll(async () => (await app.call('PUT', `/api/prefix-configs/${key}`, CONFIG)).status).toBe(200);
};
const ask = (app: TestApp, count = 1, key = 'A'): Promise<TestReply> =>
  app.call('GET', `/api/numbers/${key}?count=${count}`);
const take = async (app: TestApp, count = 1, key = 'A'): Promise<string[]> => {
  const reply = await ask(app, count, key);
  expect(reply).toMatchObject({ status: 200 });
  return reply.json.numbers;
};
/** Asks until it is served, and tells what came. */
const takeWhenServed = async (app: TestApp, count = 1, key = 'A'): Promise<string[]> => {
  let numbers: string[] = [];
  const served = async (): Promise<number> => {
    const { status, json } = await ask(app, count, key);
    numbers = json.numbers;
    return status;
  };
  await expect.poll(served).toBe(200);
  return numbers;
};
const gapsOf = async (app: TestApp, key = 'A'): Promise<TestReply['json'][]> =>
  (await app.call('GET', `/api/sequences/${key}/gaps?limit=1000`)).json.items;
const recoveries = (...from: TestApp[]): unknown[] =>
  from.flatMap(({ log }) => log).filter(({ event }) => event === 'sequence-recovered');
const component = async (app: TestApp, name: string): Promise<unknown> =>
  (await app.call('GET', '/health')).json.components.find((one: { name: string }) => one.name === name);

beforeEach(async () => {
  redis = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] });
});

afterEach(async () => {
  await closeAll();
  await redis.close();
});

describe('when Redis loses', () => {
  let database: PostgresDatabase;

  beforeEach(async () => {
    database = await leasePostgresDatabase();
  });

  afterEach(async () => {
    // Their connections first.
    await closeAll();
    await database.release();
  });

  test('nothing, but is restarted, counting goes on exactly and at once', async () => {
    const app = await start(database.url);
    await register(app);
    expect(await take(app, 12)).toEqual(row(12));
    await redis.restart();
    expect(await takeWhenServed(app, 3)).toEqual(row(3, 13));
    expect(await gapsOf(app)).toEqual([]);
    expect(recoveries(app).at(-1)).toMatchObject({ exact: true, nodes: 1 });
  });

  test('everything, numbers go on without a hole, configs are put back', async () => {
    const app = await start(database.url);
    await register(app);
    expect(await take(app, 7)).toEqual(row(7));
    await inRedis(redis.url, (client) => client.flushall());
    expect(await takeWhenServed(app, 3)).toEqual(row(3, 8));
    expect((await app.call('GET', '/api/prefix-configs/A')).json).toMatchObject({ format: '{SEQ:1}' });
    expect(await inRedis(redis.url, (client) => client.hexists('prefix_configs', 'A'))).toBe(1);
    expect(await gapsOf(app)).toEqual([]);
    expect(await component(app, 'postgres')).toMatchObject({ status: 'up' });
  });

  test('everything, a node that comes new after all others have left in good order goes on where they stopped', async () => {
    const first = await start(database.url);
    await register(first);
    expect(await take(first, 7)).toEqual(row(7));
    await closeAll();
    expect(await database.query('SELECT node FROM nodes')).toEqual([]);
    await inRedis(redis.url, (client) => client.flushall());
    const second = await start(database.url);
    expect(await takeWhenServed(second, 3)).toEqual(row(3, 8));
    expect(await gapsOf(second)).toEqual([]);
  });

  test('everything, the gap record comes back, and what was advanced stays passed over', async () => {
    const app = await start(database.url);
    await register(app);
    expect(await take(app, 3)).toEqual(row(3));
    const advanced = await app.call('POST', '/api/sequences/A/advance', { to: '500', reason: 'paper' });
    expect(advanced).toMatchObject({ status: 200 });
    await inRedis(redis.url, (client) => client.flushall());
    expect(await takeWhenServed(app, 1)).toEqual(['501']);
    // No value is in no list: 1 to 3 were issued.
    const named = (await gapsOf(app)).flatMap(({ first, last }) =>
      row(Number(last) - Number(first) + 1, Number(first)),
    );
    expect(named.map(Number).toSorted((a, b) => a - b)).toEqual(row(497, 4).map(Number));
  });

  test('everything, a gap that was written down at the last raise keeps its reason', async () => {
    const app = await start(database.url);
    await register(app);
    await take(app, 3);
    await app.call('POST', '/api/sequences/A/advance', { to: '500', reason: 'paper' });
    // Far enough that the ceiling is raised once more, with the account.
    await take(app, 9_000);
    const kept = "SELECT first, last FROM gaps WHERE prefix_key = 'A' AND reason = 'advance'";
    await expect.poll(() => database.query(kept)).toEqual([{ first: '4', last: '500' }]);
    await inRedis(redis.url, (client) => client.flushall());
    expect(await takeWhenServed(app, 1)).toEqual(['9501']);
    expect(await gapsOf(app)).toMatchObject([{ first: '4', last: '500', reason: 'advance' }]);
  });

  test('the state of one sequence, that one is recovered exactly, and no other notices', async () => {
    const app = await start(database.url);
    for (const key of ['A', 'B']) await register(app, key);
    await take(app, 7);
    await take(app, 3, 'B');
    await inRedis(redis.url, (client) => client.del('{sequence:A}:state', 'sequence:A'));
    expect(await takeWhenServed(app, 2)).toEqual(['8', '9']);
    expect(await take(app, 1, 'B')).toEqual(['4']);
    const recovering = app.log.filter(({ event, prefix_key }) => event === 'sequence-recovering' && prefix_key === 'B');
    expect(recovering.length).toBeLessThanOrEqual(1);
  });

  test('everything, a node that never counted in the sequence reports too: exact', async () => {
    const [app, idle] = [await start(database.url), await start(database.url)];
    await register(app);
    await register(idle, 'B');
    await take(app, 7);
    await take(idle, 1, 'B');
    await inRedis(redis.url, (client) => client.flushall());
    expect(await takeWhenServed(app, 1)).toEqual(['8']);
    // Had one of them not reported, this would be a jump.
    expect(recoveries(app, idle)).toContainEqual(
      expect.objectContaining({ prefix_key: 'A', exact: true, nodes: 2, after_ms: expect.any(Number) }),
    );
  });

  test('everything and a node with it, counting goes on above the ceiling, and the gap record says so', async () => {
    const app = await start(database.url);
    await register(app);
    const other = await startService({
      env: { REDIS_URL: redis.url, DATABASE_URL: database.url, STANDBY_SIZE: '0', AUTH: 'off' },
    });
    services.push(other);
    expect(await take(app, 2)).toEqual(row(2));
    const there = await (await fetch(`${other.url}/api/numbers/A?count=5`)).json();
    expect(there).toMatchObject({ numbers: row(5, 3) });
    await other.kill();
    const [{ ceiling } = {}] = await database.query("SELECT ceiling FROM ceilings WHERE prefix_key = 'A'");
    await inRedis(redis.url, (client) => client.flushall());
    const [first = ''] = await takeWhenServed(app, 1);
    expect(BigInt(first)).toBe(BigInt(String(ceiling)) + 1n);
    const items = await gapsOf(app);
    expect(items.at(-1)).toMatchObject({ reason: 'recovery-jump', last: String(ceiling) });
    // Whatever the killed node was given is named, and what this one was given is not.
    const named = items.flatMap(({ first: from, last }) => row(Number(last) - Number(from) + 1, Number(from)));
    expect(named.map(Number).toSorted((a, b) => a - b)).toEqual(row(Number(ceiling) - 2, 3).map(Number));
    expect(recoveries(app).at(-1)).toMatchObject({ exact: false, jumped_to: String(ceiling) });
    expect(await take(app, 2)).toEqual(row(2, Number(first) + 1));
  });

  describe.each([
    ['lost the sequence', 'DELETE FROM ceilings'],
    ['is as it was an epoch ago', 'UPDATE ceilings SET epoch = epoch - 1, ceiling = 5, base = 0'],
  ])('nothing, but PostgreSQL %s', (_title, sql) => {
    test('503: with the way to repair it in the log, until npm run repair has moved it forward', async () => {
      const first = await start(database.url);
      await register(first);
      await take(first, 7);
      // A later epoch.
      await redis.restart();
      expect(await takeWhenServed(first, 1)).toEqual(['8']);
      await closeAll();
      await database.query(sql);
      const app = await start(database.url);
      const refused = await ask(app);
      expect(refused).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
      expect(refused.text).toContain('PostgreSQL is older than Redis');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      const env = { REDIS_URL: redis.url, DATABASE_URL: database.url };
      expect(await runMain(['repair', '--yes'], env)).toMatchObject({ code: 0 });
      expect(await takeWhenServed(app, 2)).toEqual(['9', '10']);
      expect(JSON.stringify(app.log)).toContain('npm run repair');
    });
  });
});

describe('a PostgreSQL that', () => {
  test('is away: numbers up to the ceiling, then 503 with Retry-After; /health says so; all goes on when it is back', async () => {
    await using postgres = await startPostgresServer();
    const app = await start(postgres.url);
    await register(app);
    const numbers = await take(app, 10);
    await postgres.stop();
    await expect
      .poll(() => component(app, 'postgres'))
      .toMatchObject({
        status: 'degraded',
        detail: expect.stringContaining('Numbers go on up to the ceilings it confirmed.'),
      });
    expect(await app.call('GET', '/health')).toMatchObject({ status: 200, json: { status: 'degraded' } });
    numbers.push(...(await take(app, 5_000)));
    let reply = await ask(app, 1_000);
    while (reply.status === 200 && numbers.length < 100_000) {
      numbers.push(...reply.json.numbers);
      reply = await ask(app, 1_000);
    }
    expect(reply).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(app.log.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['ceiling-store-disconnected', 'ceiling-not-raised']),
    );
    await postgres.restart();
    numbers.push(...(await takeWhenServed(app, 1_000)));
    // Nothing twice, and nothing is missing: what was refused is handed out later.
    numbers.push(...(await take(app, 1_000)));
    expect(numbers.map(Number).toSorted((a, b) => a - b)).toEqual(row(numbers.length).map(Number));
    expect(await app.call('GET', '/health')).toMatchObject({ status: 200, json: { status: expect.any(String) } });
    await closeAll();
  });

  test('503: is away when a node starts; it serves as soon as PostgreSQL is there', async () => {
    await using postgres = await startPostgresServer();
    const first = await start(postgres.url);
    await register(first);
    await take(first, 3);
    await closeAll();
    await postgres.stop();
    const app = await start(postgres.url, false);
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 503 });
    const refused = await ask(app);
    expect(refused).toMatchObject({ status: 503, json: { code: expect.stringMatching(/^STORAGE_/) } });
    expect(refused.text).not.toContain('127.0.0.1');
    await postgres.restart();
    expect(await takeWhenServed(app, 1)).toEqual(['4']);
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200 });
    await closeAll();
  });

  test('503: is away during a recovery; the sequence is served when it is back', async () => {
    await using postgres = await startPostgresServer();
    const app = await start(postgres.url);
    await register(app);
    expect(await take(app, 3)).toEqual(row(3));
    await postgres.stop();
    await redis.restart();
    await expect.poll(async () => (await ask(app)).status).toBe(503);
    expect((await app.call('POST', '/api/sequences/A/advance', { to: '500', reason: 'paper' })).status).toBe(503);
    await postgres.restart();
    const [next = ''] = await takeWhenServed(app, 1);
    expect(Number(next)).toBeGreaterThanOrEqual(4);
    await closeAll();
  });

  test('is away when a node stops is told of, and the node ends all the same', async () => {
    await using postgres = await startPostgresServer();
    const app = await start(postgres.url);
    await register(app);
    await take(app, 3);
    await postgres.stop();
    await closeAll();
    expect(app.log.map(({ event }) => event)).toContain('node-not-struck-out');
  });
});
