/** A ledger that went back, as by restoring a backup of PostgreSQL: refused before a number comes again, named everywhere, and mended by advance and repair. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { runMain } from '../support/service.ts';

const TABLES = ['ledger_sequences', 'ledger', 'ledger_lost', 'reservations', 'ledger_operations', 'ledger_receipts'];

let redis: RedisServer;
let postgres: PostgresDatabase;
let apps: TestApp[];
let env: Record<string, string>;

const start = async (): Promise<TestApp> => {
  const app = await startApp(env);
  apps.push(app);
  await app.ready();
  return app;
};

beforeEach(async () => {
  [redis, postgres] = await Promise.all([startRedisServer(), leasePostgresDatabase()]);
  env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000', REDIS_TIMEOUT_MS: '5000' };
  apps = [];
  await start();
  await start();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await Promise.all([redis.close(), postgres.release()]);
});

const app = (index = 0): TestApp => apps[index] as TestApp;
const register = async (key: string, config: object = {}): Promise<void> => {
  const body = { format: `${key}-{SEQ:6}`, strategy: 'gapless', ...config };
  expect(await app().call('PUT', `/api/prefix-configs/${key}`, body)).toMatchObject({ status: 200 });
};
const ask = (key: string, on = app()): Promise<TestReply> => on.call('GET', `/api/numbers/${key}`);
const take = async (key: string, count = 1, on = app()): Promise<string[]> => {
  const reply = await on.call('GET', `/api/numbers/${key}?count=${count}`);
  expect(reply).toMatchObject({ status: 200 });
  return reply.json.numbers;
};
const reserve = async (key: string): Promise<string> =>
  (await app().call('POST', '/api/reservations', { prefixKey: key, ttlSeconds: 600 })).json.id;
const advance = (key: string, to: string): Promise<TestReply> =>
  app().call('POST', `/api/sequences/${key}/advance`, { to, reason: 'restored' });
const repair = (...args: string[]) => runMain(['repair', ...args], env);

/** @returns what puts the ledger back to what it is now. */
const backUp = async (): Promise<() => Promise<void>> => {
  for (const table of TABLES) await postgres.query(`CREATE TABLE backup_${table} AS TABLE ${table}`);
  return async () => {
    for (const table of TABLES) {
      await postgres.query(`TRUNCATE ${table}`);
      await postgres.query(`INSERT INTO ${table} SELECT * FROM backup_${table}`);
    }
  };
};

const BEHIND = { status: 503, json: { code: 'STORAGE_UNAVAILABLE', detail: expect.stringContaining('went back') } };

