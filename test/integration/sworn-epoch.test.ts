/** An epoch that was granted to a server which never served: the nodes swear it off, and nothing is jumped over. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';

const SERIES = ['A', 'B', 'C'];

let redis: RedisServer;
let database: PostgresDatabase;
let nodes: TestApp[];

beforeEach(async () => {
  redis = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] });
  database = await leasePostgresDatabase();
  nodes = [];
  for (let index = 0; index < 3; index += 1) {
    const app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: database.url, STANDBY_SIZE: '10' });
    nodes.push(app);
    await app.ready();
  }
});

afterEach(async () => {
  await Promise.all(nodes.map((app) => app.close()));
  await database.release();
  await redis.close();
});

const node = (index: number): TestApp => nodes[index] as TestApp;
const ask = (app: TestApp, key: string): Promise<TestReply> => app.call('GET', `/api/numbers/${key}`);
/** On a busy machine the standby serves while Redis takes long. */
const fromRedis = async (app: TestApp, key: string): Promise<string> => {
  let reply = await ask(app, key);
  await expect
    .poll(async () => {
      if (reply.headers['x-number-source'] !== 'redis') reply = await ask(app, key);
      return reply.headers['x-number-source'];
    })
    .toBe('redis');
  return reply.json.number;
};
const logged = (): string => JSON.stringify(nodes.flatMap(({ log }) => log));
const recoveries = () => nodes.flatMap(({ log }) => log).filter(({ event }) => event === 'sequence-recovered');

test('an epoch granted to another server that never served makes no recovery jump: three nodes go on exactly', async () => {
  for (const key of SERIES)
    await node(0).call('PUT', `/api/prefix-configs/${key}`, { format: '{SEQ:1}', allowCollision: true });
  for (const key of SERIES) for (const app of nodes) await fromRedis(app, key);
  const before = recoveries().length;
  await redis.kill();
  await database.query(
    "UPDATE ceilings SET epoch = epoch + 1, server = 'a-server-that-is-gone', ceiling = ceiling + 20000",
  );
  await redis.restart();
  for (const key of SERIES) {
    await expect
      .poll(async () => (await ask(node(0), key)).headers['x-number-source'], { timeout: 15_000 })
      .toBe('redis');
  }
  const ended = recoveries().slice(before);
  expect(ended).toHaveLength(SERIES.length);
  for (const recovery of ended) expect(recovery).toMatchObject({ exact: true, nodes: 3 });
  for (const key of SERIES) expect(Number(await fromRedis(node(1), key))).toBeLessThan(100);
  expect(logged()).not.toContain('TypeError');
});

test('an advance recovers a sequence whose latest grant was outrun: the nodes count in an epoch that PostgreSQL has left', async () => {
  await node(0).call('PUT', '/api/prefix-configs/A', { format: 'A-{SEQ:4}' });
  for (const app of nodes) await fromRedis(app, 'A');
  // A node was granted this one, and another had ended the recovery before it could install it.
  await database.query('UPDATE ceilings SET epoch = epoch + 1');
  const moved = await node(0).call('POST', '/api/sequences/A/advance', { to: '500', reason: 'test' });
  expect(moved.json).toMatchObject({ value: '500' });
  for (const app of nodes) expect(Number((await fromRedis(app, 'A')).slice(2))).toBeGreaterThan(500);
  expect((await node(1).call('GET', '/api/sequences/A/gaps')).json.items).not.toContainEqual(
    expect.objectContaining({ reason: 'recovery-jump' }),
  );
});
