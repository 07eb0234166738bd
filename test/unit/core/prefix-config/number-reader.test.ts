/** Numbers read back: what was printed comes out again, and what no series prints is no number. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileReader, type NumberReading } from '../../../../src/core/prefix-config/number-reader.ts';
import { limitOf } from '../../../../src/core/prefix-config/prefix-config.ts';
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
  ])('%s', (_what, format, number) => {
    expect(read({ format }, number)).toBeUndefined();
  });

  test('a value above the limit of a series that does not grow', () => {
    expect(read({ format: 'A{SEQ:2}', overflow: 'reject' }, 'A100')).toBeUndefined();
    expect(read({ format: 'A{SEQ:2}' }, 'A100')).toMatchObject({ value: 100n });
  });
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