describe('a ledger that was restored from a backup', () => {
  test('503 on every node, also a new one, until it was advanced and repaired; no number comes again', async () => {
    await register('GAP');
    await register('FINE');
    const issued = [...(await take('GAP', 5)), ...(await take('FINE', 2))];
    const [kept, given] = [await reserve('GAP'), await reserve('GAP')];
    const restore = await backUp();
    issued.push(...(await take('GAP', 20, app(1))));
    await restore();
    await start();
    for (const on of apps) expect(await ask('GAP', on)).toMatchObject(BEHIND);
    expect(await app().call('POST', '/api/reservations', { prefixKey: 'GAP' })).toMatchObject(BEHIND);
    expect(await app().call('POST', `/api/reservations/${kept}/confirm`)).toMatchObject(BEHIND);
    expect(await app().call('POST', `/api/reservations/${given}/void`, { reason: 'no' })).toMatchObject(BEHIND);
    issued.push(...(await take('FINE')));

    expect(await app().call('GET', '/health')).toMatchObject({ status: 200, json: { status: 'degraded' } });
    const component = (await app().call('GET', '/health')).json.components.find(
      ({ name }: { name: string }) => name === 'gapless',
    );
    expect(component).toMatchObject({ status: 'degraded', detail: expect.stringContaining('GAP') });
    expect(app().log.filter(({ event }) => event === 'ledger-behind')).toMatchObject([
      { level: 'error', sequences: 1 },
    ]);
    expect((await app().call('GET', '/metrics')).text).toMatch(/^number_generator_ledger_sequences_behind 1$/m);
    const shown = await repair();
    expect(shown.stdout).toContain('ledger of GAP: PostgreSQL');
    expect(shown.stdout).toContain('went back');

    const early = await repair('--yes');
    expect(early.stdout).toContain('advance it to 27 or more first');
    expect(await ask('GAP')).toMatchObject(BEHIND);
    expect(await advance('GAP', '26')).toMatchObject({ status: 409, json: { code: 'SEQUENCE_NOT_FORWARD' } });
    expect(await advance('GAP', '100')).toMatchObject({ status: 200 });
    expect(await ask('GAP')).toMatchObject(BEHIND);
    expect((await repair('--yes')).stdout).toContain('ledger of GAP: PostgreSQL');
    for (const on of apps) issued.push(...(await take('GAP', 2, on)));
    expect(new Set(issued).size).toBe(issued.length);
    expect(issued.at(-1)).toBe('GAP-000106');
    expect((await repair()).stdout).not.toContain('went back');
    expect(await app().call('POST', `/api/reservations/${kept}/confirm`)).toMatchObject({ status: 200 });
  });

  test('503 for its state, preview, gaps and report too, and parse says unknown, until it was advanced', async () => {
    await register('READ');
    await register('FINE');
    await take('READ', 3);
    await take('FINE', 2);
    const restore = await backUp();
    const later = await take('READ', 4);
    await restore();
    const fresh = await start();
    const views = ['sequences/READ', 'prefix-configs/READ/preview', 'sequences/READ/gaps', 'sequences/READ/report'];
    const parse = (number: string, on: TestApp) =>
      on.call('POST', '/api/numbers/parse', { number, prefixKey: number.slice(0, 4) });
    for (const on of [app(), fresh]) {
      for (const view of views) expect(await on.call('GET', `/api/${view}`), view).toMatchObject(BEHIND);
      for (const number of ['READ-000001', later.at(-1) as string]) {
        expect(await parse(number, on)).toMatchObject({
          status: 200,
          json: { readings: [{ issued: 'unknown', reason: expect.stringContaining('went back') }] },
        });
      }
      expect(await on.call('GET', '/api/sequences/FINE')).toMatchObject({ status: 200, json: { value: '2' } });
      expect(await parse('FINE-000002', on)).toMatchObject({ json: { readings: [{ issued: 'issued' }] } });
      // What numbers were issued cannot be told, so neither whether a new format would repeat them.
      const change = { format: 'REAX-{SEQ:6}', strategy: 'gapless' };
      const headers = { authorization: `Bearer ${adminToken}`, 'if-match': '*' };
      expect(await on.call('PUT', '/api/prefix-configs/READ', change, headers)).toMatchObject(BEHIND);
    }
    expect(await advance('READ', '7')).toMatchObject({ status: 200 });
    expect(await ask('READ')).toMatchObject(BEHIND);
    for (const on of [app(), fresh]) {
      for (const view of views) expect(await on.call('GET', `/api/${view}`), view).toMatchObject({ status: 200 });
      expect(await on.call('GET', '/api/sequences/READ')).toMatchObject({ json: { value: '7', nextValue: '8' } });
      expect(await parse('READ-000001', on)).toMatchObject({ json: { readings: [{ issued: 'issued' }] } });
    }
  });

  test('503 also when the value alone shows nothing: what came free before and was handed out after is not handed out again', async () => {
    await register('FREE');
    const id = await reserve('FREE');
    await take('FREE', 2);
    await app().call('POST', `/api/reservations/${id}/void`, { reason: 'no' });
    const restore = await backUp();
    expect(await take('FREE')).toEqual(['FREE-000001']);
    await restore();
    expect(await ask('FREE')).toMatchObject(BEHIND);
    expect(await advance('FREE', '4')).toMatchObject({ status: 200, json: { advanced: { free: '1' } } });
    await repair('--yes');
    expect(await take('FREE', 2)).toEqual(['FREE-000005', 'FREE-000006']);
  });

  test('503 through nodes that were running, though Redis went back too: they know what they have done themselves', async () => {
    await register('BOTH');
    await take('BOTH', 2);
    const restore = await backUp();
    await take('BOTH', 3);
    await restore();
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    expect(await ask('BOTH')).toMatchObject(BEHIND);
  });

  test('503 for a prefix that was made after the backup, of which the ledger knows nothing', async () => {
    const restore = await backUp();
    await register('LATE', { initialSeq: 10 });
    await take('LATE', 3);
    await restore();
    expect(await ask('LATE', app(1))).toMatchObject(BEHIND);
    expect(await postgres.query("SELECT * FROM ledger_sequences WHERE prefix_key = 'LATE'")).toEqual([]);
    expect((await repair()).stdout).toContain('ledger of LATE: PostgreSQL nothing');
    expect(await advance('LATE', '13')).toMatchObject({ status: 200, json: { advanced: { first: '11', last: '13' } } });
    await repair('--yes');
    expect(await take('LATE')).toEqual(['LATE-000014']);
  });
});

