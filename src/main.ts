/** The process: environment, command, listening, and closing with grace. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import { type App, createApp } from './app.ts';
import { readSettings, type Settings } from './config/settings.ts';
import type { TokenKeys } from './http/plugins/credentials.ts';
import { createToken } from './http/token.ts';
import { readOrCreateSecret } from './lib/secret-file.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';

const HELP = `Unique, readable numbers over HTTP.

  node src/main.ts                       serve (npm start); settings come from the environment, see README.md
  node src/main.ts token                 print an admin token (npm run token)
      --scope "configs:read numbers:issue:INV"   only these scopes; default: all
      --expires 12h                              90s, 15m, 12h, 30d; default: 30d
  node src/main.ts repair                show where PostgreSQL is behind Redis, as after restoring a backup (npm run repair)
      --yes                                      and move it forward
  node src/main.ts --help | --version`;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** @returns undefined when nobody is asked for a token. */
const findTokenKeys = (settings: Settings): TokenKeys | undefined => {
  const { auth, jwks, jwtSecret, dataDir } = settings;
  if (auth === 'off') return undefined;
  return jwks === undefined ? { secret: jwtSecret ?? readOrCreateSecret(join(dataDir, 'jwt-secret')) } : { jwks };
};

/** What makes the process end, and how: in good order with 0, or non-zero with a line in the log that says why. */
const stopWithGrace = (app: App, settings: Settings, logger: Logger): void => {
  const { shutdownDrainMs, shutdownTimeoutMs } = settings;
  const options = {
    delay: shutdownTimeoutMs,
    logger,
    onTimeout: () =>
      logger.fatal(
        { event: 'stop-failed', reason: 'timeout', timeout_ms: shutdownTimeoutMs },
        'Stopping took longer than SHUTDOWN_TIMEOUT_MS: ending at once',
      ),
    onSecondSignal: (signal: string | undefined) =>
      logger.fatal({ event: 'stop-failed', reason: 'second-signal', signal }, 'Asked again to stop: ending at once'),
    onSecondError: (err: unknown) =>
      logger.fatal(
        { event: 'stop-failed', reason: 'error', err },
        'An unexpected error while stopping: ending at once',
      ),
  };
  closeWithGrace(options, async ({ signal, err }) => {
    const fromMs = performance.now();
    // Only who sends SIGTERM has something in front of the process that must first learn that it stops.
    const drainMs = signal === 'SIGTERM' ? shutdownDrainMs : 0;
    if (err) logger.fatal({ event: 'crash', err }, 'Stopping after an unexpected error');
    else logger.info({ event: 'stopping', signal, drain_ms: drainMs }, 'Stopping');
    app.drain();
    if (drainMs > 0) await delay(drainMs);
    await app.close();
    logger.info({ event: 'stopped', after_ms: Math.round(performance.now() - fromMs) }, 'Stopped');
  });
};

const serve = async (): Promise<void> => {
  const settings = readSettings(process.env);
  const logger = createLogger(settings.logLevel);
  const app = await createApp({
    settings,
    version,
    logger,
    clock: { now: Date.now },
    tokenKeys: findTokenKeys(settings),
  });
  stopWithGrace(app, settings, logger);
  await app.server.listen({
    port: settings.port,
    host: settings.host,
    listenTextResolver: (url) => `Listening at ${url}`,
  });
  const address = app.server.server.address() as AddressInfo;
  await app.metricsServer?.listen({ port: settings.metricsPort ?? 0, host: settings.host });
  const metricsAddress = app.metricsServer?.server.address() as AddressInfo | undefined;
  logger.info(
    {
      event: 'listening',
      address: address.address,
      port: address.port,
      ...(metricsAddress !== undefined && { metrics_port: metricsAddress.port }),
      version,
      store: settings.redis === undefined ? 'sqlite' : 'redis',
      ...(settings.redis !== undefined && { redis_mode: settings.redis.mode }),
      auth: settings.auth,
      numbers_auth: settings.numbersAuth,
      tls: settings.tls === undefined ? 'off' : settings.tls.clientCaFile === undefined ? 'on' : 'mutual',
      pid: process.pid,
    },
    'Ready to serve',
  );
};

const printToken = (args: string[]): void => {
  const { values } = parseArgs({ args, options: { scope: { type: 'string' }, expires: { type: 'string' } } });
  const settings = readSettings(process.env);
  const keys = findTokenKeys(settings);
  if (keys === undefined) throw new Error('With AUTH=off no token is needed.');
  if ('jwks' in keys) throw new Error(`With JWT_JWKS_URL tokens come from their issuer, ${keys.jwks.issuer}.`);
  console.log(createToken(keys.secret, values));
};

const repairStores = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({ args, options: { yes: { type: 'boolean', default: false } } });
  const { repair } = await import('./repair.ts');
  await repair(readSettings(process.env), values.yes, console.log);
};

const run = async ([command, ...rest]: string[]): Promise<void> => {
  if (command === undefined) await serve();
  else if (command === 'token') printToken(rest);
  else if (command === 'repair') await repairStores(rest);
  else if (command === '--version') console.log(version);
  else if (command === '--help' || command === 'help') console.log(HELP);
  else throw new Error(`Unknown command: ${command}\n\n${HELP}`);
};

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
