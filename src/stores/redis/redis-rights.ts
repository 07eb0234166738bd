/** The rights that our user needs in Redis, and the question whether it has them. */
import type { Redis } from 'ioredis';
import {
  API_KEYS_KEY,
  claimKey,
  PREFIX_CONFIGS_CHANNEL,
  PREFIX_CONFIGS_KEY,
  receiptKey,
  requestCountKey,
  SEQUENCES_RECOVERING_CHANNEL,
  sequenceKeys,
  TEMPORARY_NUMBERS_KEY,
  WORKERS_KEY,
} from './redis-keys.ts';

const EXAMPLE = 'CHECK';
const plain = sequenceKeys({ prefixKey: EXAMPLE, period: '' });
const periodic = sequenceKeys({ prefixKey: EXAMPLE, period: '2026' });
const COUNTERS = [plain.counter, periodic.counter];
const HASHES = [plain.state, plain.gaps, periodic.state, periodic.gaps];

const RECEIPTS = [receiptKey(EXAMPLE, EXAMPLE), claimKey(EXAMPLE)];

const forKeys = (keys: readonly string[], ...commands: readonly string[]): string[] =>
  keys.flatMap((key) => commands.map((command) => command.replace(' KEY', ` ${key}`)));

/** Commands as the service sends them, on keys like those it uses. */
export const RIGHTS_NEEDED: readonly string[] = [
  ...['PING', 'TIME', 'INFO server replication', 'WAIT 1 1'],
  ...[PREFIX_CONFIGS_CHANNEL, SEQUENCES_RECOVERING_CHANNEL].flatMap((channel) => [
    `PUBLISH ${channel} ${EXAMPLE}`,
    `SUBSCRIBE ${channel}`,
  ]),
  ...forKeys(
    [...COUNTERS, ...HASHES, PREFIX_CONFIGS_KEY, TEMPORARY_NUMBERS_KEY, WORKERS_KEY],
    'EVAL x 1 KEY',
    'EVALSHA x 1 KEY',
  ),
  ...forKeys(RECEIPTS, 'EVAL x 1 KEY', 'EVALSHA x 1 KEY', 'SET KEY 1 PX 1'),
  ...forKeys([...COUNTERS, ...RECEIPTS], 'GET KEY', 'SET KEY 1'),
  ...forKeys(HASHES, 'HMGET KEY f', 'HGETALL KEY', 'HGET KEY f', 'HSET KEY f 1', 'HDEL KEY f', 'HEXISTS KEY f'),
  ...forKeys(HASHES, 'HSETNX KEY f 1', 'HLEN KEY', 'HKEYS KEY', 'HINCRBY KEY f 1'),
  ...forKeys([plain.gaps, periodic.gaps], 'DEL KEY', 'HSCAN KEY 0'),
  ...forKeys([PREFIX_CONFIGS_KEY], 'HGET KEY f', 'HMGET KEY f', 'HKEYS KEY', 'HSET KEY f 1', 'HDEL KEY f'),
  ...forKeys([TEMPORARY_NUMBERS_KEY], 'HGET KEY f', 'HMGET KEY f', 'HKEYS KEY', 'HSET KEY f 1', 'HSETNX KEY f 1'),
  ...forKeys([API_KEYS_KEY], 'HMGET KEY f', 'HKEYS KEY', 'HSETNX KEY f 1', 'HDEL KEY f'),
  ...forKeys([WORKERS_KEY], 'HGET KEY f', 'HSET KEY f 1'),
  ...forKeys(
    [requestCountKey(EXAMPLE)],
    'EVAL x 1 KEY',
    'EVALSHA x 1 KEY',
    'INCRBY KEY 1',
    'PTTL KEY',
    'PEXPIRE KEY 1',
  ),
];

export const CLUSTER_RIGHTS_NEEDED: readonly string[] = ['CLUSTER SLOTS', 'CLUSTER NODES', 'ASKING'];

/** Asks the server itself, which also knows the patterns of keys and channels. Nothing is executed. */
const ASK_RIGHTS = `
local missing = {}
for _, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (known and allowed) then missing[#missing + 1] = line end
end
return missing`;

/** Those of the rights that our user lacks. @throws what the server answers when it does not even run the question. */
export const findMissingRights = async (redis: Redis, needed: readonly string[]): Promise<readonly string[]> => {
  try {
    return (await redis.eval(ASK_RIGHTS, 0, ...needed)) as string[];
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return ['EVAL'];
    throw error;
  }
};
