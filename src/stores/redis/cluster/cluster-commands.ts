/** Commands in a cluster: each goes to the owner of its key, and follows a redirection, which says that it was not executed. */
import type { EventEmitter } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { RedisScript } from '../connection/redis-commands.ts';
import { KEYED_COMMANDS, type RedisCommands, type ScriptEntry } from '../connection/redis-commands.ts';
import { type Redirection, readRedirection, slotOf } from './cluster-slots.ts';

const REDIRECTIONS_MAX = 5;
/** After TRYAGAIN (the keys of a sequence are on their way to another server) and for a connection to come up. */
const PAUSE_MS = 10;

/** What the routing of commands needs to know. */
export interface ClusterConnections {
  /** The connection to the owner of a slot; undefined when none is known. It may be down. */
  ofSlot(slot: number): Redis | undefined;
  /** The connection to `host:port`, opened when there is none. */
  at(address: string): Redis;
  /** One connection per master. */
  masters(): readonly Redis[];
  /** Asks all servers again who owns what; returns at once. */
  lookAgain(): void;
}

type Send<T> = (redis: Redis) => Promise<T>;

const unavailable = (reason: string): StorageUnavailableError =>
  new StorageUnavailableError('Redis cannot serve at the moment.', new Error(reason));

const whenReady = async (redis: Redis, deadline: number): Promise<Redis> => {
  while (redis.status !== 'ready') {
    if (performance.now() > deadline) throw unavailable(`${redis.options.host}:${redis.options.port} is not reachable`);
    await setTimeout(PAUSE_MS);
  }
  return redis;
};

export const createClusterCommands = (
  connections: ClusterConnections,
  events: EventEmitter,
  timeoutMs: number,
): RedisCommands => {
  const ownerOf = (slot: number): Redis => {
    const redis = connections.ofSlot(slot);
    if (redis === undefined) throw unavailable(`Nobody is known to own slot ${slot}`);
    if (redis.status !== 'ready') {
      throw unavailable(`The owner of slot ${slot}, ${redis.options.host}:${redis.options.port}, is not reachable`);
    }
    return redis;
  };

  const follow = async (redirection: Redirection, redis: Redis, deadline: number): Promise<Redis> => {
    if (redirection.kind !== 'try-again') return whenReady(connections.at(redirection.address), deadline);
    await setTimeout(PAUSE_MS);
    return redis;
  };

  /** Up to the first wait everything happens at once, so that commands sent together travel together. */
  const send = async <T>(key: string, command: Send<T>): Promise<T> => {
    const slot = slotOf(key);
    let redis = ownerOf(slot);
    let asking = false;
    const deadline = performance.now() + timeoutMs;
    for (let redirections = 0; ; redirections += 1) {
      try {
        if (asking) redis.asking().catch(() => undefined);
        return await command(redis);
      } catch (error) {
        const redirection = readRedirection(error, redis.options.host ?? '');
        if (redirection === undefined || redirections === REDIRECTIONS_MAX || performance.now() > deadline) {
          if (redis.status !== 'ready' || redirection !== undefined) connections.lookAgain();
          throw error;
        }
        if (redirection.kind === 'moved') connections.lookAgain();
        asking = redirection.kind === 'ask' || (redirection.kind === 'try-again' && asking);
        redis = await follow(redirection, redis, deadline);
      }
    }
  };

  const evalsha = (sha1: string, count: number, ...rest: string[]): Promise<unknown> =>
    send(rest[0] ?? '', (redis) => redis.evalsha(sha1, count, ...rest));
  const evaluate = (lua: string, count: number, ...rest: string[]): Promise<unknown> =>
    send(rest[0] ?? '', (redis) => redis.eval(lua, count, ...rest));

  const runOne = async (script: RedisScript, { keys, arg }: ScriptEntry): Promise<string | Error> => {
    try {
      const [reply] = (await evalsha(script.sha1, keys.length, ...keys, arg).catch((error: Error) => {
        if (!error.message.startsWith('NOSCRIPT')) throw error;
        return evaluate(script.lua, keys.length, ...keys, arg);
      })) as string[];
      return reply ?? unavailable('The script answered nothing');
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };

  const keyed = Object.fromEntries(
    KEYED_COMMANDS.map((name) => [
      name,
      (key: string, ...rest: string[]) =>
        send(key, (redis) => (redis[name] as (...args: string[]) => Promise<unknown>)(key, ...rest)),
    ]),
  );

  return {
    ...keyed,
    evalsha,
    eval: evaluate,
    // One master that answers will do: the others' sequences are their own affair.
    ping: () => Promise.any(connections.masters().map((redis) => redis.ping())),
    serverOf: (key: string) => ownerOf(slotOf(key)),
    runEach: (script: RedisScript, entries: readonly ScriptEntry[]) => {
      // Each server gets its entries in one write.
      const streams = connections.masters().map(({ stream }) => stream);
      for (const stream of streams) stream?.cork();
      const replies = entries.map((entry) => runOne(script, entry));
      for (const stream of streams) stream?.uncork();
      return Promise.all(replies);
    },
    on: (event: string, listener: () => void) => events.on(event, listener),
    once: (event: string, listener: () => void) => events.once(event, listener),
    off: (event: string, listener: () => void) => events.off(event, listener),
    get status() {
      return connections.masters().some(({ status }) => status === 'ready') ? 'ready' : 'connecting';
    },
  } as unknown as RedisCommands;
};
