/** The values a node was given of one sequence, to report to a store that has lost its latest state. */
import type { Range } from '../../../core/values/range.ts';

export interface TakenHistory {
  /** The latest ranges; everything above the highest value given in order is always among them. */
  ranges: Range[];
}

/** Ranges that are kept. The store has long recorded older ones. */
const RANGES_MAX = 512;

export const createTakenHistory = (): TakenHistory => ({ ranges: [] });

/** @param seen the highest value given in order so far: older ranges up to it may be forgotten. */
const prune = (history: TakenHistory, seen: bigint): void => {
  const surplus = history.ranges.length - RANGES_MAX;
  history.ranges = history.ranges.filter(({ last }, index) => index >= surplus || last > seen);
};

/** @param seen the highest value given in order so far. */
export const addTaken = (history: TakenHistory, range: Range, seen: bigint): void => {
  const { ranges } = history;
  const latest = ranges.at(-1);
  if (latest !== undefined && latest.last + 1n === range.first) {
    ranges[ranges.length - 1] = { first: latest.first, last: range.last };
    return;
  }
  ranges.push(range);
  if (ranges.length >= 2 * RANGES_MAX) prune(history, seen);
};

/** Whether all values of the range are among the latest. */
export const hasTaken = ({ ranges }: TakenHistory, { first, last }: Range): boolean =>
  ranges.some((range) => range.first <= first && last <= range.last);

/** The ranges as they are now: what is added later is not in it. */
export const listTaken = ({ ranges }: TakenHistory): readonly Range[] => [...ranges];

/** Values that were given back. */
export const removeTaken = (history: TakenHistory, { first, last }: Range): void => {
  history.ranges = history.ranges.flatMap((range) => {
    if (range.last < first || last < range.first) return [range];
    const rest: Range[] = [];
    if (range.first < first) rest.push({ first: range.first, last: first - 1n });
    if (last < range.last) rest.push({ first: last + 1n, last: range.last });
    return rest;
  });
};
