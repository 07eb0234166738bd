/** The composition root: what stands behind each port, in plain lines. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type CounterAllocator, createCounterAllocator } from './allocators/counter/counter-allocator.ts';
import { createGaplessAllocator } from './allocators/gapless/gapless-allocator.ts';
import { createGuardedLedger } from './allocators/gapless/guarded-ledger.ts';
import { createLedgerGuard } from './allocators/gapless/ledger-guard.ts';
import { createKeyClaims } from './allocators/key-claims.ts';
import { createSegmentAllocator } from './allocators/segment/segment-allocator.ts';
import { createSnowflakeAllocator } from './allocators/snowflake/snowflake-allocator.ts';
import { createWorkerKeeper } from './allocators/snowflake/worker-keeper.ts';
import { createUuidAllocator } from './allocators/uuid/uuid-allocator.ts';
import type { Settings } from './config/settings.ts';
import type { ApiKeyStore } from './core/access/api-key-store.ts';
import type { AllowanceStore } from './core/allowance/allowance-store.ts';
import { createAllowances } from './core/allowance/allowances.ts';
import type { Clock } from './core/clock.ts';
import type { CounterStore } from './core/counter/counter-store.ts';
import type { TemporaryNumberStore } from './core/counter/temporary-number-store.ts';
import type { Emit } from './core/events/events.ts';
import type { KnownMarkStore } from './core/ledger/ledger-mark.ts';
import type { LedgerStore } from './core/ledger/ledger-store.ts';
import type { PrefixConfigStore } from './core/prefix-config/prefix-config-store.ts';
import type { WorkerLeaseStore } from './core/snowflake/worker-lease-store.ts';
import { closeIdleConnectionsUntil, endKeptConnections } from './http/connections/kept-connections.ts';
import { startControlServer } from './http/control-server.ts';
import { createHealthServer } from './http/health-server.ts';
import { createMetricsServer } from './http/metrics-server.ts';
import type { TokenKeys } from './http/plugins/credentials.ts';
import { checkReadiness, type HealthOptions } from './http/routes/health.ts';
import { createServer } from './http/server.ts';
import { controlSocketPath } from './lib/control-socket.ts';
import { nameNode } from './lib/node-name.ts';
import type { RedisTarget } from './lib/redis-target.ts';
import { readTlsFiles } from './lib/tls-files.ts';
import { createApiKeyCache } from './services/access/api-key-cache.ts';
import { createApiKeyService } from './services/access/api-key-service.ts';
import { createRequestCounter, type RequestCounter } from './services/access/request-counter.ts';
import { createCompletenessService } from './services/completeness/completeness-service.ts';
import { createNumberLookupService } from './services/completeness/number-lookup-service.ts';
import { createReaderIndex } from './services/completeness/reader-index.ts';
import { createValueTracer } from './services/completeness/value-tracer.ts';
import { createNumberService } from './services/numbers/number-service.ts';
import { targetOfSequence } from './services/numbers/period-target.ts';
import { createSeriesCache } from './services/numbers/series-cache.ts';
import { createStandbyKeeper } from './services/numbers/standby-keeper.ts';
import type { Strategies } from './services/numbers/strategies.ts';
import { createTemporaryNumberService } from './services/numbers/temporary-number-service.ts';
import { createCollisionCheck } from './services/prefix-configs/collision-check.ts';
import { createMirroredPrefixConfigStore } from './services/prefix-configs/mirrored-prefix-config-store.ts';
import { createPrefixConfigService } from './services/prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from './services/prefix-configs/printed-prefixes.ts';
import { createTemplateService } from './services/prefix-configs/template-service.ts';
import { createReservationService } from './services/sequences/reservation-service.ts';
import { createSequenceService } from './services/sequences/sequence-service.ts';
import { createCallerShare } from './services/shared/caller-share.ts';
import { createSequenceReads } from './services/shared/sequence-reads.ts';
import { createCapacityWatcher } from './services/watchers/capacity-watcher.ts';
import { createClockWatcher } from './services/watchers/clock-watcher.ts';
import { createCollisionWatcher } from './services/watchers/collision-watcher.ts';
import { createGapWatcher } from './services/watchers/gap-watcher.ts';
import { createOpenShareWatcher } from './services/watchers/open-share-watcher.ts';
import { createStandbyWatcher } from './services/watchers/standby-watcher.ts';
import { createStoreRemedies } from './services/watchers/store-remedies.ts';
import type { RedisChecks } from './stores/redis/settings/redis-checks.ts';
import { createEventLog, type Logger } from './telemetry/logs/logger.ts';
import { createTakingLog } from './telemetry/logs/taking-log.ts';
import { createMetrics } from './telemetry/metrics/metrics.ts';
import type { StoreMetrics } from './telemetry/metrics/store-metrics.ts';
import type { Tracing, TracingOptions } from './telemetry/traces/tracing.ts';

export interface App {
  readonly server: FastifyInstance;
  /** Shows the metrics on a port of its own, until everything else is closed; undefined: `server` shows them. */
  readonly metricsServer: FastifyInstance | undefined;
  /** Answers the probes on a port of its own, without TLS, until everything else is closed; undefined: only `server` does. */
  readonly healthServer: FastifyInstance | undefined;
  /** Looks for prefixes that could print the same numbers, as it does every minute once a config was changed. */
  watchCollisions(): Promise<void>;
  /** Looks what this node holds ready, and how many gaps are recorded. Done every 5 s and every 15 s anyway. */
  watchHoldings(): Promise<void>;
  /** Looks how full the series are. Done every 10 s anyway. */
  watchCapacity(): Promise<void>;
  /** Takes a standby for periods that begin in the next ten minutes. Done every 30 s anyway. */
  prepareStandby(): void;
  /** Whether a number could be issued now. @throws StorageUnavailableError, StorageTimeoutError with the reason and what to look at. */
  checkReady(): Promise<void>;
  /** From now on `/readyz` answers 503, and each reply asks the client to close its connection. Requests are still served. */
  drain(): void;
  /** Drains, closes the listener, finishes the requests under way, gives the standby back, closes the stores. */
  close(): Promise<void>;
}

