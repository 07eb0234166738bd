/** A bounded map keeps the latest entries. */
import { expect, test } from 'vitest';
import { putBounded } from '../../../src/core/bounded-map.ts';

const put = (words: string, max: number): string => {
  const map = new Map<string, number>();
  for (const [index, word] of [...words].entries()) putBounded(map, word, index, max);
  return [...map].map(([key, value]) => `${key}${value}`).join(' ');
};

test('what was put in first goes first, and what is put in again counts as new', () => {
  expect(put('abc', 3)).toBe('a0 b1 c2');
  expect(put('abcd', 3)).toBe('b1 c2 d3');
  expect(put('abcad', 3)).toBe('c2 a3 d4');
  expect(put('aaa', 1)).toBe('a2');
  expect(put('aba', 3)).toBe('b1 a2');
  expect(put('aba', 2)).toBe('b1 a2');
});
