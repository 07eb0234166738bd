/** Numbers of things in words. */
import { expect, test } from 'vitest';
import { counted } from '../../../src/core/counted.ts';
import { SequenceOverflowError } from '../../../src/core/errors.ts';

test('one thing is one, any other number of them are several', () => {
  expect([0, 1, 2n, 1n].map((count) => counted(count, 'value'))).toEqual([
    '0 values',
    '1 value',
    '2 values',
    '1 value',
  ]);
});

test('the last value of a series is one value', () => {
  expect(new SequenceOverflowError('INV', 1n).message).toBe(
    'The sequence "INV" has only 1 value left, fewer than asked for.',
  );
});