interface Stores {
  readonly counters: CounterStore;
  readonly prefixConfigs: PrefixConfigStore;
  readonly temporaryNumbers: TemporaryNumberStore;
  readonly workerLeases: WorkerLeaseStore;
  readonly apiKeys: ApiKeyStore;
  readonly allowances: AllowanceStore;
  /** The ledger of gapless prefixes, where the same store keeps it. */
  readonly ledger?: LedgerStore;
  /** What was known of a ledger that lies elsewhere. */
  readonly knownMarks?: KnownMarkStore;
  /** What is known of the store's settings; absent where there is nothing to check. */
  readonly checks?: Pick<RedisChecks, 'findings' | 'guarantee' | 'look'>;
  /** Copies the database to a file; absent where it is no file of this process. */
  readonly backUp?: (file: string, progress: (done: number, total: number) => void) => Promise<void>;
  close(): Promise<void>;
}

// Each store is loaded only where it is used: without ioredis a start on SQLite is 50 ms shorter and 20 MB smaller.
const openRedis = async (target: RedisTarget, settings: Settings, emit: Emit): Promise<Stores> => {
  const { createRedisAllowanceStore } = await import('./stores/redis/redis-allowance-store.ts');
  const { createRedisApiKeyStore } = await import('./stores/redis/redis-api-key-store.ts');
  const { createRedisClient } = await import('./stores/redis/create-redis-client.ts');
  const { createRedisChecks } = await import('./stores/redis/settings/redis-checks.ts');
  const { createRedisCounterStore } = await import('./stores/redis/redis-counter-store.ts');
  const { createRedisKnownMarkStore } = await import('./stores/redis/redis-known-mark-store.ts');
  const { createRedisPrefixConfigStore } = await import('./stores/redis/redis-prefix-config-store.ts');
  const { createRedisTemporaryNumberStore } = await import('./stores/redis/redis-temporary-number-store.ts');
  const { createRedisWorkerLeaseStore } = await import('./stores/redis/redis-worker-lease-store.ts');
  const client = createRedisClient(target, settings.redisTimeoutMs, emit, settings.redisKeyPrefix);
  const checks = createRedisChecks(client, emit, settings.databaseUrl === undefined ? 'redis' : 'postgres');
  return {
    counters: createRedisCounterStore(client),
    prefixConfigs: createRedisPrefixConfigStore(client),
    temporaryNumbers: createRedisTemporaryNumberStore(client),
    workerLeases: createRedisWorkerLeaseStore(client, Math.random),
    apiKeys: createRedisApiKeyStore(client),
    allowances: createRedisAllowanceStore(client),
    knownMarks: createRedisKnownMarkStore(client),
    checks,
    close: async () => {
      checks.close();
      await client.close();
    },
  };
};

