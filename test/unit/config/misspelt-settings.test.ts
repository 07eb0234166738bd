/** Settings that are spelt wrongly are found; variables of anybody else are not. */
import { describe, expect, test } from 'vitest';
import { misspeltSettingsOf } from '../../../src/config/misspelt-settings.ts';
import { SETTING_NAMES } from '../../../src/config/settings.ts';

const of = (...names: string[]): string[] =>
  misspeltSettingsOf(Object.fromEntries(names.map((name) => [name, 'x'])), SETTING_NAMES).map(
    ({ name, suggestion }) => `${name} ${suggestion}`,
  );

describe('a misspelt setting is named, with the one that was meant', () => {
  test.each([
    ['REDIS_ULR', 'REDIS_URL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['REDISURL', 'REDIS_URL'],
    ['redis_url', 'REDIS_URL'],
    ['STANDBY_SIZ', 'STANDBY_SIZE'],
    ['STANBY_SIZE', 'STANDBY_SIZE'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['NUMBER_AUTH', 'NUMBERS_AUTH'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['JWT_SECRETE', 'JWT_SECRET'],
    ['RATE_LIMIT_PER_SECONDS', 'RATE_LIMIT_PER_SECOND'],
    ['TRUSTED_PROXY', 'TRUST_PROXY'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['SHUTDOWN_TIMEOUT', 'SHUTDOWN_TIMEOUT_MS'],
    ['METRIC_PORT', 'METRICS_PORT'],
  ])('%s', (name, meant) => {
    expect(of(name)).toEqual([`${name} ${meant}`]);
  });
});

test('right ones, and those of the platform, are not', () => {
  expect(of(...SETTING_NAMES)).toEqual([]);
  const platform =
    'PATH HOME HOSTNAME HOSTTYPE SHELL SHLVL PWD OLDPWD LANG LC_ALL TZ TERM USER LOGNAME MAIL EDITOR DISPLAY _ ' +
    'NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS NODE_NAME NODE_IP YARN_VERSION npm_config_port ' +
    'npm_config_loglevel npm_package_name npm_lifecycle_event INIT_CWD COLOR CI DEBUG FORCE_COLOR NO_COLOR ' +
    'REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_PORT_6379_TCP ' +
    'REDIS_PORT_6379_TCP_ADDR KUBERNETES_PORT KUBERNETES_SERVICE_HOST POD_IP POD_NAME HOST_IP POSTGRES_URL ' +
    'POSTGRES_PASSWORD PGHOST PGPORT PGUSER PGPASSWORD DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_PASSWORD ' +
    'AWS_REGION HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR SSH_AUTH_SOCK ' +
    'OTEL_RESOURCE_ATTRIBUTES OTEL_LOG_LEVEL OTEL_EXPORTER_OTLP_PROTOCOL OTEL_TRACES_EXPORTER XDG_DATA_DIRS JAVA_HOME';
  expect(of(...platform.split(' '))).toEqual([]);
});
