/** Lua scripts: one file each, sent by hash, and in full only when the server does not know them. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { RedisCommands, RedisScript, ScriptEntry } from './redis-commands.ts';

/** A script from its text. */
export const createRedisScript = (lua: string): RedisScript => ({
  lua,
  sha1: createHash('sha1').update(lua).digest('hex'),
});

const read = (path: string): string => readFileSync(new URL(`../lua/${path}`, import.meta.url), 'utf8');

/**
 * Loads `lua/<name>.lua`, with the files of `lua/<name>/` in place of its `-- @include` lines. Meant for start-up: it
 * reads the files synchronously.
 */
export const loadRedisScript = (name: string): RedisScript => {
  const lua = read(`${name}.lua`).replace(/^ *-- @include (\S+)$/gm, (_line, part) => read(`${name}/${part}`));
  return createRedisScript(lua);
};

type ScriptRunner = Pick<RedisCommands, 'eval' | 'evalsha'>;

/**
 * Runs a script, all keys of which lie in one slot. The repetition after NOSCRIPT is safe: that answer, and no other,
 * proves that the script did not run.
 */
export const runRedisScript = async (
  redis: ScriptRunner,
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

/**
 * Runs a script that serves many entries: in one call, with the keys that only some entries have behind those of all.
 * In a cluster it makes one call per entry.
 * @returns one reply per entry, at the same index; in a cluster an Error where there is none. @throws when none is known.
 */
export const runRedisEntries = async (
  commands: RedisCommands,
  script: RedisScript,
  entries: readonly ScriptEntry[],
): Promise<readonly (string | Error)[]> => {
  if (commands.runEach !== undefined) {
    return commands.runEach(
      script,
      entries.map(({ keys, extraKey, arg }) => ({ keys: extraKey === undefined ? keys : [...keys, extraKey], arg })),
    );
  }
  const keys = entries.flatMap((entry) => entry.keys);
  for (const { extraKey } of entries) if (extraKey !== undefined) keys.push(extraKey);
  const args = entries.map(({ arg }) => arg);
  return (await runRedisScript(commands, script, keys, args)) as string[];
};

/**
 * Runs a script and asks, on the same connection right behind it, how many replicas have what it wrote. On any other
 * connection WAIT would answer for that one's writes: falsely.
 * @returns the script's answer, and the number of replicas that confirmed it within `waitMs`.
 */
export const runRedisScriptConfirmed = async (
  commands: RedisCommands,
  script: RedisScript,
  keys: readonly string[],
  args: readonly string[],
  waitMs: number,
): Promise<{ readonly answer: unknown; readonly replicas: number }> => {
  const server = commands.serverOf?.(keys[0] ?? '') ?? (commands as unknown as Redis);
  const both = async (run: Promise<unknown>): Promise<{ answer: unknown; replicas: number }> => {
    const [answer, replicas] = await Promise.all([run, server.wait(1, waitMs)]);
    return { answer, replicas: Number(replicas) };
  };
  try {
    return await both(server.evalsha(script.sha1, keys.length, ...keys, ...args));
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return both(server.eval(script.lua, keys.length, ...keys, ...args));
  }
};
