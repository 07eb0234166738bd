/** What others rely on (replies, log events, metrics, Redis keys, rows) is as it was recorded: a rebuilt inside must not show. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { databasePath } from '../../src/stores/sqlite/database-file.ts';
import { startApp } from '../support/app.ts';
import { inRedis } from '../support/in-redis.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';
import {
  type Recorded,
  recordLog,
  recordMetrics,
  recordPostgres,
  recordRedis,
  recordReplies,
  recordSqlite,
  toText,
} from '../support/surface-record.ts';
import {
  createAsking,
  OUTAGE_ENV,
  playOutage,
  playScenario,
  SCENARIO_ENV,
  SCRIPTED_MS,
} from '../support/surface-scenario.ts';

const FILE = new URL('./recorded-surface.json', import.meta.url);

type Surface = Readonly<Record<string, Recorded>>;

/** Compares part by part, so that one change shows once. */
const compare = (store: string, surface: Surface): void => {
  const read = (): Record<string, Surface> => JSON.parse(readFileSync(FILE, 'utf8'));
  if (process.env['RECORD_SURFACE'] === 'yes') {
    writeFileSync(FILE, `${toText({ ...read(), [store]: surface })}\n`);
  }
  const recorded = read()[store] ?? {};
  expect.soft(Object.keys(surface)).toEqual(Object.keys(recorded));
  for (const [part, found] of Object.entries(surface)) expect.soft(found, `${store}: ${part}`).toEqual(recorded[part]);
};

const play = async (env: Readonly<Record<string, string>>, whileOpen: () => Promise<Surface>): Promise<Surface> => {
  let nowMs: number = SCRIPTED_MS.march;
  const app = await startApp({ ...SCENARIO_ENV, ...env }, { now: () => nowMs });
  try {
    await app.ready();
    const { asked, ask } = createAsking(app);
    await playScenario(app, ask, (ms) => {
      nowMs = ms;
    });
    const metrics = recordMetrics((await app.call('GET', '/metrics')).text);
    const stored = await whileOpen();
    return { replies: recordReplies(asked), metrics, ...stored, log: recordLog(app.log) };
  } finally {
    await app.close();
  }
};

test('shows what was recorded, on Redis', async () => {
  // Its settings are in the log and in /health: so it is a server of its own.
  await using server = await startRedisServer({ appendonly: true });
  const client = new Redis(server.url);
  await client.ping();
  const surface = await play({ REDIS_URL: server.url }, async () => ({ redis: await recordRedis(client) }));
  const closed = { redisWhenClosed: await recordRedis(client) };
  client.disconnect();
  compare('redis', { ...surface, ...closed });
});

test('shows what was recorded, on Redis with PostgreSQL', async () => {
  await using server = await startRedisServer({ appendonly: true });
  await using postgres = await leasePostgresDatabase();
  const client = new Redis(server.url);
  await client.ping();
  const surface = await play({ REDIS_URL: server.url, DATABASE_URL: postgres.url }, async () => ({
    redis: await recordRedis(client),
    postgres: await recordPostgres(postgres),
  }));
  const closed = { redisWhenClosed: await recordRedis(client), postgresWhenClosed: await recordPostgres(postgres) };
  client.disconnect();
  compare('postgres', { ...surface, ...closed });
});

test('shows what was recorded, on SQLite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'recorded-surface-'));
  try {
    const surface = await play({ DATA_DIR: dataDir }, async () => ({}));
    compare('sqlite', { ...surface, sqlite: recordSqlite(databasePath(dataDir)) });
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('shows what was recorded, while Redis is away and after it came back', async () => {
  await using server = await startRedisServer({ appendonly: true });
  const app = await startApp({ ...OUTAGE_ENV, REDIS_URL: server.url }, { now: () => SCRIPTED_MS.march });
  const listed = async () => (await app.call('GET', '/api/temporary-numbers')).json.items ?? [];
  const logged = (event: string) => app.log.filter((line) => line['event'] === event);
  const { asked, ask } = createAsking(app);
  await app.ready();
  await playOutage(ask, {
    begin: async () => {
      // Stopped, not killed: on a busy disk a killed server may lose its last second, and then the recovery jumps.
      await server.stop();
      await expect.poll(() => logged('store-disconnected')).not.toHaveLength(0);
    },
    end: async () => {
      await server.restart();
      await expect.poll(() => logged('store-returned')).not.toHaveLength(0);
      await expect.poll(listed).not.toHaveLength(0);
    },
  });
  await app.watchHoldings();
  const metrics = recordMetrics((await app.call('GET', '/metrics')).text);
  await app.close();
  const redisWhenClosed = await inRedis(server.url, recordRedis);
  // The log leaves refusals out for a while after one: it may have been one of before the app was ready.
  const log = recordLog(app.log.filter((line) => line['event'] !== 'request-refused'));
  compare('outage', { replies: recordReplies(asked), log, metrics, redisWhenClosed });
});
