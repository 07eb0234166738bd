/** Lua scripts: one file each, sent by hash, and in full only when the server does not know them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** A script from its text. */
export const createRedisScript = (lua: string): RedisScript => ({
  lua,
  sha1: createHash('sha1').update(lua).digest('hex'),
});

const read = (path: string): string => readFileSync(new URL(`lua/${path}`, import.meta.url), 'utf8');

/**
 * Loads `lua/<name>.lua`, with the files of `lua/<name>/` in place of its `-- @include` lines. Meant for start-up: it
 * reads the files synchronously.
 */
export const loadRedisScript = (name: string): RedisScript => {
  const lua = read(`${name}.lua`).replace(/^ *-- @include (\S+)$/gm, (_line, part) => read(`${name}/${part}`));
  return createRedisScript(lua);
};

/** Runs a script. The repetition after NOSCRIPT is safe: that answer, and no other, proves that the script did not run. */
export const runRedisScript = async (
  redis: Redis,
  script: RedisScript,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> => {
  try {
    return await redis.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.eval(script.lua, keys.length, ...keys, ...args);
  }
};
