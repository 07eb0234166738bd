/** Gives the projects that need PostgreSQL one server for the whole run, and the tests its address (`inject('postgresUrl')`). */
import type { TestProject } from 'vitest/node';
import { dockerAnswers, startContainer } from './docker-engine.ts';
import { startPostgresServer } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL for all test files together, by a user who may create databases; see `leasePostgresDatabase`. */
    postgresUrl: string;
  }
}

interface SharedPostgres {
  readonly url: string;
  close(): Promise<void>;
}

// Several test files, each with several pools.
const SERVER_ARGS = ['-c', 'max_connections=300'];

const startPostgresContainer = async (): Promise<SharedPostgres> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await startContainer(
    new GenericContainer('postgres:17-alpine')
      .withExposedPorts(5432)
      .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: 'trust' })
      .withCommand(['postgres', ...SERVER_ARGS])
      // The first time it is only the image's own set-up that has ended.
      .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2)),
  );
  return {
    url: `postgres://postgres@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    async close() {
      await container.stop();
    },
  };
};

/** TEST_DATABASE_URL, else a container where a Docker engine answers, else a server of our own (installed when it is missing). */
const obtainPostgres = async (): Promise<SharedPostgres> => {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return { url, close: async () => undefined };
  if (await dockerAnswers()) {
    try {
      return await startPostgresContainer();
    } catch (error) {
      console.warn(`No PostgreSQL by Docker (${String(error)}); trying the one on this machine.`);
    }
  }
  return startPostgresServer({ args: SERVER_ARGS });
};

// Each project runs this module for itself; they share one server, which the last one closes.
interface Holder {
  postgres: Promise<SharedPostgres> | undefined;
  projects: number;
}
const HOLDER = Symbol.for('number-generator.test-postgres');
const shared = globalThis as typeof globalThis & { [HOLDER]?: Holder };

export default async (project: TestProject): Promise<() => Promise<void>> => {
  shared[HOLDER] ??= { postgres: undefined, projects: 0 };
  const holder = shared[HOLDER];
  holder.postgres ??= obtainPostgres();
  const postgres = await holder.postgres;
  holder.projects++;
  project.provide('postgresUrl', postgres.url);

  return async () => {
    holder.projects--;
    if (holder.projects > 0) return;
    holder.postgres = undefined;
    await postgres.close();
  };
};
