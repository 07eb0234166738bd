/** REDIS_KEY_PREFIX: installations that share one Redis, with each other and with anybody else, share nothing in it. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

const FORMAT = { format: 'A-{SEQ:3}' };

const open = async (url: string, prefix: string, more: Readonly<Record<string, string>> = {}): Promise<TestApp> => {
  const app = await startApp({ REDIS_URL: url, ...(prefix !== '' && { REDIS_KEY_PREFIX: prefix }), ...more });
  await app.ready();
  return app;
};

/** Uses all that is kept in Redis. */
const useEverything = async (app: TestApp): Promise<void> => {
  const expected: [string, string, unknown, number, Record<string, string>?][] = [
    ['PUT', '/api/prefix-configs/A', FORMAT, 200],
    ['PUT', '/api/prefix-configs/Y', { format: 'Y{year}-{SEQ:3}', reset: 'yearly', allowPast: true }, 200],
    ['PUT', '/api/prefix-configs/SEG', { format: 'SEG-{SEQ:6}', strategy: 'segment' }, 200],
    ['PUT', '/api/prefix-configs/SNOW', { format: 'S{SEQ:19}', strategy: 'snowflake' }, 200],
    ['GET', '/api/numbers/A?count=3', undefined, 200],
    ['GET', '/api/numbers/SEG?count=3', undefined, 200],
    ['GET', '/api/numbers/SNOW', undefined, 200],
    ['POST', '/api/numbers', { prefixKey: 'Y', date: '2020-05-05' }, 200],
    ['POST', '/api/numbers', { prefixKey: 'A' }, 200, { 'idempotency-key': 'one' }],
    ['POST', '/api/numbers', { prefixKey: 'Y' }, 200, { 'idempotency-key': 'two' }],
    ['POST', '/api/sequences/A/advance', { to: 50, reason: 'a test' }, 200],
    ['POST', '/api/sequences/Y/periods/2020/close', { reason: 'a test' }, 200],
    ['GET', '/api/sequences/A', undefined, 200],
    ['GET', '/api/sequences/A/gaps', undefined, 200],
    ['GET', '/api/sequences/A/report', undefined, 200],
    ['POST', '/api/numbers/parse', { number: 'A-001' }, 200],
    ['GET', '/api/prefix-configs', undefined, 200],
    ['POST', '/api/api-keys', { name: 'shop', scopes: ['numbers:issue:A'] }, 201],
    ['GET', '/api/api-keys', undefined, 200],
    ['GET', '/api/temporary-numbers', undefined, 200],
    ['POST', '/api/temporary-numbers/TMP-A-1-1-1/resolve', undefined, 404],
    ['DELETE', '/api/prefix-configs/Y', undefined, 204],
    ['GET', '/health', undefined, 200],
  ];
  for (const [method, url, body, status, more] of expected) {
    const reply = await app.call(method, url, body, more);
    expect({ method, url, status: reply.status, text: reply.status === status ? '' : reply.text }).toEqual({
      ...{ method, url, status, text: '' },
    });
  }
};

const keysOf = async (client: Redis): Promise<string[]> => (await client.keys('*')).toSorted();

describe('two installations in one database, and a third without a prefix', () => {
  let database: RedisDatabase;
  let apps: TestApp[];

  beforeAll(async () => {
    database = await leaseRedisDatabase();
    apps = [];
    for (const prefix of ['shop:', 'shop-2.', '']) apps.push(await open(database.url, prefix));
  });

  afterAll(async () => {
    for (const app of apps.toReversed()) await app.close();
    await database.release();
  });

  test('200: each counts for itself, and has configs, receipts, keys and temporary numbers of its own', async () => {
    const seen: string[] = [];
    const keys: string[] = [];
    for (const app of apps) {
      expect((await app.call('PUT', '/api/prefix-configs/A', FORMAT)).status).toBe(200);
      const issued = await app.call('POST', '/api/numbers', { prefixKey: 'A' }, { 'idempotency-key': 'same' });
      seen.push(issued.json.number);
      const made = await app.call('POST', '/api/api-keys', { name: 'x', scopes: ['configs:read'] });
      keys.push(made.json.key);
      expect((await app.call('GET', '/api/api-keys')).json.items).toHaveLength(1);
      expect((await app.call('GET', '/api/prefix-configs')).json.items).toHaveLength(1);
    }
    expect(seen).toEqual(['A-001', 'A-001', 'A-001']);
    const statuses = [];
    for (const app of apps) {
      for (const key of keys) {
        statuses.push((await app.call('GET', '/api/prefix-configs/A', undefined, { 'x-api-key': key })).status);
      }
    }
    expect(statuses).toEqual([200, 401, 401, 401, 200, 401, 401, 401, 200]);
  });

  test('204: a config that is removed in one stays in the others, at once and after they have looked again', async () => {
    const [first, second] = apps;
    expect((await first?.call('DELETE', '/api/prefix-configs/A'))?.status).toBe(204);
    expect((await second?.call('GET', '/api/numbers/A'))?.json.number).toBe('A-002');
    const fields = await Promise.all(
      ['shop:prefix_configs', 'shop-2.prefix_configs', 'prefix_configs'].map((key) => database.client.hkeys(key)),
    );
    expect(fields).toEqual([[], ['A'], ['A']]);
  });
});

