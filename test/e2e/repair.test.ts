/** `node src/main.ts repair`: an older PostgreSQL is moved forward to what Redis serves, on demand only, and never back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresCeilingStore } from '../../src/stores/postgres/postgres-ceiling-store.ts';
import { createPostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { runMain } from '../support/service.ts';

let redis: RedisDatabase;
let database: PostgresDatabase;

const repair = (...args: string[]) =>
  runMain(['repair', ...args], { REDIS_URL: redis.url, DATABASE_URL: database.url, REDIS_TIMEOUT_MS: '5000' });

const stored = () =>
  database.query('SELECT prefix_key, period, epoch, ceiling, base FROM ceilings ORDER BY prefix_key, period');

const row = (prefixKey: string, period: string, epoch: string, ceiling: string, base: string) => ({
  prefix_key: prefixKey,
  period,
  epoch,
  ceiling,
  base,
});

const BEFORE = [
  row('AHEAD', '', '5', '700', '0'),
  row('BACKUP', '', '2', '9000', '10'),
  row('FINE', '2026', '1', '1000', '0'),
  row('SHORT', '', '3', '1000', '900'),
];
const AFTER = [
  row('AHEAD', '', '5', '700', '0'),
  row('BACKUP', '', '4', '9000', '120'),
  row('FINE', '2026', '1', '1000', '0'),
  row('NEW:A', '2026-11', '18446744073709551615', '18446744073709551615', '18446744073709551614'),
  row('SHORT', '', '3', '2000', '1500'),
];

beforeAll(async () => {
  redis = await leaseRedisDatabase();
  database = await leasePostgresDatabase();
  // A first use makes the tables.
  const client = createPostgresClient(database.url, 5_000, () => undefined);
  await createPostgresCeilingStore(client).checkHealth();
  await client.close();
  const enter = (...values: string[]) =>
    database.query("INSERT INTO ceilings VALUES ($1, $2, $3, 'old-run', $4, $5)", values);
  for (const { prefix_key, period, epoch, ceiling, base } of BEFORE)
    await enter(prefix_key, period, epoch, ceiling, base);
  const serve = (key: string, fence: string, value: string) => redis.client.hset(key, { fence, value });
  await serve('{sequence:AHEAD}:state', 'run-1 4 9999', '500');
  await serve('{sequence:BACKUP}:state', 'run-1 4 800', '120');
  await serve('{sequence:FINE}:2026:state', 'run-1 1 1000', '70');
  await serve(
    '{sequence:NEW:A}:2026-11:state',
    'run-1 18446744073709551615 18446744073709551615',
    '18446744073709551614',
  );
  // The copy of the value is written by the script; without it the counter itself says it.
  await redis.client.hset('{sequence:SHORT}:state', 'fence', 'run-1 3 2000');
  await redis.client.set('sequence:SHORT', '1500');
  // Not ours, or not under a fence.
  await redis.client.hset('{sequence:OLD}:state', 'value', '3');
  await redis.client.hset('{sequence:A}{sequence:B}:state', 'fence', 'run-1 9 9');
  await serve('{sequence:BROKEN}:state', 'run-1 x', '3');
  await redis.client.set('{sequence:TEXT}:state', 'x');
  await redis.client.hset('prefix_configs', 'KEPT', '{"format":"K{SEQ:3}","version":4}', 'BAD', '{');
});

afterAll(async () => {
  await redis.release();
  await database.release();
});

describe('npm run repair', () => {
  test('shows first, and changes nothing', async () => {
    const { code, stdout } = await repair();
    expect(code).toBe(0);
    expect(await stored()).toEqual(BEFORE);
    expect(await database.query('SELECT * FROM prefix_configs')).toEqual([]);
    expect(stdout).toContain('BACKUP: PostgreSQL epoch 2, ceiling 9000; Redis epoch 4, ceiling 800: behind');
    expect(stdout).toContain('NEW:A 2026-11: PostgreSQL nothing; Redis epoch 18446744073709551615');
    expect(stdout).toContain('FINE 2026: PostgreSQL epoch 1, ceiling 1000; Redis epoch 1, ceiling 1000: in order');
    expect(stdout).toContain('prefix config KEPT: PostgreSQL nothing; Redis version 4: behind');
    expect(stdout).toContain('5 sequences in Redis, 3 behind in PostgreSQL; 1 prefix config behind.');
    expect(stdout).toContain('repeat with --yes');
  });

  test('with --yes moves forward what is behind, and has nothing to do the second time', async () => {
    const { code, stdout } = await repair('--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('BACKUP: PostgreSQL epoch 2, ceiling 9000; Redis epoch 4, ceiling 800: moved forward');
    expect(await stored()).toEqual(AFTER);
    expect(await database.query('SELECT prefix_key, version FROM prefix_configs')).toEqual([
      { prefix_key: 'KEPT', version: '4' },
    ]);
    expect((await repair('--yes')).stdout).toContain('Nothing to do.');
    expect(await stored()).toEqual(AFTER);
  });

  test('says what is missing: a setting, a server, an option', async () => {
    const unset = await runMain(['repair'], {});
    expect(unset).toMatchObject({ code: 1, stderr: expect.stringContaining('set REDIS_URL and DATABASE_URL') });
    const url = 'postgres://u:hunter2@127.0.0.1:1/x';
    const away = await runMain(['repair'], { REDIS_URL: redis.url, DATABASE_URL: url });
    expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
    expect(away.stderr + away.stdout).not.toContain('hunter2');
    const noRedis = await runMain(['repair'], { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: database.url });
    expect(noRedis).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
    expect(await repair('--sure')).toMatchObject({ code: 1 });
  });
});
