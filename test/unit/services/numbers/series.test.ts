/** A series: what one reading of the clock decides — its counter, its period, its printer, and the period to come. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seriesOf as idOf, sequenceOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { compileSeries, type Series } from '../../../../src/services/numbers/series.ts';
import { configOf } from '../../fakes/config-of.ts';

const STANDBY_SIZE = 1_000;
const seriesOf = (input: object): Series => compileSeries(configOf('INV', input), STANDBY_SIZE);
const at = (instant: string): number => Date.parse(instant);

describe('the counter of a series', () => {
  test('is named by prefix and period, and has its start, its limit and its standby', () => {
    const config = { format: '{year}-{SEQ:4}', reset: 'yearly', initialSeq: 7, overflow: 'reject' };
    expect(seriesOf(config).at(at('2026-05-01T00:00:00Z')).target).toEqual({
      name: 'INV 2026',
      sequence: sequenceOf(idOf('INV'), '2026'),
      initialSeq: 7n,
      limit: 9_999n,
      standbySize: STANDBY_SIZE,
    });
  });

  test('without reset is one for all times', () => {
    const series = seriesOf({ format: '{SEQ:4}' });
    const { target } = series.at(at('2026-12-31T23:59:59Z'));
    expect(target).toMatchObject({ sequence: { period: '' }, limit: VALUE_MAX });
    expect(series.at(at('2031-01-01T00:00:00Z')).target).toBe(target);
  });

  test.each([
    ['standby', STANDBY_SIZE],
    ['temporary', STANDBY_SIZE],
    ['reject', 0],
  ])('with outage %s has a standby of %i', (outage, standbySize) => {
    expect(seriesOf({ format: '{SEQ:4}', outage }).at(0).target.standbySize).toBe(standbySize);
  });

  test('is the very same object all through its period, so that requests need not look it up', () => {
    const series = seriesOf({ format: '{year}{month}{day}-{SEQ:4}', reset: 'daily' });
    const { target } = series.at(at('2026-05-01T00:00:00Z'));
    expect(series.at(at('2026-05-01T00:00:30Z')).target).toBe(target);
    expect(series.at(at('2026-05-01T23:59:59.999Z')).target).toBe(target);
    expect(series.at(at('2026-05-02T00:00:00Z')).target.sequence.period).toBe('2026-05-02');
  });

  test('is that of the given instant, also when it lies before the last one', () => {
    const series = seriesOf({ format: '{year}-{SEQ:4}', reset: 'yearly' });
    const periods = ['2027-01-01T00:00:00Z', '2026-12-31T23:59:00Z', '2027-01-01T00:00:00Z'].map(
      (instant) => series.at(at(instant)).target.sequence.period,
    );
    expect(periods).toEqual(['2027', '2026', '2027']);
  });

  test('changes with the midnight of its time zone, in the very millisecond', () => {
    const format = '{year}{month}{day}-{SEQ:4}';
    const series = seriesOf({ format, reset: 'daily', timeZone: 'Asia/Kathmandu' });
    const before = series.at(at('2026-11-21T18:14:59.999Z'));
    const after = series.at(at('2026-11-21T18:15:00Z'));
    expect([before.target.sequence.period, after.target.sequence.period]).toEqual(['2026-11-21', '2026-11-22']);
    expect([before.printerFor()(1n), after.printerFor()(1n)]).toEqual(['20261121-0001', '20261122-0001']);
  });
});

describe('printing', () => {
  test('shows prefix, zone and fiscal year', () => {
    const format = '{prefix}{fiscalYear}{day}{SEQ:2}';
    const series = seriesOf({ format, timeZone: 'Asia/Kolkata', fiscalYearStart: '04-01' });
    expect(series.at(at('2026-03-31T18:29:59Z')).printerFor()(1n)).toBe('INV20253101');
    expect(series.at(at('2026-03-31T18:30:00Z')).printerFor()(1n)).toBe('INV20260101');
  });

  test('and counting always mean the same period', () => {
    const series = seriesOf({ format: '{year}/{month}/{SEQ:1}', reset: 'monthly', timeZone: 'America/St_Johns' });
    for (let minute = 0; minute < 24 * 60; minute += 7) {
      const { printerFor, target } = series.at(at('2026-10-31T12:00:00Z') + minute * 60_000);
      expect(printerFor()(1n)).toBe(`${target.sequence.period.replace('-', '/')}/1`);
    }
  });
});

describe('the moment of a series', () => {
  const start = at('2026-11-21T23:59:00Z');
  const printAt = (series: Series, instantMs: number, value = 1n): string => series.at(instantMs).printerFor()(value);

  test('is kept until the minute is over', () => {
    const series = seriesOf({ format: '{day}-{SEQ:1}' });
    const moment = series.at(start);
    expect(series.at(start + 59_999)).toBe(moment);
    expect(series.at(start + 60_000)).not.toBe(moment);
  });

  test('follows a clock that steps back', () => {
    const series = seriesOf({ format: '{day}-{SEQ:1}' });
    const numbers = [start + 60_000, start, start + 60_000].map((instantMs) => printAt(series, instantMs));
    expect(numbers).toEqual(['22-1', '21-1', '22-1']);
  });

  test('ends with every minute, also where the day begins at a quarter past', () => {
    const series = seriesOf({ format: '{day}-{SEQ:1}', timeZone: 'Asia/Kathmandu' });
    const midnight = at('2026-11-21T18:15:00Z');
    expect([printAt(series, midnight - 1), printAt(series, midnight)]).toEqual(['21-1', '22-1']);
  });

  test('prints, however the clock jumps, and in whatever zone, what a fresh one would', () => {
    const zones = ['UTC', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns', 'Africa/Casablanca'];
    const instants = [
      ...['2026-03-29T01:00:00Z', '2026-04-04T15:00:00Z', '2026-12-31T23:59:30Z', '2028-02-29T18:15:00Z'],
    ].map(at);
    const steps = fc.array(fc.integer({ min: -180_000, max: 180_000 }), { minLength: 1, maxLength: 20 });
    const format = '{year}{month}{day}{hour}{week}{dayOfYear}-{SEQ:1}';
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.constantFrom(...instants), steps, (timeZone, first, jumps) => {
        const series = seriesOf({ format, timeZone });
        let now = first;
        for (const jump of jumps) {
          now += jump;
          expect(printAt(series, now)).toBe(printAt(seriesOf({ format, timeZone }), now));
        }
      }),
    );
  });
});

describe('the upcoming counter', () => {
  const series = seriesOf({ format: '{year}-{SEQ:4}', reset: 'yearly', timeZone: 'Europe/Berlin' });

  test.each([
    ['2026-12-31T22:49:59.999Z', undefined],
    ['2026-12-31T22:50:00Z', '2027'],
    ['2026-12-31T22:59:59.999Z', '2027'],
    ['2026-12-31T23:00:00Z', undefined],
  ])('at %s is %s', (instant, period) => {
    expect(series.at(at(instant)).upcoming?.sequence.period).toBe(period);
  });

  test('has the terms of the present one', () => {
    const { target, upcoming } = series.at(at('2026-12-31T22:55:00Z'));
    expect(upcoming).toEqual({ ...target, name: 'INV 2027', sequence: sequenceOf(idOf('INV'), '2027') });
  });

  test('stays the same object until it begins', () => {
    const { upcoming } = series.at(at('2026-12-31T22:51:00Z'));
    expect(series.at(at('2026-12-31T22:57:00Z')).upcoming).toBe(upcoming);
  });

  test('is never there without reset', () => {
    const { upcoming } = seriesOf({ format: '{year}-{SEQ:4}' }).at(at('2026-12-31T23:55:00Z'));
    expect(upcoming).toBeUndefined();
  });
});

const NOW = Date.parse('2026-11-25T12:00:00Z');

describe('a day that the clocks of the zone passed over', () => {
  const SKIPPED: [string, string][] = [
    ['Pacific/Apia', '2011-12-30'],
    ['Pacific/Kwajalein', '1993-08-21'],
    ['Pacific/Fakaofo', '2011-12-30'],
  ];

  test.each(SKIPPED)('in %s is no date of a document: %s', (timeZone, date) => {
    for (const reset of ['never', 'yearly', 'daily']) {
      const series = seriesOf({ format: '{year}{month}{day}-{SEQ:3}', reset, timeZone, allowPast: true });
      expect(() => series.readDate(date, NOW)).toThrow(`There was no ${date} in ${timeZone}`);
    }
  });

  test.each(SKIPPED)('in %s is no period: %s', (timeZone, date) => {
    const series = seriesOf({ format: '{year}{month}{day}-{SEQ:3}', reset: 'daily', timeZone, allowPast: true });
    expect(series.targetIn(date)).toBeUndefined();
    expect(series.printerIn(date)).toBeUndefined();
  });

  test('is not one whose first hour only is missing, nor its neighbours', () => {
    const days: [string, string][] = [
      ['America/Sao_Paulo', '2018-11-04'],
      ['Europe/Berlin', '2026-03-29'],
      ['Pacific/Apia', '2011-12-29'],
      ['Pacific/Apia', '2011-12-31'],
    ];
    for (const [timeZone, date] of days) {
      const series = seriesOf({ format: '{year}{month}{day}-{SEQ:3}', reset: 'daily', timeZone, allowPast: true });
      expect(series.periodAt(series.readDate(date, NOW))).toBe(date);
      expect(series.printerIn(date)?.(1n)).toBe(`${date.replaceAll('-', '')}-001`);
    }
  });
});
