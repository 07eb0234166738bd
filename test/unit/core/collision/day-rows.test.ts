/** The table in which the days of two formats are looked up: every day of the calendar stands in it once, with all that it prints. */
import { describe, expect, test } from 'vitest';
import { type DayRow, dayTableOf, YEAR_VARIABLES } from '../../../../src/core/collision/day-rows.ts';
import { type CalendarReading, fiscalYearOf } from '../../../../src/core/template/calendar.ts';
import { daysOf, kindOf } from '../../../../src/core/template/calendar-days.ts';
import { VARIABLES, type Variable } from '../../../../src/core/template/variables.ts';

const TABLES: readonly (readonly [readonly Variable[], string])[] = [
  [[], '01-01'],
  [['year', 'yy'], '01-01'],
  [['month', 'year'], '01-01'],
  [['day', 'dayOfYear', 'month'], '01-01'],
  [['week', 'weekYear'], '01-01'],
  [['weekYear', 'quarter'], '01-01'],
  [['fiscalYear'], '04-15'],
  [['fiscalYear', 'quarter', 'weekYear'], '07-01'],
];

/** Years of every kind, on both sides of centuries of each length. */
const YEARS = [...Array.from({ length: 28 }, (_, at) => 2027 + at), 1899, 1900, 1901, 2000, 2001, 2100, 2101];

const printedBy = (variables: readonly Variable[], fiscalYearStart: string, day: CalendarReading): string => {
  const texts = variables
    .filter((variable) => !YEAR_VARIABLES.has(variable))
    .map((variable) => `${variable} ${VARIABLES[variable](day, { prefixKey: '', timeZone: 'UTC', fiscalYearStart })}`);
  const weekYearOff = variables.includes('weekYear') ? day.weekYear - day.year : 0;
  const fiscalYearOff = variables.includes('fiscalYear') ? fiscalYearOf(day, fiscalYearStart) - day.year : 0;
  return [...texts.sort(), weekYearOff, fiscalYearOff].join('; ');
};

const printedIn = ({ texts, weekYearOff, fiscalYearOff }: DayRow): string =>
  [...texts.map(([variable, text]) => `${variable} ${text}`).sort(), weekYearOff, fiscalYearOff].join('; ');

describe.each(TABLES)('of the days that print %j, with fiscal years from %s', (variables, fiscalYearStart) => {
  test('each stands in one row, between the first and the last day that print the same in a year of its kind', () => {
    const { rows } = dayTableOf(variables, fiscalYearStart);
    const byPrinted = new Map(rows.map((row) => [printedIn(row), row]));
    expect(byPrinted.size).toBe(rows.length);
    for (const year of YEARS) {
      for (const day of daysOf(year)) {
        const span = byPrinted.get(printedBy(variables, fiscalYearStart, day))?.byKind.get(kindOf(year));
        if (span === undefined) throw new Error(`No row for ${JSON.stringify(day)}`);
        const isWithin = span.first.dayOfYear <= day.dayOfYear && day.dayOfYear <= span.last.dayOfYear;
        if (!isWithin) throw new Error(`${JSON.stringify(day)} is not between those of its row`);
      }
    }
    const ends = rows.flatMap((row) =>
      [...row.byKind].flatMap(([kind, span]) => [span.first, span.last].map((day) => ({ row, kind, day }))),
    );
    const isWrong = ({ row, kind, day }: (typeof ends)[number]): boolean =>
      kindOf(day.year) !== kind || printedBy(variables, fiscalYearStart, day) !== printedIn(row);
    expect(ends.filter(isWrong)).toEqual([]);
  });

  test('each row is found by each of its texts', () => {
    const { rows, byText } = dayTableOf(variables, fiscalYearStart);
    const printed = variables.filter((variable) => !['year', 'yy', 'weekYear', 'fiscalYear'].includes(variable));
    expect([...byText.keys()].sort()).toEqual([...printed].sort());
    for (const texts of byText.values()) expect([...texts.values()].flat()).toHaveLength(rows.length);
    const texts = rows.flatMap((row) => row.texts.map(([variable, text]) => ({ row, variable, text })));
    expect(texts.filter(({ row, variable, text }) => !byText.get(variable)?.get(text)?.includes(row))).toEqual([]);
  });
});

test('the table of the same variables is made once, whatever their order; fiscal years have one for each start', () => {
  const table = dayTableOf(['month', 'day'], '01-01');
  expect(dayTableOf(['month', 'day'], '01-01')).toBe(table);
  expect(dayTableOf(['day', 'month'], '07-01')).toBe(table);
  const fiscal = dayTableOf(['month', 'fiscalYear'], '04-01');
  expect(dayTableOf(['fiscalYear', 'month'], '04-01')).toBe(fiscal);
  expect(dayTableOf(['fiscalYear', 'month'], '07-01')).not.toBe(fiscal);
  expect(dayTableOf(['month', 'day'], '04-01')).toBe(table);
});