/** Adds the requests of clients up over the nodes, on connections of its own: numbers never wait for it. */
const openRequestCounter = async (target: RedisTarget, settings: Settings, emit: Emit): Promise<RequestCounter> => {
  const { createRedisClient } = await import('./stores/redis/create-redis-client.ts');
  const { createRedisRequestCountStore } = await import('./stores/redis/redis-request-count-store.ts');
  // Of Redis being away the other connections tell.
  const client = createRedisClient(target, settings.redisTimeoutMs, () => undefined, settings.redisKeyPrefix);
  return createRequestCounter({ store: createRedisRequestCountStore(client), monotonic, emit });
};

/** What outlives Redis: ceilings, nodes, gaps, and a copy of the prefix configs. */
const openPostgres = async (url: string, timeoutMs: number, emit: Emit, { timed, sizedLedger }: StoreMetrics) => {
  const { createPostgresClient } = await import('./stores/postgres/postgres-client.ts');
  const { createPostgresCeilingStore } = await import('./stores/postgres/postgres-ceiling-store.ts');
  const { createPostgresLedgerMarks } = await import('./stores/postgres/postgres-ledger-marks.ts');
  const { createPostgresLedgerStore } = await import('./stores/postgres/postgres-ledger-store.ts');
  const { createPostgresPrefixConfigCopy } = await import('./stores/postgres/postgres-prefix-config-copy.ts');
  const { createPostgresWorkerLeaseStore } = await import('./stores/postgres/postgres-worker-lease-store.ts');
  const client = createPostgresClient(url, timeoutMs, emit);
  return {
    ceilings: timed(createPostgresCeilingStore(client), 'postgres', 'ceilings'),
    ledger: timed(sizedLedger(createPostgresLedgerStore(client)), 'postgres', 'ledger'),
    storedMarks: createPostgresLedgerMarks(client),
    prefixConfigCopy: timed(createPostgresPrefixConfigCopy(client), 'postgres', 'configs'),
    workerLeases: timed(createPostgresWorkerLeaseStore(client, Math.random), 'postgres', 'workers'),
    close: () => client.close(),
  };
};

const openSqlite = async (dataDir: string, clock: Clock): Promise<Stores> => {
  const { createSqliteApiKeyStore } = await import('./stores/sqlite/sqlite-api-key-store.ts');
  const { copyDatabase } = await import('./stores/sqlite/sqlite-backup.ts');
  const { openSqliteDatabase } = await import('./stores/sqlite/sqlite-database.ts');
  const { createSqliteCounterStore } = await import('./stores/sqlite/sqlite-counter-store.ts');
  const { createSqliteLedgerStore } = await import('./stores/sqlite/sqlite-ledger-store.ts');
  const { createSqlitePrefixConfigStore } = await import('./stores/sqlite/sqlite-prefix-config-store.ts');
  const { createSqliteWorkerLeaseStore } = await import('./stores/sqlite/sqlite-worker-lease-store.ts');
  const { createMemoryTemporaryNumberStore } = await import('./stores/memory/memory-temporary-number-store.ts');
  const database = openSqliteDatabase(dataDir);
  return {
    counters: createSqliteCounterStore(database),
    prefixConfigs: createSqlitePrefixConfigStore(database),
    ledger: createSqliteLedgerStore(database, clock),
    // Never used: the file is here or the process does not start.
    temporaryNumbers: createMemoryTemporaryNumberStore(),
    workerLeases: createSqliteWorkerLeaseStore(database),
    apiKeys: createSqliteApiKeyStore(database),
    // Of one process: a start begins them anew.
    allowances: createAllowances(),
    backUp: (file, progress) => copyDatabase(database.handle, file, progress),
    close: async () => database.close(),
  };
};

