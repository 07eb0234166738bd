/** The start, as an operator sees it: ready means that numbers can be issued; what is wrong is said at once, with the setting's name. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { findFreePort, type RedisServer, startRedisServer } from '../support/redis.ts';
import { type LogLine, runMain, type Service, startService } from '../support/service.ts';

const PASSWORD = 'xk29-geheim';

const isEvent =
  (...events: readonly string[]) =>
  (line: LogLine): boolean =>
    events.includes(String(line['event']));

/** Changes one part of a URL. */
const altered = (url: string, change: (url: URL) => void): string => {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
};

const detailsOf = async (service: Service): Promise<string> => (await fetch(`${service.url}/health`)).text();

describe('a service whose stores cannot be used', () => {
  let redis: RedisServer;
  let postgres: PostgresServer;
  let redisUrl: string;
  let closedPort: number;

  beforeAll(async () => {
    redis = await startRedisServer({ config: [`requirepass ${PASSWORD}`] });
    postgres = await startPostgresServer();
    redisUrl = altered(redis.url, (url) => {
      url.password = PASSWORD;
    });
    closedPort = await findFreePort();
  });

  afterAll(async () => {
    await redis.close();
    await postgres.close();
  });

  test.each([
    {
      what: 'the password',
      change: (url: URL) => Object.assign(url, { password: 'wrong' }),
      says: /refuses the user or the password in REDIS_URL/,
    },
    {
      what: 'a missing password',
      change: (url: URL) => Object.assign(url, { password: '' }),
      says: /REDIS_URL and Redis disagree about a password/,
    },
    {
      what: 'the host',
      change: (url: URL) => Object.assign(url, { hostname: 'no-such-host.invalid' }),
      says: /host name in REDIS_URL does not resolve/,
    },
    {
      what: 'the port',
      change: (url: URL) => Object.assign(url, { port: String(closedPort) }),
      says: /Nothing listens at the host and port of REDIS_URL/,
    },
    {
      what: 'the database',
      change: (url: URL) => Object.assign(url, { pathname: '/99' }),
      says: /no database of the number at the end of REDIS_URL/,
    },
    {
      what: 'TLS',
      change: (url: URL) => url.href.replace('redis:', 'rediss:'),
      says: /redis:\/\/ (instead of|or) rediss:\/\//,
    },
  ])(
    'is not ready when $what of Redis is wrong, and names the setting in log and /health',
    async ({ change, says }) => {
      let changed: unknown;
      const url = altered(redisUrl, (parsed) => {
        changed = change(parsed);
      });
      await using service = await startService({ env: { REDIS_URL: typeof changed === 'string' ? changed : url } });
      const late = await service.waitForLog(isEvent('not-ready'));
      expect(late['level']).toBe('warn');
      const lost = service.logs().find(isEvent('store-disconnected'));
      expect(lost?.['remedy']).toMatch(says);
      expect(service.logs().filter(isEvent('ready'))).toEqual([]);
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
      expect(await detailsOf(service)).toMatch(says);
      expect(JSON.stringify(service.logs())).not.toContain(PASSWORD);
    },
  );

  test.each([
    {
      what: 'the database',
      change: (url: URL) => Object.assign(url, { pathname: '/nowhere' }),
      says: /database named in DATABASE_URL does not exist/,
    },
    {
      what: 'the role',
      change: (url: URL) => Object.assign(url, { username: 'nobody' }),
      says: /refuses the user in DATABASE_URL/,
    },
    {
      what: 'the port',
      change: (url: URL) => Object.assign(url, { port: String(closedPort) }),
      says: /Nothing listens at the host and port of DATABASE_URL/,
    },
  ])(
    'is not ready when $what of PostgreSQL is wrong, and names the setting in log and /health',
    async ({ change, says }) => {
      const env = { REDIS_URL: redisUrl, DATABASE_URL: altered(postgres.url, (url) => void change(url)) };
      await using service = await startService({ env });
      await service.waitForLog(isEvent('not-ready'));
      expect(service.logs().find(isEvent('ceiling-store-disconnected'))?.['remedy']).toMatch(says);
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
      const health = await fetch(`${service.url}/health`);
      expect(health.status).toBe(503);
      expect(await health.text()).toMatch(says);
    },
  );

  test('says that it is ready only when it is, once, and logs nothing above info from start to stop when all is well', async () => {
    await using own = await startRedisServer({ appendonly: true });
    await using service = await startService({ env: { REDIS_URL: own.url, DATABASE_URL: postgres.url } });
    await service.waitForLog(isEvent('ready'));
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    await fetch(`${service.url}/api/prefix-configs/START`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ format: '{prefix}-{SEQ:4}' }),
    });
    const numbers = await fetch(`${service.url}/api/numbers/START`);
    expect(await numbers.json()).toEqual({ number: 'START-0001' });
    expect(await service.stop()).toBe(0);
    const names = service.logs().map(({ event }) => event);
    expect(names.filter((event) => event === 'ready')).toHaveLength(1);
    const loud = service.logs().filter(({ level, event }) => level !== 'info' && event !== 'store-finding');
    expect(loud).toEqual([]);
  });
});

