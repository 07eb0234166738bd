/** Numbers read back: what was printed comes out again, and what no series prints is no number. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileReader, type NumberReading, spellingsOf } from '../../../../src/core/prefix-config/number-reader.ts';
import { limitOf } from '../../../../src/core/prefix-config/prefix-config.ts';
import { checkDigitOf } from '../../../../src/core/template/check-digit.ts';
import { compileSeries } from '../../../../src/services/numbers/series.ts';
import { propertyRuns } from '../../../support/property-runs.ts';
import { randomInput, registered, variablesFor } from '../../../support/random-series.ts';
import { configOf } from '../../fakes/config-of.ts';

const RUNS = propertyRuns(500);

const read = (input: object, number: string): NumberReading | undefined =>
  compileReader(configOf('INV', input))(number);

describe('a number says', () => {
  test.each([
    ['INV-{year}-{SEQ:6}', {}, 'INV-2026-000124', { period: '', value: 124n }],
    ['INV-{year}-{SEQ:6}', { reset: 'yearly' }, 'INV-2026-000124', { period: '2026', value: 124n }],
    ['{yy}{SEQ:3}', { reset: 'yearly' }, '261234', { period: '2026', value: 1234n }],
    ['{yy}{month}/{SEQ:2}', { reset: 'monthly' }, '2602/10', { period: '2026-02', value: 10n }],
    ['{SEQ:4}{year}{month}{day}', { reset: 'daily' }, '1234520280229', { period: '2028-02-29', value: 12_345n }],
    ['FY{fiscalYear}-{SEQ:2}', { reset: 'fiscal-yearly', fiscalYearStart: '04-01' }, 'FY2026-01', { period: 'fy2026' }],
    ['{prefix}{SEQ:3}', {}, 'INV007', { value: 7n }],
    ['{SEQ:20}', {}, '18446744073709551615', { value: 18_446_744_073_709_551_615n }],
    ['{var:a}-{SEQ:2}.{var:b}', {}, 'X1-007.2', undefined],
    ['{var:a}-{SEQ:2}.{var:b}', {}, 'X1-17.2', { value: 17n, variables: { a: 'X1', b: '2' } }],
    ['{var:a}{year}-{SEQ:2}', {}, '12026-01', { variables: { a: '1' } }],
    ['{var:a}{SEQ:2}', { overflow: 'reject' }, '12345', { value: 45n, variables: { a: '123' } }],
    ['{var:a}{SEQ:1}', { strategy: 'uuidv7' }, `A${'0'.repeat(30)}ff`, { value: 255n, variables: { a: 'A' } }],
    ['{SEQ:3}-{check:damm}', {}, '572-4', { value: 572n, checkDigit: 'right' }],
    ['{SEQ:3}-{check:damm}', {}, '572-5', { value: 572n, checkDigit: 'wrong' }],
    ['{SEQ:3}{check:luhn}{check:mod97}', {}, '1230', undefined],
  ])('%s %j %s', (format, more, number, reading) => {
    const found = read({ format, ...more }, number);
    if (reading === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(reading);
  });
});

describe('no number of a series is', () => {
  test.each([
    ['one of another literal', 'INV-{SEQ:3}', 'INW-001'],
    ['one that is too short', 'INV-{SEQ:3}', 'INV-01'],
    ['one with something behind it', 'INV-{SEQ:3}', 'INV-001 '],
    ['a value with a zero too many', 'INV-{SEQ:3}', 'INV-0001'],
    ['the value 0', 'INV-{SEQ:3}', 'INV-000'],
    ['a value above 2^64 − 1', '{SEQ:20}', '18446744073709551616'],
    ['a value in digits of another script', '{SEQ:2}', '٤٢'],
    ['a month that does not exist', '{year}{month}-{SEQ:2}', '202613-01'],
    ['a day that does not exist', '{year}-{month}-{day}-{SEQ:2}', '2026-02-29-01'],
    ['an hour that does not exist', '{hour}-{SEQ:2}', '24-01'],
    ['a week that this year does not have', '{weekYear}-W{week}-{SEQ:2}', '2025-W53-01'],
    ['a quarter that is not that of the month', '{month}/{quarter}-{SEQ:2}', '04/1-01'],
    ['a day of the year that is not that of the date', '{year}{month}{day}.{dayOfYear}-{SEQ:2}', '20260301.061-01'],
    ['a year that differs from itself', '{year}-{SEQ:2}-{year}', '2026-01-2025'],
    ['a variable that differs from itself', '{var:a}-{SEQ:2}-{var:a}', 'A-01-B'],
    ['an empty variable', '{var:a}-{SEQ:2}', '-01'],
    ['a variable of 33 characters', '{var:a}-{SEQ:2}', `${'A'.repeat(33)}-01`],
    ['another prefix', '{prefix}-{SEQ:2}', 'INX-01'],
    ['no text at all', '{SEQ:2}', ''],
    ['a check digit that is no digit', '{SEQ:3}-{check:damm}', '572-x'],
    ['check digits with a letter before', '{SEQ:6}{check:mod97}', '000794x4'],
    ['check digits with a letter behind', '{SEQ:6}{check:mod97}', '0007944x'],
  ])('%s', (_what, format, number) => {
    expect(read({ format }, number)).toBeUndefined();
  });

  test('a value above the limit of a series that does not grow', () => {
    expect(read({ format: 'A{SEQ:2}', overflow: 'reject' }, 'A100')).toBeUndefined();
    expect(read({ format: 'A{SEQ:2}' }, 'A100')).toMatchObject({ value: 100n });
  });
});

describe('of a series that shows two digits of the year', () => {
  const series = { format: '{yy}{month}{day}.{week}-{SEQ:2}', reset: 'yearly' };

  test('the last year of the century is one', () => {
    expect(read({ format: '{yy}-{SEQ:2}', reset: 'yearly' }, '99-01')).toMatchObject({ period: '2099' });
    expect(read({ format: '{yy}-{SEQ:2}', reset: 'yearly' }, '00-01')).toMatchObject({ period: '2000' });
  });

  test('a day that only another century has is none', () => {
    // 1 January was in week 53 in 1915, and in week 1 in 2015.
    expect(read(series, '150101.53-01')).toBeUndefined();
    expect(read(series, '150101.01-01')).toMatchObject({ period: '2015' });
    expect(read({ ...series, reset: 'never' }, '150101.53-01')).toMatchObject({ value: 1n });
    // And of all years that end with 00 only in 2100 in week 53.
    expect(read(series, '000101.53-01')).toBeUndefined();
    expect(read({ ...series, reset: 'never' }, '000101.53-01')).toMatchObject({ value: 1n });
  });
});

test('a UUID has 32 hexadecimal digits, and nothing else among them', () => {
  const uuid = { format: 'A{SEQ:1}', strategy: 'uuidv7' };
  expect(read(uuid, `A${'0'.repeat(31)}f`)).toMatchObject({ value: 15n });
  for (const digits of [`g${'0'.repeat(31)}`, `${'0'.repeat(31)}g`]) expect(read(uuid, `A${digits}`)).toBeUndefined();
});

test('a wrong check digit stays wrong when another one behind it is right', () => {
  const wrong = '572-5';
  const number = `${wrong}${checkDigitOf('luhn', wrong)}`;
  expect(read({ format: '{SEQ:3}-{check:damm}{check:luhn}' }, number)).toMatchObject({ checkDigit: 'wrong' });
});

test('a value that only a snowflake of the prefix can have is no number of its counter', () => {
  const config = configOf('INV', { format: 'A{SEQ:2}' });
  const former = [{ format: 'B{SEQ:2}', strategy: 'snowflake', reset: 'never' } as const];
  expect(compileReader({ ...config, former })('A10000000000000000')).toBeUndefined();
  expect(compileReader({ ...config, former })('A9999999999999999')).toMatchObject({ value: 9_999_999_999_999_999n });
});

test('a copied number is tried as it is, without line breaks at its ends, and without blanks', () => {
  expect(spellingsOf('INV-1')).toEqual(['INV-1']);
  expect(spellingsOf('\r\n\n INV\n1 \r\n\n')).toEqual(['\r\n\n INV\n1 \r\n\n', ' INV\n1 ', 'INV\n1']);
  expect(spellingsOf(' INV-1\t')).toEqual([' INV-1\t', 'INV-1']);
  expect(spellingsOf('A\u0308-1')).toEqual(['\u00c4-1']);
});

describe('any series that can be registered', () => {
  const instant = fc.integer({ min: Date.UTC(2000, 0, 3), max: Date.UTC(2099, 11, 28) });
  const pool = fc.array(fc.stringMatching(/^[A-Za-z0-9]{1,32}$/), { minLength: 1, maxLength: 2 });
  const choice = fc.bigInt(1n, 2n ** 64n - 1n);

  test('reads back what it prints: prefix, period, value, variables, and that the check digit is right', () => {
    let read = 0;
    fc.assert(
      fc.property(
        randomInput,
        instant,
        pool,
        choice,
        fc.integer({ min: 0, max: 20 }),
        (input, at, texts, wide, shift) => {
          const config = registered(input);
          fc.pre(config !== undefined);
          // Small values and wide ones, up to the limit of the series.
          const value = ((wide / 10n ** BigInt(shift)) % limitOf(config)) + 1n;
          const variables = variablesFor(config, texts);
          const series = compileSeries(config, 0);
          const { printerFor, target } = series.at(at);
          const reading = compileReader(config)(printerFor(variables)(value));
          expect(reading).toEqual({
            period: target.sequence.period,
            value,
            variables,
            checkDigit: config.format.includes('{check:') ? 'right' : undefined,
          });
          read += 1;
        },
      ),
      { numRuns: RUNS },
    );
    expect(read).toBe(RUNS);
  }, 60_000);
});
