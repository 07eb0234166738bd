/** One connection: the events it emits, and how it ends. */
import type { Redis } from 'ioredis';
import type { Emit } from '../../../core/events/events.ts';
import { isDatabaseMissing, remedyOfRedisFailure } from './redis-trouble.ts';

/** Connections that this process closes itself: their end is no news. */
const closing = new WeakSet<Redis>();

/** Emits the first loss and each return, and nothing for attempts in between. */
export const reportConnection = (redis: Redis, emit: Emit): void => {
  let reported: 'unknown' | 'up' | 'down' = 'unknown';
  let lastError = '';
  const reportLoss = (): void => {
    if (reported === 'down' || closing.has(redis)) return;
    reported = 'down';
    const reason = lastError === '' ? 'The connection was closed' : lastError;
    emit({ type: 'store-disconnected', reason, remedy: remedyOfRedisFailure(reason) });
  };
  redis.on('sentinelError', (error: Error) => {
    lastError = error.message;
  });
  redis.on('error', (error: Error) => {
    const searchFailed = error.message.startsWith('All sentinels');
    // What fails in its wake says less than the first failure.
    const tellsMore =
      remedyOfRedisFailure(lastError) === undefined || remedyOfRedisFailure(error.message) !== undefined;
    if (lastError === '' || (!searchFailed && tellsMore)) lastError = error.message;
    // Not ready, ever: what is counted in database 0 belongs to somebody else.
    if (isDatabaseMissing(error.message)) redis.disconnect(true);
    // A search among sentinels that finds no master never comes to a connection that could be closed.
    if (searchFailed) reportLoss();
  });
  redis.on('ready', () => {
    reported = 'up';
    lastError = '';
    emit({ type: 'store-connected' });
  });
  redis.on('close', reportLoss);
};

/** Resolves when the socket is gone. */
export const closeConnection = async (redis: Redis): Promise<void> => {
  closing.add(redis);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  redis.once('end', resolve);
  redis.disconnect();
  // Between two attempts there is no socket that could end.
  if (redis.status === 'reconnecting' || redis.status === 'end') resolve();
  await ended;
};