describe('a prefix', () => {
  test('200: stands before every key and channel that a full run of the API names', async () => {
    await using server = await startRedisServer();
    const operator = new Redis(server.url);
    const watcher = await operator.monitor();
    const commands: string[][] = [];
    watcher.on('monitor', (_time: string, args: string[]) => commands.push(args));
    const app = await open(server.url, 'shop:', { RATE_LIMIT_PER_SECOND: '1000' });
    await useEverything(app);
    await app.close();
    await expect.poll(() => commands.some(([name]) => name?.toLowerCase() === 'publish')).toBe(true);
    watcher.disconnect();

    const named = new Set<string>();
    for (const command of commands) {
      const name = command[0]?.toLowerCase() ?? '';
      if (name === 'publish' || name === 'subscribe')
        for (const channel of command.slice(1, name === 'publish' ? 2 : undefined)) named.add(channel);
      else for (const key of await keysIn(operator, command)) named.add(key);
    }
    expect(named.size).toBeGreaterThan(15);
    const outside = (names: Iterable<string>): string[] => [...names].filter((key) => !/^\{?shop:/.test(key));
    expect(outside(named)).toEqual([]);
    expect(outside(await keysOf(operator))).toEqual([]);
    operator.disconnect();
  });

  test('200: is all that our user must be allowed; the finding names the rights with it, and they are enough', async () => {
    await using server = await startRedisServer();
    const operator = new Redis(server.url);
    await operator.acl('SETUSER', 'narrow', 'on', '>pass', '+@connection', '+info', '+eval', '+config|get');
    const url = server.url.replace('redis://', 'redis://narrow:pass@');
    const app = await startApp({ REDIS_URL: url, REDIS_KEY_PREFIX: 'shop:', RATE_LIMIT_PER_SECOND: '1000' });
    const acl = async (): Promise<string> =>
      (await app.call('GET', '/health')).json.components
        .map(({ detail }: { detail: string }) => detail)
        .find((detail: string) => detail.startsWith('error: acl')) ?? '';
    await expect.poll(acl).toContain('shop:');
    const [, remedy = ''] = /ACL SETUSER <user> (.*)$/.exec(await acl()) ?? [];
    expect(remedy.split(' ').filter((word) => /^[~&]\{?(?!shop:)/.test(word.replace('{', '')))).toEqual([]);
    await operator.acl('SETUSER', 'narrow', ...remedy.split(' '));
    await operator.call('CLIENT', 'KILL', 'USER', 'narrow');
    await expect.poll(acl).toBe('');
    await app.ready();
    await useEverything(app);
    await app.close();
    const refused = (await operator.call('ACL', 'LOG')) as unknown[][];
    expect(refused.filter((entry) => entry[entry.indexOf('context') + 1] === 'lua').map(String)).toEqual([]);
    operator.disconnect();
  });

  test('200: is no matter to others who use the same names without it', async () => {
    await using database = await leaseRedisDatabase();
    const { client } = database;
    await client.sadd('workers', 'w1');
    await client.set('api_keys', 'x');
    await client.lpush('temporary_numbers', 'x');
    await client.set('sequence:A', 'not a number');
    await client.hset('prefix_configs', 'theirs', '{"some":"thing"}');
    const before = await keysOf(client);
    const app = await open(database.url, 'numbers:');
    await useEverything(app);
    await app.close();
    expect((await keysOf(client)).filter((key) => !/^\{?numbers:/.test(key))).toEqual(before);
  });

  test('200: keeps a counter in the slot of its state in a cluster, for one installation after the other', async () => {
    const cluster = await startRedisCluster();
    const env = { ...cluster.env, REDIS_URL: cluster.env['REDIS_URL'] ?? '' };
    for (const prefix of ['shop:', 'depot:']) {
      const app = await open(env.REDIS_URL, prefix, env);
      // Each prefix config is registered for the first time.
      await useEverything(app);
      await app.close();
    }
    await cluster.close();
  });
});

/** The keys of a command, as the server itself finds them; none for commands without any. */
const keysIn = async (operator: Redis, command: readonly string[]): Promise<string[]> => {
  try {
    return (await operator.call('COMMAND', 'GETKEYS', ...command)) as string[];
  } catch {
    return [];
  }
};
