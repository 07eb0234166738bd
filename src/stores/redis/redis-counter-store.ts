/** Counters in Redis: `reserve.lua` moves them, for all sequences of a call in one trip. */
import type { CounterStore } from '../../core/counter-store.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import type { Range } from '../../core/range.ts';
import { parseValue } from '../../core/value.ts';
import { readGap } from './gap-record.ts';
import { type RedisClient, translated } from './redis-client.ts';
import { sequenceKeys } from './redis-keys.ts';
import { loadRedisScript, type RedisScript, runRedisEntries } from './redis-script.ts';
import { decodeAdvance, decodeReply, encodeAdvance, encodeCall } from './reserve-codec.ts';

/** Reads `first:last:holder …`, as `reserve.lua` keeps ranges. */
const readRanges = (text: string | null | undefined): Range[] =>
  (text ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [first = '', last = ''] = word.split(':');
      return { first: BigInt(first), last: BigInt(last) };
    });

/** @param script `reserve.lua`; tests hand in altered ones. */
export const createRedisCounterStore = (
  { commands }: Pick<RedisClient, 'commands'>,
  script: RedisScript = loadRedisScript('reserve'),
): CounterStore => {
  const run = async (keys: readonly string[], args: readonly string[]): Promise<readonly string[]> => {
    const replies = await runRedisEntries(commands, script, keys, args);
    const failure = replies.find((reply) => reply instanceof Error);
    if (failure !== undefined) throw failure;
    return replies as readonly string[];
  };

  return {
    source: 'redis',

    reserve: (calls) =>
      translated(async () => {
        const keys: string[] = [];
        for (const call of calls) {
          const { counter, state, gaps } = sequenceKeys(call.sequence);
          keys.push(counter, state, gaps);
        }
        return (await run(keys, calls.map(encodeCall))).map(decodeReply);
      }),

    advance: (request) =>
      translated(async () => {
        const { counter, state, gaps } = sequenceKeys(request.sequence);
        const [reply = ''] = await run([counter, state, gaps], [encodeAdvance(request)]);
        return decodeAdvance(reply);
      }),

    inspect: (sequence) =>
      translated(async () => {
        const { counter, state } = sequenceKeys(sequence);
        const [text, [copy, ahead, free]] = await Promise.all([
          commands.get(counter),
          commands.hmget(state, 'value', 'ahead', 'free'),
        ]);
        const stored = copy ?? text ?? undefined;
        const value = stored === undefined ? undefined : parseValue(stored);
        if (stored !== undefined && value === undefined) {
          throw new CorruptEntryError(sequence.prefixKey, `${counter}: not a value`);
        }
        return { value, free: readRanges(free), ahead: readRanges(ahead) };
      }),

    listGaps: (sequence, after, limit) =>
      translated(async () =>
        Object.entries(await commands.hgetall(sequenceKeys(sequence).gaps))
          .map(([first, entry]) => readGap(first, entry))
          .filter((gap) => gap !== undefined)
          .filter(({ range }) => range.first > after)
          .sort((a, b) => (a.range.first < b.range.first ? -1 : 1))
          .slice(0, limit),
      ),

    checkHealth: () =>
      translated(async () => {
        await commands.ping();
      }),

    onReachable: (listener) => {
      commands.on('ready', listener);
    },
  };
};
