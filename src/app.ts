/** The composition root: what stands behind each port, in plain lines. */
import type { FastifyInstance } from 'fastify';
import { createCoalescingAllocator } from './allocators/coalescing-allocator.ts';
import type { Settings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Emit } from './core/events.ts';
import type { PrefixConfigStore } from './core/prefix-config-store.ts';
import type { SequenceStore } from './core/sequence-store.ts';
import { createServer } from './http/server.ts';
import { createNumberService } from './services/number-service.ts';
import { createPrefixConfigService } from './services/prefix-config-service.ts';
import { createSeriesCache } from './services/series-cache.ts';
import { createRedisClient } from './stores/redis/redis-client.ts';
import { createRedisPrefixConfigStore } from './stores/redis/redis-prefix-config-store.ts';
import { createRedisSequenceStore } from './stores/redis/redis-sequence-store.ts';
import { openSqliteDatabase } from './stores/sqlite/sqlite-database.ts';
import { createSqlitePrefixConfigStore } from './stores/sqlite/sqlite-prefix-config-store.ts';
import { createSqliteSequenceStore } from './stores/sqlite/sqlite-sequence-store.ts';
import { createEventLog, type Logger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

export interface App {
  readonly server: FastifyInstance;
  /** Makes `/readyz` answer 503, finishes the requests under way, closes the stores. */
  close(): Promise<void>;
}

interface Stores {
  readonly sequences: SequenceStore;
  readonly prefixConfigs: PrefixConfigStore;
  close(): Promise<void>;
}

const openStores = (settings: Settings, emit: Emit): Stores => {
  if (settings.redisUrl !== undefined) {
    const client = createRedisClient(settings.redisUrl, settings.redisTimeoutMs, emit);
    return {
      sequences: createRedisSequenceStore(client),
      prefixConfigs: createRedisPrefixConfigStore(client),
      close: () => client.close(),
    };
  }
  const database = openSqliteDatabase(settings.dataDir);
  return {
    sequences: createSqliteSequenceStore(database),
    prefixConfigs: createSqlitePrefixConfigStore(database),
    close: async () => database.close(),
  };
};

interface AppOptions {
  readonly settings: Settings;
  readonly version: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The key of the tokens; undefined switches authorization off. */
  readonly jwtSecret: string | undefined;
}

/** Puts the service together. @throws Error with a sentence for the operator when a store cannot be opened. */
export const createApp = async ({ settings, version, logger, clock, jwtSecret }: AppOptions): Promise<App> => {
  const metrics = createMetrics();
  const log = createEventLog(logger);
  const emit: Emit = (event) => {
    metrics.listen(event);
    log(event);
  };
  const stores = openStores(settings, emit);
  const { sequences, prefixConfigs } = stores;
  const seriesCache = createSeriesCache(prefixConfigs, emit);
  const allocator = createCoalescingAllocator(sequences);
  let stopping = false;

  const server = await createServer({
    version,
    logger,
    numberService: createNumberService({ seriesCache, allocator, clock, emit, source: sequences.source }),
    prefixConfigService: createPrefixConfigService({ store: prefixConfigs, seriesCache, emit }),
    metrics,
    health: { storeName: sequences.source, checkStore: () => sequences.checkHealth(), isStopping: () => stopping },
    jwtSecret,
    numbersAuth: settings.numbersAuth,
  });

  return {
    server,
    close: async () => {
      stopping = true;
      await server.close();
      seriesCache.close();
      await stores.close();
    },
  };
};
