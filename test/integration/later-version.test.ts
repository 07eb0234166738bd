/** What a later version has stored is served, and kept when this version writes beside it: in every store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { createSqliteCounterStore } from '../../src/stores/sqlite/sqlite-counter-store.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { createSqlitePrefixConfigStore } from '../../src/stores/sqlite/sqlite-prefix-config-store.ts';
import { call as callOf } from '../contracts/counter-store.contract.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

let redis: RedisDatabase;
let database: PostgresDatabase;
let client: Redis;
let app: TestApp;

beforeAll(async () => {
  redis = await leaseRedisDatabase();
  database = await leasePostgresDatabase();
  client = new Redis(redis.url);
  await client.ping();
  app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: database.url });
  await app.ready();
  // The first use of PostgreSQL makes the tables.
  const status = async () => (await app.call('PUT', '/api/prefix-configs/FIRST', { format: 'F{SEQ:4}' })).status;
  while ((await status()) !== 200) await delay(50);
  // The later version has a column more in every table.
  const tables = await database.query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'number_generator_migrations'`,
  );
  for (const { table_name } of tables)
    await database.query(`ALTER TABLE ${table_name} ADD COLUMN colour text DEFAULT 'red'`);
});

afterAll(async () => {
  await app.close();
  client.disconnect();
  await redis.release();
  await database.release();
});

const later = (json: string | null): string => JSON.stringify({ ...JSON.parse(json ?? '{}'), colour: 'red' });
const colourIn = async (hash: string, field: string): Promise<unknown> =>
  JSON.parse((await client.hget(hash, field)) ?? '{}').colour;

test('200: a prefix config with a field more is served, changed, and keeps it in both stores', async () => {
  await client.hset('prefix_configs', 'CONF', '{"format":"CONF-{SEQ:4}","colour":"red","version":3}');
  expect((await app.call('GET', '/api/numbers/CONF')).json.number).toBe('CONF-0001');
  const { headers } = await app.call('GET', '/api/prefix-configs/CONF');
  expect(headers['etag']).toBe('"3"');
  await expect.poll(() => database.query(`SELECT 1 FROM prefix_configs WHERE prefix_key = 'CONF'`)).toHaveLength(1);
  expect(await colourIn('prefix_configs', 'CONF')).toBe('red');
  const [row] = await database.query(`SELECT config FROM prefix_configs WHERE prefix_key = 'CONF'`);
  expect(JSON.parse(String(row?.['config'])).colour).toBe('red');
});

test('500: a strategy that is not known here is refused for that prefix only, and the log says why', async () => {
  await client.hset('prefix_configs', 'ODD', '{"format":"ODD-{SEQ:4}","strategy":"tickets","version":2}');
  expect((await app.call('GET', '/api/numbers/ODD')).status).toBe(500);
  expect((await app.call('GET', '/api/numbers/FIRST')).status).toBe(200);
  expect(app.log.find(({ event }) => event === 'prefix-config-corrupt')).toMatchObject({
    prefix_key: 'ODD',
    reason: expect.stringMatching(/^strategy: tickets is not known to this version/),
    msg: expect.not.stringContaining('delete'),
  });
  expect(await client.hget('prefix_configs', 'ODD')).toContain('tickets');
});

test('200: a sequence with more in its state counts on, and a gap for a reason that is not known here stays one', async () => {
  const state = '{sequence:FIRST}:state';
  await client.hset(state, 'colour', 'red');
  await app.call('POST', '/api/sequences/FIRST/advance', { to: 20, reason: 'x' });
  const [gap] = (await app.call('GET', '/api/sequences/FIRST/gaps')).json.items;
  await client.hset('{sequence:FIRST}:gaps', gap.first, `${gap.last} withdrawn - 1795224970`);
  expect((await app.call('GET', '/api/numbers/FIRST')).json.number).toBe('F0021');
  expect(await client.hget(state, 'colour')).toBe('red');
  expect((await app.call('GET', '/api/sequences/FIRST/gaps')).json.items[0]).toMatchObject({ reason: 'withdrawn' });
  const { runs } = (await app.call('GET', '/api/sequences/FIRST/report')).json;
  expect(runs).toContainEqual(expect.objectContaining({ state: 'gap', first: gap.first, reason: 'withdrawn' }));
  await client.del(state, '{sequence:FIRST}:gaps', 'sequence:FIRST');
  const served = async () => (await app.call('GET', '/api/numbers/FIRST')).status;
  await expect.poll(served, { timeout: 15_000 }).toBe(200);
});

test('200: an API key, a receipt and a temporary number with a field more are good', async () => {
  const { key, id } = (await app.call('POST', '/api/api-keys', { name: 'k', scopes: ['configs:read'] })).json;
  await client.hset('api_keys', id, later(await client.hget('api_keys', id)));
  const withKey = await app.call('GET', '/api/prefix-configs', undefined, { 'x-api-key': key });
  expect(withKey.status).toBe(200);

  expect((await app.call('PUT', '/api/prefix-configs/KEYED', { format: 'K{SEQ:4}' })).status).toBe(200);
  const keyed = { 'idempotency-key': '"later"' };
  const first = (await app.call('GET', '/api/numbers/KEYED', undefined, keyed)).json;
  const [receipt = ''] = await client.keys('{sequence:KEYED}:receipt:*');
  expect(receipt).not.toBe('');
  await client.set(receipt, ((await client.get(receipt)) ?? '').replace(/\}$/, ',"colour":"red"}'), 'KEEPTTL');
  expect((await app.call('GET', '/api/numbers/KEYED', undefined, keyed)).json.number).toBe(first.number);

  const number = 'TMP-KEYED-0123456789ab-1795224970000-1';
  await client.hset('temporary_numbers', number, '{"prefix_key":"KEYED","issued_at_ms":1795224970000,"colour":"red"}');
  expect(await app.call('POST', `/api/temporary-numbers/${number}/resolve`)).toMatchObject({ status: 200 });
  expect(await colourIn('temporary_numbers', number)).toBe('red');
});

test('200: ledger, reservations, ceilings and nodes with a column more are used', async () => {
  const put = await app.call('PUT', '/api/prefix-configs/LESS', { format: 'L{SEQ:4}', strategy: 'gapless' });
  expect(put.status).toBe(200);
  expect((await app.call('GET', '/api/numbers/LESS')).json.number).toBe('L0001');
  const { status, json } = await app.call('POST', '/api/reservations', { prefixKey: 'LESS', ttlSeconds: 60 });
  expect(status).toBeLessThan(300);
  expect((await app.call('POST', `/api/reservations/${json.id}/confirm`)).status).toBe(200);
  expect((await app.call('GET', '/api/sequences/LESS/report')).json.summary).toMatchObject({
    issued: '1',
    confirmed: '1',
  });
});

test('an embedded database whose tables have a column more is read and written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'later-version-'));
  const sqlite = openSqliteDatabase(folder);
  try {
    const tables = sqlite.handle.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all();
    for (const { name } of tables) sqlite.handle.exec(`ALTER TABLE "${name}" ADD COLUMN colour TEXT DEFAULT 'red'`);
    const configs = createSqlitePrefixConfigStore(sqlite);
    sqlite.handle
      .prepare('INSERT INTO prefix_configs (prefix_key, config) VALUES (?, ?)')
      .run('A', '{"format":"A{SEQ:4}","colour":"red"}');
    expect(await configs.find(['A'])).toMatchObject([{ kind: 'config', config: { unknown: { colour: 'red' } } }]);
    const sequence = sequenceOf(seriesOf('A'), '');
    const [reply] = await createSqliteCounterStore(sqlite).reserve([callOf(sequence, 2)]);
    expect(reply).toMatchObject({ kind: 'taken', range: { first: 1n, last: 2n } });
  } finally {
    sqlite.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
