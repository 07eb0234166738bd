/** The stores of API keys keep the contract: memory, SQLite, Redis, PostgreSQL, the last two together; and none of them has the key itself. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeptApiKeyStore } from '../../src/services/access/kept-api-key-store.ts';
import { createMemoryApiKeyStore } from '../../src/stores/memory/memory-api-key-store.ts';
import { createPostgresApiKeyStore } from '../../src/stores/postgres/postgres-api-key-store.ts';
import { createPostgresClient, type PostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { createRedisApiKeyStore } from '../../src/stores/redis/redis-api-key-store.ts';
import { createSqliteApiKeyStore } from '../../src/stores/sqlite/sqlite-api-key-store.ts';
import { openSqliteDatabase, type SqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { startApp } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { openRedis } from '../support/redis-client.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { describeApiKeyStore } from './api-key-store.contract.ts';

let root: string;
let sqlite: SqliteDatabase;
let redis: RedisDatabase;
let clients: readonly [RedisClient, RedisClient];
let postgres: PostgresDatabase;
let pools: readonly [PostgresClient, PostgresClient];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'api-keys-'));
  sqlite = openSqliteDatabase(root);
  redis = await leaseRedisDatabase();
  const target = { mode: 'standalone', url: redis.url } as const;
  clients = [await openRedis(target), await openRedis(target)];
  postgres = await leasePostgresDatabase();
  const open = () => createPostgresClient(postgres.url, 10_000, () => undefined);
  pools = [open(), open()];
  // The first call makes the tables, whichever test is run.
  await createPostgresApiKeyStore(pools[0]).find(['none']);
});

afterAll(async () => {
  sqlite.close();
  rmSync(root, { recursive: true });
  await Promise.all(clients.map((client) => client.close()));
  await redis.release();
  await Promise.all(pools.map((pool) => pool.close()));
  await postgres.release();
});

const memory = createMemoryApiKeyStore();
describeApiKeyStore('the memory store', () => ({ store: memory, otherNode: memory }));

describeApiKeyStore('the SQLite store', () => {
  const store = createSqliteApiKeyStore(sqlite);
  return {
    store,
    otherNode: store,
    preload: async (id, json) => {
      sqlite.handle.prepare('INSERT INTO api_keys (id, entry) VALUES (?, ?)').run(id, json);
    },
  };
});

describeApiKeyStore('the Redis store', () => ({
  store: createRedisApiKeyStore(clients[0]),
  otherNode: createRedisApiKeyStore(clients[1]),
  preload: async (id, json) => {
    await redis.client.hset('api_keys', id, json);
  },
}));

const preloadPostgres = async (id: string, json: string): Promise<void> => {
  await postgres.query('INSERT INTO api_keys (id, entry) VALUES ($1, $2)', [id, json]);
};

describeApiKeyStore('the PostgreSQL store', () => ({
  store: createPostgresApiKeyStore(pools[0]),
  otherNode: createPostgresApiKeyStore(pools[1]),
  preload: preloadPostgres,
}));

describeApiKeyStore('PostgreSQL with its copy in Redis', () => ({
  store: createKeptApiKeyStore(createRedisApiKeyStore(clients[0]), createPostgresApiKeyStore(pools[0])),
  otherNode: createKeptApiKeyStore(createRedisApiKeyStore(clients[1]), createPostgresApiKeyStore(pools[1])),
  preload: preloadPostgres,
}));

describe('PostgreSQL', () => {
  test('remembers a removed key, and adopts no other under its id', async () => {
    const store = createPostgresApiKeyStore(pools[0]);
    const key = {
      ...{ id: 'fffffffffffffff0', hash: 'f'.repeat(64), name: 'x', scopes: 'configs:read' },
      ...{ createdAtMs: 1, createdBy: undefined, expiresAtMs: 2_000_000_000_000 },
    };
    expect(await store.lookUp([key.id])).toEqual([undefined]);
    await store.adopt([key]);
    expect(await store.lookUp([key.id])).toEqual([key]);
    await store.remove(key.id);
    await store.adopt([key]);
    expect(await store.insert(key)).toBe(false);
    expect(await store.lookUp([key.id])).toEqual(['removed']);
    expect(await postgres.query('SELECT entry FROM api_keys WHERE id = $1', [key.id])).toEqual([{ entry: null }]);
  });
});

describe('the key itself', () => {
  const make = async (env: Readonly<Record<string, string>>) => {
    const app = await startApp(env);
    await app.ready();
    const { status, json } = await app.call('POST', '/api/api-keys', { name: 'x', scopes: ['configs:read'] });
    expect(status).toBe(201);
    return { app, secret: String(json.key).split('_')[2] ?? '' };
  };

  test('is not in the embedded database', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'api-keys-'));
    const { app, secret } = await make({ DATA_DIR: dataDir });
    // Beside the files lies the socket of the backup, which nobody can read.
    const files = readdirSync(dataDir, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => readFileSync(join(dataDir, name), 'latin1'));
    expect(files.join('')).toContain('"configs:read"');
    expect(files.join('')).not.toContain(secret);
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('is not in PostgreSQL', async () => {
    const { app, secret } = await make({ REDIS_URL: redis.url, DATABASE_URL: postgres.url });
    const stored = JSON.stringify(await postgres.query('SELECT * FROM api_keys'));
    expect(stored).toContain('configs:read');
    expect(stored).not.toContain(secret);
    await app.close();
  });

  test('is not in Redis', async () => {
    const { app, secret } = await make({ REDIS_URL: redis.url });
    const stored = JSON.stringify(await redis.client.hvals('api_keys'));
    expect(stored).toContain('configs:read');
    expect(stored).not.toContain(secret);
    await app.close();
  });
});
