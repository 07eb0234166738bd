/** What a node remembers of the values it was given: all a store may have lost, and not without end. */
import { describe, expect, it } from 'vitest';
import { createTakenHistory } from '../../../src/allocators/taken-history.ts';
import type { Range } from '../../../src/core/range.ts';
import { VALUE_MAX } from '../../../src/core/value.ts';

const range = (first: bigint, last: bigint): Range => ({ first, last });

/** Single values with holes between them: 2, 4, 6 … */
const even = (index: number): Range => range(BigInt(2 * index), BigInt(2 * index));

describe('a history of values', () => {
  it('joins what follows on the latest range, and nothing else', () => {
    const history = createTakenHistory(() => 0n);
    for (const [first, last] of [
      [1n, 3n],
      [4n, 9n],
      [20n, 21n],
      [10n, 12n],
      [13n, 13n],
    ] as const) {
      history.add(range(first, last));
    }
    expect(history.list()).toEqual([range(1n, 9n), range(20n, 21n), range(10n, 13n)]);
  });

  it.each([
    ['all of a range', range(10n, 19n), []],
    ['its beginning', range(10n, 12n), [range(13n, 19n)]],
    ['its end', range(15n, 19n), [range(10n, 14n)]],
    ['its middle', range(12n, 14n), [range(10n, 11n), range(15n, 19n)]],
    ['more than it has', range(0n, 99n), []],
    ['one next to it', range(20n, 30n), [range(10n, 19n)]],
    ['one before it', range(0n, 9n), [range(10n, 19n)]],
  ])('forgets what was given back: %s', (_title, returned, left) => {
    const history = createTakenHistory(() => 0n);
    history.add(range(10n, 19n));
    history.remove(returned);
    expect(history.list()).toEqual(left);
  });

  it('forgets a range that was given back across several of its own', () => {
    const history = createTakenHistory(() => 0n);
    for (const index of [1, 2, 3]) history.add(even(index));
    history.remove(range(3n, 6n));
    expect(history.list()).toEqual([range(2n, 2n)]);
  });

  it('is exact at the end of the number range', () => {
    const history = createTakenHistory(() => 0n);
    history.add(range(VALUE_MAX - 3n, VALUE_MAX));
    history.remove(range(VALUE_MAX, VALUE_MAX));
    expect(history.list()).toEqual([range(VALUE_MAX - 3n, VALUE_MAX - 1n)]);
  });

  it('keeps the 512 latest ranges at least, and drops the oldest beyond 1024', () => {
    const history = createTakenHistory(() => VALUE_MAX);
    for (let index = 0; index < 1_023; index += 1) history.add(even(index));
    expect(history.list()).toHaveLength(1_023);
    history.add(even(1_023));
    expect(history.list()).toHaveLength(512);
    expect(history.list()[0]).toEqual(even(512));
    expect(history.list().at(-1)).toEqual(even(1_023));
  });

  it('never drops a range above the highest value given in order, however old', () => {
    const history = createTakenHistory(() => 9_000n);
    history.add(range(9_000n, 9_001n));
    for (let index = 0; index < 1_023; index += 1) history.add(even(index));
    expect(history.list()).toHaveLength(513);
    expect(history.list()[0]).toEqual(range(9_000n, 9_001n));
  });

  it('that was read stays as it was', () => {
    const history = createTakenHistory(() => 0n);
    history.add(range(1n, 3n));
    const before = history.list();
    history.add(range(4n, 5n));
    history.add(range(8n, 9n));
    expect(before).toEqual([range(1n, 3n)]);
  });
});
