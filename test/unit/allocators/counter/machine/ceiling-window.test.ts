/** How far the ceiling lies above the counter: room enough, but never a large part of a limited series. */
import { describe, expect, test } from 'vitest';
import {
  ceilingAbove,
  ceilingWindow,
  windowWithin,
} from '../../../../../src/allocators/counter/machine/ceiling-window.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

describe('the window', () => {
  test.each([
    [0, 10_000],
    [625, 10_000],
    [626, 10_016],
    [4_000, 64_000],
    [5_000, 70_536],
    [1_000_000, 1_065_536],
  ])(
    'has room for sixteen standby segments of %d values or 65536 values beside one, and for 10000 at least',
    (standbySize, window) => {
      expect(ceilingWindow(standbySize)).toBe(window);
    },
  );

  test.each([
    ['far from the limit', 0n, VALUE_MAX, 10_000],
    ['where an eighth of what is left is just enough', 0n, 80_000n, 10_000],
    ['where it is not', 0n, 79_999n, 9_999],
    ['near the limit', 90n, 99n, 1],
    ['with less than eight values left', 92n, 99n, 0],
    ['at the limit', 99n, 99n, 0],
    ['above a limit that was lowered', 500n, 99n, 0],
    ['at the end of the number range', VALUE_MAX - 80n, VALUE_MAX, 10],
  ])('is at most an eighth of what is left: %s', (_title, value, limit, window) => {
    expect(windowWithin(10_000, value, limit)).toBe(window);
  });
});

describe('the ceiling', () => {
  test('lies the window above the value, and never above 18446744073709551615', () => {
    expect(ceilingAbove(5n, 10_000)).toBe(10_005n);
    expect(ceilingAbove(VALUE_MAX - 10_000n, 10_000)).toBe(VALUE_MAX);
    expect(ceilingAbove(VALUE_MAX - 9_999n, 10_000)).toBe(VALUE_MAX);
    expect(ceilingAbove(VALUE_MAX, 10_000)).toBe(VALUE_MAX);
  });
});
