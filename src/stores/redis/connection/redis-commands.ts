/** The commands that the stores use: those of ioredis, in every mode. */
import type { Redis } from 'ioredis';

/** Commands whose first argument is the key. One that is not in this list cannot be used, for a cluster could not route it. */
export const KEYED_COMMANDS = [
  'get',
  'hdel',
  'hget',
  'hgetall',
  'hkeys',
  'hlen',
  'hmget',
  'hscan',
  'hset',
  'hsetnx',
] as const;

/** A script, and the hash it is known by. */
export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** One entry of a script call: the keys of one sequence, and its argument. */
export interface ScriptEntry {
  readonly keys: readonly string[];
  /** A key that other entries do not have, of the same slot. */
  readonly extraKey?: string | undefined;
  readonly arg: string;
}

export interface RedisCommands
  extends Pick<
    Redis,
    (typeof KEYED_COMMANDS)[number] | 'eval' | 'evalsha' | 'ping' | 'on' | 'once' | 'off' | 'status'
  > {
  /**
   * Present in a cluster: runs a script once per entry, all at the same time.
   * @returns at the index of the entry its one reply, or why there is none.
   */
  runEach?(script: RedisScript, entries: readonly ScriptEntry[]): Promise<readonly (string | Error)[]>;
  /** Absent in a cluster, where each master would have to be asked. */
  readonly scan?: Redis['scan'];
  /** The connection to the server that has this key now. @throws when there is none. */
  readonly serverOf?: (key: string) => Redis;
}
