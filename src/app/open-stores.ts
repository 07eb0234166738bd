/** Opens the stores of this process (SQLite, Redis, PostgreSQL) as the ports they serve, with each call timed. */
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Emit } from '../core/events/events.ts';
import { createKeptApiKeyStore } from '../services/access/kept-api-key-store.ts';
import { createMirroredPrefixConfigStore } from '../services/prefix-configs/mirrored-prefix-config-store.ts';
import { createMemoryTemporaryNumberStore } from '../stores/memory/memory-temporary-number-store.ts';
import type { StoreMetrics } from '../telemetry/metrics/store-metrics.ts';

interface StoresOptions {
  readonly settings: Settings;
  readonly metrics: StoreMetrics;
  readonly clock: Clock;
  readonly emit: Emit;
}

const redisPlaceOf = ({ redis, redisTimeoutMs: timeoutMs, redisKeyPrefix: keyPrefix }: Settings) =>
  redis && { target: redis, timeoutMs, keyPrefix };

// Each store is loaded only where it is used: a start on SQLite is shorter and smaller without ioredis.

const openRequestCounts = async ({ settings }: StoresOptions) => {
  const place = redisPlaceOf(settings);
  if (place === undefined || settings.rateLimitPerSecond === undefined) return undefined;
  return (await import('../stores/redis/open-redis.ts')).openRequestCounts(place);
};

/** The store that outlives the loss of the main one. */
const openDurable = async ({ settings, emit }: StoresOptions) => {
  const { databaseUrl, databaseTimeoutMs } = settings;
  if (databaseUrl === undefined) return undefined;
  return (await import('../stores/postgres/open-postgres.ts')).openPostgres(databaseUrl, databaseTimeoutMs, emit);
};

const openMain = async ({ settings, clock, emit }: StoresOptions) => {
  const place = redisPlaceOf(settings);
  if (place === undefined) return (await import('../stores/sqlite/open-sqlite.ts')).openSqlite(settings.dataDir, clock);
  const { openRedis } = await import('../stores/redis/open-redis.ts');
  return openRedis(place, settings.databaseUrl === undefined ? 'redis' : 'postgres', emit);
};

/** @throws Error with a sentence for the operator when a store cannot be opened; then those opened before are closed. */
export const openStores = async (options: StoresOptions) => {
  const { timed, sized, sizedLedger } = options.metrics;
  await using opening = new AsyncDisposableStack();
  const requestCounts = opening.adopt(await openRequestCounts(options), (opened) => opened?.close());
  const durable = opening.adopt(await openDurable(options), (opened) => opened?.close());
  // Opened last, so that no listener misses its first connection.
  const main = opening.adopt(await openMain(options), ({ close }) => close());

  const { source } = main.counters;
  const durableSource = durable?.ledger.source ?? source;
  const liveConfigs = timed(main.prefixConfigs, source, 'configs');
  const configCopy = durable && timed(durable.prefixConfigCopy, durableSource, 'configs');
  const mirrored = configCopy && createMirroredPrefixConfigStore(liveConfigs, configCopy, options.emit);
  opening.defer(async () => mirrored?.close());
  const apiKeys = durable === undefined ? main.apiKeys : createKeptApiKeyStore(main.apiKeys, durable.apiKeys);
  const ledger = durable?.ledger ?? main.ledger;
  const opened = opening.move();
  return {
    counters: timed(sized(main.counters), source, 'counters'),
    prefixConfigs: mirrored ?? liveConfigs,
    temporaryNumbers: timed(main.temporaryNumbers ?? createMemoryTemporaryNumberStore(), source, 'temporary'),
    workerLeases: timed((durable ?? main).workerLeases, durableSource, 'workers'),
    apiKeys: timed(apiKeys, durableSource, 'api-keys'),
    allowances: main.allowances,
    /** Adds up the requests of clients over all nodes; undefined when nodes do not, or there is no limit. */
    requestCounts: requestCounts?.store,
    /** The ceilings of the counters; undefined where no other store outlives them. */
    ceilings: durable && timed(durable.ceilings, durableSource, 'ceilings'),
    ledger: ledger && timed(sizedLedger(ledger), durableSource, 'ledger'),
    /** What guards the ledger where it lies in another store than the counters. */
    marks: durable && main.knownMarks && { known: main.knownMarks, stored: durable.storedMarks },
    /** Checks of the store's settings; undefined where there is nothing to check. */
    checks: main.checks,
    /** Copies the database to a file; undefined where the database is not a file of this process. */
    backUp: main.backUp,
    close: () => opened.disposeAsync(),
  };
};
