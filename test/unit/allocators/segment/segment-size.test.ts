/** How many values a node leases at a time. */
import { describe, expect, test } from 'vitest';
import { nextSegmentSize } from '../../../../src/allocators/segment/segment-size.ts';

describe('the size of the next range', () => {
  test('lasts 15 s at the present pace', () => {
    expect(nextSegmentSize(10_000, 1_000, 1_000)).toBe(15_000);
    expect(nextSegmentSize(10_000, 5_000, 10_000)).toBe(7_500);
  });

  test('is never below 100, however little is asked for', () => {
    expect(nextSegmentSize(10_000, 1, 60_000)).toBe(100);
    expect(nextSegmentSize(100, 0, 0)).toBe(100);
  });

  test('grows fourfold at most, so that a burst does not lease a million', () => {
    expect(nextSegmentSize(100, 10_000, 1)).toBe(400);
  });

  test('is never above a million', () => {
    expect(nextSegmentSize(900_000, 1_000_000, 1_000)).toBe(1_000_000);
  });
});
