/** Texts and days that name an instant: read strictly, in the zone of the series, and never one that did not exist. */
import { describe, expect, test } from 'vitest';
import {
  instantOf,
  instantOfReading,
  isDate,
  isTimeZone,
  noonOf,
  readCalendar,
} from '../../../../src/core/template/calendar.ts';

describe('an instant', () => {
  test.each([
    ['2026-11-25T12:00:00Z', '2026-11-25T12:00:00Z'],
    ['2026-11-25T12:00Z', '2026-11-25T12:00:00Z'],
    ['2026-11-25T12:00:00.5Z', '2026-11-25T12:00:00.500Z'],
    ['2026-11-25T12:00:00.123456789Z', '2026-11-25T12:00:00.123Z'],
    ['2026-11-25T12:00:00+05:30', '2026-11-25T06:30:00Z'],
    ['2026-11-25T12:00:00-08:00', '2026-11-25T20:00:00Z'],
  ])('%s is read', (text, iso) => {
    expect(instantOf(text, 'Europe/Berlin')).toBe(Date.parse(iso));
  });

  test('that is a day is its first moment in the zone', () => {
    expect(instantOf('2026-11-25', 'UTC')).toBe(Date.parse('2026-11-25T00:00:00Z'));
    expect(instantOf('2026-11-25', 'Asia/Tokyo')).toBe(Date.parse('2026-11-24T15:00:00Z'));
    // Midnight was skipped.
    expect(instantOf('2018-11-04', 'America/Sao_Paulo')).toBe(Date.parse('2018-11-04T03:00:00Z'));
  });

  test('is not read from a day that the zone skipped', () => {
    expect(instantOf('2011-12-30', 'Pacific/Apia')).toBe('skipped');
  });

  test.each([
    '',
    '2026',
    '2026-11',
    '2026-02-30',
    '2026-11-25T12:00:00',
    '2026-11-25T12:00:00Z ',
    ' 2026-11-25T12:00:00Z',
    '2026-11-25T12:00:00.1234567891Z',
    '2026-11-25T12Z',
    '2026-11-25T25:00:00Z',
    '2026-11-25T12:00:00+0530',
    '2026-11-25 12:00:00Z',
    '2026-11-25T12:00:00Z[UTC]',
    'x2026-11-25',
    '+002026-11-25',
    '+002026-11-25T12:00:00Z',
    '2026-11-25x',
    '02026-11-25',
    '20261125',
  ])('is not %j', (text) => {
    expect(instantOf(text, 'UTC')).toBeUndefined();
  });
});

describe('a day', () => {
  test.each(['2026-11-25', '2024-02-29', '0001-01-01', '9999-12-31'])('is %s', (text) => {
    expect(isDate(text)).toBe(true);
  });

  test.each([
    '',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-11-31',
    '2026-1-1',
    '2026-11-255',
    'x2026-11-25',
    '+002026-11-25',
    '+010000-01-01',
    '-000001-01-01',
    '2026-11-25[u-ca=gregory]',
    '20261125',
  ])('is not %j', (text) => {
    expect(isDate(text)).toBe(false);
  });

  test('has its noon in the zone', () => {
    expect(noonOf('2026-11-25', 'UTC')).toBe(Date.parse('2026-11-25T12:00:00Z'));
    expect(noonOf('2026-11-25', 'Asia/Tokyo')).toBe(Date.parse('2026-11-25T03:00:00Z'));
  });
});

describe('what clocks show', () => {
  test('leads back to an instant at which they show it', () => {
    const instantMs = Date.parse('2026-11-25T13:00:00Z');
    expect(instantOfReading(readCalendar(instantMs, 'Asia/Tokyo'), 'Asia/Tokyo')).toBe(instantMs);
  });

  test('leads nowhere when they skipped it', () => {
    const skipped = readCalendar(Date.parse('2026-03-29T02:00:00Z'), 'UTC');
    expect(instantOfReading(skipped, 'Europe/Berlin')).toBeUndefined();
    expect(instantOfReading(skipped, 'UTC')).toBe(Date.parse('2026-03-29T02:00:00Z'));
  });
});

test.each(['2026-01-01T00:00:00Z', '2026-01-01T00:00[Europe/Berlin]', '+02:00'])('%s names no time zone', (text) => {
  expect(isTimeZone(text)).toBe(false);
});
