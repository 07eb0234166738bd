/** The Redis servers of a run: a master that keeps an append-only file and, where there is one, its replica. */
import { Redis } from 'ioredis';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';
import { until } from '../until.ts';

/** Longer than the restart of a server; a paused one rejects. */
const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 20;
/** Nobody listens there. */
const NOBODY = 9;

export interface RedisSite {
  readonly server: RedisServer;
  /** A connection past the proxies; the commands wait for a server that is being restarted. */
  readonly client: Redis;
}

export interface RedisPair extends AsyncDisposable {
  readonly master: RedisSite;
  readonly replica: RedisSite | undefined;
  /** @throws without a replica: only nemeses that need one ask for it. */
  needReplica(): RedisSite;
  /** Makes the replica the master; the other one is now called the replica, and must be made one by `follow()`. */
  promote(): Promise<void>;
  /** The replica forgets what it had and follows the master. Resolves when it has its data. */
  follow(): Promise<void>;
  /** The replica stays as it is, and hears nothing any more. */
  cutReplica(): Promise<void>;
}

const startSite = async (stack: AsyncDisposableStack): Promise<RedisSite> => {
  const server = stack.use(await startRedisServer({ appendonly: true, args: ['--repl-diskless-sync-delay', '0'] }));
  const client = new Redis(server.url, {
    maxRetriesPerRequest: null,
    retryStrategy: () => RECONNECT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  stack.defer(() => client.disconnect());
  return { server, client };
};

const isLinked = async ({ client }: RedisSite): Promise<boolean> => {
  const info = await client.info('replication').catch(() => '');
  return info.includes('master_link_status:up') && info.includes('role:slave');
};

export const startRedisPair = async (withReplica: boolean): Promise<RedisPair> => {
  await using stack = new AsyncDisposableStack();
  let master = await startSite(stack);
  let replica = withReplica ? await startSite(stack) : undefined;
  const needReplica = (): RedisSite => {
    if (replica === undefined) throw new Error('This run has no replica.');
    return replica;
  };
  const follow = async (): Promise<void> => {
    const site = needReplica();
    await site.client.replicaof('127.0.0.1', master.server.port);
    await until('the replica has the data', () => isLinked(site));
  };
  if (withReplica) await follow();
  const resources = stack.move();
  return {
    get master() {
      return master;
    },
    get replica() {
      return replica;
    },
    needReplica,
    follow,
    promote: async () => {
      const site = needReplica();
      await site.client.replicaof('NO', 'ONE');
      [master, replica] = [site, master];
    },
    cutReplica: async () => void (await needReplica().client.replicaof('127.0.0.1', NOBODY)),
    [Symbol.asyncDispose]: async () => {
      for (const site of [master, replica]) site?.server.resume();
      await resources.disposeAsync();
    },
  };
};
