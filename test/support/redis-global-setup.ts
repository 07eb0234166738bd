/** Gives the projects that need Redis one server for the whole run, and the tests its address (`inject('redisUrl')`). */
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';
import type { TestProject } from 'vitest/node';
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

const PING_TIMEOUT_MS = 2_000;
const CONTAINER_TIMEOUT_MS = 120_000;
// Enough for every test file to lease one of its own.
const SERVER_ARGS = ['--databases', '256'];

const dockerAddresses = (): { readonly socketPath: string }[] | { readonly host: string; readonly port: string }[] => {
  const configured = process.env['DOCKER_HOST'];
  if (configured !== undefined && configured !== '') {
    const { protocol, pathname, hostname, port } = new URL(configured);
    return protocol === 'unix:' ? [{ socketPath: pathname }] : [{ host: hostname, port: port || '2375' }];
  }
  const dirs = ['/var/run', process.env['XDG_RUNTIME_DIR'] ?? '/nowhere', join(homedir(), '.docker/run')];
  return dirs.map((dir) => ({ socketPath: join(dir, 'docker.sock') }));
};

const dockerAnswers = async (): Promise<boolean> => {
  const pings = dockerAddresses().map(
    (address) =>
      new Promise<void>((resolve, reject) => {
        const ping = request({ ...address, path: '/_ping', timeout: PING_TIMEOUT_MS }, (reply) => {
          reply.resume();
          if (reply.statusCode === 200) resolve();
          else reject(new Error(`Docker answered ${reply.statusCode}.`));
        });
        ping.on('timeout', () => ping.destroy(new Error('Docker did not answer.')));
        ping.on('error', reject);
        ping.end();
      }),
  );
  return Promise.any(pings).then(
    () => true,
    () => false,
  );
};

const startContainer = async (): Promise<SharedRedis> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const starting = new GenericContainer('redis:7-alpine')
    .withExposedPorts(6379)
    .withCommand(['redis-server', '--save', '', ...SERVER_ARGS])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .withStartupTimeout(CONTAINER_TIMEOUT_MS)
    .start();
  // Pulling the image has no limit of its own.
  const { promise: late, reject } = Promise.withResolvers<StartedTestContainer>();
  const timer = setTimeout(() => reject(new Error('The Redis container did not start in time.')), CONTAINER_TIMEOUT_MS);
  const container = await Promise.race([starting, late]).finally(() => clearTimeout(timer));
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
      return await startContainer();
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
