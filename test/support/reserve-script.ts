/** Runs `reserve.lua` on a test's Redis, as the store's client will. */
import type { Redis } from 'ioredis';
import type { RunReserve } from '../../src/stores/redis/redis-counter-store.ts';
import { RESERVE_SCRIPT } from '../../src/stores/redis/reserve-script.ts';

export const createReserveRunner =
  (redis: Redis, script = RESERVE_SCRIPT): RunReserve =>
  async (keys, args) =>
    (await redis.eval(script, keys.length, ...keys, ...args)) as string[];
