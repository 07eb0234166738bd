/** Settings: sensible without any, strict with each, all problems told at once and no secret told ever. */
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';

const SECRET = 'uB4kX2mQvT8rWcZ7nLpY5sGdJ9fHa3eN';

const linesOf = (environment: Record<string, string | undefined>): string[] => {
  try {
    readSettings(environment);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'SettingsError') throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
};

const namesOf = (environment: Record<string, string | undefined>): string[] =>
  linesOf(environment).map((line) => line.slice(0, line.indexOf(':')));

const DEFAULTS = {
  production: false,
  port: 8080,
  host: '0.0.0.0',
  logLevel: 'info',
  logTakings: true,
  redis: undefined,
  redisKeyPrefix: '',
  redisTimeoutMs: 1_000,
  databaseUrl: undefined,
  databaseTimeoutMs: 2_000,
  standbySize: 1_000,
  dataDir: './data',
  jwtSecret: undefined,
  jwks: undefined,
  rateLimitPerSecond: undefined,
  trustedProxies: undefined,
  corsOrigins: undefined,
  tls: undefined,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  auth: 'on',
  numbersAuth: 'open',
  idempotencyKeys: { knownMax: 10_000_000, openMax: 100_000 },
  apiKeysMax: 1_000,
  registrationsMax: 100_000,
  pastPeriodsMax: 1_000,
  reservations: { knownMax: 10_000, openMax: 1_000 },
  openCountMax: 100,
  isOpen: true,
  isOpenToStrangers: true,
  shutdownDrainMs: 5_000,
  shutdownTimeoutMs: 30_000,
  dataCentre: 0,
  metricsAuth: 'open',
  metricsPort: undefined,
  metricsPrefixes: 100,
  tracing: undefined,
};

describe('settings', () => {
  test('are complete without any variable', () => {
    expect(readSettings({})).toEqual(DEFAULTS);
  });

  test('count an empty variable as unset', () => {
    const names = [
      'NODE_ENV',
      'PORT',
      'HOST',
      'LOG_LEVEL',
      'REDIS_URL',
      'REDIS_MODE',
      'REDIS_TIMEOUT_MS',
      'STANDBY_SIZE',
    ];
    const empty = Object.fromEntries(
      [
        ...names,
        'DATABASE_URL',
        'DATABASE_TIMEOUT_MS',
        'DATA_DIR',
        'DC_ID',
        'JWT_SECRET',
        'AUTH',
        'NUMBERS_AUTH',
        'SHUTDOWN_DRAIN_MS',
        'SHUTDOWN_TIMEOUT_MS',
      ].map((name) => [name, '']),
    );
    expect(readSettings(empty)).toEqual(DEFAULTS);
    expect(readSettings({ PORT: undefined })).toEqual(DEFAULTS);
  });

  test('take each variable', () => {
    expect(
      readSettings({
        NODE_ENV: 'production',
        PORT: '0',
        HOST: '::1',
        LOG_LEVEL: 'silent',
        LOG_TAKINGS: 'off',
        REDIS_URL: 'rediss://user:pass@redis.example:6380/3',
        REDIS_TIMEOUT_MS: '250',
        DATABASE_URL: 'postgresql://user:pass@db.example/numbers?sslmode=verify-full',
        DATABASE_TIMEOUT_MS: '300',
        STANDBY_SIZE: '0',
        DATA_DIR: '/var/lib/numbers',
        DC_ID: '7',
        JWT_SECRET: SECRET,
        AUTH: 'on',
        NUMBERS_AUTH: 'required',
        IDEMPOTENCY_KEYS_MAX: '900',
        OPEN_IDEMPOTENCY_KEYS_MAX: '90',
        API_KEYS_MAX: '70',
        REGISTRATIONS_MAX: '60',
        PAST_PERIODS_MAX: '50',
        RESERVATIONS_MAX: '80',
        OPEN_RESERVATIONS_MAX: '8',
        OPEN_COUNT_MAX: '7',
        SHUTDOWN_DRAIN_MS: '0',
        SHUTDOWN_TIMEOUT_MS: '5000',
        METRICS_PORT: '9464',
        METRICS_PREFIXES: '0',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318/',
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc, x-tenant=one',
        OTEL_SERVICE_NAME: 'numbers-eu',
        OTEL_TRACES_SAMPLER_ARG: '0.25',
      }),
    ).toEqual({
      ...DEFAULTS,
      production: true,
      port: 0,
      host: '::1',
      logLevel: 'silent',
      logTakings: false,
      redis: { mode: 'standalone', url: 'rediss://user:pass@redis.example:6380/3' },
      redisTimeoutMs: 250,
      databaseUrl: 'postgresql://user:pass@db.example/numbers?sslmode=verify-full',
      databaseTimeoutMs: 300,
      standbySize: 0,
      dataDir: '/var/lib/numbers',
      dataCentre: 7,
      jwtSecret: SECRET,
      auth: 'on',
      isOpen: false,
      numbersAuth: 'required',
      idempotencyKeys: { knownMax: 900, openMax: 90 },
      apiKeysMax: 70,
      registrationsMax: 60,
      pastPeriodsMax: 50,
      reservations: { knownMax: 80, openMax: 8 },
      openCountMax: 7,
      isOpenToStrangers: false,
      shutdownDrainMs: 0,
      shutdownTimeoutMs: 5_000,
      metricsPort: 9_464,
      metricsPrefixes: 0,
      tracing: {
        url: 'https://collector.example:4318/v1/traces',
        headers: { authorization: 'Basic abc', 'x-tenant': 'one' },
        serviceName: 'numbers-eu',
        ratio: 0.25,
      },
    });
  });

  test('name several sentinels in one URL, with the passwords of Redis and of the sentinels', () => {
    const settings = readSettings({
      REDIS_MODE: 'sentinel',
      REDIS_URL: 'rediss://user:p%40ss,word@s1,[::1]:26380,10.0.0.3:1/5',
      REDIS_SENTINEL_MASTER: 'mymaster',
      REDIS_SENTINEL_USERNAME: 'watcher',
      REDIS_SENTINEL_PASSWORD: 'other',
    });
    expect(settings.redis).toEqual({
      mode: 'sentinel',
      address: {
        hosts: [
          { host: 's1', port: 26_379 },
          { host: '::1', port: 26_380 },
          { host: '10.0.0.3', port: 1 },
        ],
        username: 'user',
        password: 'p@ss,word',
        database: 5,
        tls: true,
      },
      master: 'mymaster',
      sentinelUsername: 'watcher',
      sentinelPassword: 'other',
    });
  });

  test('name a cluster by one of its servers, or several', () => {
    const hostsOf = (url: string): unknown => {
      const { redis } = readSettings({ REDIS_MODE: 'cluster', REDIS_URL: url });
      return redis?.mode === 'cluster' && redis.address.hosts.map(({ host, port }) => `${host}:${port}`);
    };
    expect(hostsOf('redis://redis.example')).toEqual(['redis.example:6379']);
    expect(hostsOf('redis://:secret@a:7000,b/')).toEqual(['a:7000', 'b:6379']);
  });

  test('do not care about the other variables of the environment', () => {
    expect(readSettings({ PATH: '/bin', npm_config_yes: 'true', __proto__: 'x' })).toEqual(DEFAULTS);
  });

  test.each(['127.0.0.1', '::1', 'localhost'])('switch authorization off on %s', (host) => {
    expect(readSettings({ AUTH: 'off', HOST: host }).auth).toBe('off');
  });
});

