/** What a node remembers of the values it was given: all a store may have lost, and not without end. */
import { describe, expect, test } from 'vitest';
import {
  addTaken,
  createTakenHistory,
  hasTaken,
  listTaken,
  removeTaken,
} from '../../../../../src/allocators/counter/machine/taken-history.ts';
import type { Range } from '../../../../../src/core/values/range.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

const range = (first: bigint, last: bigint): Range => ({ first, last });

/** Single values with holes between them: 2, 4, 6 … */
const even = (index: number): Range => range(BigInt(2 * index), BigInt(2 * index));

describe('a history of values', () => {
  test('joins what follows on the latest range, and nothing else', () => {
    const history = createTakenHistory();
    for (const [first, last] of [
      [1n, 3n],
      [4n, 9n],
      [20n, 21n],
      [10n, 12n],
      [13n, 13n],
    ] as const) {
      addTaken(history, range(first, last), 0n);
    }
    expect(history.ranges).toEqual([range(1n, 9n), range(20n, 21n), range(10n, 13n)]);
  });

  test.each([
    ['all of a range', range(10n, 19n), []],
    ['its beginning', range(10n, 12n), [range(13n, 19n)]],
    ['its end', range(15n, 19n), [range(10n, 14n)]],
    ['its middle', range(12n, 14n), [range(10n, 11n), range(15n, 19n)]],
    ['more than it has', range(0n, 99n), []],
    ['one next to it', range(20n, 30n), [range(10n, 19n)]],
    ['one before it', range(0n, 9n), [range(10n, 19n)]],
  ])('forgets what was given back: %s', (_title, returned, left) => {
    const history = createTakenHistory();
    addTaken(history, range(10n, 19n), 0n);
    removeTaken(history, returned);
    expect(history.ranges).toEqual(left);
  });

  test('forgets a range that was given back across several of its own', () => {
    const history = createTakenHistory();
    for (const index of [1, 2, 3]) addTaken(history, even(index), 0n);
    removeTaken(history, range(3n, 6n));
    expect(history.ranges).toEqual([range(2n, 2n)]);
  });

  test('is exact at the end of the number range', () => {
    const history = createTakenHistory();
    addTaken(history, range(VALUE_MAX - 3n, VALUE_MAX), 0n);
    removeTaken(history, range(VALUE_MAX, VALUE_MAX));
    expect(history.ranges).toEqual([range(VALUE_MAX - 3n, VALUE_MAX - 1n)]);
  });

  test('keeps the 512 latest ranges at least, and drops the oldest beyond 1024', () => {
    const history = createTakenHistory();
    for (let index = 0; index < 1_023; index += 1) addTaken(history, even(index), VALUE_MAX);
    expect(history.ranges).toHaveLength(1_023);
    addTaken(history, even(1_023), VALUE_MAX);
    expect(history.ranges).toHaveLength(512);
    expect(history.ranges[0]).toEqual(even(512));
    expect(history.ranges.at(-1)).toEqual(even(1_023));
  });

  test('never drops a range above the highest value given in order, however old', () => {
    const history = createTakenHistory();
    addTaken(history, range(9_000n, 9_001n), 9_000n);
    for (let index = 0; index < 1_023; index += 1) addTaken(history, even(index), 9_000n);
    expect(history.ranges).toHaveLength(513);
    expect(history.ranges[0]).toEqual(range(9_000n, 9_001n));
  });

  test('may drop one that ends at the highest value given in order: only what lies above it can be unknown to the store', () => {
    const history = createTakenHistory();
    addTaken(history, range(8_999n, 9_000n), 9_000n);
    for (let index = 0; index < 1_023; index += 1) addTaken(history, even(index), 9_000n);
    expect(history.ranges).toHaveLength(512);
  });

  test.each([
    ['all of one of its ranges', 10n, 19n, true],
    ['the beginning of one', 10n, 12n, true],
    ['the end of one', 17n, 19n, true],
    ['the middle of one', 12n, 14n, true],
    ['one value', 30n, 30n, true],
    ['what begins before one', 9n, 12n, false],
    ['what ends after one', 18n, 20n, false],
    ['what is around one', 9n, 20n, false],
    ['a hole between two', 20n, 29n, false],
    ['what lies before all', 1n, 5n, false],
    ['what lies after all', 40n, 45n, false],
  ])('knows whether it has %s', (_title, first, last, expected) => {
    const history = createTakenHistory();
    expect(hasTaken(history, range(first, last))).toBe(false);
    addTaken(history, range(10n, 19n), 0n);
    addTaken(history, range(30n, 30n), 0n);
    expect(hasTaken(history, range(first, last))).toBe(expected);
  });

  test('that was read stays as it was', () => {
    const history = createTakenHistory();
    addTaken(history, range(1n, 3n), 0n);
    const before = listTaken(history);
    addTaken(history, range(4n, 5n), 0n);
    addTaken(history, range(8n, 9n), 0n);
    expect(before).toEqual([range(1n, 3n)]);
  });
});
