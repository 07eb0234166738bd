/** The values a node was given of one sequence: what a store that has lost its latest state must be told. */
import type { Range } from '../core/range.ts';

export interface TakenHistory {
  add(range: Range): void;
  /** Whether all values of the range are among the latest. */
  has(range: Range): boolean;
  /** Values that were given back. */
  remove(range: Range): void;
  /** The latest ranges; everything above the highest value given in order is always among them. */
  list(): readonly Range[];
}

/** Ranges that are kept. What is older than that was long written down by the store. */
const RANGES_MAX = 512;

/** @param seen the highest value given in order so far: older ranges up to it may be forgotten. */
export const createTakenHistory = (seen: () => bigint): TakenHistory => {
  let ranges: Range[] = [];

  const prune = (): void => {
    const surplus = ranges.length - RANGES_MAX;
    const highest = seen();
    ranges = ranges.filter(({ last }, index) => index >= surplus || last > highest);
  };

  return {
    add: (range) => {
      const latest = ranges.at(-1);
      if (latest !== undefined && latest.last + 1n === range.first) {
        ranges[ranges.length - 1] = { first: latest.first, last: range.last };
        return;
      }
      ranges.push(range);
      if (ranges.length >= 2 * RANGES_MAX) prune();
    },
    has: ({ first, last }) => ranges.some((range) => range.first <= first && last <= range.last),
    remove: ({ first, last }) => {
      ranges = ranges.flatMap((range) => {
        if (range.last < first || last < range.first) return [range];
        const rest: Range[] = [];
        if (range.first < first) rest.push({ first: range.first, last: first - 1n });
        if (last < range.last) rest.push({ first: last + 1n, last: range.last });
        return rest;
      });
    },
    list: () => [...ranges],
  };
};
