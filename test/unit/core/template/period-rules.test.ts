/** What follows from a period: its first day, how far it is from another, which years and texts belong to it. */
import { describe, expect, test } from 'vitest';
import {
  firstDayOf,
  isFixedInPeriod,
  PERIOD_EXAMPLES,
  periodKeyOf,
  periodsBetween,
  RESETS,
  yearsOf,
} from '../../../../src/core/template/period.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';

describe('the first day', () => {
  test.each([
    ['2026', 'yearly', '2026-01-01'],
    ['2026-11', 'monthly', '2026-11-01'],
    ['2026-11-21', 'daily', '2026-11-21'],
    ['fy2026', 'fiscal-yearly', '2026-04-15'],
  ] as const)('of %s with reset %s is %s', (period, reset, day) => {
    expect(firstDayOf(period, reset, '04-15')).toBe(day);
  });

  test.each([
    ['', 'never'],
    ['2026', 'never'],
    ['2026', 'monthly'],
    ['2026', 'daily'],
    ['2026', 'fiscal-yearly'],
    ['fy2026', 'yearly'],
    ['2026-11', 'yearly'],
    ['2026-11-21', 'monthly'],
    ['2026-13', 'monthly'],
    ['2026-02-30', 'daily'],
    ['12026', 'yearly'],
    ['02026-11', 'monthly'],
    ['2026-111', 'monthly'],
    ['2026-11-211', 'daily'],
    ['02026-11-21', 'daily'],
    ['xfy2026', 'fiscal-yearly'],
    ['fy20266', 'fiscal-yearly'],
    ['202', 'yearly'],
  ] as const)('of %j with reset %s is none', (period, reset) => {
    expect(firstDayOf(period, reset, '04-15')).toBeUndefined();
  });
});

test('the years of the first millennium have four digits in the name of a period', () => {
  const reading = { year: 7, month: 3, day: 2, hour: 0, quarter: 1, week: 9, weekYear: 7, dayOfYear: 61 };
  expect(RESETS.map((reset) => periodKeyOf(reading, reset, '01-01'))).toEqual([
    '',
    '0007-03-02',
    '0007-03',
    '0007',
    'fy0007',
  ]);
});

test('the example of a reset has the shape of its periods', () => {
  for (const reset of RESETS) {
    if (reset !== 'never') expect(firstDayOf(PERIOD_EXAMPLES[reset], reset, '01-01')).toBeDefined();
  }
  expect(PERIOD_EXAMPLES.never).toBe('');
});

describe('between two periods lie', () => {
  test.each([
    ['2026', '2026', 'yearly', 0],
    ['2024', '2026', 'yearly', 2],
    ['2026', '2024', 'yearly', -2],
    ['fy2024', 'fy2026', 'fiscal-yearly', 2],
    ['2026-11', '2027-02', 'monthly', 3],
    ['2026-01', '2026-12', 'monthly', 11],
    ['2026-02-27', '2026-03-01', 'daily', 2],
    ['2024-02-27', '2024-03-01', 'daily', 3],
    ['', '', 'never', 0],
  ] as const)('from %s to %s with reset %s: %i', (earlier, later, reset, count) => {
    expect(periodsBetween(earlier, later, reset)).toBe(count);
  });
});

describe('a series tells apart', () => {
  test.each([
    ['{yy}-{SEQ:4}', 'yearly'],
    ['{SEQ:4}/{yy}{month}', 'monthly'],
  ] as const)('the years of this century, when only {yy} of %s shows them', (format, reset) => {
    expect(yearsOf(parseTemplate(format), reset)).toEqual({ first: 2000, last: 2099 });
  });

  test.each([
    ['{yy}-{SEQ:4}', 'never'],
    ['{year}{yy}-{SEQ:4}', 'yearly'],
    ['{yy}-{SEQ:4}-{fiscalYear}', 'fiscal-yearly'],
    ['{year}-{SEQ:4}', 'yearly'],
    ['{SEQ:4}', 'never'],
  ] as const)('all years of four digits by %s with reset %s', (format, reset) => {
    expect(yearsOf(parseTemplate(format), reset)).toEqual({ first: 1, last: 9999 });
  });
});

describe('all numbers of a period look the same but for the value', () => {
  test.each([
    ['{prefix}-{SEQ:4}', 'never', true],
    ['{prefix}-{year}{yy}-{SEQ:4}', 'yearly', true],
    ['{prefix}-{year}{month}{quarter}{yy}-{SEQ:4}', 'monthly', true],
    ['{year}{yy}{month}{quarter}{day}{week}{weekYear}{dayOfYear}{fiscalYear}{SEQ:4}{prefix}', 'daily', true],
    ['{fiscalYear}-{SEQ:4}{prefix}', 'fiscal-yearly', true],
    ['{year}-{SEQ:4}{check:luhn}', 'yearly', true],
    ['{year}-{SEQ:4}', 'never', false],
    ['{year}{month}-{SEQ:4}', 'yearly', false],
    ['{year}{month}{day}-{SEQ:4}', 'monthly', false],
    ['{year}{month}{day}{hour}-{SEQ:4}', 'daily', false],
    ['{fiscalYear}{year}-{SEQ:4}', 'fiscal-yearly', false],
    ['{year}-{SEQ:4}-{var:branch}', 'yearly', false],
    ['{SEQ:4}{hour}', 'never', false],
  ] as const)('by %s with reset %s: %s', (format, reset, is) => {
    expect(isFixedInPeriod(parseTemplate(format), reset)).toBe(is);
  });
});
