/** `reserve.lua` as a test may alter it, on a test's Redis. */
import type { Redis } from 'ioredis';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { createRedisKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import { createRedisScript, loadRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';

export const RESERVE_SCRIPT = loadRedisScript('reserve').lua;

export const createReserveStore = (redis: Redis, script = RESERVE_SCRIPT): CounterStore =>
  createRedisCounterStore({ commands: redis, names: createRedisKeys('') }, createRedisScript(script));
