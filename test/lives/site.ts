/** The stores of a group of lives and the nodes on them, which can be cut off, restarted and killed. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { createMirroredPrefixConfigStore } from '../../src/services/prefix-configs/mirrored-prefix-config-store.ts';
import { createMemoryCounterStore } from '../../src/stores/memory/memory-counter-store.ts';
import { createMemoryPrefixConfigStore } from '../../src/stores/memory/memory-prefix-config-store.ts';
import { createPostgresCeilingStore } from '../../src/stores/postgres/postgres-ceiling-store.ts';
import { createPostgresClient } from '../../src/stores/postgres/postgres-client.ts';
import { createPostgresLedgerStore } from '../../src/stores/postgres/postgres-ledger-store.ts';
import { createPostgresPrefixConfigCopy } from '../../src/stores/postgres/postgres-prefix-config-copy.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { createRedisPrefixConfigStore } from '../../src/stores/redis/redis-prefix-config-store.ts';
import { createSqliteCounterStore } from '../../src/stores/sqlite/sqlite-counter-store.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { createSqliteLedgerStore } from '../../src/stores/sqlite/sqlite-ledger-store.ts';
import { createSqlitePrefixConfigStore } from '../../src/stores/sqlite/sqlite-prefix-config-store.ts';
import { createServiceDriver, type Driver } from './driver.ts';
import { createLink, type Link } from './link.ts';
import { type NodeStores, type SpoilAllocator, startNode } from './node.ts';

export const STORE_KINDS = ['memory', 'sqlite', 'redis', 'postgres'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** Changes the stores, or what allocates, of each node, to plant a breach. */
export interface Spoil {
  readonly stores?: (stores: NodeStores) => NodeStores;
  readonly allocator?: SpoilAllocator;
}

export interface SiteOptions {
  readonly kind: StoreKind;
  readonly clock: Clock;
  /** An empty database of Redis. */
  readonly redisUrl?: string | undefined;
  /** A database of PostgreSQL. */
  readonly databaseUrl?: string | undefined;
  readonly spoil?: Spoil | undefined;
}

export interface Site {
  readonly kind: StoreKind;
  readonly servesGapless: boolean;
  /** Whether a reply can be lost on its way, and a node be killed while the store goes on. */
  readonly isRemote: boolean;
  readonly drivers: readonly Driver[];
  /** The time by which its lives go, ms; when absent their group says. */
  now?(): number;
  isUp(index: number): boolean;
  /** Whether the node can hear of changed configs. */
  hears(index: number): boolean;
  /** All nodes, or one, lose what counts (`near`), or PostgreSQL (`far`). */
  cut(what: 'near' | 'far', index?: number): void | Promise<void>;
  heal(): Promise<void>;
  loseReplies(index: number, count: number): void;
  /** A node ends in good order, and another one takes its place. @returns the name of the one that ended. */
  restart(index: number): Promise<string>;
  /** Whether a node that ended in good order could not give back what it had. */
  keptAll?(name: string): boolean;
  /** The same without giving anything back. */
  crash(index: number): string | Promise<string>;
  prepareStandby(): void;
  /** Five seconds have passed since a config was changed. */
  refresh(prefixKey: string): Promise<void>;
  close(): Promise<void>;
}

/** The ways of one node: to what counts, and to PostgreSQL beside it. */
interface Links {
  readonly near: Link;
  readonly far: Link;
}

