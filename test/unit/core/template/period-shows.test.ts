/** Whether a number tells its period: worked out over the calendar, compared with a clock read day by day. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../../src/core/template/calendar.ts';
import { daysOf, kindOf } from '../../../../src/core/template/calendar-days.ts';
import { periodKeyOf, RESETS, type Reset } from '../../../../src/core/template/period.ts';
import { dayVariablesOf, hiddenPeriodOf } from '../../../../src/core/template/period-shows.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import { VARIABLES, type Variable } from '../../../../src/core/template/variables.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const hiddenIn = (format: string, reset: Reset, fiscalYearStart: string) =>
  hiddenPeriodOf(dayVariablesOf(parseTemplate(format)), reset, fiscalYearStart);

test('of the variables of a format those count that print a day, each once', () => {
  expect(dayVariablesOf(parseTemplate('{prefix}-{year}{hour}{month}-{SEQ:4}-{year}{var:a}{check:luhn}'))).toEqual([
    'year',
    'month',
  ]);
});

describe('a reset shows', () => {
  test.each([
    ['{SEQ:4}', 'never', '01-01'],
    ['{SEQ:4}{year}', 'yearly', '01-01'],
    ['{yy}{SEQ:4}', 'yearly', '01-01'],
    ['{fiscalYear}-{SEQ:4}', 'yearly', '01-01'],
    ['{fiscalYear}{month}-{SEQ:4}', 'yearly', '04-01'],
    ['{fiscalYear}{quarter}-{SEQ:4}', 'yearly', '04-01'],
    ['{month}{SEQ:4}-{yy}', 'monthly', '01-01'],
    ['{year}{dayOfYear}-{SEQ:4}', 'monthly', '01-01'],
    ['{year}{month}{day}{SEQ:4}', 'daily', '01-01'],
    ['{yy}{dayOfYear}-{SEQ:3}', 'daily', '01-01'],
    ['{weekYear}-{week}-{day}-{SEQ:3}', 'daily', '01-01'],
    ['{fiscalYear}{dayOfYear}-{SEQ:4}', 'daily', '01-01'],
    ['{SEQ:4}{fiscalYear}', 'fiscal-yearly', '04-15'],
    ['{year}-{month}-{SEQ:5}', 'fiscal-yearly', '07-01'],
    ['{year}-{quarter}-{SEQ:5}', 'fiscal-yearly', '07-01'],
    ['{yy}{dayOfYear}-{SEQ:5}', 'fiscal-yearly', '04-15'],
    ['{year}{SEQ:4}', 'fiscal-yearly', '01-01'],
  ] as const)('by %s with reset %s and a fiscal year from %s', (format, reset, start) => {
    expect(hiddenIn(format, reset, start)).toBeUndefined();
  });

  test.each([
    ['{SEQ:4}', 'yearly', '01-01'],
    ['{fiscalYear}{SEQ:4}', 'yearly', '04-01'],
    ['{fiscalYear}{month}-{SEQ:4}', 'yearly', '04-15'],
    ['{weekYear}{SEQ:4}', 'yearly', '01-01'],
    ['{SEQ:4}/{month}', 'monthly', '01-01'],
    ['{year}{SEQ:4}', 'monthly', '01-01'],
    ['{fiscalYear}-{month}-{SEQ:3}', 'monthly', '04-15'],
    ['{weekYear}{week}-{SEQ:3}', 'monthly', '01-01'],
    ['{year}{day}-{hour}-{SEQ:3}', 'fiscal-yearly', '04-15'],
    ['{SEQ:4}{day}', 'daily', '01-01'],
    ['{weekYear}-{week}-{SEQ:3}', 'daily', '01-01'],
    ['{year}-{month}-{SEQ:5}', 'fiscal-yearly', '07-02'],
    ['{year}-{quarter}-{SEQ:5}', 'fiscal-yearly', '08-01'],
  ] as const)('not by %s with reset %s and a fiscal year from %s, which two days prove', (format, reset, start) => {
    const hidden = hiddenIn(format, reset, start);
    const series = { prefixKey: 'X', timeZone: 'UTC', fiscalYearStart: start };
    const [one, other] = [hidden?.one, hidden?.other].map((day) => {
      if (day === undefined) return undefined;
      const texts = dayVariablesOf(parseTemplate(format)).map((variable) => VARIABLES[variable](day, series));
      return { text: texts.join(' '), period: periodKeyOf(day, reset, start) };
    });
    expect(one?.text).toBe(other?.text);
    expect(one?.period).not.toBe(other?.period);
  });
});

test('days worked out without a zone are those that a clock shows, in every year of four digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), (year) => {
      const first = new Date(0);
      first.setUTCFullYear(year, 0, 1);
      const days = daysOf(year);
      for (const [index, day] of days.entries()) {
        if (index % 7 !== 0 && index > 10 && index < 350) continue;
        expect(day).toEqual(readCalendar(first.getTime() + index * 86_400_000, 'UTC'));
      }
      expect(readCalendar(first.getTime() + days.length * 86_400_000, 'UTC').year).toBe(year + 1);
    }),
    { numRuns: propertyRuns(60) },
  );
});

test('years of one kind have the same days', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 9999 }), (one, other) => {
      fc.pre(kindOf(one) === kindOf(other));
      const relative = (year: number) =>
        daysOf(year).map((day) => ({ ...day, year: 0, weekYear: day.weekYear - year }));
      expect(relative(one)).toEqual(relative(other));
    }),
    { numRuns: propertyRuns(40) },
  );
});

test('what thirty years say of variables and a reset, four hundred years do not contradict', () => {
  const names = Object.keys(VARIABLES).filter((name) => !['prefix', 'hour', 'yy'].includes(name)) as Variable[];
  const everyDay = Array.from({ length: 401 }, (_, index) => daysOf(1900 + index)).flat();
  fc.assert(
    fc.property(
      fc.subarray(names, { maxLength: 4 }),
      fc.constantFrom(...RESETS),
      fc.constantFrom('01-01', '04-15', '12-30'),
      (variables, reset, start) => {
        const series = { prefixKey: '', timeZone: 'UTC', fiscalYearStart: start };
        const periods = new Map<string, string>();
        const isHidden = everyDay.some((day) => {
          const text = variables.map((variable) => VARIABLES[variable](day, series)).join(' ');
          const period = periodKeyOf(day, reset, start);
          const earlier = periods.get(text) ?? period;
          periods.set(text, period);
          return earlier !== period;
        });
        expect(hiddenPeriodOf(variables, reset, start) !== undefined).toBe(isHidden);
      },
    ),
    { numRuns: propertyRuns(25) },
  );
});
