/** The process: environment, command, listening, and closing with grace. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { TokenKeys } from './access/authenticator.ts';
import type { App } from './app.ts';
import { misspeltSettingsOf } from './config/misspelt-settings.ts';
import { readSettings, SETTING_NAMES, type Settings } from './config/settings.ts';
import { nameNode } from './lib/node-name.ts';
import { readOrCreateSecret } from './lib/secret-file.ts';
import { waitUntilReady } from './lib/wait-until-ready.ts';
import { createLogger, type Logger, openPrettyLog } from './telemetry/logs/logger.ts';

const HELP = `Unique, readable numbers over HTTP.

  node src/main.ts                       serve (npm start); settings come from the environment, see README.md
  node src/main.ts token                 print an admin token (npm run token)
      --scope "configs:read numbers:issue:INV"   only these scopes; default: all
      --expires 12h                              90s, 15m, 12h, 30d; default: 30d
      --subject alice@example.com                whose it is, for the log and the audit; default: npm run token
  node src/main.ts repair                show where PostgreSQL is behind Redis, as after restoring a backup (npm run repair)
      --yes                                      and move it forward
  node src/main.ts backup FILE           copy the embedded database to FILE, also while the service runs (npm run backup -- FILE)
  node src/main.ts restore FILE          put such a copy in its place; what was there is kept aside (npm run restore -- FILE)
      --highest KEY=VALUE                        the highest number issued, for each sequence; with a reset KEY@PERIOD=VALUE
      --highest-file FILE                        the same, a line for each
      --margin N                                 move the other sequences by N, which is recorded; 0: nothing was issued since
  node src/main.ts healthcheck           end with 0 when the service with the same settings is ready, else with 1 and the reason
  node src/main.ts --help | --version

Options follow two dashes where npm runs the command: npm run token -- --subject alice@example.com`;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** @returns undefined without authentication. */
const findTokenKeys = (settings: Settings): TokenKeys | undefined => {
  const { auth, jwks, jwtSecret, dataDir } = settings;
  if (auth === 'off') return undefined;
  return jwks === undefined ? { secret: jwtSecret ?? readOrCreateSecret(join(dataDir, 'jwt-secret')) } : { jwks };
};

/** Ends the process: cleanly with 0, or non-zero with a line in the log that says why. */
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
    // Only a sender of SIGTERM has a load balancer before the process that must first learn of the stop.
    const drainMs = signal === 'SIGTERM' ? shutdownDrainMs : 0;
    if (err) logger.fatal({ event: 'crash', err }, 'Stopping after an unexpected error');
    else logger.info({ event: 'stopping', signal, drain_ms: drainMs }, 'Stopping');
    app.drain();
    if (drainMs > 0) await delay(drainMs);
    await app.close();
    logger.info({ event: 'stopped', after_ms: Math.round(performance.now() - fromMs) }, 'Stopped');
  });
};

/** Why a port cannot be opened, as a sentence that names the setting. */
const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another port',
  EACCES: 'this user may not: choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address: correct HOST',
  ENOTFOUND: 'the name does not resolve: correct HOST',
};

const listen = async (server: FastifyInstance, setting: string, port: number, host: string): Promise<AddressInfo> => {
  try {
    await server.listen({ port, host, listenTextResolver: (url) => `Listening at ${url}` });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const problem = LISTEN_PROBLEMS[code] ?? String(error);
    throw new Error(`Cannot listen at ${host}:${port} (HOST, ${setting}): ${problem}.`, { cause: error });
  }
  return server.server.address() as AddressInfo;
};

/** @throws Error that names the setting; then the app is closed again. */
const listenOnAll = async (app: App, settings: Settings) => {
  const { port, host, healthPort = 0, metricsPort = 0, shutdownTimeoutMs } = settings;
  try {
    const address = await listen(app.server, 'PORT', port, host);
    if (app.healthServer !== undefined) await listen(app.healthServer, 'HEALTH_PORT', healthPort, host);
    const metricsAddress = app.metricsServer && (await listen(app.metricsServer, 'METRICS_PORT', metricsPort, host));
    return { address, metricsAddress };
  } catch (error) {
    await Promise.race([app.close(), delay(shutdownTimeoutMs)]);
    throw error;
  }
};

/** How long a node next to its stores may take to be ready; longer is worth a warning. */
const READY_WARNING_MS = 5_000;

/**
 * How long the port stays closed while the stores are being connected: a proxy without health checks sends requests at
 * once.
 */
const LISTEN_WAIT_MS = 2_000;

/**
 * Resolves with the milliseconds it took until numbers could be issued; logs the reason and a remedy when that is late.
 */
