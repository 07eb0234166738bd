/** The composition root: connects each port with its implementation, in plain lines. */
import type { TokenKeys } from './access/authenticator.ts';
import { createNodeAllocators } from './allocators/node/node-allocators.ts';
import { openStores } from './app/open-stores.ts';
import type { Settings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import { createEventHub } from './core/events/event-hub.ts';
import { startControlServer } from './http/control-server.ts';
import { createServers, type Servers } from './http/servers.ts';
import { readTlsFiles } from './lib/tls-files.ts';
import { createRequestCounter } from './services/access/request-counter.ts';
import { createSeriesCache } from './services/numbers/series-cache.ts';
import { createStandbyKeeper } from './services/numbers/standby-keeper.ts';
import type { Strategies } from './services/numbers/strategies.ts';
import { createStrategiesInUse } from './services/numbers/strategies.ts';
import { createTemporaryNumberService } from './services/numbers/temporary-number-service.ts';
import { createServices } from './services/services.ts';
import { createStoreRemedies } from './services/watchers/store-remedies.ts';
import type { Watchers } from './services/watchers/watchers.ts';
import type { Logger } from './telemetry/logs/logger.ts';
import { openTelemetry } from './telemetry/telemetry.ts';

export interface App extends Omit<Servers, 'closeWatched'> {
  readonly watchers: Watchers;
  /** Takes a standby for periods that begin in the next ten minutes. Done every 30 s anyway. */
  prepareStandby(): void;
  /** Drains, closes the listener, finishes the requests under way, gives the standby back, closes the stores. */
  close(): Promise<void>;
}

interface AppOptions {
  readonly settings: Settings;
  readonly version: string;
  /** The name that `nameNode` made; it stands in every line of the log. */
  readonly node: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What tokens are verified with; undefined switches authorization off. */
  readonly tokenKeys: TokenKeys | undefined;
}

/** Runs on while the process is paused, and is never set back. */
const monotonic = (): number => performance.now();

interface Closable {
  close(): unknown;
}

/**
 * Puts the service together. `close` closes what was opened, last first; so does a start that fails at a later step.
 * @throws Error with a sentence for the operator when a store cannot be opened.
 */
export const createApp = async ({ settings, version, node, logger, clock, tokenKeys }: AppOptions): Promise<App> => {
  const { metricsPrefixes, metricsPort, healthPort, rateLimitPerSecond: perSecond } = settings;
  await using opening = new AsyncDisposableStack();
  const opened = <Opened extends Closable | undefined>(one: Opened): Opened =>
    opening.adopt(one, async () => void (await one?.close()));
  // Closed last, so that a long shutdown can be watched.
  const watched = opening.use(new AsyncDisposableStack());

  const { emit, listen } = createEventHub({ clock, node });
  const storeName = settings.redis === undefined ? 'sqlite' : 'redis';
  const telemetry = opened(
    await openTelemetry({
      version,
      node,
      store: storeName,
      prefixesMax: metricsPrefixes,
      shutdownTimeoutMs: settings.shutdownTimeoutMs,
      logger,
      logTakings: settings.logTakings,
      traces: settings.tracing,
      emit,
    }),
  );
  const { metrics, tracing, traced } = telemetry;
  listen(telemetry.listen);
  const remedies = createStoreRemedies();
  listen(remedies.listen);

  const stores = opened(await openStores({ settings, metrics: telemetry, clock, emit }));
  const { counters, prefixConfigs, ceilings, checks } = stores;
  if (checks !== undefined) listen(checks.listen);
  const seriesCache = opened(createSeriesCache(prefixConfigs, settings.standbySize, emit));
  // Closed after the allocators, which may still see the store return.
  const handedOver = opening.use(new AsyncDisposableStack());
  const allocators = opened(
    createNodeAllocators({
      counters,
      ceilings,
      hasReplicas: () => checks?.guarantee()?.kind === 'replicas',
      ledger: stores.ledger,
      marks: stores.marks,
      workerLeases: stores.workerLeases,
      leasesRanges: settings.redis !== undefined,
      dataCentre: settings.dataCentre,
      strategiesInUse: createStrategiesInUse(seriesCache, monotonic),
      node,
      clock,
      monotonic,
      emit,
    }),
  );
  const { counter } = allocators;
  const temporaryNumberService = createTemporaryNumberService({
    store: stores.temporaryNumbers,
    seriesCache,
    allocator: counter,
    clock,
    emit,
    node,
  });
  handedOver.defer(temporaryNumberService.close);
  listen(temporaryNumberService.listen);
  listen(allocators.listen);
  const gapless = allocators.gapless && {
    ledger: allocators.gapless.ledger,
    allocator: traced(allocators.gapless.allocator),
  };
  const strategies: Strategies = {
    counter: { allocator: traced(counter) },
    gapless: gapless ?? {
      refusal: 'gapless needs PostgreSQL: set DATABASE_URL, or use the embedded store (no REDIS_URL)',
    },
    segment: { allocator: traced(allocators.segment) },
    snowflake: { allocator: traced(allocators.snowflake) },
    uuidv7: { allocator: allocators.uuid },
  };

  const requestCounter = opened(
    stores.requestCounts && createRequestCounter({ store: stores.requestCounts, monotonic, emit }),
  );
  const standbyKeeper = opened(createStandbyKeeper({ seriesCache, allocator: counter, clock }));
  const { services, watchers } = createServices({
    counters,
    ceilings,
    prefixConfigs,
    apiKeys: stores.apiKeys,
    allowances: stores.allowances,
    gapless,
    counter,
    standings: allocators.standings,
    strategies,
    seriesCache,
    temporaryNumberService,
    limits: settings,
    node,
    clock,
    monotonic,
    emit,
  });
  opened(watchers);
  listen(watchers.listen);

  const servers = await createServers({
    ...services,
    version,
    logger,
    metrics,
    metricsAuth: settings.metricsAuth,
    metricsPort,
    tracing,
    health: {
      storeName,
      checkStore: counters.checkHealth,
      storeRemedy: remedies.ofStore,
      findings: () => checks?.findings(),
      collisions: watchers.collisionFindings,
      guarantee: () => checks?.guarantee(),
      isRegistered: counter.isRegistered,
      checkCeilings: ceilings?.checkHealth,
      ceilingsRemedy: remedies.ofCeilings,
      ledger: allocators.guardState,
      checkIssuing: allocators.checkIssuing,
      hasStandby: allocators.hasStandby,
      clockFinding: watchers.clockFinding,
    },
    healthPort,
    onDrain: () => emit({ type: 'stop-began' }),
    tokenKeys,
    numbersAuth: settings.numbersAuth,
    openCountMax: settings.openCountMax,
    rateLimit: perSecond === undefined ? undefined : { perSecond, counter: requestCounter },
    connections: { ...settings, tls: settings.tls && readTlsFiles(settings.tls) },
    corsOrigins: settings.corsOrigins,
  });
  watched.defer(servers.closeWatched);
  opened(servers);
  const { backUp } = stores;
  opened(backUp && (await startControlServer({ dataDir: settings.dataDir, backUp, logger })));
  opening.defer(servers.drain);
  const app = opening.move();
  return { ...servers, watchers, prepareStandby: standbyKeeper.look, close: () => app.disposeAsync() };
};
