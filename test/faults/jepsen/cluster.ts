/** Three service nodes as processes, each with its own link to Redis through the fault proxy, and what can be done to them. */
import type { Link } from '../../support/toxiproxy.ts';
import { startToxiproxy } from '../../support/toxiproxy.ts';
import type { NodeProcess } from '../fleet.ts';
import { isReady } from '../service-calls.ts';
import { until } from '../until.ts';
import type { Build } from './builds.ts';
import type { BackendName } from './evidence.ts';
import type { Journal } from './journal.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { type RedisPair, type RedisSite, startRedisPair } from './redis-pair.ts';

const LABELS = ['a', 'b', 'c'] as const;

export interface NodeSlot {
  readonly label: string;
  readonly link: Link;
  process: NodeProcess;
  /** Of the process that is there now; the clients read it anew for each request. */
  url: string;
  present: boolean;
}

/** The service did not do what any service must, such as start: a finding, not a fault of the harness. */
export class ServiceFailure extends Error {}

export interface Cluster {
  readonly build: Build;
  readonly journal: Journal;
  readonly redis: RedisPair;
  readonly postgres: PostgresServer | undefined;
  readonly nodes: readonly [NodeSlot, ...NodeSlot[]];
  /** @throws without PostgreSQL: only nemeses that need it ask for it. */
  needPostgres(): PostgresServer;
  kill(node: NodeSlot): Promise<void>;
  /** SIGTERM. */
  stop(node: NodeSlot): Promise<void>;
  /** A fresh process in the place of the one that is gone. @throws ServiceFailure when it does not get ready. */
  start(node: NodeSlot, env?: Readonly<Record<string, string>>): Promise<void>;
  freeze(node: NodeSlot): void;
  thaw(node: NodeSlot): void;
  /** Another process of the service, that belongs to no slot, with a link of its own. */
  startGuest(env: Readonly<Record<string, string>>): Promise<NodeProcess>;
  /** Leads the links of those nodes to that server. */
  pointAt(site: RedisSite, nodes?: readonly NodeSlot[]): Promise<void>;
  /** Does something while no node can reach Redis. */
  shutOut<T>(work: () => Promise<T>): Promise<T>;
  /** The log of every process that ever ran, by label and number. */
  logs(): ReadonlyMap<string, NodeProcess>;
}

export const startCluster = async (
  stack: AsyncDisposableStack,
  backend: BackendName,
  build: Build,
  journal: Journal,
): Promise<Cluster> => {
  const redis = stack.use(await startRedisPair(backend !== 'redis'));
  const postgres = backend === 'postgres' ? stack.use(await startPostgres()) : undefined;
  const toxiproxy = stack.use(await startToxiproxy());
  const processes = new Map<string, NodeProcess>();

  const launch = async (label: string, link: Link, env: Readonly<Record<string, string>>): Promise<NodeProcess> => {
    const redisUrl = `redis://127.0.0.1:${link.port}`;
    const started = await build.start({ redisUrl, databaseUrl: postgres?.url, env });
    processes.set(`${label}${[...processes.keys()].filter((key) => key.startsWith(label)).length + 1}`, started);
    stack.defer(async () => {
      await started.kill();
      await started.close();
    });
    await until('the node is ready', () => isReady(started.url));
    return started;
  };
  const launchOrFail = (...args: Parameters<typeof launch>): Promise<NodeProcess> =>
    launch(...args).catch((cause: unknown) => {
      throw new ServiceFailure(`A fresh node in the place of ${args[0]} did not get ready: ${cause}`, { cause });
    });

  const nodes = (await Promise.all(
    LABELS.map(async (label): Promise<NodeSlot> => {
      const link = await toxiproxy.createProxy(label, redis.master.server.port);
      const process = await launchOrFail(label, link, {});
      return { label, link, process, url: process.url, present: true };
    }),
  )) as [NodeSlot, ...NodeSlot[]];
  const pointAt: Cluster['pointAt'] = async (site, some = nodes) =>
    void (await Promise.all(some.map(({ link }) => link.redirect(site.server.port))));

  return {
    build,
    journal,
    redis,
    postgres,
    nodes,
    needPostgres: () => {
      if (postgres === undefined) throw new Error('This run has no PostgreSQL.');
      return postgres;
    },
    kill: async (node) => {
      node.present = false;
      journal.leave(node.label, 'killed');
      await node.process.kill();
    },
    stop: async (node) => {
      node.present = false;
      journal.leave(node.label, 'stopped');
      const code = await node.process.stop();
      if (code !== 0) journal.remark('finding', `Node ${node.label} ended with ${code} after SIGTERM.`);
    },
    start: async (node, env = {}) => {
      node.process = await launchOrFail(node.label, node.link, env);
      node.url = node.process.url;
      node.present = true;
      journal.comeBack(node.label);
    },
    freeze: (node) => {
      journal.leave(node.label, 'paused');
      node.process.pause();
    },
    thaw: (node) => {
      node.process.resume();
      journal.comeBack(node.label);
    },
    startGuest: async (env) => {
      const link = await toxiproxy.createProxy(`guest${processes.size}`, redis.master.server.port);
      return launchOrFail('guest', link, env);
    },
    pointAt,
    shutOut: async (work) => {
      await Promise.all(nodes.map(({ link }) => link.disable()));
      try {
        return await work();
      } finally {
        await Promise.all(nodes.map(({ link }) => link.enable()));
      }
    },
    logs: () => processes,
  };
};
