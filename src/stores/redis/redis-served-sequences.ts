/** Finds the sequences that Redis serves under a fence, for the repair of what fell behind it. */
import type { Redis } from 'ioredis';
import type { ServedSequence, ServedSequences } from '../../core/ceiling/ceiling-repair.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';
import { parseValue } from '../../core/values/value.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';

const SCAN_COUNT = 1_000;

/** @param fence as the script writes it: "SERVER EPOCH CEILING". */
const readServed = (sequence: SequenceId, fence: string, value: string): ServedSequence | undefined => {
  const [server = '', epochText = '', ceilingText = ''] = fence.split(' ');
  const [epoch, ceiling, counted] = [parseValue(epochText), parseValue(ceilingText), parseValue(value)];
  if (epoch === undefined || ceiling === undefined || counted === undefined) return undefined;
  return { sequence, server, epoch, ceiling, value: counted };
};

export const createRedisServedSequences = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): ServedSequences => {
  const read = async (stateKey: string): Promise<ServedSequence | undefined> => {
    const sequence = names.sequenceOfState(stateKey);
    if (sequence === undefined) return undefined;
    const [fence, value] = await commands.hmget(stateKey, 'fence', 'value');
    if (fence === null || fence === undefined) return undefined;
    return readServed(sequence, fence, value ?? (await commands.get(names.ofSequence(sequence).counter)) ?? '0');
  };

  if (commands.scan === undefined)
    throw new Error('In a cluster repair each master by itself: REDIS_MODE=standalone, REDIS_URL of the master.');
  return {
    list: async function* () {
      let cursor = '0';
      do {
        const [next, keys] = await translated(() =>
          (commands as Pick<Redis, 'scan'>).scan(
            cursor,
            'MATCH',
            names.statePattern,
            'COUNT',
            SCAN_COUNT,
            'TYPE',
            'hash',
          ),
        );
        const found = await translated(() => Promise.all(keys.map(read)));
        yield* found.filter((served) => served !== undefined);
        cursor = next;
      } while (cursor !== '0');
    },
  };
};
