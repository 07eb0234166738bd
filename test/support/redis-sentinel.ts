/** A Redis master with replicas and three sentinels that watch it, all on loopback, to fail over at will. */
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisServer, startRedisServer } from './redis.ts';

const SENTINELS = 3;
const QUORUM = 2;
const DOWN_AFTER_MS = 1_000;
const WAIT_MS = 60_000;
const POLL_MS = 20;

export const SENTINEL_MASTER = 'mymaster';

export interface RedisSentinels {
  /** For `REDIS_MODE=sentinel`: REDIS_URL, which names the sentinels, and what belongs to it. */
  readonly env: Readonly<Record<string, string>>;
  /** The servers as they were started: the first one as master. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** The server that the sentinels name as master now. */
  master(): Promise<RedisServer>;
  /** Resolves when the sentinels name another master than this one, and it serves. */
  replaced(server: RedisServer): Promise<RedisServer>;
  /** Resolves when so many replicas have caught up with the master. */
  replicated(count: number): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SentinelOptions {
  /** Default 1. */
  readonly replicas?: number;
  /** More arguments of each redis-server. */
  readonly args?: readonly string[];
  /** Asked by the sentinels of their own clients. */
  readonly sentinelPassword?: string;
  /** Of the servers; also given to sentinels and replicas. */
  readonly password?: string;
}

/** Sends one command on a connection of its own. */
export const ask = async (server: RedisServer, password: string | undefined, ...words: string[]): Promise<unknown> => {
  const [name = '', ...args] = words;
  const redis = new Redis(server.url, {
    ...(password !== undefined && { password }),
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    commandTimeout: 1_000,
  });
  redis.on('error', () => undefined);
  try {
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
};

/** Calls until the answer is not undefined; what fails is tried again. */
export const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  const deadline = performance.now() + WAIT_MS;
  while (performance.now() < deadline) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await setTimeout(POLL_MS);
  }
  throw new Error(`Not within ${WAIT_MS} ms: ${what}`);
};

interface SentinelSettings {
  readonly masterPort: number;
  readonly quorum?: number;
  readonly downAfterMs?: number;
  readonly password?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

/** One sentinel, which calls the master SENTINEL_MASTER. */
export const startSentinel = async (settings: SentinelSettings): Promise<RedisServer> => {
  const { masterPort, quorum = QUORUM, downAfterMs = DOWN_AFTER_MS, password, sentinelPassword } = settings;
  const config = [
    `sentinel monitor ${SENTINEL_MASTER} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${SENTINEL_MASTER} ${downAfterMs}`,
    `sentinel failover-timeout ${SENTINEL_MASTER} 5000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${SENTINEL_MASTER} ${password}`]),
    ...(sentinelPassword === undefined
      ? []
      : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
  ];
  return startRedisServer({ config, args: ['--sentinel'] });
};

/** Starts everything in about 3 s. A failover takes about 2.5 s from the loss of the master. */
export const startRedisSentinels = async (options: SentinelOptions = {}): Promise<RedisSentinels> => {
  const { replicas = 1, args = [], password, sentinelPassword } = options;
  const started: RedisServer[] = [];
  const start = async (starting: Promise<RedisServer>): Promise<RedisServer> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const close = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.close()));
  };
  const secret = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const common = ['--repl-diskless-sync-delay', '0', ...secret, ...args];

  try {
    const first = await start(startRedisServer({ appendonly: true, args: common }));
    const servers = [first];
    for (let index = 0; index < replicas; index += 1) {
      const replicaOf = ['--replicaof', `127.0.0.1 ${first.port}`];
      servers.push(await start(startRedisServer({ appendonly: true, args: [...common, ...replicaOf] })));
    }
    const replicated = async (count: number): Promise<void> => {
      await until(`${count} replicas`, async () => {
        const info = String(await ask(await master(), password, 'INFO', 'replication'));
        return (info.match(/state=online/g) ?? []).length >= count ? true : undefined;
      });
    };
    const sentinels: RedisServer[] = [];
    const master = async (): Promise<RedisServer> => {
      const names = await Promise.all(
        sentinels.map(async (sentinel) =>
          String(await ask(sentinel, sentinelPassword, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SENTINEL_MASTER)),
        ),
      );
      const found = servers.find(({ port }) => names.every((name) => name === `127.0.0.1,${port}`));
      if (found === undefined) throw new Error(`The sentinels do not agree: ${names.join(' ')}`);
      return found;
    };
    for (let index = 0; index < SENTINELS; index += 1) {
      sentinels.push(await start(startSentinel({ masterPort: first.port, password, sentinelPassword })));
    }
    await until('sentinels that know each other', async () => {
      const answers = await Promise.all(
        sentinels.map((sentinel) => ask(sentinel, sentinelPassword, 'SENTINEL', 'CKQUORUM', SENTINEL_MASTER)),
      );
      const known = await Promise.all(
        sentinels.map((sentinel) => ask(sentinel, sentinelPassword, 'SENTINEL', 'REPLICAS', SENTINEL_MASTER)),
      );
      const complete = known.every((list) => Array.isArray(list) && list.length === replicas);
      return complete && answers.every((answer) => String(answer).startsWith('OK 3')) ? true : undefined;
    });
    await replicated(replicas);

    return {
      env: {
        REDIS_MODE: 'sentinel',
        REDIS_URL: `redis://${password === undefined ? '' : `:${password}@`}${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
        REDIS_SENTINEL_MASTER: SENTINEL_MASTER,
        ...(sentinelPassword !== undefined && { REDIS_SENTINEL_PASSWORD: sentinelPassword }),
      },
      servers,
      sentinels,
      master,
      replaced: (server) =>
        until('another master', async () => {
          const found = await master();
          if (found === server) return undefined;
          const role = await ask(found, password, 'ROLE');
          return Array.isArray(role) && role[0] === 'master' ? found : undefined;
        }),
      replicated,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