describe('a port that cannot be had', () => {
  test('ends the start with a sentence that names PORT', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const start = await runMain([], { AUTH: 'off', PORT: `${port}` });
    other.close();
    expect(start.code).toBe(1);
    expect(start.stderr).toBe(
      `Cannot listen at 127.0.0.1:${port} (HOST, PORT): another process listens there: stop it, or choose another port.\n`,
    );
  });

  test('ends the start with a sentence that names METRICS_PORT', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const start = await runMain([], { AUTH: 'off', METRICS_PORT: `${port}` });
    other.close();
    expect(start).toMatchObject({ code: 1, stderr: expect.stringContaining('(HOST, METRICS_PORT)') });
  });

  test('ends the start in good order: the embedded database is closed, and its control socket is gone', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const dataDir = mkdtempSync(join(tmpdir(), 'start-'));
    const start = await runMain([], { AUTH: 'off', METRICS_PORT: `${port}`, DATA_DIR: dataDir });
    other.close();
    expect(start.code).toBe(1);
    // A database that was not closed leaves its log beside it.
    expect(readdirSync(dataDir)).toEqual(['number-generator.sqlite']);
    rmSync(dataDir, { recursive: true });
  });

  test('ends the start with a sentence that names HOST when the machine has no such address', async () => {
    const start = await runMain([], { HOST: '192.0.2.1', NODE_ENV: 'development' });
    expect(start).toMatchObject({ code: 1, stderr: expect.stringContaining('correct HOST') });
  });
});

test('warns when anybody may take numbers from elsewhere, and only then', async () => {
  const isWarned = async (env: Record<string, string>): Promise<boolean> => {
    await using service = await startService({ env });
    await service.waitForLog(isEvent('listening'));
    return service.logs().some(({ event, level }) => event === 'numbers-open' && level === 'warn');
  };
  expect(await isWarned({ AUTH: 'on', HOST: '0.0.0.0' })).toBe(true);
  expect(await isWarned({ AUTH: 'on', HOST: '0.0.0.0', NUMBERS_AUTH: 'required' })).toBe(false);
  expect(await isWarned({ AUTH: 'on', HOST: '127.0.0.1' })).toBe(false);
  expect(await isWarned({ AUTH: 'off', HOST: '127.0.0.1' })).toBe(false);
});

describe('in a terminal', () => {
  test('log lines are written for people with LOG_FORMAT=pretty', async () => {
    const start = await runMain([], { AUTH: 'off', LOG_FORMAT: 'pretty' }, 4_000);
    expect(start.stdout).toMatch(/INFO.*Listening/);
    expect(start.stdout).not.toContain('"level"');
  });
});

describe('npm run token', () => {
  test('--help explains the command instead of failing', async () => {
    const help = await runMain(['token', '--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--subject') });
  });

  test('--subject names whose token it is', async () => {
    const { stdout } = await runMain(['token', '--subject', 'alice@example.com']);
    const [, claims = ''] = stdout.trim().split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: 'alice@example.com' });
  });

  test('an option that does not exist is refused with the name of the option', async () => {
    const { code, stderr } = await runMain(['token', '--subjct', 'alice']);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("'--subjct'") });
  });
});
