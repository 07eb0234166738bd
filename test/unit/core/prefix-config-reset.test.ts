/** The reset of a prefix config: it must show in the format, or numbers would repeat; the refusal proves it by an example. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldProblemsOf } from '../../../src/core/field-problems.ts';
import { RESETS } from '../../../src/core/period.ts';
import { prefixConfigInputSchema } from '../../../src/core/prefix-config.ts';
import { compileSeries } from '../../../src/services/series.ts';
import { configOf } from '../fakes/config-of.ts';

const problemsOf = (format: string, reset: string, fields: object = {}) =>
  fieldProblemsOf(prefixConfigInputSchema.safeParse({ format, reset, ...fields }).error?.issues ?? [], 'body');

describe('a reset that does not show in the format', () => {
  test.each([
    ['INV-{SEQ:4}', 'yearly', '{year} or {yy}', 'INV-0001', '2027-01-15'],
    ['INV-{year}-{SEQ:4}', 'monthly', '{month}', 'INV-2026-0001', '2026-02-15'],
    ['INV-{month}-{SEQ:4}', 'monthly', '{year} or {yy}', 'INV-01-0001', '2027-01-15'],
    ['{year}{month}-{SEQ:4}', 'daily', '{day}', '202601-0001', '2026-01-16'],
    ['{year}-{SEQ:4}', 'daily', '{month} and {day}', '2026-0001', '2026-02-15'],
    ['{SEQ:4}', 'fiscal-yearly', '{fiscalYear}', '0001', '2027-01-15'],
  ])('%s with %s is refused: it needs %s, for %s would come again on %s', (format, reset, needed, number, day) => {
    expect(problemsOf(format, reset)).toEqual([
      {
        path: 'reset',
        message:
          `The reset does not show in the format, which needs ${needed}: ` +
          `${number} of 2026-01-15 and ${number} of ${day} would be the same number`,
      },
    ]);
  });

  test('is refused in the words of its own format also when no example of ours collides', () => {
    const [problem] = problemsOf('{year}-{SEQ:4}', 'fiscal-yearly', { fiscalYearStart: '04-01' });
    expect(problem).toEqual({ path: 'reset', message: expect.stringContaining('which needs {fiscalYear}') });
  });

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
  ] as const) {
    expect({ format, problems: problemsOf(format, reset) }).toEqual({ format, problems: [] });
  }
});

test('within a century, no two periods of an accepted config print the same number', () => {
  const variables = ['{year}', '{yy}', '{month}', '{day}', '{fiscalYear}', '{week}'];
  const instantMs = fc.integer({ min: Date.UTC(2001, 0, 2), max: Date.UTC(2099, 11, 30) });
  const format = fc.subarray(variables).map((chosen) => `${chosen.join('-')}/{SEQ:3}`);
  fc.assert(
    fc.property(format, fc.constantFrom(...RESETS), instantMs, instantMs, (text, reset, one, other) => {
      fc.pre(problemsOf(text, reset).length === 0);
      const series = compileSeries(configOf('INV', { format: text, reset, fiscalYearStart: '04-01' }), 0);
      const [first, second] = [series.at(one), series.at(other)];
      const samePeriod = first.target.sequence.period === second.target.sequence.period;
      expect(samePeriod || first.printerFor()(1n) !== second.printerFor()(1n)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
