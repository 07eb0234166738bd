/** Whether a number can have been printed on some day: found when there is one, and never made up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../../src/core/template/calendar.ts';
import { findDay } from '../../../../src/core/template/date-search.ts';
import { VARIABLES, type Variable } from '../../../../src/core/template/variables.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const SERIES = { prefixKey: 'X', timeZone: 'UTC', fiscalYearStart: '04-15' };
const DATED = (Object.keys(VARIABLES) as Variable[]).filter((name) => name !== 'prefix');

const find = (texts: Partial<Record<Variable, string>>) =>
  findDay(new Map(Object.entries(texts) as [Variable, string][]), SERIES);
const dayOf = (texts: Partial<Record<Variable, string>>): string | undefined => {
  const day = find(texts);
  return day && [day.year, day.month, day.day].join('-');
};

describe('a day is found', () => {
  test('whatever a number shows of it', () => {
    const instantMs = fc.integer({ min: Date.UTC(1901, 0, 1), max: Date.UTC(2198, 11, 31) });
    fc.assert(
      fc.property(instantMs, fc.subarray(DATED), (ms, shown) => {
        const printed = readCalendar(ms, 'UTC');
        const texts = shown.map((variable) => [variable, VARIABLES[variable](printed, SERIES)] as const);
        const found = findDay(new Map(texts), SERIES);
        for (const [variable, text] of texts) {
          if (variable !== 'hour') expect(found && VARIABLES[variable](found, SERIES)).toBe(text);
        }
        expect(found).toBeDefined();
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  test.each([
    [{ year: '0001', month: '01', day: '01' }, '1-1-1'],
    [{ year: '9999', month: '12', day: '31' }, '9999-12-31'],
    [{ year: '2024', month: '02', day: '29' }, '2024-2-29'],
    [{ weekYear: '2026', week: '01', month: '12' }, '2025-12-29'],
    [{ weekYear: '2026', week: '53', month: '01' }, '2027-1-1'],
    [{ fiscalYear: '2026', month: '04', day: '14' }, '2027-4-14'],
    [{ fiscalYear: '2026', month: '04', day: '15' }, '2026-4-15'],
    [{ yy: '26' }, '2026-1-1'],
    [{ yy: '99' }, '2099-1-1'],
    [{ yy: '00', month: '02', day: '29' }, '2000-2-29'],
    [{ quarter: '1' }, '2000-1-1'],
    [{ quarter: '4', day: '31' }, '2000-10-31'],
    [{ dayOfYear: '366' }, '2000-12-31'],
    [{ hour: '00' }, '2000-1-1'],
    [{ hour: '23' }, '2000-1-1'],
    [{}, '2000-1-1'],
  ])('for %j, the first of those that come into question', (texts, day) => {
    expect(dayOf(texts)).toBe(day);
  });

  test('by a week of a year that begins with a day before it', () => {
    expect(dayOf({ weekYear: '2020', week: '01', day: '30' })).toBe('2019-12-30');
    expect(dayOf({ yy: '99', dayOfYear: '366' })).toBeUndefined();
    expect(dayOf({ week: '53', month: '01', day: '03' })).toBe('2010-1-3');
  });
});

describe('no day is found', () => {
  test.each([
    { month: '00' },
    { month: '13' },
    { day: '00' },
    { day: '32' },
    { month: '02', day: '30' },
    { year: '2026', month: '02', day: '29' },
    { year: '2026', dayOfYear: '366' },
    { quarter: '5' },
    { quarter: '0' },
    { quarter: '1', month: '04' },
    { week: '54' },
    { weekYear: '2025', week: '53' },
    { year: '0000' },
    { fiscalYear: '9999', month: '01' },
    { year: '2026', yy: '27' },
    { year: '2026', fiscalYear: '2024' },
    { hour: '24' },
    { hour: '99', year: '2026' },
  ])('for %j', (texts) => {
    expect(find(texts)).toBeUndefined();
  });
});
