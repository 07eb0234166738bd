/** The bound under which a clock cannot be right. */
import { expect, test } from 'vitest';
import { CLOCK_EARLIEST_MS, clockProblemOf } from '../../../src/core/clock.ts';

test('the earliest possible time is not in the future, and no more than some years ago', () => {
  expect(CLOCK_EARLIEST_MS).toBeLessThanOrEqual(Date.now());
  expect(CLOCK_EARLIEST_MS).toBeGreaterThanOrEqual(Date.UTC(2026, 0, 1));
});

test('a clock before it has a problem, one at or after it has none', () => {
  expect(clockProblemOf(0)).toContain('says 1970-01-01T00:00:00.000Z');
  expect(clockProblemOf(CLOCK_EARLIEST_MS - 1)).toBeDefined();
  expect(clockProblemOf(CLOCK_EARLIEST_MS)).toBeUndefined();
});
