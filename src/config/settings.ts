/** The settings: environment variables checked by one schema, every problem reported at once, never a secret's value. */
import { z } from 'zod';
import type { FieldProblem } from '../core/error-params.ts';
import { fieldProblemsOf } from '../core/field-problems.ts';
import { DATA_CENTRE_MAX } from '../core/snowflake/snowflake.ts';
import { redisContradictionsOf, redisTargetOf, redisVariables } from './redis-settings.ts';
import { securityContradictionsOf, securitySettingsOf, securityVariables } from './security-settings.ts';
import { tracingOf, tracingVariables } from './tracing-settings.ts';

const PORT_MAX = 65_535;
const JWT_SECRET_LENGTH_MIN = 32;
const SHUTDOWN_DRAIN_MS = 5_000;
const SHUTDOWN_TIMEOUT_MS = 30_000;
/** Each prefix has some six lines in the metrics: more of them would pass the megabyte that a scrape should stay under. */
const METRICS_PREFIXES_MAX = 1_000;
/** What one request can take anyway. */
const OPEN_COUNT_LIMIT = 10_000;
/** Each costs Redis some 500 bytes for a day. */
const IDEMPOTENCY_KEYS_LIMIT = 1_000_000_000;
const RESERVATIONS_LIMIT = 10_000_000;
const LOOPBACK_HOSTS = new Set(['127.0.0.1', '::1', 'localhost']);

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,10}$/, `A whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `A whole number from ${min} to ${max}`);

const databaseUrl = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  return ['postgres:', 'postgresql:'].includes(new URL(text).protocol);
}, 'A URL such as postgres://user@127.0.0.1:5432/numbers');

/** Each with its meaning, from which docs/configuration.md is made. */
export const settingVariables = z.object({
  NODE_ENV: z
    .string()
    .default('development')
    .describe(
      '`production` refuses to start without `JWT_SECRET` or `JWT_JWKS_URL`, and with a secret that can be guessed.',
    ),
  PORT: wholeNumber(0, PORT_MAX).default(8080).describe('TCP port of the API; `0` lets the system choose.'),
  HOST: z.string().min(1).default('0.0.0.0').describe('Address to listen on.'),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'fatal, error, warn, info, debug, trace or silent',
    )
    .default('info')
    .describe('Lowest level that is logged.'),
  LOG_FORMAT: z.enum(['json', 'pretty'], 'json or pretty').optional().meta({
    description: '`pretty` for people, `json` for programs.',
    fallback: '`pretty` in a terminal, else `json`',
  }),
  LOG_TAKINGS: z
    .enum(['on', 'off'], 'on or off')
    .default('on')
    .describe('Whether each request for numbers with a token or an API key is logged (`numbers-issued`).'),
  ...redisVariables,
  REDIS_TIMEOUT_MS: wholeNumber(10, 60_000).default(1_000).describe('How long a Redis command may take.'),
  DATABASE_URL: databaseUrl
    .optional()
    .describe(
      'PostgreSQL 13 or newer, the same on all nodes. It keeps ceilings, gaps, a copy of the prefix configs and the ledger of gapless prefixes. Needs `REDIS_URL`.',
    ),
  DATABASE_TIMEOUT_MS: wholeNumber(10, 60_000)
    .default(2_000)
    .describe('How long a connection, a statement or a lock of PostgreSQL may take.'),
  STANDBY_SIZE: wholeNumber(0, 1_000_000)
    .default(1_000)
    .describe('Values that each node holds ready per series for an outage of Redis.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder of SQLite and of the generated secret; one process per folder.'),
  JWT_SECRET: z.string().min(JWT_SECRET_LENGTH_MIN, `At least ${JWT_SECRET_LENGTH_MIN} characters`).optional().meta({
    description: 'Key of the tokens (HS256). Required in production, unless `JWT_JWKS_URL` is set.',
    fallback: 'generated in `DATA_DIR`',
  }),
  ...securityVariables(wholeNumber),
  AUTH: z
    .enum(['on', 'off'], 'on or off')
    .default('on')
    .describe('`off` asks for no token; only with `HOST` 127.0.0.1, ::1 or localhost.'),
  NUMBERS_AUTH: z
    .enum(['open', 'required'], 'open or required')
    .default('open')
    .describe('`required`: taking numbers needs the scope `numbers:issue`.'),
  IDEMPOTENCY_KEYS_MAX: wholeNumber(1, IDEMPOTENCY_KEYS_LIMIT)
    .default(10_000_000)
    .describe(
      '`Idempotency-Key`s per caller and prefix, with a token or an API key: this many at once, and as many more over a day. More are 429.',
    ),
  OPEN_IDEMPOTENCY_KEYS_MAX: wholeNumber(1, IDEMPOTENCY_KEYS_LIMIT)
    .default(100_000)
    .describe('The same for callers without a token or an API key.'),
  RESERVATIONS_MAX: wholeNumber(1, RESERVATIONS_LIMIT)
    .default(10_000)
    .describe('Open reservations per caller and prefix, with a token or an API key. More are 429.'),
  OPEN_RESERVATIONS_MAX: wholeNumber(1, RESERVATIONS_LIMIT)
    .default(1_000)
    .describe('The same for callers without a token or an API key.'),
  API_KEYS_MAX: wholeNumber(1, 100_000)
    .default(1_000)
    .describe('API keys per caller, including those that its keys made; expired ones do not count. More are 429.'),
  REGISTRATIONS_MAX: wholeNumber(1, 10_000_000)
    .default(100_000)
    .describe('New prefixes per caller: this many at once, and as many more over a day. More are 429.'),
  PAST_PERIODS_MAX: wholeNumber(1, 1_000_000)
    .default(1_000)
    .describe('How many periods a `date` may lie back where a prefix has `allowPast`. Each leaves a counter for good.'),
  OPEN_COUNT_MAX: wholeNumber(1, OPEN_COUNT_LIMIT)
    .default(100)
    .describe('Numbers that a caller without a token or an API key may take in one request. More are 403.'),
  SHUTDOWN_DRAIN_MS: wholeNumber(0, 600_000)
    .optional()
    .meta({
      description: 'How long requests are served after SIGTERM while `/readyz` answers 503.',
      fallback: `${SHUTDOWN_DRAIN_MS}, at most half of \`SHUTDOWN_TIMEOUT_MS\``,
    }),
  SHUTDOWN_TIMEOUT_MS: wholeNumber(100, 600_000)
    .default(SHUTDOWN_TIMEOUT_MS)
    .describe('How long a clean stop may take, drain included, before the process exits with 1.'),
  DC_ID: wholeNumber(0, DATA_CENTRE_MAX)
    .default(0)
    .describe('Data centre in `snowflake` ids. Processes that share no store need different ones.'),
  METRICS_AUTH: z
    .enum(['open', 'required'], 'open or required')
    .default('open')
    .describe(
      '`required`: `/metrics` on `PORT` needs the scope `configs:read`. With `open`, callers without it see all prefixes as one.',
    ),
  METRICS_PORT: wholeNumber(0, PORT_MAX)
    .optional()
    .describe(
      'TCP port of `/metrics` alone, on `HOST`; it answers until the end of a shutdown. `0` lets the system choose.',
    ),
  HEALTH_PORT: wholeNumber(1, PORT_MAX)
    .optional()
    .describe('TCP port of `/livez`, `/readyz` and `/health`, on `HOST`, without TLS. They stay on `PORT` too.'),
  METRICS_PREFIXES: wholeNumber(0, METRICS_PREFIXES_MAX)
    .default(100)
    .describe('How many prefixes have metrics of their own; the others are counted as `other`.'),
  ...tracingVariables,
});