/** What is shared by the nodes of a site. */
interface Ground {
  /** The stores of a node that reaches them over these links. */
  storesOver(links: Links): NodeStores;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const ignore = (): undefined => undefined;
const nothing = async (): Promise<void> => undefined;

const openMemory = (): Ground => {
  const counters = createMemoryCounterStore();
  const prefixConfigs = createMemoryPrefixConfigStore();
  return {
    storesOver: ({ near: { through } }) => ({
      counters: through(counters),
      prefixConfigs: through(prefixConfigs),
      ledger: undefined,
      ceilings: undefined,
      close: nothing,
    }),
    close: nothing,
  };
};

const openSqlite = (clock: Clock): Ground => {
  const dataDir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lives-'));
  const database = openSqliteDatabase(dataDir);
  const counters = createSqliteCounterStore(database);
  const prefixConfigs = createSqlitePrefixConfigStore(database);
  const ledger = createSqliteLedgerStore(database, clock);
  return {
    storesOver: ({ near: { through } }) => ({
      counters: through(counters),
      prefixConfigs: through(prefixConfigs),
      ledger: through(ledger),
      ceilings: undefined,
      close: nothing,
    }),
    close: async () => {
      database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

const openRedis = async (redisUrl: string): Promise<Ground> => {
  const client = createRedisClient(redisUrl, TIMEOUT_MS, ignore);
  const ready = new Promise<void>((resolve) => client.onServerReady(() => resolve()));
  await ready;
  // The nodes of a site share the connections, also those that are over.
  for (const connection of [client.subscriber, ...client.servers()]) connection.setMaxListeners(0);
  const counters = createRedisCounterStore(client);
  const prefixConfigs = createRedisPrefixConfigStore(client);
  return {
    storesOver: ({ near: { through } }) => ({
      counters: through(counters),
      prefixConfigs: through(prefixConfigs),
      ledger: undefined,
      ceilings: undefined,
      close: nothing,
    }),
    close: () => client.close(),
  };
};

const openPostgres = async (redisUrl: string, databaseUrl: string): Promise<Ground> => {
  const redis = await openRedis(redisUrl);
  const client = createPostgresClient(databaseUrl, TIMEOUT_MS, ignore);
  const ledger = createPostgresLedgerStore(client);
  const ceilings = createPostgresCeilingStore(client);
  const copy = createPostgresPrefixConfigCopy(client);
  return {
    storesOver: (links) => {
      const { through } = links.far;
      const stores = redis.storesOver(links);
      const mirrored = createMirroredPrefixConfigStore(stores.prefixConfigs, through(copy), ignore);
      return {
        ...stores,
        prefixConfigs: mirrored,
        ledger: through(ledger),
        ceilings: through(ceilings),
        close: () => mirrored.close(),
      };
    },
    close: async () => {
      await redis.close();
      await client.close();
    },
  };
};

const open = async ({ kind, clock, redisUrl = '', databaseUrl = '' }: SiteOptions): Promise<Ground> => {
  if (kind === 'memory') return openMemory();
  if (kind === 'sqlite') return openSqlite(clock);
  return kind === 'redis' ? openRedis(redisUrl) : openPostgres(redisUrl, databaseUrl);
};

/** The embedded stores have one node, the others three. */
const NODES = { memory: 1, sqlite: 1, redis: 3, postgres: 3 };

export const openSite = async (options: SiteOptions): Promise<Site> => {
  const { kind, clock, spoil = {} } = options;
  const { stores: spoilStores = (stores) => stores } = spoil;
  const ground = await open(options);
  const start = () => {
    const links = { near: createLink(), far: createLink() };
    const node = startNode(spoilStores(ground.storesOver(links)), clock, spoil.allocator);
    return { ...links, node, driver: createServiceDriver(node) };
  };
  type Place = ReturnType<typeof start>;
  const places: Place[] = Array.from({ length: NODES[kind] }, start);
  const placeAt = (index: number): Place => {
    const place = places[index % places.length];
    if (place === undefined) throw new Error('no nodes');
    return place;
  };
  return {
    kind,
    servesGapless: kind === 'sqlite' || kind === 'postgres',
    isRemote: kind === 'redis' || kind === 'postgres',
    get drivers() {
      return places.map(({ driver }) => driver);
    },
    isUp: (index) => placeAt(index).near.isUp && placeAt(index).far.isUp,
    hears: (index) => placeAt(index).near.isUp,
    cut: (what, index) => {
      for (const place of index === undefined ? places : [placeAt(index)]) place[what].cut();
    },
    heal: async () => {
      for (const { near, far } of places) for (const link of [far, near]) link.heal();
      await Promise.all(places.map(({ node }) => node.settled()));
    },
    loseReplies: (index, count) => {
      const { near, far } = placeAt(index);
      for (const link of [near, far]) link.loseReplies(count);
    },
    restart: async (index) => {
      const { node } = placeAt(index);
      places[index % places.length] = start();
      await node.close();
      return node.name;
    },
    crash: (index) => {
      const { node, near, far } = placeAt(index);
      places[index % places.length] = start();
      for (const link of [near, far]) link.cut();
      node.abandon();
      return node.name;
    },
    prepareStandby: () => {
      for (const { node } of places) node.prepareStandby();
    },
    refresh: async (prefixKey) => {
      await Promise.all(places.map(({ node }) => node.refresh(prefixKey)));
    },
    close: async () => {
      for (const { near, far } of places) for (const link of [far, near]) link.heal();
      for (const { node } of places) await node.close();
      await ground.close();
    },
  };
};
