/** Temporary numbers in memory: for tests, and for the embedded database, whose outage is the process's own. */
import type { TemporaryNumber, TemporaryNumberStore } from '../../core/counter/temporary-number-store.ts';

export const createMemoryTemporaryNumberStore = (): TemporaryNumberStore => {
  const entries = new Map<string, TemporaryNumber>();
  return {
    add: async (numbers) => {
      for (const entry of numbers) if (!entries.has(entry.number)) entries.set(entry.number, entry);
    },
    find: async (number) => entries.get(number),
    list: async (after, limit) =>
      [...entries.values()]
        .filter(({ number }) => number > after)
        .sort((a, b) => (a.number < b.number ? -1 : 1))
        .slice(0, limit),
    resolve: async (number, resolvedNumber) => {
      const entry = entries.get(number);
      if (entry === undefined || entry.resolvedNumber !== undefined) return false;
      entries.set(number, { ...entry, resolvedNumber });
      return true;
    },
  };
};
