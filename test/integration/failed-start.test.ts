/** A start that fails closes what it opened: whichever step fails, nothing stays open. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import { nameNode } from '../../src/lib/node-name.ts';
import { databasePath, isHeld } from '../../src/stores/sqlite/database-file.ts';
import { createLogger } from '../../src/telemetry/logs/logger.ts';
import { watchOpenResources } from '../support/leak-check.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { findFreePort } from '../support/redis.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'failed-start-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const start = (env: Readonly<Record<string, string>>): Promise<App> => {
  const node = nameNode();
  return createApp({
    settings: readSettings({ DATA_DIR: dataDir, ...env }),
    version: '0.0.0-test',
    node,
    logger: createLogger('silent', { node }),
    clock: { now: Date.now },
    tokenKeys: { secret: 'a-secret-for-tests-of-at-least-32-characters' },
  });
};

/** Starts, fails as expected, and leaves nothing behind. */
const expectCleanFailure = async (env: Readonly<Record<string, string>>, message: RegExp | string): Promise<void> => {
  const nothingLeftOpen = watchOpenResources();
  await expect(start(env)).rejects.toThrow(message);
  await nothingLeftOpen();
  expect(isHeld(databasePath(dataDir))).toBe(false);
};

/** What is opened once, and closed once: every server, store and background task of the app is entered in such a stack. */
const ENTRANCES = ['adopt', 'use', 'defer'] as const;

/** From now on the `n`-th thing that is opened is the last one: the step after it fails. @returns how many were opened. */
const failAfter = (n: number): (() => number) => {
  let count = 0;
  for (const entrance of ENTRANCES) {
    const enter = AsyncDisposableStack.prototype[entrance] as (...args: unknown[]) => unknown;
    vi.spyOn(AsyncDisposableStack.prototype, entrance).mockImplementation(function (this: unknown, ...args: unknown[]) {
      const opened = enter.apply(this, args);
      count += 1;
      if (count === n) throw new Error(`Step ${n} fails.`);
      return opened as never;
    });
  }
  return () => count;
};

const countSteps = async (env: Readonly<Record<string, string>>): Promise<number> => {
  const opened = failAfter(Number.POSITIVE_INFINITY);
  const app = await start(env);
  vi.restoreAllMocks();
  await app.close();
  return opened();
};

describe('whichever step fails, all that was opened before it is closed', () => {
  const OBSERVED = { METRICS_PORT: '0', HEALTH_PORT: '9', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };

  test('on SQLite', async () => {
    const steps = await countSteps(OBSERVED);
    expect(steps).toBeGreaterThan(10);
    for (let n = 1; n <= steps; n += 1) {
      failAfter(n);
      await expectCleanFailure(OBSERVED, `Step ${n} fails.`);
      vi.restoreAllMocks();
      expect(existsSync(join(dataDir, 'control.sock'))).toBe(false);
    }
  });

  test('on Redis with PostgreSQL', async () => {
    await using redis = await leaseRedisDatabase();
    await using postgres = await leasePostgresDatabase();
    const env = { ...OBSERVED, REDIS_URL: redis.url, DATABASE_URL: postgres.url, RATE_LIMIT_PER_SECOND: '10' };
    const steps = await countSteps(env);
    expect(steps).toBeGreaterThan(15);
    for (let n = 1; n <= steps; n += 1) {
      failAfter(n);
      await expectCleanFailure(env, `Step ${n} fails.`);
      vi.restoreAllMocks();
    }
  });
});

describe('a start that is refused leaves nothing open', () => {
  const TLS_MISSING = { TLS_CERT_FILE: '/nowhere/cert.pem', TLS_KEY_FILE: '/nowhere/key.pem' };

  test('by a database that is damaged', async () => {
    writeFileSync(databasePath(dataDir), 'no database at all, but text of some length');
    await expectCleanFailure({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, /is damaged/);
  });

  test('by a database whose tables are not those of the service', async () => {
    const foreign = new DatabaseSync(databasePath(dataDir));
    foreign.exec('CREATE TABLE api_keys (name TEXT)');
    foreign.close();
    await expectCleanFailure({}, /no such column/);
  });

  test('by something in the place of the control socket', async () => {
    mkdirSync(join(dataDir, 'control.sock'));
    await expectCleanFailure({ METRICS_PORT: '0' }, /control\.sock/);
  });

  test('by a certificate that is not there, with the stores connected', async () => {
    await using redis = await leaseRedisDatabase();
    await using postgres = await leasePostgresDatabase();
    await expectCleanFailure({ ...TLS_MISSING, REDIS_URL: redis.url, DATABASE_URL: postgres.url }, /cert\.pem/);
  });

  test('by a certificate that is not there, with stores that refuse connections', async () => {
    const port = await findFreePort();
    const away = { REDIS_URL: `redis://127.0.0.1:${port}`, DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` };
    await expectCleanFailure({ ...TLS_MISSING, ...away }, /cert\.pem/);
  });
});
