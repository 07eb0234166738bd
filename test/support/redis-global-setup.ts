/** Gives the projects that need Redis one server for the whole run, and the tests its address (`inject('redisUrl')`). */
import type { TestProject } from 'vitest/node';
import { dockerAnswers, startContainer } from './docker-engine.ts';
import { startRedisServer } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A Redis ≥ 7.0 for all test files together; see `leaseRedisDatabase`. */
    redisUrl: string;
  }
}

interface SharedRedis {
  readonly url: string;
  close(): Promise<void>;
}

// Enough for every test file to lease one of its own.
const SERVER_ARGS = ['--databases', '256'];

const startRedisContainer = async (): Promise<SharedRedis> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await startContainer(
    new GenericContainer('redis:7-alpine')
      .withExposedPorts(6379)
      .withCommand(['redis-server', '--save', '', ...SERVER_ARGS])
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/)),
  );
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    async close() {
      await container.stop();
    },
  };
};

/** TEST_REDIS_URL, else a container where a Docker engine answers, else redis-server (installed when it is missing). */
const obtainRedis = async (): Promise<SharedRedis> => {
  const url = process.env['TEST_REDIS_URL'];
  if (url !== undefined && url !== '') return { url, close: async () => undefined };
  if (await dockerAnswers()) {
    try {
      return await startRedisContainer();
    } catch (error) {
      console.warn(`No Redis by Docker (${String(error)}); trying redis-server.`);
    }
  }
  return startRedisServer({ args: SERVER_ARGS });
};

// Each project runs this module for itself; they share one server, which the last one closes.
interface Holder {
  redis: Promise<SharedRedis> | undefined;
  projects: number;
}
const HOLDER = Symbol.for('number-generator.test-redis');
const shared = globalThis as typeof globalThis & { [HOLDER]?: Holder };

export default async (project: TestProject): Promise<() => Promise<void>> => {
  shared[HOLDER] ??= { redis: undefined, projects: 0 };
  const holder = shared[HOLDER];
  holder.redis ??= obtainRedis();
  const redis = await holder.redis;
  holder.projects++;
  project.provide('redisUrl', redis.url);

  return async () => {
    holder.projects--;
    if (holder.projects > 0) return;
    holder.redis = undefined;
    await redis.close();
  };
};
