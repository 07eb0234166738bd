/** The services that can be put to the test: ours, and the naive one that must fail. */
import { startService } from '../../support/service.ts';
import type { NodeProcess } from '../fleet.ts';
import { startNaiveNode } from '../naive-node.ts';
import type { BuildName, Prefix } from './evidence.ts';

export interface NodePlace {
  readonly redisUrl: string;
  /** Undefined: without PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** More environment, such as a false clock. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Build {
  readonly prefixes: readonly Prefix[];
  /** Whether it knows prefix configs and keeps a gap record. */
  readonly hasApi: boolean;
  start(place: NodePlace): Promise<NodeProcess>;
}

/** Long enough for a failover, short enough that a segment is often replaced. */
const STANDBY_SIZE = 800;

const ours: Build = {
  prefixes: [
    { prefixKey: 'K', initialSeq: 0, reset: 'never' },
    { prefixKey: 'M', initialSeq: 1_000, reset: 'monthly' },
  ],
  hasApi: true,
  start: ({ redisUrl, databaseUrl, env }) =>
    startService({
      env: {
        REDIS_URL: redisUrl,
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        REDIS_TIMEOUT_MS: '300',
        STANDBY_SIZE: String(STANDBY_SIZE),
        LOG_LEVEL: 'info',
        ...env,
      },
    }),
};

/** It counts from 1 and knows no periods. */
const naive: Build = {
  prefixes: ours.prefixes.map(({ prefixKey }) => ({ prefixKey, initialSeq: 0, reset: 'never' })),
  hasApi: false,
  start: ({ redisUrl }) => startNaiveNode(redisUrl),
};

export const builds: Readonly<Record<BuildName, Build>> = { ours, naive };
