/** The connections to Redis: never a command sent twice, never one waiting for a connection that is not there. */
import { Redis } from 'ioredis';
import { NumberGeneratorError, StorageTimeoutError, StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';

export interface RedisClient {
  /** For commands and scripts. */
  readonly commands: Redis;
  /** In subscriber mode, on a connection of its own. */
  readonly subscriber: Redis;
  /** Resolves when both connections are closed; a silent server delays it by 200 ms. */
  close(): Promise<void>;
}

const RECONNECT_DELAY_MAX_MS = 1_000;
/** How long a connection may take to close in good order before its socket is destroyed. */
const DISCONNECT_TIMEOUT_MS = 200;
/** The command's own timeout must win against the socket's, or it would be reported as a lost connection. */
const SOCKET_TIMEOUT_MARGIN_MS = 5;

/** Tells of the first loss and of each return; attempts in between are no news. */
const reportConnection = (redis: Redis, emit: Emit): void => {
  let reported: 'unknown' | 'up' | 'down' = 'unknown';
  let lastError = '';
  redis.on('error', (error: Error) => {
    lastError = error.message;
  });
  redis.on('ready', () => {
    reported = 'up';
    lastError = '';
    emit({ type: 'store-connected' });
  });
  redis.on('close', () => {
    if (reported === 'down') return;
    reported = 'down';
    emit({ type: 'store-disconnected', reason: lastError === '' ? 'The connection was closed' : lastError });
  });
};

const closeConnection = async (redis: Redis): Promise<void> => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  redis.once('end', resolve);
  redis.disconnect();
  // Between two attempts there is no socket that could end.
  if (redis.status === 'reconnecting' || redis.status === 'end') resolve();
  await ended;
};

/**
 * Connects in the background and goes on trying for ever, at most a second apart.
 * @param timeoutMs how long a command may take; a socket that stays silent longer is destroyed.
 */
export const createRedisClient = (url: string, timeoutMs: number, emit: Emit): RedisClient => {
  const options = {
    commandTimeout: timeoutMs,
    socketTimeout: timeoutMs + SOCKET_TIMEOUT_MARGIN_MS,
    connectTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // A lost reply leaves the outcome unknown: a command sent again by the client library would take values twice.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // While there is no connection, fail at once instead of queueing.
    enableOfflineQueue: false,
    // Integers near 2^53 are decoded off by one by ioredis 6.0.0; strings are exact.
    stringNumbers: true,
    retryStrategy: (attempt: number) => Math.min(25 * 2 ** Math.min(attempt, 10), RECONNECT_DELAY_MAX_MS),
  };
  const commands = new Redis(url, { ...options, connectionName: 'number-generator' });
  const subscriber = new Redis(url, {
    ...options,
    connectionName: 'number-generator-subscriber',
    autoResubscribe: false,
  });
  reportConnection(commands, emit);
  // The subscriber shares the fate of the first connection; its errors are no news of their own.
  subscriber.on('error', () => undefined);
  return {
    commands,
    subscriber,
    close: async () => {
      await Promise.all([closeConnection(commands), closeConnection(subscriber)]);
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