test('a short shutdown leaves half of its time for the drain, when nothing else is said', () => {
  expect(readSettings({ SHUTDOWN_TIMEOUT_MS: '3000' }).shutdownDrainMs).toBe(1_500);
});

describe('a wrong value is refused by name', () => {
  test.each([
    ['PORT', ['-1', '65536', '80.5', 'http', '0x50', ' 80', '8e3', '99999999999', '٨٠']],
    ['REDIS_TIMEOUT_MS', ['0', '9', '60001', '1s', '-5']],
    ['DATABASE_TIMEOUT_MS', ['0', '9', '60001', '2s', '-5']],
    ['SHUTDOWN_DRAIN_MS', ['-1', '5s', '0.5']],
    ['SHUTDOWN_TIMEOUT_MS', ['0', '99', '600001', '30s']],
    ['STANDBY_SIZE', ['-1', '1000001', '1e3', 'none']],
    ['LOG_LEVEL', ['loud', 'INFO', '30']],
    ['LOG_TAKINGS', ['yes', 'true', '1']],
    ['AUTH', ['yes', 'ON', '1', 'false']],
    ['NUMBERS_AUTH', ['on', 'none', 'Open']],
    ['METRICS_AUTH', ['on', 'none', 'Open']],
    ['REDIS_URL', ['localhost:6379', 'http://localhost:6379', 'redis', '//localhost', 'unix:/tmp/redis.sock', ' ']],
    ['REDIS_MODE', ['single', 'Cluster', 'sentinels']],
    ['JWT_SECRET', ['short', 'x'.repeat(31)]],
  ])('%s', (name, values) => {
    for (const value of values) expect({ value, names: namesOf({ [name]: value }) }).toEqual({ value, names: [name] });
  });

  test.each([
    ['PORT', '65535'],
    ['REDIS_TIMEOUT_MS', '10'],
    ['REDIS_TIMEOUT_MS', '60000'],
    ['DATABASE_TIMEOUT_MS', '10'],
    ['DATABASE_TIMEOUT_MS', '60000'],
    ['STANDBY_SIZE', '0'],
    ['STANDBY_SIZE', '1000000'],
    ['SHUTDOWN_TIMEOUT_MS', '100'],
    ['SHUTDOWN_TIMEOUT_MS', '600000'],
    ['JWT_SECRET', 'x'.repeat(32)],
  ])('%s may be %s', (name, value) => {
    expect(linesOf({ [name]: value })).toEqual([]);
  });
});

