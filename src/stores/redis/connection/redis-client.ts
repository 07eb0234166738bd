/** What the stores see of the connections to Redis, and the errors that their work on it throws. */
import type { Redis } from 'ioredis';
import { NumberGeneratorError, StorageTimeoutError, StorageUnavailableError } from '../../../core/errors.ts';
import type { RedisKeys } from '../codecs/redis-keys.ts';
import type { RedisCommands } from './redis-commands.ts';

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
  /**
   * Resolves when all connections are closed; a silent server delays it a little, silent sentinels by the command's
   * timeout.
   */
  close(): Promise<void>;
}

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
