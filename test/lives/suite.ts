/** Lives on one kind of store: how many, with which seeds, and on which servers. */

import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgresServer } from '../support/postgres.ts';
import { startRedisServer } from '../support/redis.ts';
import { type CampaignResult, describeFailure, type OpenSite, playLives } from './campaign.ts';
import { openSite, type Spoil, type StoreKind } from './site.ts';

/** What CI plays; `LIVES` asks for more, `LIVES_SEED` for others. */
const LIVES: Readonly<Record<StoreKind, number>> = { memory: 1_500, sqlite: 800, redis: 150, postgres: 80 };

interface Servers {
  readonly open: OpenSite;
  close(): Promise<void>;
}

/** Databases of Redis, of which each site has one. */
const DATABASES = 32;

const startRedis = async () => {
  const server = await startRedisServer({ args: ['--databases', `${DATABASES}`] });
  const free = Array.from({ length: DATABASES }, (_, database) => `${server.url}/${database}`);
  return {
    lease: async (): Promise<string> => {
      const url = free.pop() ?? server.url;
      const client = new Redis(url);
      await client.flushdb();
      client.disconnect();
      return url;
    },
    release: (url: string): void => {
      free.push(url);
    },
    close: () => server.close(),
  };
};

const startPostgres = async () => {
  const server = await startPostgresServer({ args: ['-c', 'max_connections=200', '-c', 'fsync=off'] });
  let databases = 0;
  return {
    lease: async (): Promise<string> => {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      databases += 1;
      // Others come meanwhile: two sites on one database would forget each other's keys, by clocks that are days apart.
      const name = `lives_${databases}`;
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    close: () => server.close(),
  };
};

/** The servers that sites of this kind stand on; each site gets empty databases of them. */
export const startServers = async (kind: StoreKind, spoil?: Spoil): Promise<Servers> => {
  const redis = kind === 'redis' || kind === 'postgres' ? await startRedis() : undefined;
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
        },
      };
    },
    close: async () => {
      await redis?.close();
      await postgres?.close();
    },
  };
};

const settingOf = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

const tell = (kind: StoreKind, { lives, known }: CampaignResult): void => {
  const met = [...known].map(([rule, count]) => `${rule} ${count}`).join(', ');
  console.log(`${lives} lives on ${kind}; deviations that are known: ${met || 'none met'}`);
};

export const describeLives = (kind: StoreKind): void => {
  describe(`random lives of a series on ${kind}`, () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(kind);
    });
    afterAll(() => servers.close());

    it('are told the same by reports, gaps, readings, previews and states as by all replies they had', async () => {
      const result = await playLives({
        open: servers.open,
        firstSeed: settingOf('LIVES_SEED', 1),
        lives: settingOf('LIVES', LIVES[kind]),
        servesGapless: kind === 'sqlite' || kind === 'postgres',
        isRemote: kind === 'redis' || kind === 'postgres',
      });
      tell(kind, result);
      expect(result.failures.map(describeFailure).join('\n\n')).toBe('');
      expect(result.lives).toBe(settingOf('LIVES', LIVES[kind]));
    });
  });
};
