/** Each value is printed by the numbering of its time, and where that is not known, nothing is said. */
import { describe, expect, test } from 'vitest';
import { decodeHistory, encodeHistory } from '../../../../src/core/prefix-config/history-codec.ts';
import { type NumberingEnd, numberingsOf } from '../../../../src/core/prefix-config/numbering-times.ts';

const numbering = (format: string, until?: NumberingEnd, reset: 'never' | 'yearly' = 'never') => ({
  ...{ format, strategy: 'counter' as const, reset, timeZone: 'UTC', fiscalYearStart: '01-01' },
  ...{ overflow: 'extend' as const, ...(until && { until }) },
});

const range = (first: bigint, last: bigint) => ({ first, last });
const endAt = (value: bigint, period = ''): NumberingEnd => ({
  period,
  past: false,
  marks: [{ period, value, ahead: [], free: [], open: [] }],
});

const namesOf = (former: ReturnType<typeof numbering>[], value: bigint, period = '', reset?: 'yearly') =>
  numberingsOf(former, numbering('NOW', undefined, reset), period, value)
    .map(({ format }) => format)
    .join(' or ');

describe('a value was printed', () => {
  test('by the format that was in force when the counter passed it', () => {
    const former = [numbering('A', endAt(3n)), numbering('B', endAt(5n))];
    expect([1n, 3n, 4n, 5n, 6n].map((value) => namesOf(former, value))).toEqual(['A', 'A', 'B', 'B', 'NOW']);
  });

  test('before, when it was taken ahead of the counter; later, when it had been given back; either way, when a node held it', () => {
    const [mark] = endAt(10n).marks;
    const end = { ahead: [range(50n, 60n)], free: [range(4n, 5n)], open: [range(20n, 30n)] };
    const former = [numbering('A', { period: '', past: false, marks: mark ? [{ ...mark, ...end }] : [] })];
    expect([3n, 4n, 10n, 11n, 20n, 30n, 31n, 55n].map((value) => namesOf(former, value))).toEqual([
      'A',
      'NOW',
      'A',
      'NOW',
      'A or NOW',
      'A or NOW',
      'NOW',
      'A',
    ]);
  });

  test('in any of the formats, where a node of before wrote down no mark', () => {
    expect(namesOf([numbering('A'), numbering('B', endAt(5n))], 3n)).toBe('A or B');
    expect(namesOf([numbering('A'), numbering('B', endAt(5n))], 6n)).toBe('A or NOW');
  });

  test('by the period: all of earlier ones before, all of later ones after, unless earlier ones went on', () => {
    const former = [numbering('A', endAt(3n, '2026'), 'yearly')];
    const inPeriod = (period: string) => namesOf(former, 2n, period, 'yearly');
    expect(['2025', '2026', '2027'].map(inPeriod)).toEqual(['A', 'A', 'NOW']);
    const open = [numbering('A', { ...endAt(3n, '2026'), past: true }, 'yearly')];
    expect(namesOf(open, 2n, '2025', 'yearly')).toBe('A or NOW');
  });

  test('before, in an earlier period that went on under a format of before only', () => {
    const [one, other] = [{ ...endAt(3n, '2025'), past: true }, endAt(5n, '2026')];
    expect(namesOf([numbering('A', one, 'yearly'), numbering('B', other, 'yearly')], 2n, '2024', 'yearly')).toBe(
      'A or B',
    );
  });

  test('by no format that counted without periods, when it has one', () => {
    expect(namesOf([numbering('A', endAt(3n))], 2n, '2026', 'yearly')).toBe('NOW');
    expect(namesOf([numbering('A')], 2n, '2026', 'yearly')).toBe('NOW');
    expect(namesOf([numbering('A', endAt(3n, '2026'), 'yearly')], 2n)).toBe('NOW');
  });

  test('later, in an earlier period that had not counted when the format was changed', () => {
    const former = [numbering('A', { period: '2026', past: false, since: '2024', marks: [] }, 'yearly')];
    expect(['2023', '2024', '2025'].map((period) => namesOf(former, 2n, period, 'yearly'))).toEqual([
      'A',
      'NOW',
      'NOW',
    ]);
  });

  test('either way, in a period that was not looked at, when numbers of earlier periods were allowed since', () => {
    const former = [numbering('A', endAt(3n, '2026'), 'yearly')];
    const nowWithPast = { ...numbering('NOW', undefined, 'yearly'), allowPast: true };
    const formats = numberingsOf(former, nowWithPast, '2025', 2n).map(({ format }) => format);
    expect(formats).toEqual(['A', 'NOW']);
    const since = numbering('B', { ...endAt(3n, '2027'), past: true }, 'yearly');
    expect(namesOf([...former, since], 2n, '2025', 'yearly')).toBe('A or B or NOW');
  });

  test('after all changes, when it was taken after the latest, whatever is unknown of the earlier ones', () => {
    const latest = numbering('B', { ...endAt(5n, '2027'), past: true, marks: endAt(5n, '2025').marks }, 'yearly');
    const former = [numbering('A', endAt(3n, '2026'), 'yearly'), latest];
    expect(namesOf(former, 6n, '2025', 'yearly')).toBe('NOW');
    expect(namesOf(former, 2n, '2025', 'yearly')).toBe('A or B');
  });

  test('by no numbering that counted elsewhere', () => {
    expect(namesOf([numbering('A', endAt(3n, '2026'), 'yearly')], 2n)).toBe('NOW');
  });
});

test('marks are stored and read to the last digit, and what a later version adds is kept', () => {
  const [mark] = endAt(18_446_744_073_709_551_614n).marks;
  const marks = mark ? [{ ...mark, ahead: [range(1n, 2n)], open: [range(7n, 9n)] }] : [];
  const history = { removed: 4, former: [numbering('A{SEQ:1}', { period: '', past: true, since: '', marks })] };
  expect(decodeHistory(encodeHistory(history))).toEqual(history);
  const later =
    '{"colour":"red","former":[{"shape":"round","format":"A{SEQ:1}","strategy":"counter","reset":"never"}]}';
  expect(JSON.parse(encodeHistory(decodeHistory(later) ?? { removed: 0, former: [] }))).toEqual(JSON.parse(later));
  expect(decodeHistory('{')).toBeUndefined();
});

test('of an end that was stored what is left out is as usual, and its values are digits', () => {
  const endOf = (until: object) => {
    const former = [{ format: 'A{SEQ:4}', strategy: 'counter', reset: 'never', until }];
    return decodeHistory(JSON.stringify({ former }))?.former[0]?.until;
  };
  expect(endOf({ period: '' })).toEqual({ period: '', past: false, marks: [] });
  expect(endOf({ period: '', marks: [{ period: '', value: '12' }] })).toEqual(endAt(12n));
  for (const value of ['x12', '12x', '-1', '', '1'.repeat(21)]) {
    expect(endOf({ period: '', marks: [{ period: '', value }] })).toBeUndefined();
  }
});
