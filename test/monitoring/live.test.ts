/**
 * Rules and dashboards on a live Prometheus that scrapes live nodes: under load each expression has an answer, and each alert fires when
 * its reason is brought about. Minutes are seconds here (see `startPrometheus`).
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figureOf, readDashboardQueries, readRules } from '../support/monitoring-expressions.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { checkMetricsText, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
const POLL = { timeout: 60_000, interval: 200 };
/** Only these depend on how busy this machine is. */
const MOODS_OF_THE_MACHINE = ['NumberGeneratorSlow', 'NumberGeneratorStandbyInUse'];
const PREFIXES = [
  ['INV', { format: 'INV-{SEQ:6}' }],
  ['LEDGER', { format: 'L-{SEQ:6}', strategy: 'gapless' }],
  ['SEG', { format: 'S-{SEQ:6}', strategy: 'segment' }],
  ['SNOW', { format: '{SEQ:1}', strategy: 'snowflake' }],
  ['UUID', { format: '{SEQ:1}', strategy: 'uuidv7' }],
  ['TEMP', { format: 'T-{SEQ:6}', outage: 'temporary' }],
  ['NONE', { format: 'N-{SEQ:6}', outage: 'reject' }],
  ['SMALL', { format: 'X-{SEQ:2}' }],
] as const;

let prometheus: Prometheus;
let redis: RedisServer;
let postgres: PostgresServer;
let admin: Redis;
let one: Service;
let other: Service;
const more: Service[] = [];
const loads: { stop(): Promise<void> }[] = [];

/** A node whose metrics Prometheus reads, on the port of their own. */
const startNode = async (env: Readonly<Record<string, string>>): Promise<Service> => {
  const node = await startService({ env: { METRICS_PORT: '0', ...env } });
  const listening = await node.waitForLog(({ event }) => event === 'listening');
  prometheus.watch(`127.0.0.1:${listening['metrics_port']}`);
  return node;
};

const register = async ({ url }: Service, prefixKey: string, config: object): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/api/prefix-configs/${prefixKey}`, {
    method: 'PUT',
    headers,
    body: JSON.stringify(config),
  });
  expect(reply.status).toBe(200);
};

const take = async ({ url }: Service, prefixKey: string, count = 1): Promise<number> => {
  const reply = await fetch(`${url}/api/numbers/${prefixKey}?count=${count}`);
  await reply.arrayBuffer();
  return reply.status;
};

const textOf = async (url: string): Promise<string> => (await fetch(url)).text();

/** Takes numbers of these prefixes in turn until it is stopped. */
const load = (node: Service, prefixKeys: readonly string[], pauseMs = 20): { stop(): Promise<void> } => {
  let stopped = false;
  const run = async (): Promise<void> => {
    while (!stopped) {
      await Promise.all(prefixKeys.map((prefixKey) => take(node, prefixKey).catch(() => undefined)));
      await delay(pauseMs);
    }
  };
  const running = run();
  const started = {
    stop: async () => {
      stopped = true;
      await running;
    },
  };
  loads.push(started);
  return started;
};

const fires = async (alert: string): Promise<void> => {
  await expect.poll(() => prometheus.firing(), { ...POLL, message: `${alert} does not fire` }).toContain(alert);
};

beforeAll(async () => {
  [prometheus, redis, postgres] = await Promise.all([
    startPrometheus(),
    startRedisServer({ appendonly: true }),
    startPostgresServer(),
  ]);
  admin = new Redis(redis.url);
  admin.on('error', () => undefined);
  const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, STANDBY_SIZE: '100' };
  [one, other] = await Promise.all([startNode(env), startNode(env)]);
  for (const [prefixKey, config] of PREFIXES) await register(one, prefixKey, config);
  const keys = PREFIXES.map(([prefixKey]) => prefixKey).filter((prefixKey) => prefixKey !== 'SMALL');
  load(one, keys);
  load(other, keys);
});

afterAll(async () => {
  await Promise.all(loads.map((running) => running.stop()));
  for (const service of [one, other, ...more]) await service?.close();
  admin?.disconnect();
  await Promise.all([prometheus?.close(), redis?.close(), postgres?.close()]);
});

describe('under load', () => {
  /** An answer of nothing but NaN says as little as none. */
  const answers = (expr: string) =>
    expect.poll(async () => (await prometheus.query(expr)).some(({ value }) => !Number.isNaN(value)), {
      ...POLL,
      message: expr,
    });

  test('promtool check metrics has nothing to say of what a node shows: on all stores, and to strangers on SQLite', async () => {
    await using embedded = await startService({ env: { AUTH: 'on' } });
    const { metrics_port: port } = await one.waitForLog(({ event }) => event === 'listening');
    const onAllStores = await textOf(`http://127.0.0.1:${port}/metrics`);
    for (const store of ['redis', 'postgres']) expect(onAllStores).toContain(`{store="${store}",operation=`);
    for (const text of [onAllStores, await textOf(`${embedded.url}/metrics`)]) {
      expect(await checkMetricsText(text)).toEqual({ ok: true, output: '' });
    }
  });

  test.each(readDashboardQueries('10s').map(({ panel, expr }) => [panel, expr]))(
    'the dashboards have an answer: %s',
    async (_panel, expr) => {
      await answers(expr).toBe(true);
    },
  );

  test.each(readRules().map((rule) => [rule.alert ?? rule.record ?? '', rule] as const))(
    'the rules have a figure: %s',
    async (_name, rule) => {
      await answers(rule.alert === undefined ? (rule.record ?? '') : figureOf(rule)).toBe(true);
      // As it is written, too, over the minutes of which there are only seconds yet.
      await prometheus.query(rule.expr);
    },
  );

  test('no alert fires while nothing is wrong', async () => {
    expect((await prometheus.firing()).filter((alert) => !MOODS_OF_THE_MACHINE.includes(alert))).toEqual([]);
  });
});