describe('the guard of the ledger', () => {
  const unguarded = async (): Promise<boolean> =>
    (await app().call('GET', '/health')).json.components.some(
      ({ name }: { name: string }) => name === 'gapless-unguarded',
    );
  const marks = async (): Promise<Record<string, string>> => {
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url);
    const found = await client.hgetall('{ledger}:known');
    client.disconnect();
    return found;
  };

  test('200 while Redis is away, and /health says gapless-unguarded; when it is back it is told', async () => {
    await register('AWAY');
    await take('AWAY', 2);
    expect(await unguarded()).toBe(false);
    await redis.kill();
    expect(await take('AWAY', 3)).toHaveLength(3);
    expect(await unguarded()).toBe(true);
    await redis.restart();
    await expect.poll(unguarded).toBe(false);
    expect((await marks())['AWAY ']).toMatch(/^\d+ 5$/);
    expect((await app().call('GET', '/metrics')).text).toMatch(/^number_generator_gapless_guarded 1$/m);
  });

  test('fills an empty Redis from PostgreSQL, sequences that nobody asks for among them, and refuses a ledger that went back since', async () => {
    await register('FILL');
    await register('REST');
    await take('REST', 4);
    await take('FILL', 2);
    const restore = await backUp();
    await take('REST', 1);
    await redis.kill();
    await redis.restart();
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    await take('FILL');
    await expect.poll(async () => (await marks())['REST ']).toMatch(/^\d+ 5$/);
    await restore();
    const fresh = await start();
    expect(await ask('REST', fresh)).toMatchObject(BEHIND);
  });

  test('finds a ledger that went back before anybody asks for it', async () => {
    await register('QUIET');
    const restore = await backUp();
    await take('QUIET', 3);
    await restore();
    const fresh = await start();
    await expect
      .poll(async () => (await fresh.call('GET', '/health')).json.components.map(({ name }: { name: string }) => name))
      .toContain('gapless');
  });

  test('200 for all when three nodes overtake each other: takes, reservations, confirmations and voids are never refused', async () => {
    await start();
    for (const key of ['A', 'B', 'C']) await register(key);
    const statuses = new Map<number, number>();
    const note = ({ status }: TestReply): void => {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    const client = async (index: number): Promise<void> => {
      const on = app(index % 3);
      for (let round = 0; round < 12; round += 1) {
        const key = 'ABC'[(index + round) % 3] as string;
        note(await ask(key, on));
        const reserved = await on.call('POST', '/api/reservations', { prefixKey: key });
        note(reserved);
        const other = app((index + 1) % 3);
        const { id } = reserved.json;
        if (round % 2) note(await other.call('POST', `/api/reservations/${id}/confirm`));
        else note(await other.call('POST', `/api/reservations/${id}/void`, { reason: 'no' }));
      }
    };
    await Promise.all(Array.from({ length: 18 }, (_, index) => client(index)));
    expect([...statuses.keys()].toSorted()).toEqual([200, 201]);
  });
});
