/** Nodes as processes with a PostgreSQL of their own, each behind a proxy that loses replies, and what kills them at random. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../model/random.ts';
import { type PostgresServer, startPostgresServer } from '../../support/postgres.ts';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';
import { type ReplyProxy, startReplyProxy } from '../../support/reply-proxy.ts';
import { type Service, startService } from '../../support/service.ts';

interface Node {
  readonly link: ReplyProxy;
  readonly url: string;
  service: Service | undefined;
}

export interface LedgerNodes {
  readonly postgres: PostgresServer;
  /** The address of a node that runs; of any when none does. */
  anyUrl(random: Random): string;
  /** One fault of a random kind, and its end. @returns its name. */
  disturb(random: Random): Promise<string>;
  close(): Promise<void>;
}

const start = (redis: RedisServer, postgres: PostgresServer, link: ReplyProxy): Promise<Service> => {
  const url = new URL(postgres.url);
  url.port = `${link.port}`;
  const env = { REDIS_URL: redis.url, DATABASE_URL: url.href, DATABASE_TIMEOUT_MS: '1000' };
  return startService({ env, startTimeoutMs: 60_000 });
};

export const startLedgerNodes = async (count: number): Promise<LedgerNodes> => {
  const [redis, postgres] = await Promise.all([startRedisServer(), startPostgresServer()]);
  const nodes: Node[] = [];
  for (let index = 0; index < count; index += 1) {
    const link = await startReplyProxy(postgres.port);
    const service = await start(redis, postgres, link);
    nodes.push({ link, service, url: service.url });
  }
  const running = (): Node[] => nodes.filter(({ service }) => service !== undefined);

  const faults: Readonly<Record<string, (node: Node, random: Random) => Promise<void>>> = {
    'PostgreSQL killed': async (_node, random) => {
      await postgres.kill();
      await delay(random.below(1_500));
      await postgres.restart();
    },
    'node killed': async (node) => {
      const { service } = node;
      node.service = undefined;
      await service?.kill();
      await service?.close();
      node.service = await start(redis, postgres, node.link);
    },
    'replies cut': async ({ link }, random) => {
      link.replies('cut');
      await delay(random.below(100));
      link.replies('passed');
    },
    'replies swallowed': async ({ link }, random) => {
      link.replies('swallowed');
      await delay(random.below(1_500));
      // What is under way would wait for a reply that was thrown away.
      link.replies('cut');
      await delay(50);
      link.replies('passed');
    },
  };

  return {
    postgres,
    anyUrl: (random) => {
      const { service, url } = random.pick(running().length === 0 ? nodes : running());
      return service?.url ?? url;
    },
    disturb: async (random) => {
      const name = random.pick(Object.keys(faults));
      await faults[name]?.(random.pick(nodes), random);
      return name;
    },
    close: async () => {
      await Promise.all(nodes.map(({ service }) => service?.close()));
      await Promise.all(nodes.map(({ link }) => link.close()));
      await Promise.all([redis.close(), postgres.close()]);
    },
  };
};