/** The same stores, with each call timed and each trip's size noted. */
const measured = (stores: Stores, metrics: StoreMetrics): Stores => {
  const { source } = stores.counters;
  const { ledger } = stores;
  return {
    ...stores,
    counters: metrics.timed(metrics.sized(stores.counters), source, 'counters'),
    prefixConfigs: metrics.timed(stores.prefixConfigs, source, 'configs'),
    temporaryNumbers: metrics.timed(stores.temporaryNumbers, source, 'temporary'),
    workerLeases: metrics.timed(stores.workerLeases, source, 'workers'),
    apiKeys: metrics.timed(stores.apiKeys, source, 'api-keys'),
    ...(ledger && { ledger: metrics.timed(metrics.sizedLedger(ledger), source, 'ledger') }),
  };
};

const openTracing = async (options: TracingOptions): Promise<Tracing> => {
  const { startTracing } = await import('./telemetry/traces/tracing.ts');
  return startTracing(options);
};

/** What is measured of the stores, and traced too where traces are asked for. */
const watchStores = (stores: StoreMetrics, tracing: Tracing | undefined): StoreMetrics =>
  tracing === undefined
    ? stores
    : { ...stores, timed: (port, store, name) => tracing.port(stores.timed(port, store, name), store, name) };

/** After these, prefixes may print alike that did not before. */
const CONFIG_CHANGES: ReadonlySet<string> = new Set([
  'prefix-config-registered',
  'prefix-config-updated',
  'prefix-config-removed',
]);

interface AppOptions {
  readonly settings: Settings;
  readonly version: string;
  /** As `nameNode` names it; the log says it in every line. */
  readonly node: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What tokens are verified by; undefined switches authorization off. */
  readonly tokenKeys: TokenKeys | undefined;
}

/** Goes on while the process is stopped, and is never set back. */
const monotonic = (): number => performance.now();

