/** Opens Redis: the stores that share one client with the look at its settings, and the counts of requests on a client of their own. */
import type { Emit } from '../../core/events/events.ts';
import type { RedisTarget } from '../../lib/redis-target.ts';
import { createRedisClient } from './create-redis-client.ts';
import { createRedisAllowanceStore } from './redis-allowance-store.ts';
import { createRedisApiKeyStore } from './redis-api-key-store.ts';
import { createRedisCounterStore } from './redis-counter-store.ts';
import { createRedisKnownMarkStore } from './redis-known-mark-store.ts';
import { createRedisPrefixConfigStore } from './redis-prefix-config-store.ts';
import { createRedisRequestCountStore } from './redis-request-count-store.ts';
import { createRedisTemporaryNumberStore } from './redis-temporary-number-store.ts';
import { createRedisWorkerLeaseStore } from './redis-worker-lease-store.ts';
import { createRedisChecks } from './settings/redis-checks.ts';

export interface RedisPlace {
  readonly target: RedisTarget;
  /** How long a command may take, ms. */
  readonly timeoutMs: number;
  /** Stands before the name of everything. */
  readonly keyPrefix: string;
}

/** Connects in the background. @param ceilings which store keeps them. */
export const openRedis = ({ target, timeoutMs, keyPrefix }: RedisPlace, ceilings: 'redis' | 'postgres', emit: Emit) => {
  const client = createRedisClient(target, timeoutMs, emit, keyPrefix);
  const checks = createRedisChecks(client, emit, ceilings);
  return {
    counters: createRedisCounterStore(client),
    prefixConfigs: createRedisPrefixConfigStore(client),
    temporaryNumbers: createRedisTemporaryNumberStore(client),
    workerLeases: createRedisWorkerLeaseStore(client, Math.random),
    apiKeys: createRedisApiKeyStore(client),
    allowances: createRedisAllowanceStore(client),
    knownMarks: createRedisKnownMarkStore(client),
    checks,
    ledger: undefined,
    backUp: undefined,
    close: async () => {
      checks.close();
      await client.close();
    },
  };
};

/** On connections of their own: no number waits for a count. */
export const openRequestCounts = ({ target, timeoutMs, keyPrefix }: RedisPlace) => {
  // The other connections report that Redis is away.
  const client = createRedisClient(target, timeoutMs, () => undefined, keyPrefix);
  return { store: createRedisRequestCountStore(client), close: client.close };
};
