/** What is known of the ledger in PostgreSQL, in Redis: one hash, so that all sequences of a call are raised by one script, in a cluster too. */
import type { KnownMarkStore, LedgerMark } from '../../core/ledger/ledger-mark.ts';
import { readSequenceKey, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

const SCAN_COUNT = 1_000;
/** No prefix key begins so. */
const FILLED = '*';

const MARK = /^(\d+) (\d+)$/;

const readMark = (name: string, text: string | null | undefined): LedgerMark | undefined => {
  const [, changes, value] = MARK.exec(text ?? '') ?? [];
  const sequence = readSequenceKey(name);
  if (changes === undefined || value === undefined || sequence === undefined) return undefined;
  return { sequence, changes: BigInt(changes), value: BigInt(value) };
};

export const createRedisKnownMarkStore = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): KnownMarkStore => {
  const script = loadRedisScript('raise-marks');
  const key = names.ledgerKnown;
  return {
    read: (sequences) =>
      translated(async () => {
        if (sequences.length === 0) return [];
        const fields = sequences.map(sequenceKeyOf);
        const texts = await commands.hmget(key, ...fields);
        return fields.map((field, index) => readMark(field, texts[index]));
      }),

    raise: (marks) =>
      translated(async () => {
        if (marks.length === 0) return;
        const words = marks.flatMap(({ sequence, changes, value }) => [
          sequenceKeyOf(sequence),
          `${changes}`,
          `${value}`,
        ]);
        await runRedisScript(commands, script, [key], words);
      }),

    list: async function* () {
      let cursor = '0';
      do {
        const [next, cells] = await translated(() => commands.hscan(key, cursor, 'COUNT', SCAN_COUNT));
        const marks: LedgerMark[] = [];
        for (let at = 0; at < cells.length; at += 2) {
          const mark = readMark(cells[at] ?? '', cells[at + 1]);
          if (mark !== undefined) marks.push(mark);
        }
        if (marks.length > 0) yield marks;
        cursor = next;
      } while (cursor !== '0');
    },

    isFilled: () => translated(async () => (await commands.hget(key, FILLED)) !== null),
    confirmFilled: () =>
      translated(async () => {
        await commands.hset(key, FILLED, '1');
      }),
  };
};
