/** Judges one Redis server by what it says of itself: version, eviction, persistence, replicas, our rights. */
import type { Redis } from 'ioredis';
import type { Finding, Severity } from '../../../core/events/finding.ts';
import type { RedisKeys } from '../codecs/redis-keys.ts';
import { CLUSTER_RIGHTS_NEEDED, findMissingRights, rightsNeeded } from './redis-rights.ts';

const VERSION_MAJOR_MIN = 7;
/** Shares of `maxmemory`: time to do something, and the last moment. */
const MEMORY_HIGH = 0.8;
const MEMORY_NEAR = 0.95;
const SETTINGS = [
  ...['maxmemory-policy', 'appendonly', 'appendfsync', 'save', 'min-replicas-to-write', 'replica-read-only'],
  'cluster-require-full-coverage',
];
const RIGHTS_SHOWN_MAX = 8;

export interface ServerState {
  readonly findings: readonly Omit<Finding, 'servers'>[];
  /** Replicas that are connected and in step; undefined when the server is a replica itself. */
  readonly replicas: number | undefined;
}

type Facts = ReadonlyMap<string, string>;
type Judgement = Omit<Finding, 'servers'> | undefined;

const judge = (severity: Severity, subject: string, detail: string, remedy: string): Judgement => ({
  severity,
  subject,
  detail,
  remedy,
});

const readInfo = (text: string): Facts =>
  new Map(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );

const readSettings = (pairs: readonly string[]): Facts =>
  new Map(pairs.flatMap((name, index) => (index % 2 === 0 ? [[name, pairs[index + 1] ?? ''] as const] : [])));

const judgeVersion = (info: Facts): Judgement => {
  const version = info.get('redis_version');
  if (version === undefined || Number.parseInt(version, 10) >= VERSION_MAJOR_MIN) return undefined;
  return judge('error', 'version', `Redis ${version} is too old: the scripts do not run on it.`, 'Use 7.0 or newer.');
};

const judgeEviction = (policy: string | undefined): Judgement => {
  if (policy === undefined || policy === 'noeviction') return undefined;
  const detail = `It is ${policy}: when the memory is full Redis deletes counters, and what is deleted counts again.`;
  return judge('error', 'maxmemory-policy', detail, 'CONFIG SET maxmemory-policy noeviction, and in redis.conf.');
};

/** The detail names no figure that moves: a finding that reads differently is another one. */
const judgeMemory = (info: Facts): Judgement => {
  const [used, max] = [Number(info.get('used_memory')), Number(info.get('maxmemory'))];
  if (!(max > 0) || used < max * MEMORY_HIGH) return undefined;
  const [share, severity] =
    used < max * MEMORY_NEAR ? ([MEMORY_HIGH, 'warning'] as const) : ([MEMORY_NEAR, 'error'] as const);
  const limit = info.get('maxmemory_human') ?? `${max} bytes`;
  const detail = `More than ${share * 100} % of ${limit} is used: when the memory is full Redis takes no writes, and no number is given.`;
  const remedy = 'Raise maxmemory, or find out what fills it: idempotency keys go by themselves after a day.';
  return judge(severity, 'maxmemory', detail, remedy);
};

const judgePersistence = (info: Facts, settings: Facts): Judgement => {
  const appendonly = settings.get('appendonly') ?? (info.get('aof_enabled') === '0' ? 'no' : 'yes');
  const save = settings.get('save');
  if (appendonly === 'no') {
    const remedy = 'CONFIG SET appendonly yes, and in redis.conf.';
    if (save === '') return judge('error', 'appendonly', 'Nothing is kept: everything is lost at a restart.', remedy);
    const detail = 'No append-only file: what was written since the last snapshot is lost in a crash.';
    return judge('warning', 'appendonly', detail, remedy);
  }
  const appendfsync = settings.get('appendfsync');
  if (appendfsync === 'no') {
    const detail = 'It is no: when the machine fails, up to half a minute of acknowledged writes is lost.';
    return judge('warning', 'appendfsync', detail, 'CONFIG SET appendfsync everysec, or always.');
  }
  if (appendfsync !== 'everysec') return undefined;
  const detail =
    'It is everysec: when the machine fails, up to 1 s of acknowledged writes can be lost; on a slow disk up to 2 s when only Redis is killed.';
  return judge('info', 'appendfsync', detail, 'appendfsync always loses nothing, and is slower.');
};

