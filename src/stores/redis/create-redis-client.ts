/** The connections to Redis, in each mode: one server, the master behind sentinels, or a cluster. */
import { Redis } from 'ioredis';
import type { Emit } from '../../core/events/events.ts';
import type { RedisTarget } from '../../lib/redis-target.ts';
import { openCluster } from './cluster/redis-cluster.ts';
import { createRedisKeys } from './codecs/redis-keys.ts';
import type { RedisClient } from './connection/redis-client.ts';
import { closeConnection, reportConnection } from './connection/redis-connection.ts';
import { connectionOptions, sentinelOptions } from './connection/redis-options.ts';

/**
 * Connects in the background, and retries at least once a second until it is closed.
 * @param target a URL means one server.
 * @param timeoutMs how long a command may take; a socket that stays silent longer is destroyed.
 * @param keyPrefix stands before the name of everything.
 */
export const createRedisClient = (
  target: RedisTarget | string,
  timeoutMs: number,
  emit: Emit,
  keyPrefix = '',
): RedisClient => {
  if (typeof target === 'object' && target.mode === 'cluster') {
    return openCluster(target.address, timeoutMs, emit, createRedisKeys(keyPrefix));
  }
  const open = (connectionName: string): Redis => {
    const options = { ...connectionOptions(timeoutMs), connectionName };
    if (typeof target === 'string') return new Redis(target, options);
    if (target.mode === 'standalone') return new Redis(target.url, options);
    return new Redis({ ...options, ...sentinelOptions(target, timeoutMs) });
  };
  const commands = open('number-generator');
  // Read from the connection, which knows all spellings of a URL.
  const names = createRedisKeys(keyPrefix, Number(commands.options.db ?? 0));
  let subscriber: Redis | undefined;
  reportConnection(commands, emit);
  return {
    names,
    commands,
    get subscriber() {
      // It shares the fate of the first connection; its errors are no news of their own.
      subscriber ??= open('number-generator-subscriber').on('error', () => undefined);
      return subscriber;
    },
    servers: () => (commands.status === 'ready' ? [commands] : []),
    onServerReady: (listener) => {
      commands.on('ready', () => listener(commands));
    },
    close: async () => {
      await Promise.all([commands, ...(subscriber === undefined ? [] : [subscriber])].map(closeConnection));
    },
  };
};
