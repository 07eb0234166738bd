/** The rule by which values of a gapless series are dealt: no hole, no double, all or nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shareValues } from '../../../../src/core/ledger/ledger-rule.ts';
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
