/** The stores of a run, each started when a subject first needs it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgresServer } from '../test/support/postgres.ts';
import { type RedisServer, startRedisServer } from '../test/support/redis.ts';

export interface Stores {
  redis(): Promise<RedisServer>;
  /** The URL of a PostgreSQL that flushes its commits. */
  postgres(): Promise<string>;
  makeDir(): string;
  close(): Promise<void>;
}

export const createStores = (): Stores => {
  const dirs: string[] = [];
  let redis: Promise<RedisServer> | undefined;
  let postgres: ReturnType<typeof startPostgresServer> | undefined;
  return {
    redis: () => {
      redis ??= startRedisServer({ appendonly: true });
      return redis;
    },
    postgres: async () => {
      postgres ??= startPostgresServer();
      return (await postgres).url;
    },
    makeDir: () => {
      const dir = mkdtempSync(join(tmpdir(), 'bench-'));
      dirs.push(dir);
      return dir;
    },
    close: async () => {
      await (await redis)?.close();
      await (await postgres)?.close();
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
    },
  };
};
