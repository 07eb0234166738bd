/** Lists the gap record of a sequence in rising order. Redis keeps it unsorted, so a page is chosen from all of it, a few entries at a time. */
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Gap } from '../../core/values/gap.ts';
import { readGap } from './codecs/gap-record.ts';
import type { RedisCommands } from './connection/redis-commands.ts';

/** Entries in one reply, so that neither Redis nor this process is kept from other work by a long record. */
const SCAN_COUNT = 1_000;
const ATTEMPTS_MAX = 3;

type Entry = readonly [field: string, entry: string];

/** Decimals without leading zeros: the longer one is the larger one. */
const compare = (a: string, b: string): number => {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

/** Keeps the lowest `limit` of the entries it is shown, and never more than twice as many. */
const createLowest = (limit: number) => {
  const kept = new Map<string, string>();
  let highest: string | undefined;

  const cut = (): Entry[] => {
    const sorted = [...kept].sort(([a], [b]) => compare(a, b));
    for (const [field] of sorted.splice(limit)) kept.delete(field);
    if (kept.size === limit) highest = sorted.at(-1)?.[0];
    return sorted;
  };

  return {
    add: (field: string, entry: string): void => {
      if (highest !== undefined && compare(field, highest) > 0) return;
      kept.set(field, entry);
      if (kept.size >= 2 * limit) cut();
    },
    cut,
  };
};

/** @returns the entries of one pass, and how many the pass has met. */
const scan = async (commands: RedisCommands, key: string, after: string, limit: number) => {
  const lowest = createLowest(limit);
  let met = 0;
  let cursor = '0';
  do {
    const [next, words] = await commands.hscan(key, cursor, 'COUNT', SCAN_COUNT);
    for (let index = 0; index < words.length; index += 2) {
      const [field = '', entry = ''] = [words[index], words[index + 1]];
      met += 1;
      if (compare(field, after) > 0) lowest.add(field, entry);
    }
    cursor = next;
  } while (cursor !== '0');
  return { entries: lowest.cut(), met };
};

/**
 * Up to `limit` gaps that begin above `after`. Costs a pass over the whole record, and memory for 2 × `limit` entries.
 * @throws StorageUnavailableError when passes come to an end too early: another server took over in the middle of each.
 */
export const listGapRecord = async (
  commands: RedisCommands,
  key: string,
  after: bigint,
  limit: number,
): Promise<Gap[]> => {
  for (let attempt = 1; ; attempt += 1) {
    const { entries, met } = await scan(commands, key, after.toString(), limit);
    // A cursor means something to the server that gave it only: on a promoted replica it skips what it likes.
    if (met >= (await commands.hlen(key))) {
      return entries.map(([field, entry]) => readGap(field, entry)).filter((gap) => gap !== undefined);
    }
    if (attempt === ATTEMPTS_MAX) {
      throw new StorageUnavailableError('The gap record could not be read as a whole: ask again.');
    }
  }
};