const judgeReplicas = (replicas: number | undefined, settings: Facts): Judgement => {
  if (replicas === undefined || replicas === 0 || settings.get('min-replicas-to-write') !== '0') return undefined;
  const detail = 'It is 0: a master that is cut off from its replicas goes on serving while one of them is promoted.';
  return judge('info', 'min-replicas-to-write', detail, 'CONFIG SET min-replicas-to-write 1, and in redis.conf.');
};

const judgeReplicaWrites = (settings: Facts): Judgement => {
  if (settings.get('replica-read-only') !== 'no') return undefined;
  const detail = 'It is no: a master that was demoted goes on taking writes, which are lost.';
  return judge('warning', 'replica-read-only', detail, 'CONFIG SET replica-read-only yes, and in redis.conf.');
};

const judgeCoverage = (cluster: boolean, settings: Facts): Judgement => {
  if (!cluster || settings.get('cluster-require-full-coverage') !== 'yes') return undefined;
  const detail = 'It is yes: while one master is being replaced, the sequences of all others wait too.';
  return judge('info', 'cluster-require-full-coverage', detail, 'CONFIG SET cluster-require-full-coverage no.');
};

const judgeReading = (reason: string | undefined): Judgement =>
  reason === undefined
    ? undefined
    : judge(
        'info',
        'config',
        `CONFIG GET is refused (${reason}): appendfsync, save and others could not be read.`,
        'Allow CONFIG GET to our user (ACL: +config|get), or look them up where Redis is managed.',
      );

const judgeRights = (missing: readonly string[], { patterns, channels }: RedisKeys): Judgement => {
  if (missing.length === 0) return undefined;
  const shown = missing.slice(0, RIGHTS_SHOWN_MAX).join(', ');
  const more = missing.length > RIGHTS_SHOWN_MAX ? ` and ${missing.length - RIGHTS_SHOWN_MAX} more` : '';
  const reach = [...patterns.map((pattern) => `~${pattern}`), ...channels.map((channel) => `&${channel}`)].join(' ');
  const remedy =
    `ACL SETUSER <user> ${reach} ` +
    '+@read +@write +@hash +@string +@scripting +@connection +@pubsub +info +time +wait +config|get +cluster|slots +cluster|nodes';
  return judge('error', 'acl', `Our user may not: ${shown}${more}.`, remedy);
};

/** @throws when the server does not answer. A command that it refuses is no failure, but something found. */
export const lookAtServer = async (redis: Redis, names: RedisKeys): Promise<ServerState> => {
  const info = readInfo(await redis.info().catch(refused));
  let reason: string | undefined;
  const settings = readSettings(
    await redis.config('GET', ...(SETTINGS as [string])).then(
      (pairs) => pairs as string[],
      (error: Error) => {
        if (isRefusal(error)) reason = /^\w+ [^,.(]*/.exec(error.message)?.[0].trim() ?? error.message;
        else throw error;
        return [];
      },
    ),
  );
  const cluster = info.get('cluster_enabled') === '1';
  const needed = [...rightsNeeded(names), ...(cluster ? CLUSTER_RIGHTS_NEEDED : [])];
  const old = judgeVersion(info);
  const missing = old === undefined ? await findMissingRights(redis, needed) : [];
  const master = info.get('role') === 'master';
  const online = [...info].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online')).length;
  const replicas = master ? online : undefined;
  const findings = [
    old,
    judgeEviction(settings.get('maxmemory-policy') ?? info.get('maxmemory_policy')),
    judgeMemory(info),
    judgePersistence(info, settings),
    judgeReplicas(replicas, settings),
    judgeReplicaWrites(settings),
    judgeCoverage(cluster, settings),
    judgeReading(reason),
    judgeRights(missing, names),
  ];
  return { findings: findings.filter((finding) => finding !== undefined), replicas };
};

const isRefusal = (error: Error): boolean => /^(?:NOPERM|ERR)\b/.test(error.message);

const refused = (error: Error): string => {
  if (isRefusal(error)) return '';
  throw error;
};
