/** Values given back unused: the latest are issued next, and every other one is recorded. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settleReturned } from '../../../../src/core/counter/counter-rule.ts';
import type { Range } from '../../../../src/core/values/range.ts';

const range = (first: bigint, last: bigint): Range => ({ first, last });
const valuesOf = ({ first, last }: Range): bigint[] =>
  Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index));

describe('values given back', () => {
  test('that are the latest are issued next', () => {
    expect(settleReturned(20n, [range(15n, 20n)], 0n)).toEqual({ value: 14n, gaps: [] });
    expect(settleReturned(20n, [range(20n, 20n)], 0n)).toEqual({ value: 19n, gaps: [] });
  });

  test('in pieces that adjoin are issued next as one piece, in whatever order they come', () => {
    expect(settleReturned(20n, [range(15n, 17n), range(18n, 20n)], 0n)).toEqual({ value: 14n, gaps: [] });
    expect(settleReturned(20n, [range(18n, 20n), range(15n, 17n)], 0n)).toEqual({ value: 14n, gaps: [] });
  });

  test('after which others were issued are recorded as taken back', () => {
    expect(settleReturned(20n, [range(15n, 17n)], 0n)).toEqual({
      value: 20n,
      gaps: [{ range: range(15n, 17n), reason: 'void' }],
    });
  });

  test('at or below a raised initialSeq are recorded as passed over, and are not issued again', () => {
    expect(settleReturned(20n, [range(15n, 20n)], 20n)).toEqual({
      value: 20n,
      gaps: [{ range: range(15n, 20n), reason: 'advance' }],
    });
    expect(settleReturned(20n, [range(15n, 20n)], 18n)).toEqual({
      value: 18n,
      gaps: [{ range: range(15n, 18n), reason: 'advance' }],
    });
  });

  test('each either come again or are recorded once, whatever is given back', () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 })), { maxLength: 8 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 3 }), fc.bigInt(0n, 40n), fc.boolean(), (steps, above, low, turn) => {
        let at = 0;
        const returned = steps.map(([skip, size]): Range => {
          const first = at + skip + 1;
          at = first + size - 1;
          return range(BigInt(first), BigInt(at));
        });
        const stored = BigInt(at + above);
        const given = new Set(returned.flatMap(valuesOf));
        let value = stored;
        while (given.has(value) && value > low) given.delete(value--);

        const settled = settleReturned(stored, turn ? returned.toReversed() : returned, low);
        expect(settled.value).toBe(value);
        const recorded = settled.gaps.flatMap((gap) => valuesOf(gap.range).map((one) => [one, gap.reason] as const));
        expect(recorded.toSorted(([a], [b]) => Number(a - b))).toEqual(
          [...given].map((one) => [one, one > low ? 'void' : 'advance']),
        );
      }),
    );
  });
});
