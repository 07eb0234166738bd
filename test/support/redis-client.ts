/** The service's own connections to Redis in each mode, for tests of what they promise. */
import type { NumberGeneratorEvent } from '../../src/core/events/events.ts';
import { parseRedisAddress, type RedisTarget } from '../../src/lib/redis-target.ts';
import type { RedisClient } from '../../src/stores/redis/connection/redis-client.ts';
import { createRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { SENTINEL_MASTER, until } from './redis-sentinel.ts';

/** Counts each key by one, whatever the arguments. */
export const COUNT = createRedisScript(
  "#!lua\nlocal replies = {}\nfor i, key in ipairs(KEYS) do replies[i] = tostring(redis.call('INCR', key)) end\nreturn replies",
);

/** Waits until every slot has an owner that answers: `ready` comes with the first of them. */
export const openRedis = async (target: RedisTarget, timeoutMs = 5_000, keyPrefix = ''): Promise<RedisClient> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEvent = ({ type }: NumberGeneratorEvent): void => {
    if (type === 'store-connected') resolve();
  };
  const client = createRedisClient(target, timeoutMs, onEvent, keyPrefix);
  await promise;
  await until('a subscriber', async () => client.subscriber.status === 'ready' || undefined);
  return client;
};

/** In this order. */
export const closeAll = async (...parts: { close(): Promise<void> }[]): Promise<void> => {
  for (const part of parts) await part.close();
};

/** @param url names the sentinels. */
export const sentinelTarget = (url: string, sentinelPassword?: string): RedisTarget => {
  const address = parseRedisAddress(url, 26_379);
  if (address === undefined) throw new Error(url);
  return { mode: 'sentinel', address, master: SENTINEL_MASTER, sentinelUsername: undefined, sentinelPassword };
};

/** @param url names servers of the cluster. */
export const clusterTarget = (url: string): RedisTarget => {
  const address = parseRedisAddress(url, 6_379);
  if (address === undefined) throw new Error(url);
  return { mode: 'cluster', address };
};
