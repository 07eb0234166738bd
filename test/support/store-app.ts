/** The app of a suite that runs on SQLite and on Redis alike. */
import type { Clock } from '../../src/core/clock.ts';
import { startApp, type TestApp } from './app.ts';
import { leaseRedisDatabase } from './redis-database.ts';

/**
 * Starts the app on a store and waits until it is ready; `close` gives the store back.
 * @param redisEnv settings that the app is given on Redis only.
 */
export const startAppOn = async (
  store: string,
  clock?: Clock,
  redisEnv: Readonly<Record<string, string>> = {},
): Promise<TestApp> => {
  const database = store === 'redis' ? await leaseRedisDatabase() : undefined;
  const app = await startApp(database && { REDIS_URL: database.url, ...redisEnv }, clock);
  await app.ready();
  return {
    ...app,
    close: async () => {
      await app.close();
      await database?.release();
    },
  };
};
