/** The connections to Redis, in each mode: one server, the master behind sentinels, or a cluster. */
import { Redis } from 'ioredis';
import { NumberGeneratorError, StorageTimeoutError, StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { RedisTarget } from '../../lib/redis-target.ts';
import { openCluster } from './redis-cluster.ts';
import type { RedisCommands } from './redis-commands.ts';
import { closeConnection, reportConnection } from './redis-connection.ts';
import { createRedisKeys, type RedisKeys } from './redis-keys.ts';
import { connectionOptions, sentinelOptions } from './redis-options.ts';

export interface RedisClient {
  /** What everything is called there. */
  readonly names: RedisKeys;
  /** For commands and scripts. Each goes to the server that has its key. */
  readonly commands: RedisCommands;
  /** In subscriber mode, on a connection of its own, opened when it is first asked for. */
  readonly subscriber: Redis;
  /** The servers that can be reached now: the one, or all masters and replicas of a cluster. */
  servers(): readonly Redis[];
  /** Calls back whenever a server can be reached (again). */
  onServerReady(listener: (server: Redis) => void): void;
  /** Resolves when all connections are closed; a silent server delays it by 200 ms, silent sentinels by the command's timeout. */
  close(): Promise<void>;
}

/**
 * Connects in the background and goes on trying for ever, at most a second apart.
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
  const names = createRedisKeys(keyPrefix);
  if (typeof target === 'object' && target.mode === 'cluster')
    return openCluster(target.address, timeoutMs, emit, names);
  const open = (connectionName: string): Redis => {
    const options = { ...connectionOptions(timeoutMs), connectionName };
    if (typeof target === 'string') return new Redis(target, options);
    if (target.mode === 'standalone') return new Redis(target.url, options);
    return new Redis({ ...options, ...sentinelOptions(target, timeoutMs) });
  };
  const commands = open('number-generator');
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

/** Turns what ioredis throws into the errors of the ports. */
const toStorageError = (error: unknown): NumberGeneratorError => {
  if (error instanceof NumberGeneratorError) return error;
  if (error instanceof Error && error.message === 'Command timed out') {
    return new StorageTimeoutError('Redis did not answer in time.', error);
  }
  return new StorageUnavailableError('Redis cannot serve at the moment.', error);
};

/** Runs work on Redis, and translates what it throws. */
export const translated = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error);
  }
};
