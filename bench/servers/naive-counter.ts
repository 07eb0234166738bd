/** What most services do: a script call to Redis for each request. */
import { once } from 'node:events';
import { Redis } from 'ioredis';

const LUA = `local value = redis.call('INCR', KEYS[1]) return tostring(value)`;

/** @returns what takes the next number of `INV`. */
export const createNaiveCounter = async (): Promise<() => Promise<string>> => {
  const redis = new Redis(process.env['REDIS_URL'] ?? '');
  await once(redis, 'ready');
  const sha1 = String(await redis.script('LOAD', LUA));
  return async () => {
    const value = String(await redis.evalsha(sha1, 1, 'naive:INV'));
    return `INV-2026-${value.padStart(6, '0')}`;
  };
};
