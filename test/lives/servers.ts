/** The servers that sites stand on: each site has a Redis and a database of PostgreSQL to itself, empty when it begins. */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startPostgresServer } from '../support/postgres.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import type { OpenSite } from './campaign.ts';
import { openSite, type Spoil, type StoreKind } from './site.ts';

export interface Servers {
  readonly open: OpenSite;
  close(): Promise<void>;
}

const startRedis = () => {
  const servers: RedisServer[] = [];
  const free: string[] = [];
  return {
    // A server each, and not a database: nodes hear all databases of their server, and would answer for series that are not theirs.
    lease: async (): Promise<string> => {
      const used = free.pop();
      if (used === undefined) {
        const server = await startRedisServer();
        servers.push(server);
        return server.url;
      }
      const client = new Redis(used);
      await client.flushall();
      client.disconnect();
      return used;
    },
    release: (url: string): void => {
      free.push(url);
    },
    close: async () => {
      for (const server of servers) await server.close();
    },
  };
};

/** What a power cut would take is of no concern: a server that is killed keeps what it has written. */
const UNSAFE = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'].flatMap((setting) => ['-c', setting]);

/** Empties the service's tables, whatever they are; those of the migrations stay. */
const EMPTY = `DO $$ BEGIN EXECUTE (
  SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
  WHERE schemaname = 'public' AND tablename <> 'number_generator_migrations'
); END $$`;

const startPostgres = async () => {
  const server = await startPostgresServer({ args: ['-c', 'max_connections=200', ...UNSAFE] });
  const free: string[] = [];
  let databases = 0;
  const query = async (url: string, text: string): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  return {
    // To make a database takes longer than a life: one that is over leaves it to the next. Two sites at a time on one would
    // forget each other's keys, by clocks that are days apart.
    lease: async (): Promise<string> => {
      const used = free.pop();
      if (used !== undefined) {
        await query(used, EMPTY);
        return used;
      }
      databases += 1;
      const url = new URL(server.url);
      url.pathname = `/lives_${databases}`;
      await query(server.url, `CREATE DATABASE lives_${databases}`);
      return url.href;
    },
    release: (url: string): void => {
      free.push(url);
    },
    close: () => server.close(),
  };
};

export const startServers = async (kind: StoreKind, spoil?: Spoil): Promise<Servers> => {
  const redis = kind === 'redis' || kind === 'postgres' ? startRedis() : undefined;
  const postgres = kind === 'postgres' ? await startPostgres() : undefined;
  return {
    open: async (clock) => {
      const redisUrl = await redis?.lease();
      const databaseUrl = await postgres?.lease();
      const site = await openSite({ kind, clock, redisUrl, databaseUrl, spoil });
      return {
        ...site,
        get drivers() {
          return site.drivers;
        },
        close: async () => {
          await site.close();
          if (redisUrl !== undefined) redis?.release(redisUrl);
          if (databaseUrl !== undefined) postgres?.release(databaseUrl);
        },
      };
    },
    close: async () => {
      await redis?.close();
      await postgres?.close();
    },
  };
};
