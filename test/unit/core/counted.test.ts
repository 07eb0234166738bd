/** Numbers of things in words. */
import { expect, test } from 'vitest';
import { counted } from '../../../src/core/counted.ts';

test('one thing is one, any other number of them are several', () => {
  expect([0, 1, 2n, 1n].map((count) => counted(count, 'value'))).toEqual([
    '0 values',
    '1 value',
    '2 values',
    '1 value',
  ]);
});
