/** The days of a year, worked out without a clock, and which years have the same ones. */
import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../../src/core/template/calendar.ts';
import { daysOf, kindOf } from '../../../../src/core/template/calendar-days.ts';

const DAY_MS = 86_400_000;

describe('the days of a year', () => {
  // Leap years and none, by each of the rules of four, a hundred and four hundred; and years of 53 weeks, with their neighbours.
  test.each([1, 4, 100, 400, 1900, 2000, 2001, 2004, 2005, 2009, 2010, 2015, 2016, 2020, 2021, 2026, 2100, 9999])(
    '%i are all that a clock shows, week by week',
    (year) => {
      const first = new Date(0);
      first.setUTCFullYear(year, 0, 1);
      const shown = daysOf(year).map((_day, index) => readCalendar(first.getTime() + index * DAY_MS, 'UTC'));
      expect(daysOf(year)).toEqual(shown);
      expect(readCalendar(first.getTime() + shown.length * DAY_MS, 'UTC')).toMatchObject({
        year: year + 1,
        dayOfYear: 1,
      });
    },
  );
});

describe('two years are of one kind', () => {
  test('when they begin on one weekday, and are leap years or behind one alike', () => {
    expect(kindOf(2026)).toBe(kindOf(2015));
    expect(kindOf(2021)).toBe(kindOf(2027 + 22));
    expect(kindOf(2000)).toBe(kindOf(2028));
  });

  test('and of two kinds otherwise', () => {
    // Both begin on a Saturday; the day before belongs to week 53 or to week 52.
    expect(kindOf(2005)).not.toBe(kindOf(2022));
    expect(kindOf(2024)).not.toBe(kindOf(2029));
    expect(kindOf(2026)).not.toBe(kindOf(2027));
  });
});
