/** The connections to a Redis cluster: one to each of its servers, and a table of the slots and their owners. */

import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import type { Emit } from '../../../core/events/events.ts';
import type { RedisAddress } from '../../../lib/redis-target.ts';
import type { RedisKeys } from '../codecs/redis-keys.ts';
import type { RedisClient } from '../connection/redis-client.ts';
import { closeConnection } from '../connection/redis-connection.ts';
import { accessOptions, connectionOptions } from '../connection/redis-options.ts';
import { remedyOfRedisFailure } from '../connection/redis-trouble.ts';
import type { ClusterConnections } from './cluster-commands.ts';
import { createClusterCommands } from './cluster-commands.ts';
import { readSlotView, SLOTS, type SlotOwner, type SlotView } from './cluster-slots.ts';

/** How often the table is looked at again: while it has a hole, and otherwise. */
const LOOK_AGAIN_MS = 200;
const LOOK_MS = 2_000;

const splitAddress = (address: string): { host: string; port: number } => {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
};

/** Opens connections to the hosts named and to all servers they know of. Same promises as `createRedisClient`. */
export const openCluster = (address: RedisAddress, timeoutMs: number, emit: Emit, names: RedisKeys): RedisClient => {
  const options = { ...connectionOptions(timeoutMs), ...accessOptions(address) };
  const seeds = address.hosts.map(({ host, port }) => `${host}:${port}`);
  const servers = new Map<string, Redis>();
  const asked = new Set<Redis>();
  const owners: (SlotOwner | undefined)[] = Array.from({ length: SLOTS });
  const events = new EventEmitter();
  const serverListeners: ((server: Redis) => void)[] = [];
  let closed = false;
  let covered = false;
  let reported: 'unknown' | 'up' | 'down' = 'unknown';
  let lastError = '';
  let timer: NodeJS.Timeout | undefined;

  const at = (name: string): Redis => {
    const known = servers.get(name);
    if (known !== undefined) return known;
    const redis = new Redis({ ...options, ...splitAddress(name), connectionName: 'number-generator' });
    servers.set(name, redis);
    redis.on('error', (error: Error) => {
      lastError = `${name}: ${error.message}`;
    });
    redis.on('ready', () => {
      ask(redis);
      judge(true);
      for (const listener of serverListeners) listener(redis);
    });
    redis.on('close', () => {
      if (servers.get(name) !== redis) return;
      judge(false);
      lookAgain();
    });
    return redis;
  };

  /** Compares the table with the connections. @param news whether those who wait for the store should try now. */
  const judge = (news: boolean): void => {
    if (closed) return;
    const addresses = new Set(owners.map((owner) => owner?.address));
    const lost = [...addresses].filter((name) => name === undefined || servers.get(name)?.status !== 'ready');
    covered = lost.length === 0;
    if (news && lost.length < addresses.size) events.emit('ready');
    if (covered && reported !== 'up') {
      reported = 'up';
      emit({ type: 'store-connected' });
    } else if (!covered && reported === 'up') {
      reported = 'down';
      const where = lost.map((name) => name ?? 'the owner of some slots').join(', ');
      emit({ type: 'store-disconnected', reason: `Not reachable: ${where}` });
    } else if (!covered && reported === 'unknown' && lastError !== '') {
      reported = 'down';
      emit({ type: 'store-disconnected', reason: lastError, remedy: remedyOfRedisFailure(lastError) });
    }
  };

  const apply = ({ ranges, addresses, ids }: SlotView): void => {
    let changed = false;
    for (const { first, last, owner } of ranges) {
      for (let slot = first; slot <= last; slot += 1) {
        const known = owners[slot];
        // An old master that was paused still claims its slots: the lower epoch shows it.
        if (known !== undefined && owner.epoch < known.epoch && ids.has(known.id)) continue;
        changed ||= known?.address !== owner.address;
        owners[slot] = owner;
      }
    }
    const needed = new Set([...addresses, ...seeds, ...owners.map((owner) => owner?.address ?? '')]);
    for (const name of addresses) at(name);
    for (const [name, redis] of servers) {
      if (needed.has(name)) continue;
      servers.delete(name);
      redis.disconnect();
    }
    judge(changed);
  };

  const ask = (redis: Redis): void => {
    if (closed || redis.status !== 'ready' || asked.has(redis)) return;
    asked.add(redis);
    Promise.all([redis.cluster('SLOTS'), redis.cluster('NODES')])
      .then(([slots, nodes]) => {
        if (!closed) apply(readSlotView(slots as never, String(nodes), redis.options.host ?? ''));
      })
      .catch((error: Error) => {
        lastError = error.message;
        judge(false);
      })
      .finally(() => asked.delete(redis));
  };

  const lookAgain = (): void => {
    for (const redis of servers.values()) ask(redis);
  };

  const tick = (): void => {
    lookAgain();
    timer = setTimeout(tick, covered ? LOOK_MS : LOOK_AGAIN_MS);
    timer.unref();
  };

  for (const seed of seeds) at(seed);
  tick();
  let subscriber: Redis | undefined;

  /** Messages reach every server of a cluster, so any will do; after a loss the next one is tried. */
  function openSubscriber(): Redis {
    let turn = Math.floor(Math.random() * seeds.length);
    const next = (): { host: string; port: number } => {
      const known = [...servers.keys()];
      turn += 1;
      return splitAddress(known[turn % known.length] ?? seeds[0] ?? '');
    };
    const redis = new Redis({ ...options, ...next(), connectionName: 'number-generator-subscriber' });
    redis.on('error', () => undefined);
    redis.on('close', () => Object.assign(redis.options, next()));
    return redis;
  }

  const connections: ClusterConnections = {
    ofSlot: (slot) => {
      const owner = owners[slot];
      return owner === undefined ? undefined : servers.get(owner.address);
    },
    at,
    masters: () => {
      const addresses = new Set(owners.map((owner) => owner?.address ?? ''));
      return [...addresses].map((name) => servers.get(name)).filter((redis) => redis !== undefined);
    },
    lookAgain,
  };

  return {
    names,
    commands: createClusterCommands(connections, events, timeoutMs),
    get subscriber() {
      subscriber ??= openSubscriber();
      return subscriber;
    },
    servers: () => [...servers.values()].filter(({ status }) => status === 'ready'),
    onServerReady: (listener) => {
      serverListeners.push(listener);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await Promise.all([...servers.values(), ...(subscriber === undefined ? [] : [subscriber])].map(closeConnection));
    },
  };
};
