/** What the service finds in the settings of Redis: in the log once, in /health as long as it is so, each with its remedy. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinels } from '../support/redis-sentinel.ts';

interface Component {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

let app: TestApp | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

const startOn = async (env: Readonly<Record<string, string>>): Promise<TestApp> => {
  app = await startApp(env);
  await app.ready();
  return app;
};

const startRedis = async (...args: string[]): Promise<RedisServer> => {
  const server = await startRedisServer({ appendonly: true, args });
  onTestFinished(() => server.close());
  return server;
};

/** The overall status, and the lines of one component once it was looked at. */
const healthOf = async (running: TestApp, name: string): Promise<{ status: string; lines: Component[] }> => {
  let found: { status: string; lines: Component[] } = { status: '', lines: [] };
  await expect
    .poll(async () => {
      const { status, components } = (await running.call('GET', '/health')).json;
      found = { status, lines: components.filter((component: Component) => component.name === name) };
      return found.lines.length;
    })
    .toBeGreaterThan(0);
  return found;
};

const findingsOf = async (running: TestApp): Promise<{ status: string; lines: Component[] }> =>
  healthOf(running, 'redis-settings');

const logged = (running: TestApp, subject: string): readonly Readonly<Record<string, unknown>>[] =>
  running.log.filter((line) => line['event'] === 'store-finding' && line['subject'] === subject);

describe('the memory of Redis', () => {
  const usedBy = async (operator: Redis): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(await operator.info('memory'))?.[1]);
  const openOperator = async (server: RedisServer): Promise<Redis> => {
    const operator = new Redis(server.url);
    onTestFinished(() => {
      operator.disconnect();
    });
    await operator.ping();
    return operator;
  };

  test('200: is a finding from 80 % of maxmemory on, an error from 95 %, and the metric says so too', async () => {
    const server = await startRedis('--appendfsync', 'always');
    const operator = await openOperator(server);
    for (const [share, line, status] of [
      [0.85, 'warning: maxmemory: More than 80 % of ', 'up'],
      [0.99, 'error: maxmemory: More than 95 % of ', 'degraded'],
    ] as const) {
      await operator.config('SET', 'maxmemory', '0');
      const running = await startOn({ REDIS_URL: server.url, STANDBY_SIZE: '0' });
      await operator.config('SET', 'maxmemory', `${Math.round((await usedBy(operator)) / share)}`);
      // Looked at with each connection.
      await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const said = async () => (await findingsOf(running)).lines.map(({ detail }) => detail).join('\n');
      await expect.poll(said).toContain(line);
      expect((await findingsOf(running)).lines.find(({ detail }) => detail.includes('maxmemory'))?.status).toBe(status);
      const severity = line.slice(0, line.indexOf(':'));
      expect((await running.call('GET', '/metrics')).text).toContain(
        `number_generator_store_finding{subject="maxmemory",severity="${severity}"} 1`,
      );
      await operator.config('SET', 'maxmemory', '0');
      await running.close();
      app = undefined;
    }
  });

  test('503: when it is full /health and /readyz say so, and 200 when there is room again', async () => {
    const server = await startRedis('--appendfsync', 'always');
    const operator = await openOperator(server);
    const running = await startOn({ REDIS_URL: server.url, STANDBY_SIZE: '0' });
    await running.call('PUT', '/api/prefix-configs/A', { format: 'A{SEQ:4}' });
    expect((await running.call('GET', '/api/numbers/A')).status).toBe(200);
    await operator.config('SET', 'maxmemory', '1');
    expect((await running.call('GET', '/api/numbers/A')).status).toBe(503);
    // Looked at once more, not a minute later.
    const said = async () => (await findingsOf(running)).lines.map(({ detail }) => detail).join('\n');
    await expect.poll(said).toContain('error: maxmemory: More than 95 % of ');
    const stateOf = async () => {
      const { status, json } = await running.call('GET', '/health');
      return { status, redis: json.components.find(({ name }: Component) => name === 'redis') };
    };
    await expect.poll(stateOf, { timeout: 5_000 }).toEqual({
      status: 503,
      redis: { name: 'redis', status: 'down', detail: 'Redis takes no writes: its memory is full (maxmemory).' },
    });
    expect(await running.call('GET', '/readyz')).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
    await operator.config('SET', 'maxmemory', '0');
    expect((await stateOf()).status).toBe(200);
    await expect.poll(async () => (await running.call('GET', '/api/numbers/A')).status).toBe(200);
  });
});

