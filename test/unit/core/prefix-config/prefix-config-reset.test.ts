/** The reset of a prefix config: it must show in the format, or numbers would repeat; the refusal proves it by an example. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldProblemsOf } from '../../../../src/core/field-problems.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { RESETS } from '../../../../src/core/template/period.ts';
import { compileSeries } from '../../../../src/services/numbers/series.ts';
import { propertyRuns } from '../../../support/property-runs.ts';
import { configOf } from '../../fakes/config-of.ts';

const problemsOf = (format: string, reset: string, fields: object = {}) =>
  fieldProblemsOf(prefixConfigInputSchema.safeParse({ format, reset, ...fields }).error?.issues ?? [], 'body');

describe('a reset that does not show in the format', () => {
  test.each([
    ['INV-{SEQ:4}', 'yearly', '01-01', 'INV-0001', '2026-01-01 (period 2026)', '2027-01-01 (period 2027)'],
    [
      'INV-{year}-{SEQ:4}',
      'monthly',
      '01-01',
      'INV-2026-0001',
      '2026-01-01 (period 2026-01)',
      '2026-02-01 (period 2026-02)',
    ],
    [
      'INV-{month}-{SEQ:4}',
      'monthly',
      '01-01',
      'INV-01-0001',
      '2026-01-01 (period 2026-01)',
      '2027-01-01 (period 2027-01)',
    ],
    [
      '{year}{month}-{SEQ:4}',
      'daily',
      '01-01',
      '202601-0001',
      '2026-01-01 (period 2026-01-01)',
      '2026-01-02 (period 2026-01-02)',
    ],
    ['{SEQ:4}', 'fiscal-yearly', '01-01', '0001', '2026-01-01 (period fy2026)', '2027-01-01 (period fy2027)'],
    [
      '{year}-{SEQ:4}',
      'fiscal-yearly',
      '04-01',
      '2026-0001',
      '2026-01-01 (period fy2025)',
      '2026-04-01 (period fy2026)',
    ],
    [
      '{fiscalYear}-{month}-{SEQ:3}',
      'monthly',
      '04-15',
      '2026-04-001',
      '2026-04-15 (period 2026-04)',
      '2027-04-01 (period 2027-04)',
    ],
  ])(
    '%s with %s and a fiscal year from %s is refused: %s of %s would come again on %s',
    (format, reset, start, number, one, other) => {
      const problems = problemsOf(format, reset, { fiscalYearStart: start });
      expect(problems).toEqual([{ path: 'reset', message: expect.any(String) }]);
      expect(problems[0]?.message).toContain(
        `The reset does not show in the format: ${number} of ${one} and ${number} of ${other} would be the same number`,
      );
    },
  );

  test('is told together with other problems of the body', () => {
    const paths = problemsOf('{SEQ:4}', 'yearly', { seqLength: 5 }).map(({ path }) => path);
    expect(paths.toSorted()).toEqual(['reset', 'seqLength']);
  });

  test('is no problem of its own while the format is no template', () => {
    expect(problemsOf('INVALID', 'yearly')).toEqual([]);
  });
});

test('a reset that shows is accepted, in any order and place', () => {
  for (const [format, reset] of [
    ['{day}.{month}.{yy}/{SEQ:4}', 'daily'],
    ['{SEQ:4}-{month}-{year}', 'monthly'],
    ['{yy}{SEQ:4}', 'yearly'],
    ['FY{fiscalYear}-{SEQ:4}', 'fiscal-yearly'],
    ['{SEQ:4}', 'never'],
    ['{yy}{dayOfYear}-{SEQ:3}', 'daily'],
    ['{weekYear}-{week}-{day}-{SEQ:3}', 'daily'],
    ['{year}-{month}-{SEQ:5}', 'fiscal-yearly'],
  ] as const) {
    expect({ format, problems: problemsOf(format, reset, { fiscalYearStart: '07-01' }) }).toEqual({
      format,
      problems: [],
    });
  }
});

test('within a century, no two periods of an accepted config print the same number', () => {
  const variables = ['{year}', '{yy}', '{month}', '{day}', '{fiscalYear}', '{week}', '{weekYear}', '{dayOfYear}'];
  const instantMs = fc.integer({ min: Date.UTC(2001, 0, 2), max: Date.UTC(2099, 11, 30) });
  const format = fc.subarray(variables).map((chosen) => `${chosen.join('-')}/{SEQ:3}`);
  fc.assert(
    fc.property(format, fc.constantFrom(...RESETS), instantMs, instantMs, (text, reset, one, other) => {
      fc.pre(problemsOf(text, reset, { fiscalYearStart: '04-01' }).length === 0);
      const series = compileSeries(configOf('INV', { format: text, reset, fiscalYearStart: '04-01' }), 0);
      const [first, second] = [series.at(one), series.at(other)];
      const samePeriod = first.target.sequence.period === second.target.sequence.period;
      expect(samePeriod || first.printerFor()(1n) !== second.printerFor()(1n)).toBe(true);
    }),
    { numRuns: propertyRuns(500) },
  );
});
