/** Three nodes as processes, each with a link of its own through the fault proxy to one Redis; clients; and the reckoning. */
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { createHistory, type History, type RequestRecord } from '../support/history.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import { type Link, startToxiproxy } from '../support/toxiproxy.ts';
import { checkEvidence, type Evidence, type Span, type Verdict } from './account.ts';
import { describeFigures, recoveryOf } from './figures.ts';
import { isReady, registerPrefix } from './service-calls.ts';
import { readStoredSequence, type StoredSequence } from './stored-sequence.ts';
import { POLL_MS, until } from './until.ts';

export const KEY = 'K';
/** Requests per node after the last fault, so that there is something to check. */
const REQUESTS_AFTERWARDS = 20;
const BOUND_MS = 2_500;

export type NodeProcess = Pick<Service, 'url' | 'stop' | 'kill' | 'pause' | 'resume' | 'close' | 'waitForLog' | 'logs'>;

export interface FleetNode {
  readonly label: string;
  readonly proxy: Link;
  process: NodeProcess;
  url: string;
  /** The name under which Redis knows the process. */
  name: string;
  present: boolean;
}

export interface FleetOptions {
  readonly nodes?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly redisArgs?: readonly string[];
  readonly outage?: 'standby' | 'temporary' | 'reject';
  /** Starts something else than the service. */
  readonly startNode?: (redisUrl: string) => Promise<NodeProcess>;
}

export interface Load {
  readonly clientsPerNode: number;
  /** Between a reply and the next request of the same client. */
  readonly pauseMs: number;
}

export interface Fleet extends AsyncDisposable {
  readonly redis: RedisServer;
  /** A connection past the proxies. */
  readonly client: Redis;
  readonly nodes: readonly [FleetNode, ...FleetNode[]];
  readonly history: History;
  startLoad(load: Load): void;
  readStored(): Promise<StoredSequence>;
  /** How many requests fit, begun at or after `fromMs`. */
  count(fits: Partial<RequestRecord>, fromMs?: number): number;
  /** Does something wrong, puts it right, then waits until every node replies from Redis and nothing given back is left. */
  disturb(fault: () => Promise<void>): Promise<void>;
  kill(node: FleetNode): Promise<void>;
  pause(node: FleetNode): void;
  resume(node: FleetNode): void;
  /** SIGTERM; resolves with the exit code. */
  stop(node: FleetNode): Promise<number | null>;
  /** A fresh process in the place of the one that is gone. */
  start(node: FleetNode): Promise<void>;
  /** Ends clients and nodes in good order, checks everything, and prints the figures. */
  finish(options?: Partial<Evidence>): Promise<Verdict>;
}