describe('the settings of Redis', () => {
  test('200: nothing is found on a server that is set up well', async () => {
    const server = await startRedis('--appendfsync', 'always');
    const running = await startOn({ REDIS_URL: server.url });
    expect(await findingsOf(running)).toEqual({
      status: 'up',
      lines: [{ name: 'redis-settings', status: 'up', detail: 'As they should be' }],
    });
    expect(running.log.filter(({ event }) => event === 'store-finding')).toEqual([]);
  });

  test('200: an evicting server is an error: degraded, and logged once however often the connection comes back', async () => {
    const server = await startRedis('--maxmemory-policy', 'allkeys-lru');
    const running = await startOn({ REDIS_URL: server.url });
    const { status, lines } = await findingsOf(running);
    expect(status).toBe('degraded');
    expect(lines[0]).toMatchObject({
      status: 'degraded',
      detail: expect.stringMatching(/^error: maxmemory-policy: It is allkeys-lru.*Remedy: CONFIG SET maxmemory-policy/),
    });
    await server.restart();
    await expect.poll(() => running.log.filter(({ event }) => event === 'store-connected')).toHaveLength(2);
    const operator = new Redis(server.url);
    await operator.config('SET', 'maxmemory-policy', 'noeviction');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(async () => (await findingsOf(running)).status).toBe('up');
    operator.disconnect();
    expect(logged(running, 'maxmemory-policy')).toEqual([expect.objectContaining({ level: 'error' })]);
    expect(running.log).toContainEqual(
      expect.objectContaining({ event: 'store-finding-cleared', subject: 'maxmemory-policy' }),
    );
  });

  test.each([
    ['nothing is written to disk', ['--appendonly', 'no', '--save', ''], 'error', 'appendonly', /everything is lost/],
    ['only snapshots are', ['--appendonly', 'no', '--save', '3600 1'], 'warning', 'appendonly', /last snapshot/],
    ['writes wait for the system', ['--appendfsync', 'no'], 'warning', 'appendfsync', /half a minute/],
    [
      'a demoted master takes writes',
      ['--replica-read-only', 'no', '--appendfsync', 'always'],
      'warning',
      'replica-read-only',
      /lost/,
    ],
    ['each second', ['--appendfsync', 'everysec'], 'info', 'appendfsync', /up to 1 s/],
  ])('200: %s', async (_case, args, severity, subject, text) => {
    const server = await startRedis(...args);
    const running = await startOn({ REDIS_URL: server.url });
    const { status, lines } = await findingsOf(running);
    expect(status).toBe(severity === 'error' ? 'degraded' : 'up');
    expect(lines[0]?.detail).toMatch(new RegExp(`^${severity}: ${subject}: `));
    expect(lines[0]?.detail).toMatch(text);
    const level = severity === 'warning' ? 'warn' : severity;
    expect(logged(running, subject)).toEqual([expect.objectContaining({ level, remedy: expect.any(String) })]);
  });

  test('200: where CONFIG is forbidden, what INFO says is judged, and the rest is said to be unknown', async () => {
    const server = await startRedis('--maxmemory-policy', 'volatile-ttl', '--rename-command', 'CONFIG', '');
    const running = await startOn({ REDIS_URL: server.url });
    const { lines } = await findingsOf(running);
    expect(lines.map(({ detail }) => detail.split(': ').slice(0, 2).join(' '))).toEqual([
      'error maxmemory-policy',
      'info config',
    ]);
    expect((await running.call('PUT', '/api/prefix-configs/A', { format: 'A{SEQ:3}' })).status).toBe(200);
    expect((await running.call('GET', '/api/numbers/A')).json).toEqual({ number: 'A001' });
  });

  test('200: each right that our user lacks is named, and one that has all of them is not complained about', async () => {
    const server = await startRedis('--appendfsync', 'always');
    const operator = new Redis(server.url);
    onTestFinished(() => operator.disconnect());
    const keys = [
      '~sequence:*',
      '~{sequence:*',
      '~{ledger}:*',
      '~prefix_configs',
      '~temporary_numbers',
      '~workers',
      '~idempotency:*',
      '~api_keys',
      '~rate_limit:*',
      '&prefix_configs:changed',
      '&sequences:recovering',
    ];
    const rights = ['+@read', '+@write', '+@hash', '+@string', '+@scripting', '+@connection', '+@pubsub'];
    const rest = ['+info', '+time', '+wait', '+config|get'];
    const url = server.url.replace('redis://', 'redis://narrow:pass@');
    await operator.acl('SETUSER', 'narrow', 'on', '>pass', ...keys, ...rights, ...rest);
    const running = await startOn({ REDIS_URL: url });
    expect(await findingsOf(running)).toMatchObject({ status: 'up', lines: [{ detail: 'As they should be' }] });

    await operator.acl('SETUSER', 'narrow', 'resetchannels', 'resetkeys', '~sequence:*', '~prefix_configs', '-info');
    await operator.call('CLIENT', 'KILL', 'USER', 'narrow');
    await expect.poll(async () => (await findingsOf(running)).status).toBe('degraded');
    const { lines } = await findingsOf(running);
    const acl = lines.find(({ detail }) => detail.startsWith('error: acl'))?.detail ?? '';
    expect(acl).toContain(
      'INFO server replication, PUBLISH prefix_configs:changed CHECK, SUBSCRIBE prefix_configs:changed',
    );
    expect(acl).toContain('Remedy: ACL SETUSER');
    expect(acl).not.toContain('pass');
    await operator.acl('SETUSER', 'narrow', '-eval');
    await operator.call('CLIENT', 'KILL', 'USER', 'narrow');
    await expect.poll(async () => JSON.stringify((await findingsOf(running)).lines)).toContain('may not: EVAL.');
  });
});