/** Puts the service together. @throws Error with a sentence for the operator when a store cannot be opened. */
export const createApp = async ({ settings, version, node, logger, clock, tokenKeys }: AppOptions): Promise<App> => {
  const metrics = createMetrics({
    version,
    node,
    store: settings.redis === undefined ? 'sqlite' : 'redis',
    prefixesMax: settings.metricsPrefixes,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
  });
  const log = createEventLog(logger);
  const remedies = createStoreRemedies();
  const listeners: Emit[] = [metrics.listen, remedies.listen, log];
  if (settings.logTakings) listeners.push(createTakingLog(logger));
  const emit: Emit = (event) => {
    for (const listen of listeners) listen(event);
  };
  const tracing = settings.tracing && (await openTracing({ ...settings.tracing, version, node, emit }));
  const watched = watchStores(metrics.stores, tracing);
  const traced = <Traced extends object>(waited: Traced): Traced => tracing?.allocator(waited) ?? waited;
  const { redis, databaseUrl, databaseTimeoutMs, dataDir, standbySize, numbersAuth, dataCentre } = settings;
  const opened = redis === undefined ? await openSqlite(dataDir, clock) : await openRedis(redis, settings, emit);
  const stores = measured(opened, watched);
  const { counters, temporaryNumbers, checks } = stores;
  const postgres =
    databaseUrl === undefined ? undefined : await openPostgres(databaseUrl, databaseTimeoutMs, emit, watched);
  const mirrored = postgres && createMirroredPrefixConfigStore(stores.prefixConfigs, postgres.prefixConfigCopy, emit);
  const prefixConfigs = mirrored ?? stores.prefixConfigs;
  const seriesCache = createSeriesCache(prefixConfigs, standbySize, emit);
  if (settings.isOpen) listeners.push(createOpenShareWatcher({ seriesCache, clock, emit }));
  const createCounting = (name: string, listener: Emit): CounterAllocator =>
    createCounterAllocator({
      store: counters,
      node: name,
      emit: listener,
      ceilings: postgres?.ceilings,
      hasReplicas: () => checks?.guarantee()?.kind === 'replicas',
    });
  const allocator = createCounting(node, emit);
  const temporaryNumberService = createTemporaryNumberService({
    store: temporaryNumbers,
    seriesCache,
    allocator,
    clock,
    emit,
    node,
  });
  const standbyKeeper = createStandbyKeeper({ seriesCache, allocator, clock });
  listeners.push((event) => {
    if (event.type === 'outage-began') checks?.look();
    if (event.type === 'store-returned') void temporaryNumberService.handOver();
  });
  const guard =
    postgres &&
    stores.knownMarks &&
    createLedgerGuard({ store: stores.knownMarks, stored: postgres.storedMarks, emit });
  if (guard !== undefined) {
    listeners.push(({ type }) => {
      if (type === 'store-disconnected') guard.lost();
      if (type === 'store-connected') void guard.catchUp();
      if (type === 'ceiling-store-connected') void guard.look();
    });
  }
  const plainLedger = postgres?.ledger ?? stores.ledger;
  const ledger =
    plainLedger && guard && postgres ? createGuardedLedger(plainLedger, guard, postgres.storedMarks) : plainLedger;
  const claims = createKeyClaims({ store: counters, emit });
  const gapless = ledger && { ledger, allocator: traced(createGaplessAllocator({ store: ledger, emit, claims })) };
  const createLessee = (): CounterAllocator =>
    createCounting(nameNode(), (event) => {
      // They notice what the counter's own calls notice too.
      if (event.type !== 'outage-began' && event.type !== 'store-returned') emit(event);
    });
  const segments =
    redis &&
    createSegmentAllocator({
      createLessees: () => [createLessee(), createLessee()],
      counter: allocator,
      monotonic,
    });
  const workerKeeper = createWorkerKeeper({
    leases: postgres?.workerLeases ?? stores.workerLeases,
    dataCentre,
    holder: node,
    clock,
    monotonic,
    emit,
  });
  const strategies: Strategies = {
    counter: { allocator: traced(allocator) },
    gapless: gapless ?? {
      refusal: 'gapless needs PostgreSQL: set DATABASE_URL, or use the embedded store (no REDIS_URL)',
    },
    // On SQLite the counter itself is at hand: there is nothing to lease.
    segment: { allocator: traced(segments ?? allocator) },
    snowflake: {
      allocator: traced(createSnowflakeAllocator({ keeper: workerKeeper, dataCentre, clock, monotonic, delay, emit })),
    },
    uuidv7: { allocator: createUuidAllocator(clock) },
  };
  const clockWatcher = createClockWatcher(clock, emit);
  const capacityWatcher = createCapacityWatcher({
    seriesCache,
    standings: () => [...allocator.standings(), ...(gapless?.allocator.standings() ?? [])],
    measuredMax: settings.metricsPrefixes,
    clock,
    emit,
  });
  const { rateLimitPerSecond: perSecond } = settings;
  const requestCounter =
    perSecond === undefined || redis === undefined ? undefined : await openRequestCounter(redis, settings, emit);
  const held = { standings: allocator.standings, measuredMax: settings.metricsPrefixes, emit };
  const standbyWatcher = createStandbyWatcher(held);
  const reads = createSequenceReads({
    counters,
    ceilings: postgres?.ceilings,
    epochOf: allocator.epochOf,
    recover: allocator.recover,
    targetOf: async (sequence) => targetOfSequence(await seriesCache.get(sequence.prefixKey), sequence),
  });
  const gapWatcher = createGapWatcher({ store: reads, ...held });
  const printed = createPrintedPrefixes(prefixConfigs);
  prefixConfigs.onChange(printed.note);
  const collisionWatcher = createCollisionWatcher({ printed, emit });
  prefixConfigs.onChange(collisionWatcher.note);
  listeners.push(({ type }) => {
    if (CONFIG_CHANGES.has(type)) collisionWatcher.note();
  });
  const socketPath = stores.backUp && controlSocketPath(dataDir);
  const control =
    stores.backUp &&
    socketPath &&
    (await startControlServer({
      socketPath,
      backUp: stores.backUp,
      onError: (err) => logger.warn({ event: 'backup-failed', err }, 'The database could not be copied'),
    }));
  let stopping = false;
  const health: HealthOptions = {
    storeName: counters.source,
    checkStore: () => counters.checkHealth(),
    storeRemedy: remedies.ofStore,
    findings: () => {
      const collisions = collisionWatcher.findings();
      return collisions.length === 0 ? checks?.findings() : [...(checks?.findings() ?? []), ...collisions];
    },
    guarantee: () => checks?.guarantee(),
    isRegistered: () => allocator.isRegistered(),
    checkCeilings: postgres && (() => postgres.ceilings.checkHealth()),
    ceilingsRemedy: remedies.ofCeilings,
    ledger: guard && (() => guard.state()),
    hasStandby: () => allocator.hasStandby() || segments?.hasValues() === true || workerKeeper.usable() !== undefined,
    isStopping: () => stopping,
    clockFinding: clockWatcher.finding,
  };

  const keyAllowance = createCallerShare(settings.idempotencyKeys);
  const reservationShare = createCallerShare(settings.reservations);
  const server = await createServer({
    version,
    logger,
    numberService: createNumberService({
      seriesCache,
      strategies,
      isStorePresent: () => allocator.isStorePresent(),
      temporaryNumberService,
      keyAllowance,
      pastPeriodsMax: settings.pastPeriodsMax,
      receipts: ledger === undefined ? [counters] : [counters, ledger],
      clock,
      emit,
    }),
    prefixConfigService: createPrefixConfigService({
      store: prefixConfigs,
      counters: reads,
      ledger,
      registrations: {
        allowances: stores.allowances,
        shareOf: createCallerShare({ knownMax: settings.registrationsMax, openMax: settings.registrationsMax }),
      },
      collisions: createCollisionCheck({ printed, random: Math.random }),
      strategies,
      seriesCache,
      clock,
      emit,
    }),
    completenessService: createCompletenessService({
      counters: reads,
      ledger,
      configs: prefixConfigs,
      seriesCache,
      clock,
      node,
    }),
    reservationService: createReservationService({ seriesCache, gapless, keyAllowance, reservationShare, clock, emit }),
    sequenceService: createSequenceService({
      store: { ...reads, close: counters.close },
      ledger,
      seriesCache,
      allocator,
      capacityWatcher,
      clock,
      emit,
    }),
    templateService: createTemplateService(clock),
    numberLookupService: createNumberLookupService({
      store: prefixConfigs,
      index: createReaderIndex(prefixConfigs, clock),
      tracer: createValueTracer({ counters: reads, ledger }),
    }),
    temporaryNumberService,
    metrics,
    showsMetrics: settings.metricsPort === undefined,
    metricsAuth: settings.metricsAuth,
    tracing,
    health,
    apiKeyService: createApiKeyService({
      store: stores.apiKeys,
      cache: createApiKeyCache(stores.apiKeys, monotonic),
      shareOf: createCallerShare({ knownMax: settings.apiKeysMax, openMax: settings.apiKeysMax }),
      clock,
      randomBytes,
      emit,
    }),
    tokenKeys,
    numbersAuth,
    openCountMax: settings.openCountMax,
    rateLimit: perSecond === undefined ? undefined : { perSecond, counter: requestCounter },
    connections: { ...settings, tls: settings.tls && readTlsFiles(settings.tls) },
    corsOrigins: settings.corsOrigins,
  });

  const metricsServer =
    settings.metricsPort === undefined ? undefined : await createMetricsServer(logger, settings, metrics);

  const healthServer =
    settings.healthPort === undefined ? undefined : await createHealthServer(logger, settings, health);

  const drain = (): void => {
    if (stopping) return;
    stopping = true;
    emit({ type: 'stop-began' });
    endKeptConnections(server.server);
  };

  return {
    server,
    metricsServer,
    healthServer,
    watchHoldings: async () => {
      await standbyWatcher.look();
      await gapWatcher.look();
    },
    watchCapacity: capacityWatcher.look,
    watchCollisions: collisionWatcher.look,
    prepareStandby: standbyKeeper.look,
    checkReady: () => checkReadiness(health),
    drain,
    close: async () => {
      drain();
      if (control) await control.close();
      await closeIdleConnectionsUntil(server.server, server.close());
      standbyKeeper.close();
      clockWatcher.close();
      capacityWatcher.close();
      standbyWatcher.close();
      gapWatcher.close();
      collisionWatcher.close();
      seriesCache.close();
      await requestCounter?.close();
      await segments?.close();
      await gapless?.allocator.close();
      await guard?.close();
      await allocator.close();
      await workerKeeper.close();
      await temporaryNumberService.handOver();
      await mirrored?.close();
      await stores.close();
      await postgres?.close();
      await tracing?.close();
      // Last, so that a shutdown that takes long can be watched.
      await metricsServer?.close();
      await healthServer?.close();
    },
  };
};
