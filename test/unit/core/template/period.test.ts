/** Periods: their names follow the local calendar, no two of them share a name, and a format must show them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../../src/core/template/calendar.ts';
import { periodKeyOf, RESETS, type Reset } from '../../../../src/core/template/period.ts';

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
