/** The rule by which values of a gapless series are dealt: no hole, no double, all or nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeAdvance, shareValues } from '../../../../src/core/ledger/ledger-rule.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const demand = fc.record({
  count: fc.integer({ min: 1, max: 6 }),
  initialSeq: fc.bigInt({ min: 0n, max: 30n }),
  limit: fc.oneof(fc.constant(VALUE_MAX), fc.bigInt({ min: 0n, max: 40n })),
});

test('whatever is asked for, values are dealt once, free ones first, and none between is left out', () => {
  fc.assert(
    fc.property(
      fc.option(fc.bigInt({ min: 10n, max: 30n }), { nil: undefined }),
      fc.uniqueArray(fc.bigInt({ min: 1n, max: 10n }), { maxLength: 8 }),
      fc.array(demand, { maxLength: 8 }),
      (stored, unsorted, demands) => {
        const free = stored === undefined ? [] : unsorted.toSorted((a, b) => Number(a - b));
        const { grants, value } = shareValues(stored, free, demands);
        const dealt: bigint[] = [];
        grants.forEach((grant, index) => {
          if (grant.kind === 'exhausted') {
            expect(grant.valuesLeft).toBeLessThan(BigInt(demands[index]?.count ?? 0));
            return;
          }
          const own = grant.ranges.flatMap(({ first, last }) =>
            Array.from({ length: Number(last - first) + 1 }, (_, offset) => first + BigInt(offset)),
          );
          expect(own).toHaveLength(demands[index]?.count ?? 0);
          expect(own.every((one) => one <= (demands[index]?.limit ?? 0n))).toBe(true);
          dealt.push(...own);
        });
        expect(new Set(dealt).size).toBe(dealt.length);
        const again = dealt.filter((one) => free.includes(one));
        expect(again).toEqual(free.slice(0, again.length));
        const above = dealt.filter((one) => !free.includes(one));
        const from = stored ?? (above[0] ?? 1n) - 1n;
        expect(above).toEqual(above.map((_, index) => from + BigInt(index + 1)));
        expect(value).toBe(above.at(-1) ?? stored);
      },
    ),
  );
});

test('values that adjoin are dealt as one range, and the others apart', () => {
  const shares = shareValues(9n, [1n, 2n, 4n, 6n, 7n, 9n], [{ count: 8, initialSeq: 0n, limit: VALUE_MAX }]);
  const ranges = [
    { first: 1n, last: 2n },
    { first: 4n, last: 4n },
    { first: 6n, last: 7n },
    { first: 9n, last: 11n },
  ];
  expect(shares).toEqual({ grants: [{ kind: 'taken', ranges }], value: 11n });
});

test('a free value at the limit is dealt, and one above it is not', () => {
  const takeUpTo = (limit: bigint) => shareValues(9n, [5n], [{ count: 1, initialSeq: 0n, limit }]).grants;
  expect(takeUpTo(5n)).toEqual([{ kind: 'taken', ranges: [{ first: 5n, last: 5n }] }]);
  expect(takeUpTo(4n)).toEqual([{ kind: 'exhausted', valuesLeft: 0n }]);
});

describe('an advance', () => {
  const judge = (from: bigint, to: bigint, lostMax?: bigint) => judgeAdvance(from, { to, limit: 999n, lostMax });

  test('to where the sequence stands, or back, is refused', () => {
    expect(judge(5n, 5n)).toEqual({ kind: 'behind', current: 5n });
    expect(judge(5n, 4n)).toEqual({ kind: 'behind', current: 5n });
  });

  test('to the limit is possible, and above it refused with what is left', () => {
    expect(judge(990n, 999n)).toBeUndefined();
    expect(judge(990n, 1_000n)).toEqual({ kind: 'exhausted', valuesLeft: 9n });
    expect(judge(1_500n, 2_000n)).toEqual({ kind: 'exhausted', valuesLeft: 0n });
  });

  test('may lose as many values as are allowed, and not one more; any number without a bound', () => {
    expect(judge(5n, 15n, 10n)).toBeUndefined();
    expect(judge(5n, 16n, 10n)).toEqual({ kind: 'too-many', lost: 11n });
    expect(judge(5n, 900n)).toBeUndefined();
  });
});
