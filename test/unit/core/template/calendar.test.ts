/** The calendar reads every zone as the zone's own people do, and counts weeks, days and fiscal years by the book. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CalendarReading,
  fiscalYearOf,
  isTimeZone,
  readCalendar,
} from '../../../../src/core/template/calendar.ts';

const DAY_MS = 86_400_000;
const at = (iso: string, timeZone = 'UTC'): CalendarReading => readCalendar(Date.parse(iso), timeZone);
const instant = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) });

/** An independent reading: the platform's own formatter. */
const formatted = (instantMs: number, timeZone: string): number[] => {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    calendar: 'iso8601',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
  }).formatToParts(instantMs);
  return ['year', 'month', 'day', 'hour'].map((type) => Number(parts.find((part) => part.type === type)?.value));
};

describe('time zones', () => {
  test.each([
    'UTC',
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Asia/Kolkata',
    'Etc/GMT+12',
    'Etc/GMT-14',
    'GMT',
  ])('%s is known', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  test.each([
    '',
    ' ',
    'Mars/Phobos',
    'Europe/Berlin ',
    ' Europe/Berlin',
    'Europe',
    '+02:00',
    '-0800',
    '02:00',
    'UTC+2',
    'Europe/Berlin\0',
    '../etc/passwd',
    '[UTC]',
    'undefined',
  ])('%j is none', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  test('every zone the platform lists is known and can be read', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      expect(isTimeZone(zone)).toBe(true);
      expect(Object.values(readCalendar(Date.UTC(2026, 6, 1), zone)).slice(0, 4)).toEqual(
        formatted(Date.UTC(2026, 6, 1), zone),
      );
    }
  });

  test('no name is taken for a zone that then cannot be read, not even the old ones that some platforms still carry', () => {
    const old = [
      ...[
        'ACT',
        'AET',
        'AGT',
        'ART',
        'AST',
        'BET',
        'BST',
        'CAT',
        'CNT',
        'CST',
        'CTT',
        'EAT',
        'ECT',
        'IET',
        'IST',
        'JST',
      ],
      ...['MIT', 'NET', 'NST', 'PLT', 'PNT', 'PRT', 'PST', 'SST', 'VST', 'EST', 'MST', 'HST', 'CET', 'EST5EDT', 'Zulu'],
      ...['US/Pacific', 'Europe/Kiev', 'Asia/Calcutta', 'GMT0', 'Etc/Unknown', 'Factory', 'utc', 'europe/berlin'],
    ];
    const unreadable = old.filter((name) => {
      if (!isTimeZone(name)) return false;
      try {
        return at('2026-01-01T00:00:00Z', name).month === undefined;
      } catch {
        return true;
      }
    });
    expect(unreadable).toEqual([]);
  });
});

describe('one reading', () => {
  test('shows everything of one instant', () => {
    expect(at('2026-11-21T13:45:59.999Z')).toEqual({
      year: 2026,
      month: 11,
      day: 21,
      hour: 13,
      quarter: 4,
      week: 47,
      weekYear: 2026,
      dayOfYear: 325,
    });
  });

  test.each([
    ['Pacific/Kiritimati', '2025-12-31T10:00:00Z', 2026, 1, 1, 0],
    ['Etc/GMT-14', '2025-12-31T09:59:59Z', 2025, 12, 31, 23],
    ['Etc/GMT+12', '2026-01-01T11:59:59Z', 2025, 12, 31, 23],
    ['Etc/GMT+12', '2026-01-01T12:00:00Z', 2026, 1, 1, 0],
    ['Pacific/Pago_Pago', '2026-01-01T10:59:59Z', 2025, 12, 31, 23],
    ['Asia/Kolkata', '2025-12-31T18:29:59Z', 2025, 12, 31, 23],
    ['Asia/Kolkata', '2025-12-31T18:30:00Z', 2026, 1, 1, 0],
    ['Asia/Kathmandu', '2025-12-31T18:15:00Z', 2026, 1, 1, 0],
    ['Pacific/Chatham', '2026-06-30T11:15:00Z', 2026, 7, 1, 0],
    ['America/St_Johns', '2026-01-01T03:30:00Z', 2026, 1, 1, 0],
  ])('in %s at %s is local', (zone, iso, year, month, day, hour) => {
    expect(at(iso, zone)).toMatchObject({ year, month, day, hour });
  });

  test('in spring the clock of Berlin goes from 1 to 3', () => {
    expect(at('2026-03-29T00:59:59Z', 'Europe/Berlin').hour).toBe(1);
    expect(at('2026-03-29T01:00:00Z', 'Europe/Berlin').hour).toBe(3);
  });

  test('in autumn the clock of Berlin shows 2 twice', () => {
    const hours = ['00:00', '01:00', '02:00'].map((time) => at(`2026-10-25T${time}:00Z`, 'Europe/Berlin').hour);
    expect(hours).toEqual([2, 2, 3]);
  });

  test('where daylight saving skips midnight the day starts at 1', () => {
    expect(at('2026-04-24T21:00:00Z', 'Africa/Cairo')).toMatchObject({ day: 25, hour: 0 });
    expect(at('2026-04-23T22:00:00Z', 'Africa/Cairo')).toMatchObject({ day: 24, hour: 1 });
  });

  test('the half hour of daylight saving on Lord Howe Island is kept', () => {
    expect(at('2026-04-04T14:59:00Z', 'Australia/Lord_Howe')).toMatchObject({ day: 5, hour: 1 });
    expect(at('2026-04-04T15:00:00Z', 'Australia/Lord_Howe')).toMatchObject({ day: 5, hour: 1 });
    expect(at('2026-04-04T15:30:00Z', 'Australia/Lord_Howe')).toMatchObject({ day: 5, hour: 2 });
  });

  test('agrees with the platform in any zone at any instant', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Intl.supportedValuesOf('timeZone')), instant, (zone, instantMs) => {
        expect(Object.values(readCalendar(instantMs, zone)).slice(0, 4)).toEqual(formatted(instantMs, zone));
      }),
      { numRuns: 500 },
    );
  });
});

