/** Periods: their names follow the local calendar, no two of them share a name, and a format must show them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../src/core/calendar.ts';
import { missingForReset, periodKeyOf, RESETS, type Reset } from '../../../src/core/period.ts';
import { parseTemplate } from '../../../src/core/template.ts';

const periodAt = (instant: string, reset: Reset, timeZone = 'UTC', fiscalYearStart = '01-01'): string =>
  periodKeyOf(readCalendar(Date.parse(instant), timeZone), reset, fiscalYearStart);

describe('the name of a period', () => {
  test.each([
    ['never', ''],
    ['yearly', '2026'],
    ['monthly', '2026-01'],
    ['daily', '2026-01-05'],
    ['fiscal-yearly', 'fy2026'],
  ] as const)('with reset %s is "%s"', (reset, expected) => {
    expect(periodAt('2026-01-05T12:00:00Z', reset)).toBe(expected);
  });

  test('changes with the local midnight, not with that of Greenwich', () => {
    const instants = ['2026-12-31T14:59:59.999Z', '2026-12-31T15:00:00Z'];
    expect(instants.map((instant) => periodAt(instant, 'daily', 'Asia/Tokyo'))).toEqual(['2026-12-31', '2027-01-01']);
    expect(instants.map((instant) => periodAt(instant, 'yearly', 'Asia/Tokyo'))).toEqual(['2026', '2027']);
    expect(instants.map((instant) => periodAt(instant, 'monthly'))).toEqual(['2026-12', '2026-12']);
  });

  test('of a fiscal year changes on its first day', () => {
    const at = (instant: string): string => periodAt(instant, 'fiscal-yearly', 'Asia/Kolkata', '04-01');
    expect([at('2026-03-31T18:29:59Z'), at('2026-03-31T18:30:00Z')]).toEqual(['fy2025', 'fy2026']);
  });

  test('of a fiscal year is never that of a calendar year', () => {
    expect(periodAt('2026-06-01T00:00:00Z', 'fiscal-yearly')).not.toBe(periodAt('2026-06-01T00:00:00Z', 'yearly'));
  });

  test('never goes back as time goes on, and never comes again', () => {
    const instantMs = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) });
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/St_Johns');
    fc.assert(
      fc.property(instantMs, instantMs, zone, fc.constantFrom(...RESETS), (one, other, timeZone, reset) => {
        const name = (ms: number): string => periodKeyOf(readCalendar(ms, timeZone), reset, '04-01');
        expect(name(Math.min(one, other)) <= name(Math.max(one, other))).toBe(true);
      }),
    );
  });
});

describe('a format shows a reset', () => {
  const missing = (format: string, reset: Reset): string[] =>
    missingForReset(parseTemplate(format), reset).map((choices) => choices.join(' or '));

  test.each([
    ['{SEQ:4}', 'never', []],
    ['{SEQ:4}', 'yearly', ['year or yy']],
    ['{year}{SEQ:4}', 'yearly', []],
    ['{yy}{SEQ:4}', 'yearly', []],
    ['{fiscalYear}{SEQ:4}', 'yearly', ['year or yy']],
    ['{weekYear}{SEQ:4}', 'yearly', ['year or yy']],
    ['{SEQ:4}/{month}', 'monthly', ['year or yy']],
    ['{year}{SEQ:4}', 'monthly', ['month']],
    ['{month}{SEQ:4}-{yy}', 'monthly', []],
    ['{year}{SEQ:4}', 'daily', ['month', 'day']],
    ['{SEQ:4}{day}', 'daily', ['year or yy', 'month']],
    ['{year}{month}{day}{SEQ:4}', 'daily', []],
    ['{year}{SEQ:4}', 'fiscal-yearly', ['fiscalYear']],
    ['{SEQ:4}{fiscalYear}', 'fiscal-yearly', []],
  ] as const)('%s with reset %s lacks %j', (format, reset, expected) => {
    expect(missing(format, reset)).toEqual(expected);
  });

  test('wherever its variables stand, before the sequence or behind it', () => {
    expect(missing('{SEQ:4}{year}', 'yearly')).toEqual(missing('{year}{SEQ:4}', 'yearly'));
  });
});
