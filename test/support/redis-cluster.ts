/** A Redis cluster of three masters and three replicas on loopback: to fail over, to move slots in, to lose servers of. */
import { setTimeout } from 'node:timers/promises';
import { slotOf } from '../../src/stores/redis/cluster/cluster-slots.ts';
import { type RedisServer, startRedisServer } from './redis.ts';
import { ask, until } from './redis-sentinel.ts';

const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 1_000;
const AGREE_TIMEOUT_MS = 20_000;
const AGREE_POLL_MS = 50;
const KEYS_PER_MOVE = 100;
// The port of the cluster bus is this much above the port; it must be below 65536, as test ports are.
const ATTEMPTS_MAX = 5;

export interface RedisCluster {
  /** For `REDIS_MODE=cluster`. */
  readonly env: Readonly<Record<string, string>>;
  /** The servers as they were started: three masters, then a replica of each in the same order. */
  readonly servers: readonly RedisServer[];
  /** The master that owns the slot of a key, by the view of the majority. */
  masterOf(key: string): Promise<RedisServer>;
  /** Moves the slot of a key to another master, as redis-cli does; `pauseMs` between the steps. */
  moveSlot(key: string, to: RedisServer, pauseMs?: number): Promise<void>;
  /** Resolves when another server than this one owns the slot of a key, and the cluster is in order. */
  replaced(key: string, server: RedisServer): Promise<RedisServer>;
  /** Resolves when every running server says that all slots are served. */
  healthy(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ClusterOptions {
  readonly password?: string;
  /** More arguments of each redis-server. */
  readonly args?: readonly string[];
}

interface Line {
  readonly id: string;
  readonly port: number;
  readonly master: boolean;
  readonly slots: readonly (readonly [first: number, last: number])[];
}

const readLine = (line: string): Line => {
  const [id = '', address = '', flags = '', , , , , , ...slots] = line.split(' ');
  return {
    id,
    port: Number(/:(\d+)/.exec(address)?.[1]),
    master: flags.includes('master') && !flags.includes('fail'),
    slots: slots
      .filter((text) => !text.startsWith('['))
      .map((text) => {
        const [first, last] = text.split('-');
        return [Number(first), Number(last ?? first)] as const;
      }),
  };
};

/** Starts it in about 2 s. A failover takes about 2 s from the loss of a master. */
export const startRedisCluster = async (options: ClusterOptions = {}): Promise<RedisCluster> => {
  const { password, args = [] } = options;
  const servers: RedisServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  const call = (server: RedisServer, ...words: string[]): Promise<unknown> => ask(server, password, ...words);
  const secret = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const own = ['--cluster-enabled', 'yes', '--cluster-node-timeout', `${NODE_TIMEOUT_MS}`];
  const launch = (): Promise<RedisServer> =>
    startRedisServer({ appendonly: true, args: [...own, '--repl-diskless-sync-delay', '0', ...secret, ...args] });
  const start = async (): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        servers.push(await launch());
        return;
      } catch (error) {
        // The port was free, but not the one of the cluster bus.
        if (attempt === ATTEMPTS_MAX || !String(error).includes('cluster bus')) throw error;
      }
    }
  };

  const linesOf = async (server: RedisServer): Promise<Line[]> =>
    String(await call(server, 'CLUSTER', 'NODES'))
      .split('\n')
      .filter((line) => line !== '')
      .map(readLine);
  const answersOf = async <T>(work: (server: RedisServer) => Promise<T>): Promise<T[]> =>
    (await Promise.allSettled(servers.map(work))).flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
  const findMaster = async (slot: number): Promise<RedisServer | undefined> => {
    const views = await answersOf(linesOf);
    const ports = views.map(
      (lines) =>
        lines.find(({ master, slots }) => master && slots.some(([first, last]) => first <= slot && slot <= last))?.port,
    );
    const port = ports.find((candidate) => ports.filter((other) => other === candidate).length > servers.length / 2);
    return servers.find((server) => server.port === port);
  };
  /** The servers hear of a slot's new owner one after the other. */
  const masterOf = async (key: string): Promise<RedisServer> => {
    const deadline = performance.now() + AGREE_TIMEOUT_MS;
    for (;;) {
      const found = await findMaster(slotOf(key));
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`Nobody is known to own the slot of ${key}`);
      await setTimeout(AGREE_POLL_MS);
    }
  };
  const healthy = async (): Promise<void> => {
    await until('a cluster in order', async () => {
      const infos = await answersOf((server) => call(server, 'CLUSTER', 'INFO'));
      return infos.every((info) => /cluster_state:ok[\s\S]*cluster_slots_ok:16384/.test(String(info))) || undefined;
    });
  };
  const moveSlot: RedisCluster['moveSlot'] = async (key, to, pauseMs = 0) => {
    const slot = String(slotOf(key));
    const from = await masterOf(key);
    if (from === to) return;
    const lines = await linesOf(to);
    const idOf = (server: RedisServer): string => lines.find(({ port }) => port === server.port)?.id ?? '';
    await call(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', idOf(from));
    await call(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', idOf(to));
    await setTimeout(pauseMs);
    const auth = password === undefined ? [] : ['AUTH', password];
    for (;;) {
      const keys = (await call(from, 'CLUSTER', 'GETKEYSINSLOT', slot, `${KEYS_PER_MOVE}`)) as string[];
      if (keys.length === 0) break;
      await call(from, 'MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', ...auth, 'KEYS', ...keys);
    }
    await setTimeout(pauseMs);
    for (const server of [to, from]) await call(server, 'CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to));
  };

  try {
    for (let index = 0; index < 2 * MASTERS; index += 1) await start();
    const [hub] = servers;
    if (hub === undefined) throw new Error('No server');
    for (const [index, server] of servers.slice(0, MASTERS).entries()) {
      const first = Math.ceil((index * SLOTS) / MASTERS);
      const last = Math.ceil(((index + 1) * SLOTS) / MASTERS) - 1;
      await call(server, 'CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last}`);
      await call(server, 'CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`);
    }
    for (const server of servers.slice(1)) await call(hub, 'CLUSTER', 'MEET', '127.0.0.1', `${server.port}`);
    await until('servers that know each other', async () => {
      const views = await answersOf(linesOf);
      return views.every((lines) => lines.length === servers.length) || undefined;
    });
    const lines = await linesOf(hub);
    for (const [index, server] of servers.slice(MASTERS).entries()) {
      const id = lines.find(({ port }) => port === servers[index]?.port)?.id ?? '';
      await until('a replica', async () => (await call(server, 'CLUSTER', 'REPLICATE', id)) === 'OK' || undefined);
    }
    await until('replicas in step', async () => {
      const infos = await Promise.all(servers.slice(MASTERS).map((server) => call(server, 'INFO', 'replication')));
      return infos.every((info) => String(info).includes('master_link_status:up')) || undefined;
    });
    await healthy();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    env: {
      REDIS_MODE: 'cluster',
      REDIS_URL: `redis://${password === undefined ? '' : `:${password}@`}${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    },
    servers,
    masterOf,
    moveSlot,
    replaced: (key, server) =>
      until('another owner', async () => {
        const found = await masterOf(key);
        if (found === server) return undefined;
        const info = String(await call(found, 'CLUSTER', 'INFO'));
        return info.includes('cluster_state:ok') ? found : undefined;
      }),
    healthy,
    close,
    [Symbol.asyncDispose]: close,
  };
};
