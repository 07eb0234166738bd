/** A site of real processes: nodes are stopped, killed and started again, and so are Redis and PostgreSQL. Their clock is the real one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type PostgresServer, startPostgresServer } from '../support/postgres.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import type { Driver } from './driver.ts';
import { createHttpDriver } from './http-driver.ts';
import type { Site, StoreKind } from './site.ts';

export type ProcessKind = Exclude<StoreKind, 'memory'>;

const DAY_MS = 86_400_000;
/** The longest that a site lives: none begins so shortly before midnight (UTC), when periods end that its lives know nothing of. */
const LIFE_MS = 240_000;
/** After so long every node knows a config that was changed. */
const CONFIGS_MS = 5_100;
const READY_MAX = 600;
const NODES: Readonly<Record<ProcessKind, number>> = { sqlite: 1, redis: 2, postgres: 2 };

interface Node {
  readonly service: Service;
  readonly driver: Driver;
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Servers that keep what they have been told when they are killed. */
const startServers = async (kind: ProcessKind) => {
  const redis = kind === 'sqlite' ? undefined : await startRedisServer({ appendonly: true });
  const postgres = kind === 'postgres' ? await startPostgresServer({ args: ['-c', 'fsync=off'] }) : undefined;
  return { redis, postgres };
};

const untilAfterMidnight = async (): Promise<void> => {
  const leftMs = DAY_MS - (Date.now() % DAY_MS);
  if (leftMs < LIFE_MS) await delay(leftMs + 1_000);
};

export const openProcessSite = async (kind: ProcessKind): Promise<Site> => {
  await untilAfterMidnight();
  const beganMs = Date.now();
  const { redis, postgres } = await startServers(kind);
  const dataDir = mkdtempSync(join(tmpdir(), 'lives-'));
  const env = {
    STANDBY_SIZE: '8',
    // A busy machine is no outage.
    REDIS_TIMEOUT_MS: '5000',
    DATABASE_TIMEOUT_MS: '10000',
    ...(redis ? { REDIS_URL: redis.url } : { DATA_DIR: dataDir }),
    ...(postgres && { DATABASE_URL: postgres.url }),
  };
  const start = async (): Promise<Node> => {
    const service = await startService({ env });
    const { node } = await service.waitForLog((line) => typeof line['node'] === 'string');
    return { service, driver: createHttpDriver(service.url, String(node)) };
  };
  const nodes: Node[] = await Promise.all(Array.from({ length: NODES[kind] }, start));
  const nodeAt = (index: number): Node => {
    const node = nodes[index % nodes.length];
    if (node === undefined) throw new Error('no nodes');
    return node;
  };
  const settled = async (): Promise<void> => {
    for (const { service } of nodes) {
      for (let look = 0; look < READY_MAX && !(await isReady(service.url)); look += 1) await delay(50);
    }
  };
  await settled();
  const kept = new Set<string>();
  const stop = async (service: Service, name: string): Promise<void> => {
    const code = await service.stop();
    const isKept = code !== 0 || service.logs().some(({ event }) => event === 'standby-not-returned');
    if (isKept) kept.add(name);
  };
  const down = new Set<RedisServer | PostgresServer>();
  const again = async (index: number, end: (service: Service, name: string) => Promise<void>): Promise<string> => {
    const { service, driver } = nodeAt(index);
    await end(service, driver.node);
    nodes[index % nodes.length] = await start();
    // Nobody asks a node that is not ready, unless what it needs is away.
    if (down.size === 0) await settled();
    return driver.node;
  };
  return {
    kind,
    servesGapless: kind !== 'redis',
    isRemote: kind !== 'sqlite',
    now: () => beganMs,
    get drivers() {
      return nodes.map(({ driver }) => driver);
    },
    isUp: () => down.size === 0,
    hears: () => redis === undefined || !down.has(redis),
    // All nodes at once: the server is gone.
    cut: async (what) => {
      const server = what === 'near' ? redis : postgres;
      if (server === undefined || down.has(server)) return;
      down.add(server);
      await server.kill();
    },
    heal: async () => {
      await Promise.all([...down].map((server) => server.restart()));
      down.clear();
      await settled();
    },
    loseReplies: () => undefined,
    restart: (index) => again(index, stop),
    keptAll: (name) => kept.has(name),
    crash: (index) => again(index, (service) => service.kill()),
    prepareStandby: () => undefined,
    // A process of its own with its own database hears of every change at once.
    refresh: async () => {
      if (nodes.length > 1) await delay(CONFIGS_MS);
    },
    close: async () => {
      await Promise.all(nodes.map(({ service }) => service.close()));
      await redis?.close();
      await postgres?.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
