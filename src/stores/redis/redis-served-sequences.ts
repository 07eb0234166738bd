/** Finds the sequences that Redis serves under a fence, for the repair of what fell behind it. */
import type { Redis } from 'ioredis';
import type { ServedSequence, ServedSequences } from '../../core/ceiling-repair.ts';
import type { SequenceName } from '../../core/sequence-name.ts';
import { parseValue } from '../../core/value.ts';
import { type RedisClient, translated } from './redis-client.ts';
import { sequenceKeys } from './redis-keys.ts';

const STATE_KEYS = '{sequence:*:state';
const STATE_KEY = /^\{sequence:([^{}]+)\}(?::([^:]+))?:state$/;
const SCAN_COUNT = 1_000;

/** The way back from `sequenceKeys`. @returns undefined when it is the name of something else. */
const sequenceOf = (stateKey: string): SequenceName | undefined => {
  const [, prefixKey, period = ''] = STATE_KEY.exec(stateKey) ?? [];
  return prefixKey === undefined ? undefined : { prefixKey, period };
};

/** @param fence as the script writes it: "SERVER EPOCH CEILING". */
const readServed = (sequence: SequenceName, fence: string, value: string): ServedSequence | undefined => {
  const [server = '', epochText = '', ceilingText = ''] = fence.split(' ');
  const [epoch, ceiling, counted] = [parseValue(epochText), parseValue(ceilingText), parseValue(value)];
  if (epoch === undefined || ceiling === undefined || counted === undefined) return undefined;
  return { sequence, server, epoch, ceiling, value: counted };
};

export const createRedisServedSequences = ({ commands }: Pick<RedisClient, 'commands'>): ServedSequences => {
  const read = async (stateKey: string): Promise<ServedSequence | undefined> => {
    const sequence = sequenceOf(stateKey);
    if (sequence === undefined) return undefined;
    const [fence, value] = await commands.hmget(stateKey, 'fence', 'value');
    if (fence === null || fence === undefined) return undefined;
    return readServed(sequence, fence, value ?? (await commands.get(sequenceKeys(sequence).counter)) ?? '0');
  };

  if (commands.scan === undefined)
    throw new Error('In a cluster repair each master by itself: REDIS_MODE=standalone, REDIS_URL of the master.');
  return {
    list: async function* () {
      let cursor = '0';
      do {
        const [next, keys] = await translated(() =>
          (commands as Pick<Redis, 'scan'>).scan(cursor, 'MATCH', STATE_KEYS, 'COUNT', SCAN_COUNT, 'TYPE', 'hash'),
        );
        const found = await translated(() => Promise.all(keys.map(read)));
        yield* found.filter((served) => served !== undefined);
        cursor = next;
      } while (cursor !== '0');
    },
  };
};
