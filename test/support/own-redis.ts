/** A Redis server of a test file's own, with a connection to it. */
import { Redis } from 'ioredis';
import { startRedisServer } from './redis.ts';

export interface OwnRedis {
  readonly url: string;
  readonly client: Redis;
  stop(): Promise<void>;
}

export const startOwnRedis = async (): Promise<OwnRedis> => {
  const server = await startRedisServer();
  const client = new Redis(server.url);
  await client.ping();
  return {
    url: server.url,
    client,
    stop: async () => {
      client.disconnect();
      await server.close();
    },
  };
};
