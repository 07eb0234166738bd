/** Counters in Redis: a string per sequence, moved by `reserve.lua` for all sequences of a call at once. */
import { CorruptEntryError } from '../../core/errors.ts';
import type { ReserveOutcome, ReserveRequest, SequenceStore } from '../../core/sequence-store.ts';
import { type RedisClient, toStorageError } from './redis-client.ts';
import { counterKey } from './redis-keys.ts';
import { loadRedisScript, runRedisScript } from './redis-script.ts';

const FIELDS_PER_ENTRY = 3;

const decodeOutcome = (request: ReserveRequest, [status, one, other]: readonly string[]): ReserveOutcome => {
  if (status === 'taken' && one !== undefined && other !== undefined) {
    return { kind: 'taken', range: { first: BigInt(one), last: BigInt(other) } };
  }
  if (status === 'exhausted' && one !== undefined) return { kind: 'exhausted', valuesLeft: BigInt(one) };
  return {
    kind: 'failed',
    error: new CorruptEntryError(request.sequence.prefixKey, `${counterKey(request.sequence)}: ${one}`),
  };
};

export const createRedisSequenceStore = ({ commands }: RedisClient): SequenceStore => {
  const script = loadRedisScript('reserve');
  return {
    source: 'redis',

    reserve: async (requests) => {
      const keys = requests.map((request) => counterKey(request.sequence));
      const args = requests.flatMap(({ count, initialSeq, limit }) => [`${count}`, `${initialSeq}`, `${limit}`]);
      try {
        const reply = (await runRedisScript(commands, script, keys, args)) as string[];
        return requests.map((request, index) =>
          decodeOutcome(request, reply.slice(index * FIELDS_PER_ENTRY, (index + 1) * FIELDS_PER_ENTRY)),
        );
      } catch (error) {
        throw toStorageError(error);
      }
    },

    checkHealth: async () => {
      try {
        await commands.ping();
      } catch (error) {
        throw toStorageError(error);
      }
    },
  };
};