/** The names of all settings, as the environment spells them. */
export const SETTING_NAMES: readonly string[] = Object.keys(settingVariables.shape);

const settingsSchema = settingVariables.transform((env) => ({
  production: env.NODE_ENV === 'production',
  /** TCP port of the HTTP API; 0 lets the system choose. */
  port: env.PORT,
  /** Address to listen on. */
  host: env.HOST,
  logLevel: env.LOG_LEVEL,
  /** Undefined: lines for people in a terminal, JSON elsewhere. */
  logFormat: env.LOG_FORMAT,
  /** Whether each request for numbers with a token or an API key has a line in the log. */
  logTakings: env.LOG_TAKINGS === 'on',
  /** Undefined: the embedded SQLite database in `dataDir`. */
  redis: redisTargetOf(env),
  /** Stands before the name of every key and channel in Redis. */
  redisKeyPrefix: env.REDIS_KEY_PREFIX,
  /** Milliseconds a Redis command may take. */
  redisTimeoutMs: env.REDIS_TIMEOUT_MS,
  /** PostgreSQL, which keeps what must outlive Redis; undefined: Redis alone keeps it. */
  databaseUrl: env.DATABASE_URL,
  /** Milliseconds a connection, a statement or a lock of PostgreSQL may take. */
  databaseTimeoutMs: env.DATABASE_TIMEOUT_MS,
  /** Values a node holds ready of each series for an outage of Redis; 0 for none. */
  standbySize: env.STANDBY_SIZE,
  dataDir: env.DATA_DIR,
  /** Undefined: a generated one, kept in `dataDir`. */
  jwtSecret: env.JWT_SECRET,
  ...securitySettingsOf(env),
  auth: env.AUTH,
  numbersAuth: env.NUMBERS_AUTH,
  /** How many numbers a caller without a token or key may take in one request; no limit with AUTH=off. */
  openCountMax: env.AUTH === 'off' ? undefined : env.OPEN_COUNT_MAX,
  /** How many idempotency keys a caller may have remembered of one prefix; nobody is a stranger with AUTH=off. */
  idempotencyKeys: {
    knownMax: env.IDEMPOTENCY_KEYS_MAX,
    openMax: env.AUTH === 'off' ? env.IDEMPOTENCY_KEYS_MAX : env.OPEN_IDEMPOTENCY_KEYS_MAX,
  },
  /** How many reservations a caller may have open in one prefix, likewise. */
  reservations: {
    knownMax: env.RESERVATIONS_MAX,
    openMax: env.AUTH === 'off' ? env.RESERVATIONS_MAX : env.OPEN_RESERVATIONS_MAX,
  },
  /** How many API keys a caller may have made that are still there. */
  apiKeysMax: env.API_KEYS_MAX,
  /** How many new prefixes a caller may register in a day. */
  registrationsMax: env.REGISTRATIONS_MAX,
  /** How many periods a date may lie back, where the prefix has `allowPast`. */
  pastPeriodsMax: env.PAST_PERIODS_MAX,
  /** Whether callers without a credential may take numbers while others show one. */
  isOpen: env.AUTH === 'on' && env.NUMBERS_AUTH === 'open',
  /** Whether anybody who reaches the port from elsewhere may take numbers. */
  isOpenToStrangers: env.AUTH === 'on' && env.NUMBERS_AUTH === 'open' && !LOOPBACK_HOSTS.has(env.HOST),
  /** Milliseconds from SIGTERM until the listener closes, in which proxies see `/readyz` say 503 and go elsewhere. */
  shutdownDrainMs: env.SHUTDOWN_DRAIN_MS ?? Math.min(SHUTDOWN_DRAIN_MS, env.SHUTDOWN_TIMEOUT_MS / 2),
  /** Milliseconds a clean shutdown may take, with the drain, before the process gives up and exits non-zero. */
  shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
  /** The data centre in snowflake ids; those that share no store of worker ids need different ones. */
  dataCentre: env.DC_ID,
  /** Whether `/metrics` on the API's port needs a token too. */
  metricsAuth: env.METRICS_AUTH,
  /** TCP port of `/metrics` alone, on the same host; undefined: it is one of the paths of the API's port. */
  metricsPort: env.METRICS_PORT,
  /** TCP port of the probes alone, without TLS, on the same host; undefined: they are paths of the API's port. */
  healthPort: env.HEALTH_PORT,
  /** How many prefixes have a label of their own in the metrics; the others share `other`. */
  metricsPrefixes: env.METRICS_PREFIXES,
  /** Undefined: no traces, and OpenTelemetry's SDK is not loaded. */
  tracing: tracingOf(env),
}));

