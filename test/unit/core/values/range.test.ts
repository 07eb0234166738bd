/** Ranges count their values with both ends included. */
import { expect, test } from 'vitest';
import { rangeSize } from '../../../../src/core/values/range.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

test('a range with equal ends holds one value', () => {
  expect(rangeSize({ first: 7n, last: 7n })).toBe(1n);
});

test('the range of all values from 1 on is counted exactly', () => {
  expect(rangeSize({ first: 1n, last: VALUE_MAX })).toBe(18_446_744_073_709_551_615n);
});