/** One after the other: each leaves the service a little worse. */
describe('the alert', () => {
  test('NumberGeneratorRedisPolicy fires when somebody lets Redis evict keys, and ends when that is undone', async () => {
    const setPolicy = async (policy: string): Promise<void> => {
      await admin.config('SET', 'maxmemory-policy', policy);
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    };
    await setPolicy('allkeys-lru');
    await fires('NumberGeneratorRedisPolicy');
    await setPolicy('noeviction');
    await expect.poll(() => prometheus.firing(), POLL).not.toContain('NumberGeneratorRedisPolicy');
  });

  test('NumberGeneratorRedisMemory fires when 80 % of maxmemory are used, and ends when there is room', async () => {
    const setMemory = async (bytes: number): Promise<void> => {
      await admin.config('SET', 'maxmemory', `${bytes}`);
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    };
    const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    await setMemory(Math.round(used * 1.15));
    await fires('NumberGeneratorRedisMemory');
    await setMemory(0);
    await expect.poll(() => prometheus.firing(), POLL).not.toContain('NumberGeneratorRedisMemory');
  });

  test('NumberGeneratorCapacityLow fires when 85 of 99 values are used', async () => {
    expect(await take(one, 'SMALL', 85)).toBe(200);
    await fires('NumberGeneratorCapacityLow');
  });

  test('NumberGeneratorSlow fires when Redis takes 400 ms', async () => {
    let stopped = false;
    const pausing = (async () => {
      while (!stopped) {
        await admin.call('CLIENT', 'PAUSE', '400', 'ALL');
        await admin.ping();
      }
    })();
    await fires('NumberGeneratorSlow').finally(() => {
      stopped = true;
    });
    await pausing;
  });

  test('NumberGeneratorClockStep fires when the clock of a node is set back while it makes snowflake ids', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faketime-'));
    const clockFile = join(folder, 'clock');
    writeFileSync(clockFile, '+0');
    const node = await startNode({
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    more.push(node);
    await register(node, 'SNOW', { format: '{SEQ:1}', strategy: 'snowflake' });
    expect(await take(node, 'SNOW')).toBe(200);
    await expect.poll(() => prometheus.query('number_generator_info{store="sqlite"}'), POLL).not.toEqual([]);
    // Before the last id that was made, however long that took.
    writeFileSync(clockFile, '-120');
    expect(await take(node, 'SNOW')).toBe(200);
    await fires('NumberGeneratorClockStep');
    rmSync(folder, { recursive: true });
  });

  test('NumberGeneratorShutdownSlow fires when a request keeps a node from stopping', async () => {
    const node = await startNode({ SHUTDOWN_TIMEOUT_MS: '12000' });
    more.push(node);
    await expect.poll(() => prometheus.query('number_generator_shutdown_timeout_seconds == 12'), POLL).not.toEqual([]);
    const socket = connect(node.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    socket.write(
      'POST /api/numbers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );
    await fetch(`${node.url}/livez`);
    process.kill(node.pid, 'SIGTERM');
    await fires('NumberGeneratorShutdownSlow');
    expect(await node.exited).toMatchObject({ code: 1 });
  });

  test('NumberGeneratorPostgresDown fires when PostgreSQL is gone, and ends when it is back', async () => {
    await postgres.kill();
    await fires('NumberGeneratorPostgresDown');
    await postgres.restart();
    await expect.poll(() => prometheus.firing(), POLL).not.toContain('NumberGeneratorPostgresDown');
  });

  test('NumberGeneratorStandbyInUse, …StandbyLow, …Errors and …TemporaryNumbers fire when Redis is gone for longer than the standby lasts', async () => {
    await redis.kill();
    await expect.poll(() => take(one, 'NONE'), POLL).toBe(503);
    for (const alert of ['StandbyInUse', 'StandbyLow', 'Errors', 'TemporaryNumbers'])
      await fires(`NumberGenerator${alert}`);
  });

  test('NumberGeneratorDown fires when a node is killed, also when it vanishes from the targets at once', async () => {
    const { metrics_port: port } = await other.waitForLog(({ event }) => event === 'listening');
    await other.kill();
    prometheus.unwatch(`127.0.0.1:${port}`);
    await fires('NumberGeneratorDown');
  });

  test('NumberGeneratorRecoveryJump fires when Redis comes back and that node does not report', async () => {
    await redis.restart();
    await fires('NumberGeneratorRecoveryJump');
    await expect.poll(() => take(one, 'NONE'), POLL).toBe(200);
  });
});
