/** The rights that our user needs in Redis, and the question whether it has them. */
import type { Redis } from 'ioredis';
import { sequenceOf, seriesOf } from '../../../core/values/sequence-id.ts';
import type { RedisKeys } from '../codecs/redis-keys.ts';

const EXAMPLE = 'CHECK';

const forKeys = (keys: readonly string[], ...commands: readonly string[]): string[] =>
  keys.flatMap((key) => commands.map((command) => command.replace(' KEY', ` ${key}`)));

/** Commands as the service sends them, on keys like those it uses. */
export const rightsNeeded = (names: RedisKeys): readonly string[] => {
  const series = seriesOf(EXAMPLE);
  const plain = names.ofSequence(sequenceOf(series, ''));
  const periodic = names.ofSequence(sequenceOf(series, '2026'));
  const counters = [plain.counter, periodic.counter];
  const hashes = [plain.state, plain.gaps, periodic.state, periodic.gaps];
  const receipts = [names.receipt(series, EXAMPLE), names.claim(EXAMPLE)];
  const { prefixConfigs, prefixHistories, prefixChanges, temporaryNumbers, workers, apiKeys, ledgerKnown } = names;
  return [
    ...['PING', 'TIME', 'INFO server replication', 'WAIT 1 1'],
    ...names.channels.flatMap((channel) => [`PUBLISH ${channel} ${EXAMPLE}`, `SUBSCRIBE ${channel}`]),
    ...forKeys(
      [...counters, ...hashes, prefixConfigs, prefixHistories, prefixChanges, temporaryNumbers, workers],
      'EVAL x 1 KEY',
      'EVALSHA x 1 KEY',
    ),
    ...forKeys(receipts, 'EVAL x 1 KEY', 'EVALSHA x 1 KEY', 'SET KEY 1 PX 1'),
    ...forKeys([names.probe(0)], 'EVAL x 1 KEY', 'EVALSHA x 1 KEY', 'SET KEY 1 PX 1'),
    ...forKeys([...counters, ...receipts], 'GET KEY', 'SET KEY 1'),
    ...forKeys(hashes, 'HMGET KEY f', 'HGETALL KEY', 'HGET KEY f', 'HSET KEY f 1', 'HDEL KEY f', 'HEXISTS KEY f'),
    ...forKeys(hashes, 'HSETNX KEY f 1', 'HLEN KEY', 'HKEYS KEY', 'HINCRBY KEY f 1'),
    ...forKeys([plain.gaps, periodic.gaps], 'DEL KEY', 'HSCAN KEY 0'),
    ...forKeys([prefixConfigs], 'HGET KEY f', 'HMGET KEY f', 'HKEYS KEY', 'HSET KEY f 1', 'HDEL KEY f'),
    ...forKeys([prefixHistories], 'HGET KEY f', 'HMGET KEY f', 'HKEYS KEY', 'HSET KEY f 1'),
    ...forKeys([prefixChanges], 'HGET KEY f', 'HMGET KEY f', 'HSET KEY f 1'),
    ...forKeys([temporaryNumbers], 'HGET KEY f', 'HMGET KEY f', 'HKEYS KEY', 'HSET KEY f 1', 'HSETNX KEY f 1'),
    ...forKeys([apiKeys], 'HMGET KEY f', 'HKEYS KEY'),
    ...forKeys([apiKeys, names.apiKeysOf(EXAMPLE)], 'EVAL x 1 KEY', 'EVALSHA x 1 KEY', 'HGETALL KEY', 'HLEN KEY'),
    ...forKeys([apiKeys, names.apiKeysOf(EXAMPLE)], 'HEXISTS KEY f', 'HSET KEY f 1', 'HDEL KEY f'),
    ...forKeys([workers], 'HGET KEY f', 'HSET KEY f 1'),
    ...forKeys(
      [ledgerKnown],
      'EVAL x 1 KEY',
      'EVALSHA x 1 KEY',
      'HGET KEY f',
      'HMGET KEY f',
      'HSET KEY f 1',
      'HSCAN KEY 0',
    ),
    ...forKeys(
      [names.requestCount(EXAMPLE)],
      'EVAL x 1 KEY',
      'EVALSHA x 1 KEY',
      'INCRBY KEY 1',
      'PTTL KEY',
      'PEXPIRE KEY 1',
    ),
  ];
};

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
