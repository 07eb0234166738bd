/** Marks only rise, and show a ledger that went back. */
import { expect, test } from 'vitest';
import { higherMark, isBehind, type LedgerMark } from '../../../../src/core/ledger/ledger-mark.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';

const markOf = (changes: bigint, value: bigint): LedgerMark => ({
  sequence: sequenceOf(seriesOf('INV'), ''),
  changes,
  value,
});

type Pair = readonly [changes: bigint, value: bigint];

test.each<[which: string, one: Pair, other: Pair, higher: Pair]>([
  ['changes', [5n, 9n], [7n, 9n], [7n, 9n]],
  ['changes, in the other order', [7n, 9n], [5n, 9n], [7n, 9n]],
  ['value', [5n, 8n], [5n, 9n], [5n, 9n]],
  ['value, in the other order', [5n, 9n], [5n, 8n], [5n, 9n]],
  ['both, each from another mark', [7n, 8n], [5n, 9n], [7n, 9n]],
])('of two marks the higher %s is kept', (_which, one, other, higher) => {
  expect(higherMark(markOf(...one), markOf(...other))).toEqual(markOf(...higher));
});

test('the first mark of a sequence is kept as it is', () => {
  expect(higherMark(undefined, markOf(5n, 9n))).toEqual(markOf(5n, 9n));
});

test('a ledger that changed less than its mark, or lost the sequence, is behind, and no other is', () => {
  expect(isBehind({ changes: 4n }, markOf(5n, 9n))).toBe(true);
  expect(isBehind(undefined, markOf(5n, 9n))).toBe(true);
  expect(isBehind({ changes: 5n }, markOf(5n, 9n))).toBe(false);
  expect(isBehind({ changes: 6n }, markOf(5n, 9n))).toBe(false);
  expect(isBehind({ changes: 4n }, undefined)).toBe(false);
  expect(isBehind(undefined, undefined)).toBe(false);
  expect(isBehind(undefined, markOf(0n, 0n))).toBe(false);
});