describe('settings that contradict each other are refused', () => {
  test.each(['0.0.0.0', '::', '192.168.0.7', 'example.com', '127.0.0.1.example.com', 'localhost.'])(
    'no authorization on the address %s',
    (host) => {
      expect(namesOf({ AUTH: 'off', HOST: host })).toEqual(['AUTH']);
    },
  );

  test('no authorization on the usual address', () => {
    expect(namesOf({ AUTH: 'off' })).toEqual(['AUTH']);
  });

  test('no authorization, but numbers that require it', () => {
    expect(namesOf({ AUTH: 'off', HOST: '::1', NUMBERS_AUTH: 'required' })).toEqual(['NUMBERS_AUTH']);
  });

  test('metrics that require a token where nobody is asked for one', () => {
    expect(namesOf({ AUTH: 'off', HOST: '::1', METRICS_AUTH: 'required' })).toEqual(['METRICS_AUTH']);
    expect(namesOf({ METRICS_PORT: '9464', METRICS_AUTH: 'required' })).toEqual(['METRICS_AUTH']);
  });

  test('PostgreSQL without Redis', () => {
    const lines = linesOf({ DATABASE_URL: 'postgres://db/numbers' });
    expect(lines).toEqual([expect.stringMatching(/^DATABASE_URL: Needs REDIS_URL too/)]);
    expect(linesOf({ DATABASE_URL: 'postgres://db/numbers', REDIS_URL: 'redis://redis' })).toEqual([]);
  });

  test.each(['localhost:5432', 'mysql://db/numbers', 'postgres', '//db/numbers', ' '])(
    'PostgreSQL by no URL of it: %s',
    (value) => {
      expect(namesOf({ DATABASE_URL: value, REDIS_URL: 'redis://redis' })).toEqual(['DATABASE_URL']);
    },
  );

  const sentinel = { REDIS_MODE: 'sentinel', REDIS_SENTINEL_MASTER: 'mymaster' };

  test.each([
    ['sentinels nowhere', { ...sentinel }, ['REDIS_URL']],
    ['a cluster nowhere', { REDIS_MODE: 'cluster' }, ['REDIS_URL']],
    ['a master without a name', { REDIS_MODE: 'sentinel', REDIS_URL: 'redis://a' }, ['REDIS_SENTINEL_MASTER']],
    [
      'an impossible name',
      { ...sentinel, REDIS_SENTINEL_MASTER: 'my master', REDIS_URL: 'redis://a' },
      ['REDIS_SENTINEL_MASTER'],
    ],
    ['several hosts for one server', { REDIS_URL: 'redis://a:1,b:2' }, ['REDIS_URL']],
    ['another database in a cluster', { REDIS_MODE: 'cluster', REDIS_URL: 'redis://a/1' }, ['REDIS_URL']],
    ['options in the URL of a cluster', { REDIS_MODE: 'cluster', REDIS_URL: 'redis://a/0?family=6' }, ['REDIS_URL']],
    ['a broken escape', { REDIS_MODE: 'cluster', REDIS_URL: 'redis://u:%zz@a' }, ['REDIS_URL']],
    ['a port too high', { REDIS_MODE: 'cluster', REDIS_URL: 'redis://a,b:70000' }, ['REDIS_URL']],
    [
      'a user without a password',
      { ...sentinel, REDIS_URL: 'redis://a', REDIS_SENTINEL_USERNAME: 'u' },
      ['REDIS_SENTINEL_PASSWORD'],
    ],
    [
      'sentinels that are not asked',
      { REDIS_URL: 'redis://a', REDIS_SENTINEL_PASSWORD: 'p' },
      ['REDIS_SENTINEL_PASSWORD'],
    ],
    [
      'all of it',
      { REDIS_MODE: 'sentinel', REDIS_URL: 'nowhere', PORT: 'x' },
      ['PORT', 'REDIS_SENTINEL_MASTER', 'REDIS_URL'],
    ],
  ])('%s', (_case, given, names) => {
    expect(namesOf(given).toSorted()).toEqual(names);
  });

  test.each(['{shop}:', 'shop}', 'sh*p', 'a b', 'sequence:', 'x-sequence:y', 'é', 'a/b', 'x'.repeat(65), 'a\n', '\\'])(
    'a prefix of keys that would move hash tags, widen rights, or meet the keys of others: %j',
    (prefix) => {
      expect(namesOf({ REDIS_URL: 'redis://a', REDIS_KEY_PREFIX: prefix })).toEqual(['REDIS_KEY_PREFIX']);
    },
  );

  test('a prefix of keys without Redis', () => {
    expect(namesOf({ REDIS_KEY_PREFIX: 'shop:' })).toEqual(['REDIS_KEY_PREFIX']);
    expect(readSettings({ REDIS_URL: 'redis://a', REDIS_KEY_PREFIX: 'Shop_1.eu-x:' }).redisKeyPrefix).toBe(
      'Shop_1.eu-x:',
    );
  });

  test('a drain that is not shorter than the whole shutdown', () => {
    expect(namesOf({ SHUTDOWN_DRAIN_MS: '30000' })).toEqual(['SHUTDOWN_DRAIN_MS']);
    expect(namesOf({ SHUTDOWN_DRAIN_MS: '2000', SHUTDOWN_TIMEOUT_MS: '2000' })).toEqual(['SHUTDOWN_DRAIN_MS']);
    expect(namesOf({ SHUTDOWN_DRAIN_MS: '1999', SHUTDOWN_TIMEOUT_MS: '2000' })).toEqual([]);
  });

  test('production without a key for the tokens', () => {
    expect(namesOf({ NODE_ENV: 'production' })).toEqual(['JWT_SECRET']);
    expect(namesOf({ NODE_ENV: 'production', JWT_SECRET: '' })).toEqual(['JWT_SECRET']);
    expect(namesOf({ NODE_ENV: 'production', JWT_SECRET: SECRET })).toEqual([]);
  });
});

