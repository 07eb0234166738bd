/** Leases each test file a logical database of the run's shared Redis, so that the fixed key names of two files never meet. */
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { REDIS_MAJOR_MIN } from './redis.ts';

export interface RedisDatabase {
  /** For `REDIS_URL`: it ends in the number of the database. */
  readonly url: string;
  /** A connection to the leased database, to preload keys and to look at what the service wrote. */
  readonly client: Redis;
  /** Empties the database, gives it back and closes the connection. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const LEASES_KEY = 'number-generator:test-leases';
const LEASE_MS = 15 * 60_000;

// A database that holds anything without a lease of ours is somebody's data: it is passed over.
const LEASE = `
-- KEYS[1] hash of leases, in database 0: number of the database -> milliseconds at which the lease ends
-- ARGV[1] how many databases there are; ARGV[2] length of the lease in ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 1, tonumber(ARGV[1]) - 1 do
  local ends = redis.call('HGET', KEYS[1], n)
  redis.call('SELECT', n)
  if ends and tonumber(ends) < now then redis.call('FLUSHDB') end
  local free = redis.call('DBSIZE') == 0 and (not ends or tonumber(ends) < now)
  redis.call('SELECT', 0)
  if free then
    redis.call('HSET', KEYS[1], n, string.format('%.0f', now + tonumber(ARGV[2])))
    return n
  end
end
return 0
`;

const RELEASE = `
-- KEYS[1] hash of leases; ARGV[1] number of the database
redis.call('SELECT', ARGV[1])
redis.call('FLUSHDB')
redis.call('SELECT', 0)
return redis.call('HDEL', KEYS[1], ARGV[1])
`;

const withDatabase = (url: string, database: number): string => {
  const result = new URL(url);
  result.pathname = `/${database}`;
  return result.href;
};

/** @throws when the server does not answer; the address stays out of the message, because it may contain a password. */
const connect = async (url: string): Promise<Redis> => {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let reason: unknown;
  redis.on('error', (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    throw new Error(`The test Redis cannot be reached: ${String(reason ?? error)}`, { cause: error });
  }
};

const refuseOldServer = async (redis: Redis): Promise<void> => {
  const version = /redis_version:(\d+)\.\S+/.exec(await redis.info('server'));
  if (Number(version?.[1]) >= REDIS_MAJOR_MIN) return;
  throw new Error(`Tests need Redis ${REDIS_MAJOR_MIN}.0 or newer; this server says ${version?.[0] ?? 'nothing'}.`);
};

/**
 * Takes an empty database for this test file; release it in `afterAll`. Channels of PUBLISH are shared by all databases.
 * @throws when the shared Redis is older than 7.0, or has no empty database left.
 */
export const leaseRedisDatabase = async (): Promise<RedisDatabase> => {
  const keeper = await connect(withDatabase(inject('redisUrl'), 0));
  try {
    await refuseOldServer(keeper);
    const [, databases = '16'] = (await keeper.config('GET', 'databases')) as string[];
    const database = Number(await keeper.eval(LEASE, 1, LEASES_KEY, databases, LEASE_MS));
    if (database === 0) throw new Error(`All ${databases} databases of the test Redis are leased or hold data.`);
    const url = withDatabase(inject('redisUrl'), database);
    // Connected before the caller begins to watch what the app leaves open.
    const client = await connect(url);
    const release = async (): Promise<void> => {
      client.disconnect();
      await keeper.eval(RELEASE, 1, LEASES_KEY, database);
      keeper.disconnect();
    };
    return { url, client, release, [Symbol.asyncDispose]: release };
  } catch (error) {
    keeper.disconnect();
    throw error;
  }
};
