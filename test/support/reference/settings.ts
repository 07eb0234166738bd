/** docs/configuration.md: every setting with the default, the values and the meaning that its schema in src/config has. */
import { z } from 'zod';
import { settingVariables } from '../../../src/config/settings.ts';

/** In the order of the page. */
export const SETTING_GROUPS: Readonly<Record<string, readonly string[]>> = {
  Process: ['PORT', 'HOST', 'DATA_DIR', 'NODE_ENV', 'LOG_LEVEL', 'LOG_FORMAT', 'LOG_TAKINGS'],
  Redis: [
    ...['REDIS_URL', 'REDIS_MODE', 'REDIS_SENTINEL_MASTER', 'REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'],
    ...['REDIS_KEY_PREFIX', 'REDIS_TIMEOUT_MS', 'STANDBY_SIZE'],
  ],
  PostgreSQL: ['DATABASE_URL', 'DATABASE_TIMEOUT_MS'],
  'Who may call': [
    ...['AUTH', 'NUMBERS_AUTH', 'JWT_SECRET', 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', 'CORS_ORIGINS'],
    ...['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CLIENT_CA_FILE', 'TRUST_PROXY'],
  ],
  'What callers may use': [
    ...['RATE_LIMIT_PER_SECOND', 'OPEN_COUNT_MAX', 'IDEMPOTENCY_KEYS_MAX', 'OPEN_IDEMPOTENCY_KEYS_MAX'],
    ...['RESERVATIONS_MAX', 'OPEN_RESERVATIONS_MAX', 'API_KEYS_MAX', 'REGISTRATIONS_MAX', 'PAST_PERIODS_MAX'],
    ...['HEADERS_TIMEOUT_MS', 'REQUEST_TIMEOUT_MS'],
  ],
  'Probes, metrics and traces': [
    ...['HEALTH_PORT', 'METRICS_PORT', 'METRICS_AUTH', 'METRICS_PREFIXES', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ...['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_SERVICE_NAME', 'OTEL_TRACES_SAMPLER_ARG'],
  ],
  'Stopping, and the strategy snowflake': ['SHUTDOWN_DRAIN_MS', 'SHUTDOWN_TIMEOUT_MS', 'DC_ID'],
};

const withSeparators = (text: string): string =>
  text.replaceAll(/\b\d{4,}\b/g, (digits) => Number(digits).toLocaleString('en'));

const schemaOf = (name: string): z.ZodType => {
  const schema = (settingVariables.shape as Readonly<Record<string, z.ZodType>>)[name];
  if (schema === undefined) throw new Error(`${name} is no setting.`);
  return schema;
};

const defaultOf = (schema: z.ZodType): string => {
  const { fallback } = schema.meta() ?? {};
  if (fallback !== undefined) return withSeparators(String(fallback));
  if (!(schema instanceof z.ZodDefault)) return 'none';
  const value = String(schema.def.defaultValue);
  return value === '' ? 'empty' : `\`${value}\``;
};

/** What the service prints when the value is wrong is the rule for it. */
const valuesOf = (schema: z.ZodType): string => {
  const [problem] = schema.safeParse('\0').error?.issues ?? [];
  if (problem === undefined) return 'text';
  const [, min, max] = /^A whole number from (\S+) to (\S+)$/.exec(problem.message) ?? [];
  return min === undefined ? problem.message : withSeparators(`${min} … ${max}`);
};

const meaningOf = (schema: z.ZodType): string => {
  const { description = '', since, deprecated, remedy } = schema.meta() ?? {};
  const parts = [
    description,
    since === undefined ? '' : `Since ${since}.`,
    deprecated === true ? `Deprecated: ${remedy}` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
};

const rowOf = (name: string): string => {
  const schema = schemaOf(name);
  return `| \`${name}\` | ${defaultOf(schema)} | ${valuesOf(schema)} | ${meaningOf(schema)} |`;
};

export const settingsReference = (): string => {
  const sections = Object.entries(SETTING_GROUPS).map(
    ([title, names]) => `## ${title}

| variable | default | values | meaning |
| --- | --- | --- | --- |
${names.map(rowOf).join('\n')}
`,
  );
  return `# Configuration

The service is configured by environment variables. An empty variable counts as unset. All wrong settings are named at
the start, in one message; a variable that looks like a misspelt setting is logged as \`setting-unknown\`. Times are in
milliseconds. A setting exists since 0.1.0 unless its meaning names a later version.

\`npm run docs\` writes this page from the schema in \`src/config/\`.

${sections.join('\n')}`;
};