describe('the error', () => {
  test('tells every wrong value at once', () => {
    const wrong = { PORT: 'x', LOG_LEVEL: 'loud', REDIS_URL: 'nowhere', REDIS_TIMEOUT_MS: '1', JWT_SECRET: 'short' };
    expect(namesOf(wrong).toSorted()).toEqual(Object.keys(wrong).toSorted());
  });

  test('tells every contradiction at once', () => {
    expect(namesOf({ AUTH: 'off', NUMBERS_AUTH: 'required' }).toSorted()).toEqual(['AUTH', 'NUMBERS_AUTH']);
  });

  test('tells a contradiction together with a wrong number', () => {
    expect(namesOf({ NODE_ENV: 'production', PORT: 'x' }).toSorted()).toEqual(['JWT_SECRET', 'PORT']);
  });

  test('tells a contradiction together with a wrong word', () => {
    expect(namesOf({ NODE_ENV: 'production', LOG_LEVEL: 'loud' }).toSorted()).toEqual(['JWT_SECRET', 'LOG_LEVEL']);
  });

  test('has a name and a first line for the operator', () => {
    expect(() => readSettings({ PORT: 'x' })).toThrow(
      expect.objectContaining({
        name: 'SettingsError',
        message: expect.stringContaining('The settings (environment variables) are wrong:\n  PORT: '),
      }),
    );
  });

  test("never tells a secret's value, nor any other", () => {
    const values = {
      JWT_SECRET: 'hunter2-too-short',
      REDIS_URL: 'http://user:hunter2@redis.example',
      PORT: 'hunter2',
      LOG_LEVEL: 'hunter2',
      AUTH: 'hunter2',
      NUMBERS_AUTH: 'hunter2',
      REDIS_MODE: 'hunter2',
      REDIS_SENTINEL_MASTER: 'hunter2',
      REDIS_SENTINEL_PASSWORD: 'hunter2',
    };
    const lines = linesOf(values);
    expect(lines).toHaveLength(9);
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});

test('the metrics may have a port of their own, and not that of the API', () => {
  expect(readSettings({ METRICS_PORT: '9464', METRICS_PREFIXES: '1000' })).toMatchObject({
    metricsPort: 9464,
    metricsPrefixes: 1_000,
  });
  expect(namesOf({ PORT: '9000', METRICS_PORT: '9000' })).toEqual(['METRICS_PORT']);
  expect(namesOf({ METRICS_PORT: '8080' })).toEqual(['METRICS_PORT']);
  // Zero means any free port, so they differ.
  expect(namesOf({ PORT: '0', METRICS_PORT: '0' })).toEqual([]);
  expect(namesOf({ METRICS_PREFIXES: '1001' })).toEqual(['METRICS_PREFIXES']);
});

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://user:hidden-word@collector:4318'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'hidden-word'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=%hidden-word'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=hidden-word%0d%0ax: y'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_TRACES_SAMPLER_ARG', 'half'],
])('%s=%s is refused, and not repeated', (name, value) => {
  const lines = linesOf({ [name]: value });
  expect(lines).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  expect(lines.join()).not.toContain('hidden-word');
});
