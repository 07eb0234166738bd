/** What is compared: each subject starts its server, prepares the prefix INV, and says how to ask it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createToken } from '../src/access/token.ts';
import { findFreePort, findOnPath } from '../test/support/redis.ts';
import { START_ARGS } from '../test/support/start-command.ts';
import type { Placement } from './machine.ts';
import { startServer } from './server-process.ts';
import type { Stores } from './stores.ts';

/** Prefixes B1 … that the scenarios with many of them use. */
const PREFIXES_MAX = 10_000;

const JWT_SECRET = randomBytes(32).toString('base64url');
const SERVERS = 'bench/servers';
const READY_POLL_MS = 50;
const READY_ATTEMPTS_MAX = 200;

export interface Subject {
  readonly name: string;
  readonly url: string;
  /** The call that takes a number. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number;
  /** Finds the number in a reply; undefined where replies are no numbers of a series. */
  readonly read: ((body: unknown) => readonly string[]) | undefined;
  close(): Promise<void>;
}

interface Surroundings {
  readonly placement: Placement | undefined;
  readonly stores: Stores;
}

type StartSubject = (surroundings: Surroundings) => Promise<Subject>;

/** A subject that cannot run here. Its message says why; the others run without it. */
export class SubjectAbsentError extends Error {}

const PATH = '/api/numbers?prefixKey=INV';
const NODE = process.execPath;

const readNumbers = (body: unknown): readonly string[] => {
  const { number, numbers } = body as { number?: string; numbers?: string[] };
  return numbers ?? (number === undefined ? [] : [number]);
};

const nodeServer =
  (
    name: string,
    file: string,
    envOf: (stores: Stores) => Promise<Record<string, string>> = async () => ({}),
    isCounter = true,
  ): StartSubject =>
  async ({ placement, stores }) => {
    const env = { NODE_ENV: 'production', JWT_SECRET, ...(await envOf(stores)) };
    const server = await startServer(placement, { command: NODE, args: [`${SERVERS}/${file}.ts`], env });
    const headers = file === 'usual' ? { Authorization: `Bearer ${await createToken(JWT_SECRET, {})}` } : {};
    return { ...server, name, path: PATH, headers, read: isCounter ? readNumbers : undefined };
  };

/** It listens before its stores are connected. Whoever waits in vain hears from the registration why. */
const waitUntilReady = async (url: string): Promise<void> => {
  for (let attempt = 0; attempt < READY_ATTEMPTS_MAX; attempt += 1) {
    if ((await fetch(`${url}/readyz`)).ok) return;
    await delay(READY_POLL_MS);
  }
};

/** @param env beside the defaults of the service. @param strategy of the prefix INV. */
const ours =
  (
    name: string,
    envOf: (stores: Stores) => Promise<Record<string, string>>,
    { strategy = 'counter', withPrefixes = false } = {},
  ): StartSubject =>
  async ({ placement, stores }) => {
    const env = {
      HOST: '127.0.0.1',
      PORT: '0',
      NODE_ENV: 'production',
      DATA_DIR: stores.makeDir(),
      JWT_SECRET,
      OPEN_COUNT_MAX: '10000',
      ...(await envOf(stores)),
    };
    const server = await startServer(placement, {
      command: NODE,
      args: START_ARGS,
      env,
    });
    await waitUntilReady(server.url);
    const headers = { Authorization: `Bearer ${await createToken(JWT_SECRET, {})}` };
    const prefixKey = name.replaceAll(/[^a-z0-9]/g, '-');
    const reply = await fetch(`${server.url}/api/prefix-configs/${prefixKey}`, {
      method: 'PUT',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ format: `INV-{year}-{SEQ:6}`, strategy, allowCollision: true }),
    });
    // 409: registered in an earlier scenario of this run.
    if (reply.status !== 200 && reply.status !== 409) {
      await server.close();
      const { detail } = (await reply.json()) as { detail: string };
      throw new SubjectAbsentError(detail);
    }
    if (withPrefixes) await preparePrefixes((await stores.redis()).url);
    const needsToken = 'NUMBERS_AUTH' in env;
    const path = `/api/numbers?prefixKey=${prefixKey}`;
    return { ...server, name, path, headers: needsToken ? headers : {}, read: readNumbers };
  };

const preparePrefixes = async (redisUrl: string): Promise<void> => {
  const redis = new Redis(redisUrl);
  const entries: Record<string, string> = {};
  for (let i = 1; i <= PREFIXES_MAX; i += 1) entries[`B${i}`] = `{"format":"B${i}-{year}-{SEQ:6}"}`;
  await redis.hset('prefix_configs', entries);
  await redis.quit();
};

const webdis: StartSubject = async ({ placement, stores }) => {
  if (findOnPath('webdis') === undefined) {
    throw new SubjectAbsentError('webdis is not installed (Debian: .ci/install-tool webdis)');
  }
  const port = await findFreePort();
  const redis = await stores.redis();
  const config = join(stores.makeDir(), 'webdis.json');
  const settings = { redis_host: '127.0.0.1', redis_port: redis.port, http_host: '127.0.0.1', http_port: port };
  // One thread, because it has one core; nothing in its log.
  writeFileSync(
    config,
    JSON.stringify({ ...settings, threads: 1, daemonize: false, verbosity: 0, logfile: '/dev/null' }),
  );
  const server = await startServer(placement, { command: 'webdis', args: [config], port });
  const read = (body: unknown): readonly string[] => [String((body as { INCR: number }).INCR)];
  return { ...server, name: 'webdis INCR', path: '/INCR/webdis', headers: {}, read };
};

const onRedis = async (stores: Stores): Promise<Record<string, string>> => ({ REDIS_URL: (await stores.redis()).url });
const onPostgres = async (stores: Stores): Promise<Record<string, string>> => ({
  DATABASE_URL: await stores.postgres(),
});
const onBoth = async (stores: Stores) => ({ ...(await onRedis(stores)), ...(await onPostgres(stores)) });
const withToken = async (stores: Stores) => ({ ...(await onRedis(stores)), NUMBERS_AUTH: 'required' });
const LONG_STANDBY = '1000000';

/** By name, as `--subjects` takes them. */
export const SUBJECTS: Readonly<Record<string, StartSubject>> = {
  bare: nodeServer('bare', 'bare', undefined, false),
  naive: nodeServer('naive', 'naive', onRedis),
  usual: nodeServer('usual', 'usual', onRedis),
  webdis,
  redis: ours('redis', onRedis),
  'redis-prefixes': ours('redis-prefixes', onRedis, { withPrefixes: true }),
  'redis-token': ours('redis-token', withToken),
  'redis-standby': ours('redis-standby', async (stores) => ({
    ...(await onRedis(stores)),
    STANDBY_SIZE: LONG_STANDBY,
  })),
  sqlite: ours('sqlite', async () => ({})),
  segment: ours('segment', onRedis, { strategy: 'segment' }),
  snowflake: ours('snowflake', onRedis, { strategy: 'snowflake' }),
  uuidv7: ours('uuidv7', onRedis, { strategy: 'uuidv7' }),
  gapless: ours('gapless', onBoth, { strategy: 'gapless' }),
  'one-update': nodeServer('one-update', 'one-update', onPostgres),
};
