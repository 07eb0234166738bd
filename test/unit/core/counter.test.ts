/** The rule of a counter: consecutive, exact, never past the limit, and an all-or-nothing answer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { takeFromCounter } from '../../../src/core/counter.ts';
import type { ReserveOutcome } from '../../../src/core/sequence-store.ts';
import { VALUE_MAX } from '../../../src/core/value.ts';

const take = (stored: bigint | undefined, count: number, { initialSeq = 0n, limit = VALUE_MAX } = {}): ReserveOutcome =>
  takeFromCounter(stored, { sequence: { prefixKey: 'INV', period: '' }, count, initialSeq, limit });

const taken = (first: bigint, last: bigint): ReserveOutcome => ({ kind: 'taken', range: { first, last } });
const exhausted = (valuesLeft: bigint): ReserveOutcome => ({ kind: 'exhausted', valuesLeft });

describe('where counting goes on', () => {
  test('a fresh counter starts at 1', () => {
    expect(take(undefined, 1)).toEqual(taken(1n, 1n));
  });

  test('a fresh counter with initialSeq 1000 starts at 1001', () => {
    expect(take(undefined, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter above initialSeq goes on from where it stands', () => {
    expect(take(1005n, 2, { initialSeq: 1000n })).toEqual(taken(1006n, 1007n));
  });

  test('a counter below a raised initialSeq jumps to it', () => {
    expect(take(5n, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter that stands at initialSeq does not repeat it', () => {
    expect(take(1000n, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter stored at 0 is a counter, not a missing one', () => {
    expect(take(0n, 1)).toEqual(taken(1n, 1n));
  });
});

describe('where counting ends', () => {
  test('the last value, 2^64 - 1, can be taken', () => {
    expect(take(VALUE_MAX - 1n, 1)).toEqual(taken(VALUE_MAX, VALUE_MAX));
  });

  test('past 2^64 - 1 there is nothing', () => {
    expect(take(VALUE_MAX, 1)).toEqual(exhausted(0n));
  });

  test('a request for more than is left gets nothing, and learns how many are left', () => {
    expect(take(997n, 3, { limit: 999n })).toEqual(exhausted(2n));
    expect(take(997n, 2, { limit: 999n })).toEqual(taken(998n, 999n));
  });

  test('a counter above a lowered limit has nothing left, not a negative number', () => {
    expect(take(1_000n, 1, { limit: 999n })).toEqual(exhausted(0n));
  });

  test('an initialSeq at the limit leaves nothing', () => {
    expect(take(undefined, 1, { initialSeq: 999n, limit: 999n })).toEqual(exhausted(0n));
  });
});

test('whatever is asked: exactly count values, right behind the last one, within the limit; or none at all', () => {
  const value = fc.bigInt(0n, VALUE_MAX);
  const nearTop = fc.bigInt(VALUE_MAX - 50n, VALUE_MAX);
  const small = fc.bigInt(0n, 50n);
  const anywhere = fc.oneof(value, nearTop, small);
  fc.assert(
    fc.property(
      fc.option(anywhere, { nil: undefined }),
      fc.integer({ min: 1, max: 100 }),
      anywhere,
      anywhere,
      (stored, count, initialSeq, limit) => {
        const before = stored !== undefined && stored > initialSeq ? stored : initialSeq;
        const left = limit > before ? limit - before : 0n;
        const expected = left >= BigInt(count) ? taken(before + 1n, before + BigInt(count)) : exhausted(left);
        expect(take(stored, count, { initialSeq, limit })).toEqual(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});
