/** What a client may have in a day: so many at once, then one by one; who has waited long enough has all of it again. */
import { expect, test } from 'vitest';
import { ALLOWANCE_PERIOD_MS, createAllowances } from '../../../../src/core/allowance/allowances.ts';

const EACH_MS = ALLOWANCE_PERIOD_MS / 4;

test('so many are had at once; then one each time its share of a day is over', () => {
  const { spend } = createAllowances();
  for (let had = 0; had < 4; had += 1) expect(spend('a', 4, 1_000)).toBe(0);
  expect(spend('a', 4, 1_000)).toBe(EACH_MS);
  expect(spend('a', 4, 1_000 + EACH_MS / 3)).toBeCloseTo((EACH_MS * 2) / 3);
  expect(spend('b', 4, 1_000)).toBe(0);
  expect(spend('a', 4, 1_000 + EACH_MS)).toBe(0);
  expect(spend('a', 4, 1_000 + EACH_MS)).toBe(EACH_MS);
  for (let had = 0; had < 4; had += 1) expect(spend('a', 4, 1_000 + 5 * EACH_MS)).toBe(0);
});

test('a clock that was set back by days keeps nobody waiting', () => {
  const { spend } = createAllowances();
  expect(spend('a', 4, 10 * ALLOWANCE_PERIOD_MS)).toBe(0);
  for (let had = 0; had < 4; had += 1) expect(spend('a', 4, 1_000)).toBe(0);
  expect(spend('a', 4, 1_000)).toBe(EACH_MS);
});

test.each([3, 7, 100_000, 1_000_003])('%d are had whole, whatever fractions they are counted in', (max) => {
  const { spend } = createAllowances();
  const nowMs = Date.UTC(2026, 10, 29);
  let had = 0;
  while (spend('a', max, nowMs) === 0) had += 1;
  expect(had).toBe(max);
});

test('a client that has spent its allowance is remembered, however many come whose allowance is whole again', () => {
  const { spend } = createAllowances();
  expect(spend('a', 1, 0)).toBe(0);
  for (let ms = 1; ms <= 100_001; ms += 1) spend(`client ${ms}`, ALLOWANCE_PERIOD_MS, ms);
  expect(spend('a', 1, 100_002)).toBe(ALLOWANCE_PERIOD_MS - 100_002);
});