export type Settings = z.output<typeof settingsSchema>;

/** Names every setting that is wrong, one line each. */
class SettingsError extends Error {
  constructor(lines: readonly string[]) {
    super(`The settings (environment variables) are wrong:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** Settings that are right by themselves but not together. */
const contradictionsOf = (given: Readonly<Record<string, string | undefined>>): FieldProblem[] => {
  const problems: FieldProblem[] = [...redisContradictionsOf(given), ...securityContradictionsOf(given)];
  const { AUTH: auth = 'on', HOST: host = '' } = given;
  if (auth === 'off' && !LOOPBACK_HOSTS.has(host)) {
    problems.push({ path: 'AUTH', message: 'off needs HOST=127.0.0.1, ::1 or localhost' });
  }
  if (auth === 'off' && given['NUMBERS_AUTH'] === 'required') {
    problems.push({ path: 'NUMBERS_AUTH', message: 'required contradicts AUTH=off' });
  }
  if (auth === 'off' && given['METRICS_AUTH'] === 'required') {
    problems.push({ path: 'METRICS_AUTH', message: 'required contradicts AUTH=off' });
  }
  if (given['METRICS_PORT'] !== undefined && given['METRICS_AUTH'] === 'required') {
    problems.push({ path: 'METRICS_AUTH', message: 'Nobody is asked for a token on METRICS_PORT: set one of the two' });
  }
  if (given['DATABASE_URL'] !== undefined && given['REDIS_URL'] === undefined) {
    problems.push({
      path: 'DATABASE_URL',
      message:
        'Needs REDIS_URL too: PostgreSQL guards the numbers that Redis counts, it does not count them itself yet',
    });
  }
  const { SHUTDOWN_DRAIN_MS: drainMs, SHUTDOWN_TIMEOUT_MS: timeoutMs = SHUTDOWN_TIMEOUT_MS } = given;
  if (Number(drainMs) >= Number(timeoutMs)) {
    problems.push({
      path: 'SHUTDOWN_DRAIN_MS',
      message: 'Must be less than SHUTDOWN_TIMEOUT_MS, which it is a part of',
    });
  }
  const { PORT: port = '8080', METRICS_PORT: metricsPort, HEALTH_PORT: healthPort } = given;
  if (metricsPort === port && port !== '0') {
    problems.push({
      path: 'METRICS_PORT',
      message: 'Must be another one than PORT; leave it out to have /metrics there',
    });
  }
  if (healthPort !== undefined && (healthPort === port || healthPort === metricsPort)) {
    problems.push({ path: 'HEALTH_PORT', message: 'Must be another one than PORT and METRICS_PORT' });
  }
  return problems;
};

/** Reads the settings. An empty variable counts as unset. @throws SettingsError */
export const readSettings = (environment: Readonly<Record<string, string | undefined>>): Settings => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settingsSchema.safeParse(given);
  // Checked apart from the schema, which would keep them back while anything else is wrong.
  const contradictions = contradictionsOf(given);
  if (parsed.success && contradictions.length === 0) return parsed.data;
  const problems = parsed.success ? [] : fieldProblemsOf(parsed.error.issues, 'environment');
  throw new SettingsError([...problems, ...contradictions].map(({ path, message }) => `${path}: ${message}`));
};
