/** The worker lease stores keep the contract: memory, SQLite, PostgreSQL, Redis; and what only Redis can forget. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  WORKER_BOUND_MS,
  WORKER_LEASE_MS,
  type WorkerLeaseStore,
} from '../../src/core/snowflake/worker-lease-store.ts';
import { createMemoryWorkerLeaseStore } from '../../src/stores/memory/memory-worker-lease-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { createPostgresWorkerLeaseStore } from '../../src/stores/postgres/postgres-worker-lease-store.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { createRedisWorkerLeaseStore } from '../../src/stores/redis/redis-worker-lease-store.ts';
import { openSqliteDatabase, type SqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { createSqliteWorkerLeaseStore } from '../../src/stores/sqlite/sqlite-worker-lease-store.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import {
  describeExpiry,
  describeWorkerLeaseStore,
  type WorkerLeaseStoreUnderTest,
} from './worker-lease-store.contract.ts';

const TIMEOUT_MS = 10_000;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const ignore = (): void => undefined;

let root: string;
let sqlite: SqliteDatabase;
let postgres: PostgresDatabase;
let postgresClients: readonly [PostgresClient, PostgresClient];
let redis: RedisDatabase;
let redisClients: readonly [RedisClient, RedisClient];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'worker-leases-'));
  sqlite = openSqliteDatabase(root);
  postgres = await leasePostgresDatabase();
  const connect = (): PostgresClient => createPostgresClient(postgres.url, TIMEOUT_MS, ignore);
  postgresClients = [connect(), connect()];
  // Makes the tables, which the cases look into.
  await postgresClients[0].transact(async () => undefined);
  redis = await leaseRedisDatabase();
  const open = (): RedisClient => createRedisClient(redis.url, TIMEOUT_MS, ignore);
  redisClients = [open(), open()];
  await Promise.all(redisClients.map(({ commands }) => new Promise((resolve) => commands.once('ready', resolve))));
});

afterAll(async () => {
  sqlite.close();
  rmSync(root, { recursive: true });
  await Promise.all([...postgresClients, ...redisClients].map((client) => client.close()));
  await postgres.release();
  await redis.release();
});

const memoryStore = createMemoryWorkerLeaseStore(() => NOW);
const memory: WorkerLeaseStoreUnderTest = {
  store: memoryStore,
  otherNode: memoryStore,
  expire: async (dataCentre, worker) => memoryStore.expire(dataCentre, worker),
  // Each case has a data centre of its own.
  clear: async () => undefined,
};
describeWorkerLeaseStore('the memory store', () => memory);
describeExpiry('the memory store', () => memory);

let sqliteStore: WorkerLeaseStore | undefined;
describeWorkerLeaseStore('the SQLite store', () => {
  sqliteStore ??= createSqliteWorkerLeaseStore(sqlite);
  return {
    store: sqliteStore,
    otherNode: sqliteStore,
    clear: async () => sqlite.handle.exec('DELETE FROM worker_leases'),
  };
});

describe('the SQLite store', () => {
  test('frees in a new process what the last one held, and keeps its bounds', async () => {
    const before = await createSqliteWorkerLeaseStore(sqlite).acquire(7, 'before', NOW);
    expect(before).toEqual({ worker: 0, boundMs: NOW + WORKER_BOUND_MS });
    const after = createSqliteWorkerLeaseStore(sqlite);
    // As after a restart with the clock set back.
    expect(await after.acquire(7, 'after', NOW - 60_000)).toMatchObject({ worker: 1 });
    expect(await after.acquire(7, 'later', NOW + WORKER_BOUND_MS + 1)).toMatchObject({ worker: 0 });
  });
});

const onPostgres = (): WorkerLeaseStoreUnderTest => ({
  store: createPostgresWorkerLeaseStore(postgresClients[0], Math.random),
  otherNode: createPostgresWorkerLeaseStore(postgresClients[1], Math.random),
  expire: async (dataCentre, worker) => {
    await postgres.query(
      "UPDATE worker_leases SET leased_until = clock_timestamp() - interval '1 second' WHERE data_centre = $1 AND worker = $2",
      [dataCentre, worker],
    );
  },
  clear: async () => {
    await postgres.query('DELETE FROM worker_leases');
  },
});
describeWorkerLeaseStore('the PostgreSQL store', onPostgres);
describeExpiry('the PostgreSQL store', onPostgres);

const onRedis = (): WorkerLeaseStoreUnderTest => ({
  store: createRedisWorkerLeaseStore(redisClients[0], Math.random),
  otherNode: createRedisWorkerLeaseStore(redisClients[1], Math.random),
  expire: async (dataCentre, worker) => {
    const field = `worker:${dataCentre}:${worker}`;
    const [holder, , bound] = (await redis.client.hget('workers', field))?.split(' ') ?? [];
    await redis.client.hset('workers', field, `${holder} 1 ${bound}`);
  },
  clear: async () => {
    await redis.client.del('workers');
  },
});
describeWorkerLeaseStore('the Redis store', onRedis);
describeExpiry('the Redis store', onRedis);

describe('the Redis store on another server than before', () => {
  /** As after a restart or a promotion: the hash was written by a server of another identity. */
  const changeServer = async (): Promise<void> => {
    await redis.client.hset('workers', 'server', 'another-server 0');
  };

  test('leases nothing until every lease that was forgotten has run out', async () => {
    const { store, clear } = onRedis();
    await clear();
    expect(await store.acquire(0, 'a', NOW)).toBeDefined();
    await changeServer();
    expect(await store.acquire(0, 'b', NOW)).toBeUndefined();
    const [identity, since] = (await redis.client.hget('workers', 'server'))?.split(' ') ?? [];
    await redis.client.hset('workers', 'server', `${identity} ${Number(since) - WORKER_LEASE_MS}`);
    expect(await store.acquire(0, 'b', NOW)).toBeDefined();
  });

  test('believes the holder of a lease that was forgotten, once', async () => {
    const { store, otherNode, clear } = onRedis();
    await clear();
    await store.acquire(0, 'older', NOW);
    await changeServer();
    expect(await store.renew(0, 9, 'a', NOW)).toBe(NOW + WORKER_BOUND_MS);
    expect(await otherNode.renew(0, 9, 'b', NOW)).toBeUndefined();
    expect(await store.renew(0, 9, 'a', NOW + 1)).toBe(NOW + 1 + WORKER_BOUND_MS);
  });

  test('that was emptied lets the holders renew before it leases anything', async () => {
    const { store, clear } = onRedis();
    await clear();
    expect(await store.renew(0, 9, 'a', NOW)).toBe(NOW + WORKER_BOUND_MS);
    expect(await store.acquire(0, 'b', NOW)).toBeUndefined();
  });
});
