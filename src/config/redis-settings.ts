/** The settings of Redis: REDIS_MODE decides what REDIS_URL names, and which of the others belong to it. */
import { z } from 'zod';
import type { FieldProblem } from '../core/error-params.ts';
import { parseRedisAddress, type RedisTarget } from '../lib/redis-target.ts';

const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;
const MODES = ['standalone', 'sentinel', 'cluster'] as const;
const SENTINEL_VARIABLES = ['REDIS_SENTINEL_MASTER', 'REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'] as const;

const isUrl = (text: string): boolean => {
  if (parseRedisAddress(text, REDIS_PORT) !== undefined) return true;
  return URL.canParse(text) && ['redis:', 'rediss:'].includes(new URL(text).protocol);
};

export const redisVariables = {
  REDIS_URL: z
    .string()
    .refine(isUrl, 'A URL such as redis://127.0.0.1:6379')
    .optional()
    .describe(
      '`redis://…` or `rediss://…` (TLS). Several hosts with `REDIS_MODE` `sentinel` or `cluster`. Without it the embedded SQLite is used.',
    ),
  REDIS_MODE: z
    .enum(MODES, 'standalone, sentinel or cluster')
    .default('standalone')
    .describe('What `REDIS_URL` names: one server, the sentinels, or servers of a cluster.'),
  REDIS_KEY_PREFIX: z
    .string()
    // Braces would move the hash tag, stars would widen the patterns of rights; `sequence:` would read as the counter of another installation.
    .regex(/^(?!.*sequence:)[A-Za-z0-9_.:-]{0,64}$/, 'Up to 64 letters, digits and _ . : -, without the word sequence:')
    .default('')
    .describe(
      'Put before the name of every key and channel, for a shared Redis. [Set it before the first start](storage.md#redis-shared-with-others).',
    ),
  REDIS_SENTINEL_MASTER: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'A name such as mymaster')
    .optional()
    .describe('Name of the master. Required with `REDIS_MODE=sentinel`.'),
  REDIS_SENTINEL_USERNAME: z.string().optional().describe('User of the sentinels themselves.'),
  REDIS_SENTINEL_PASSWORD: z.string().optional().describe('Password of the sentinels themselves.'),
};

interface RedisEnvironment {
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_MODE?: (typeof MODES)[number];
  readonly REDIS_SENTINEL_MASTER?: string | undefined;
  readonly REDIS_SENTINEL_USERNAME?: string | undefined;
  readonly REDIS_SENTINEL_PASSWORD?: string | undefined;
}

/** @returns undefined without REDIS_URL, and for what `redisContradictionsOf` refuses. */
export const redisTargetOf = (env: RedisEnvironment): RedisTarget | undefined => {
  const { REDIS_URL: url, REDIS_MODE: mode = 'standalone', REDIS_SENTINEL_MASTER: master } = env;
  if (url === undefined) return undefined;
  if (mode === 'standalone') return { mode, url };
  const address = parseRedisAddress(url, mode === 'sentinel' ? SENTINEL_PORT : REDIS_PORT);
  if (address === undefined) return undefined;
  if (mode === 'cluster') return { mode, address };
  if (master === undefined) return undefined;
  const { REDIS_SENTINEL_USERNAME: sentinelUsername, REDIS_SENTINEL_PASSWORD: sentinelPassword } = env;
  return { mode, address, master, sentinelUsername, sentinelPassword };
};

const urlProblemOf = (url: string, mode: string): string | undefined => {
  const address = parseRedisAddress(url, REDIS_PORT);
  if (mode === 'standalone') {
    const several = address !== undefined && address.hosts.length > 1;
    return several ? 'Several hosts need REDIS_MODE=sentinel or cluster' : undefined;
  }
  if (!isUrl(url)) return undefined;
  if (address === undefined) {
    return `With REDIS_MODE=${mode} a URL such as redis://user:password@host1:6379,host2:6379, special characters as %40`;
  }
  return mode === 'cluster' && address.database !== 0 ? 'A cluster has no database but 0' : undefined;
};

/** What is wrong with these variables together. */
export const redisContradictionsOf = (given: Readonly<Record<string, string | undefined>>): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const { REDIS_URL: url, REDIS_MODE: mode = 'standalone' } = given;
  if (url === undefined && (mode === 'sentinel' || mode === 'cluster')) {
    problems.push({ path: 'REDIS_URL', message: `Required with REDIS_MODE=${mode}` });
  }
  const urlProblem = url === undefined ? undefined : urlProblemOf(url, mode);
  if (urlProblem !== undefined) problems.push({ path: 'REDIS_URL', message: urlProblem });
  if (url === undefined && given['REDIS_KEY_PREFIX'] !== undefined) {
    problems.push({ path: 'REDIS_KEY_PREFIX', message: 'Only with REDIS_URL' });
  }
  if (mode === 'sentinel') {
    if (given['REDIS_SENTINEL_MASTER'] === undefined) {
      const message = 'Required with REDIS_MODE=sentinel: the name of the master, such as mymaster';
      problems.push({ path: 'REDIS_SENTINEL_MASTER', message });
    }
    if (given['REDIS_SENTINEL_USERNAME'] !== undefined && given['REDIS_SENTINEL_PASSWORD'] === undefined) {
      problems.push({ path: 'REDIS_SENTINEL_PASSWORD', message: 'Required with REDIS_SENTINEL_USERNAME' });
    }
    return problems;
  }
  for (const path of SENTINEL_VARIABLES) {
    if (given[path] !== undefined) problems.push({ path, message: 'Only with REDIS_MODE=sentinel' });
  }
  return problems;
};
