/** Slots that several parties use: none has more than its share, and what is given back twice is free once. */
import { expect, test } from 'vitest';
import { createShares } from '../../../src/lib/shares.ts';

test('a party that has its share is named, and full is full', () => {
  const shares = createShares(3, 2);
  expect(shares.take(['a', 'x'])).toBeTypeOf('function');
  expect(shares.take(['b', 'x'])).toBeTypeOf('function');
  expect(shares.take(['c', 'x'])).toEqual({ party: 'x' });
  expect(shares.take(['c'])).toBeTypeOf('function');
  expect(shares.take(['d'])).toBe('full');
});

test('a slot that is given back twice is free once', () => {
  const shares = createShares(2, 1);
  const first = shares.take(['a']);
  shares.take(['b']);
  if (typeof first === 'function') {
    first();
    first();
  }
  expect(shares.take(['a'])).toBeTypeOf('function');
  expect(shares.take(['c'])).toBe('full');
});