describe('the guarantee in force', () => {
  test('200: Redis alone, with what to set to get more', async () => {
    const server = await startRedis();
    const running = await startOn({ REDIS_URL: server.url });
    const { lines } = await healthOf(running, 'guarantee');
    expect(lines).toEqual([
      { name: 'guarantee', status: 'up', detail: expect.stringMatching(/^redis: .*DATABASE_URL/) },
    ]);
    expect(running.log.filter(({ event }) => event === 'guarantee')).toEqual([
      expect.objectContaining({ level: 'warn', guarantee: 'redis', remedy: expect.stringContaining('replica') }),
    ]);
  });

  test('200: behind sentinels with a replica; no password is ever shown', async () => {
    const sentinels = await startRedisSentinels({ password: 'very-secret', sentinelPassword: 'also-secret' });
    onTestFinished(() => sentinels.close());
    const running = await startOn(sentinels.env);
    expect((await healthOf(running, 'guarantee')).lines[0]?.detail).toMatch(/^replicas: /);
    const { lines } = await findingsOf(running);
    expect(lines.map(({ detail }) => detail)).toContainEqual(expect.stringMatching(/^info: min-replicas-to-write: /));
    for (const server of [...sentinels.servers, ...sentinels.sentinels]) await server.kill();
    await expect.poll(() => JSON.stringify(running.log)).toContain('store-disconnected');
    const shown = JSON.stringify(running.log) + (await running.call('GET', '/health')).text;
    expect(shown).not.toMatch(/very-secret|also-secret/);
  });

  test('200: in a cluster with replicas; a finding on one server names that server', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.close());
    const [odd] = cluster.servers;
    const operator = new Redis(odd?.url ?? '');
    await operator.config('SET', 'maxmemory-policy', 'allkeys-random');
    operator.disconnect();
    const running = await startOn(cluster.env);
    expect((await healthOf(running, 'guarantee')).lines[0]?.detail).toMatch(/^(?:redis|replicas): /);
    await expect.poll(async () => (await findingsOf(running)).lines[0]?.detail).toContain(`(127.0.0.1:${odd?.port})`);
    await expect.poll(async () => (await healthOf(running, 'guarantee')).lines[0]?.detail).toMatch(/^replicas: /);
  });
});