export const startFleet = async (options: FleetOptions = {}): Promise<Fleet> => {
  const { nodes: nodesCount = 3, env = {}, redisArgs = [], outage = 'standby' } = options;
  await using stack = new AsyncDisposableStack();
  let resources = stack;
  const redis = stack.use(await startRedisServer({ appendonly: true, args: redisArgs }));
  const toxiproxy = stack.use(await startToxiproxy());
  const client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => POLL_MS });
  client.on('error', () => undefined);
  stack.defer(() => client.disconnect());
  const history = createHistory();
  const absences: { label: string; fromMs: number; toMs: number }[] = [];
  const disturbances: Span[] = [];
  const recoveriesMs: number[] = [];
  const killed: { label: string; name: string }[] = [];

  const startNode =
    options.startNode ??
    ((url: string) => startService({ env: { REDIS_URL: url, REDIS_TIMEOUT_MS: '300', LOG_LEVEL: 'info', ...env } }));
  const launch = async (proxy: Link): Promise<NodeProcess> => {
    const started = await startNode(`redis://127.0.0.1:${proxy.port}`);
    resources.defer(async () => {
      await started.kill();
      await started.close();
    });
    await until('the node is ready', () => isReady(started.url));
    return started;
  };
  /** The first request of a node puts its name into the state. */
  const learnName = async (node: FleetNode): Promise<void> => {
    const before = await readStoredSequence(client, KEY);
    await history.ask(`first of ${node.label}`, node, KEY);
    const { calls } = await readStoredSequence(client, KEY);
    node.name = [...calls.keys()].find((name) => !before.calls.has(name)) ?? '';
  };
  const leave = (node: FleetNode): void => {
    node.present = false;
    absences.push({ label: node.label, fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY });
  };
  const comeBack = (node: FleetNode): void => {
    node.present = true;
    const absence = absences.findLast(({ label }) => label === node.label);
    if (absence !== undefined) absence.toMs = performance.now();
  };

  const nodes = (await Promise.all(
    Array.from({ length: nodesCount }, async (_, index): Promise<FleetNode> => {
      const label = String.fromCharCode(97 + index);
      const proxy = await toxiproxy.createProxy(label, redis.port);
      const started = await launch(proxy);
      return { label, proxy, process: started, url: started.url, name: '', present: true };
    }),
  )) as [FleetNode, ...FleetNode[]];
  await registerPrefix(nodes[0].url, KEY, outage);
  for (const node of nodes) await learnName(node);

  const readStored = (): Promise<StoredSequence> => readStoredSequence(client, KEY);
  const count = (fits: Partial<RequestRecord>, fromMs = 0): number =>
    history.records.filter(
      (record) =>
        record.startMs >= fromMs &&
        Object.entries(fits).every(([name, value]) => record[name as keyof RequestRecord] === value),
    ).length;
  const presentNodes = (): FleetNode[] => nodes.filter(({ present }) => present);
  const isSettled = async (): Promise<boolean> => {
    const { free, gaps } = await readStored();
    const names = new Set(presentNodes().map(({ name }) => name));
    return free.length === 0 && !gaps.some(({ holder }) => names.has(holder));
  };
  resources = stack.move();

  return {
    redis,
    client,
    nodes,
    history,
    startLoad: ({ clientsPerNode, pauseMs }) => {
      for (const node of nodes) {
        for (let index = 1; index <= clientsPerNode; index += 1) {
          history.startClient(`${node.label}${index}`, { node, prefixKey: KEY, pauseMs });
        }
      }
    },
    readStored,
    count,
    disturb: async (fault) => {
      const fromMs = performance.now();
      await fault();
      const overMs = performance.now();
      const labels = presentNodes().map(({ label }) => label);
      const serves = (node: string): boolean => count({ node, source: 'redis' }, overMs) > 0;
      await until('every node replies from Redis again', () => labels.every(serves));
      recoveriesMs.push(recoveryOf(history.records, labels, overMs));
      await until('all that was given back is handed out again', isSettled);
      disturbances.push({ fromMs, toMs: performance.now() });
    },
    kill: async (node) => {
      leave(node);
      killed.push({ label: node.label, name: node.name });
      await node.process.kill();
    },
    pause: (node) => {
      leave(node);
      node.process.pause();
    },
    resume: (node) => {
      node.process.resume();
      comeBack(node);
    },
    stop: async (node) => {
      leave(node);
      return node.process.stop();
    },
    start: async (node) => {
      node.process = await launch(node.proxy);
      node.url = node.process.url;
      await learnName(node);
      comeBack(node);
    },
    finish: async (given = {}) => {
      const fromMs = disturbances.at(-1)?.toMs ?? 0;
      const hasEnough = ({ label }: FleetNode) => count({ node: label, status: 200 }, fromMs) >= REQUESTS_AFTERWARDS;
      await until('normal running afterwards', () => presentNodes().every(hasEnough));
      await history.stopClients();
      const codes = await Promise.all(presentNodes().map((node) => node.process.stop()));
      expect(codes).toEqual(codes.map(() => 0));
      const { records } = history;
      const stored = await readStored();
      const evidence: Evidence = {
        records,
        stored,
        prefixKey: KEY,
        killed,
        disturbances,
        absences,
        boundMs: BOUND_MS,
        ...given,
      };
      const verdict = checkEvidence(evidence);
      const title = expect.getState().currentTestName ?? '';
      console.log(describeFigures({ title, records, verdict, disturbances, recoveriesMs }));
      return verdict;
    },
    [Symbol.asyncDispose]: async () => {
      redis.resume();
      for (const node of nodes) await node.process.kill();
      await history.stopClients();
      await resources.disposeAsync();
    },
  };
};