describe('quarters, days and weeks', () => {
  test('every month belongs to its quarter', () => {
    const quarters = Array.from({ length: 12 }, (_, month) => readCalendar(Date.UTC(2026, month, 15), 'UTC').quarter);
    expect(quarters).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  test('February 29 is there in leap years', () => {
    expect(at('2028-02-29T12:00:00Z')).toMatchObject({ month: 2, day: 29, dayOfYear: 60 });
    expect(at('2028-12-31T12:00:00Z').dayOfYear).toBe(366);
    expect(at('2026-12-31T12:00:00Z').dayOfYear).toBe(365);
    expect(at('2100-03-01T00:00:00Z').dayOfYear).toBe(60);
  });

  test.each([
    ['2026-12-27', 2026, 52],
    ['2026-12-28', 2026, 53],
    ['2027-01-03', 2026, 53],
    ['2027-01-04', 2027, 1],
    ['2024-12-29', 2024, 52],
    ['2024-12-30', 2025, 1],
    ['2020-12-31', 2020, 53],
    ['2022-01-02', 2021, 52],
    ['2021-01-03', 2020, 53],
  ])('%s is in ISO year %i, week %i', (date, weekYear, week) => {
    expect(at(`${date}T12:00:00Z`)).toMatchObject({ week, weekYear });
  });

  test('any day agrees with the rule that a week belongs to the year of its Thursday', () => {
    fc.assert(
      fc.property(instant, (instantMs) => {
        const day = Math.floor(instantMs / DAY_MS);
        // 1970-01-01, day 0, was a Thursday.
        const thursday = day - ((((day + 3) % 7) + 7) % 7) + 3;
        const weekYear = new Date(thursday * DAY_MS).getUTCFullYear();
        const week = Math.floor((thursday - Date.UTC(weekYear, 0, 1) / DAY_MS) / 7) + 1;
        const year = new Date(instantMs).getUTCFullYear();
        const dayOfYear = day - Date.UTC(year, 0, 1) / DAY_MS + 1;
        expect(readCalendar(instantMs, 'UTC')).toMatchObject({ week, weekYear, dayOfYear });
      }),
    );
  });
});

describe('fiscal years', () => {
  test.each([
    ['2026-03-31T23:59:59Z', '04-01', 2025],
    ['2026-04-01T00:00:00Z', '04-01', 2026],
    ['2026-12-31T23:59:59Z', '04-01', 2026],
    ['2026-01-01T00:00:00Z', '01-01', 2026],
    ['2026-12-31T23:59:59Z', '01-01', 2026],
    ['2026-12-30T23:59:59Z', '12-31', 2025],
    ['2026-12-31T00:00:00Z', '12-31', 2026],
    ['2028-02-29T00:00:00Z', '03-01', 2027],
    ['2028-02-29T00:00:00Z', '02-28', 2028],
    ['2026-10-05T12:00:00Z', '10-06', 2025],
    ['2026-10-06T12:00:00Z', '10-06', 2026],
  ])('%s with a start on %s is in %i', (iso, start, fiscalYear) => {
    expect(fiscalYearOf(at(iso), start)).toBe(fiscalYear);
  });

  test('the zone decides on which day the fiscal year starts', () => {
    const iso = '2026-03-31T22:30:00Z';
    expect(fiscalYearOf(at(iso), '04-01')).toBe(2025);
    expect(fiscalYearOf(at(iso, 'Europe/Berlin'), '04-01')).toBe(2026);
  });
});
