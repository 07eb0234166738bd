/** The app of a suite that runs on SQLite, on Redis, and on Redis with PostgreSQL alike. */
import type { Clock } from '../../src/core/clock.ts';
import { startApp, type TestApp } from './app.ts';
import { leasePostgresDatabase } from './postgres-database.ts';
import { leaseRedisDatabase } from './redis-database.ts';

/**
 * Starts the app on a store and waits until it is ready; `close` gives the store back.
 * @param store `sqlite`, `redis`, or `postgres`: Redis with PostgreSQL.
 * @param redisEnv settings that the app is given on Redis only.
 */
export const startAppOn = async (
  store: string,
  clock?: Clock,
  redisEnv: Readonly<Record<string, string>> = {},
): Promise<TestApp> => {
  const database = store === 'sqlite' ? undefined : await leaseRedisDatabase();
  const postgres = store === 'postgres' ? await leasePostgresDatabase() : undefined;
  const env = { ...(database && { REDIS_URL: database.url }), ...(postgres && { DATABASE_URL: postgres.url }) };
  const app = await startApp(database && { ...env, ...redisEnv }, clock);
  await app.ready();
  return {
    ...app,
    close: async () => {
      await app.close();
      await database?.release();
      await postgres?.release();
    },
  };
};