const awaitReadiness = (app: App, logger: Logger): Promise<number> => {
  const onLate = (reason: string): void =>
    logger.warn({ event: 'not-ready', reason }, `Listening, but no number can be issued yet: ${reason}`);
  return waitUntilReady(() => app.checkReady(), { warningMs: READY_WARNING_MS, onLate });
};

const serve = async (): Promise<void> => {
  const settings = readSettings(process.env);
  const node = nameNode();
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const destination = format === 'pretty' ? await openPrettyLog() : undefined;
  const logger = createLogger(settings.logLevel, { node, destination });
  const { createApp } = await import('./app.ts');
  // Collects what reading the sources left behind, before the heap grows around it (docs/measurements.md).
  globalThis.gc?.();
  for (const { name, suggestion } of misspeltSettingsOf(process.env, SETTING_NAMES)) {
    logger.warn(
      { event: 'setting-unknown', name, suggestion },
      `${name} is no setting and is ignored: did you mean ${suggestion}?`,
    );
  }
  const app = await createApp({
    settings,
    version,
    node,
    logger,
    clock: { now: Date.now },
    tokenKeys: findTokenKeys(settings),
  });
  stopWithGrace(app, settings, logger);
  const ready = awaitReadiness(app, logger);
  await Promise.race([ready, delay(LISTEN_WAIT_MS)]);
  const { address, metricsAddress } = await listenOnAll(app, settings);
  if (settings.isOpenToStrangers) {
    logger.warn(
      { event: 'numbers-open', host: settings.host, count_max: settings.openCountMax },
      'Whoever reaches this port may take numbers without a token, and a number that was taken never comes again',
    );
  }
  logger.info(
    {
      event: 'listening',
      address: address.address,
      port: address.port,
      ...(metricsAddress !== undefined && { metrics_port: metricsAddress.port }),
      ...(settings.healthPort !== undefined && { health_port: settings.healthPort }),
      version,
      store: settings.redis === undefined ? 'sqlite' : 'redis',
      ...(settings.redis !== undefined && { redis_mode: settings.redis.mode }),
      auth: settings.auth,
      numbers_auth: settings.numbersAuth,
      tls: settings.tls === undefined ? 'off' : settings.tls.clientCaFile === undefined ? 'on' : 'mutual',
      pid: process.pid,
    },
    'Listening',
  );
  void ready.then((afterMs) => logger.info({ event: 'ready', after_ms: Math.round(afterMs) }, 'Ready to serve'));
};

const printToken = async (args: string[]): Promise<void> => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args, options: { scope: text, expires: text, subject: text } });
  const settings = readSettings(process.env);
  const keys = findTokenKeys(settings);
  if (keys === undefined) throw new Error('With AUTH=off no token is needed.');
  if ('jwks' in keys) throw new Error(`With JWT_JWKS_URL tokens come from their issuer, ${keys.jwks.issuer}.`);
  const { createToken } = await import('./access/token.ts');
  console.log(await createToken(keys.secret, values));
};

const askForHealth = async (): Promise<void> => {
  const { checkHealth } = await import('./commands/healthcheck.ts');
  await checkHealth(readSettings(process.env));
};

const repairStores = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({ args, options: { yes: { type: 'boolean', default: false } } });
  const { repair } = await import('./commands/repair.ts');
  await repair(readSettings(process.env), values.yes, console.log);
};

const backUpDatabase = async (args: string[]): Promise<void> => {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1)
    throw new Error('Name one file to back up to: npm run backup -- FILE');
  const { backUp } = await import('./commands/backup.ts');
  await backUp(readSettings(process.env), file, console.log);
};

const restoreDatabase = async (args: string[]): Promise<void> => {
  const text = { type: 'string' } as const;
  const options = { highest: { ...text, multiple: true }, 'highest-file': text, margin: text } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1)
    throw new Error('Name one file to restore: npm run restore -- FILE');
  const { restore } = await import('./commands/backup.ts');
  const { highest = [], 'highest-file': highestFile, margin } = values;
  restore(readSettings(process.env), file, { highest, highestFile, margin }, Date.now(), console.log);
};

const run = async ([command, ...rest]: string[]): Promise<void> => {
  if (command === '--help' || command === 'help' || rest.includes('--help')) console.log(HELP);
  else if (command === undefined) await serve();
  else if (command === 'token') await printToken(rest);
  else if (command === 'healthcheck') await askForHealth();
  else if (command === 'repair') await repairStores(rest);
  else if (command === 'backup') await backUpDatabase(rest);
  else if (command === 'restore') await restoreDatabase(rest);
  else if (command === '--version') console.log(version);
  else throw new Error(`Unknown command: ${command}\n\n${HELP}`);
};

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
