/** One connection: what is told of it, and how it ends. */
import type { Redis } from 'ioredis';
import type { Emit } from '../../core/events.ts';

/** Tells of the first loss and of each return; attempts in between are no news. */
export const reportConnection = (redis: Redis, emit: Emit): void => {
  let reported: 'unknown' | 'up' | 'down' = 'unknown';
  let lastError = '';
  const reportLoss = (): void => {
    if (reported === 'down') return;
    reported = 'down';
    emit({ type: 'store-disconnected', reason: lastError === '' ? 'The connection was closed' : lastError });
  };
  redis.on('sentinelError', (error: Error) => {
    lastError = error.message;
  });
  redis.on('error', (error: Error) => {
    const searchFailed = error.message.startsWith('All sentinels');
    if (!searchFailed || lastError === '') lastError = error.message;
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
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  redis.once('end', resolve);
  redis.disconnect();
  // Between two attempts there is no socket that could end.
  if (redis.status === 'reconnecting' || redis.status === 'end') resolve();
  await ended;
};
