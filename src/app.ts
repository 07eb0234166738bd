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

// Each store is loaded only where it is used: without ioredis a start on SQLite is 50 ms shorter and 20 MB smaller.
const openRedis = async (url: string, timeoutMs: number, emit: Emit): Promise<Stores> => {
  const { createRedisClient } = await import('./stores/redis/redis-client.ts');
  const { createRedisSequenceStore } = await import('./stores/redis/redis-sequence-store.ts');
  const { createRedisPrefixConfigStore } = await import('./stores/redis/redis-prefix-config-store.ts');
  const client = createRedisClient(url, timeoutMs, emit);
  return {
    sequences: createRedisSequenceStore(client),
    prefixConfigs: createRedisPrefixConfigStore(client),
    close: () => client.close(),
  };
};

const openSqlite = async (dataDir: string): Promise<Stores> => {
  const { openSqliteDatabase } = await import('./stores/sqlite/sqlite-database.ts');
  const { createSqliteSequenceStore } = await import('./stores/sqlite/sqlite-sequence-store.ts');
  const { createSqlitePrefixConfigStore } = await import('./stores/sqlite/sqlite-prefix-config-store.ts');
  const database = openSqliteDatabase(dataDir);
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
  const { redisUrl, redisTimeoutMs, dataDir } = settings;
  const stores = redisUrl === undefined ? await openSqlite(dataDir) : await openRedis(redisUrl, redisTimeoutMs, emit);
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
