/** What a receipt keeps of a series: enough to print the same numbers, also by a version that kept more, and as short as can be. */
import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import { keepSeries, printReceipt } from '../../../../src/services/numbers/receipt-printing.ts';
import { configOf } from '../../fakes/config-of.ts';

const AT = Date.parse('2026-12-31T23:30:00Z');
const PREFIX_KEY = 'A.b_C:d-9';
const ranges = [
  { first: 9n, last: 11n },
  { first: 12_345_678_901_234_567_890n, last: 12_345_678_901_234_567_890n },
];

const FORMATS: readonly (readonly [string, Readonly<Record<string, string>> | undefined])[] = [
  ['INV-{year}-{SEQ:6}', undefined],
  ['{prefix}/{fiscalYear}/{yy}{month}{day}{hour}-{SEQ:1}#{week}', undefined],
  ['{var:a}-{SEQ:20}-{var:b}', { a: '07', b: 'xY' }],
  ['Straße ({year}) [{SEQ:3}]', undefined],
  ['{year}{SEQ:6}{check:mod97}', undefined],
  ['{var:a}-{SEQ:6}-{check:luhn}', { a: 'Q1' }],
  [`${'x'.repeat(120)}{year}-{SEQ:1}-${'y'.repeat(120)}`, undefined],
];

describe.each(FORMATS)('of %s', (format, variables) => {
  // Earlier versions took longer formats.
  const known = configOf(PREFIX_KEY, { format: 'A-{SEQ:1}', timeZone: 'Europe/Berlin', fiscalYearStart: '04-01' });
  const config = { ...known, format };
  const print = compileTemplate(parseTemplate(format), config)(AT)(variables);
  const printed = ranges.flatMap(({ first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, at) => print(first + BigInt(at))),
  );
  const receipt = (series: string) => ({ fingerprint: 'f', atMs: AT, period: '', ranges, series });
  const before = JSON.stringify({
    ...{ format, timeZone: 'Europe/Berlin', fiscalYearStart: '04-01', instantMs: AT, variables },
  });

  test('the same numbers come again', async () => {
    expect(await printReceipt(PREFIX_KEY, receipt(keepSeries(config, AT, variables, print)))).toEqual(printed);
  });

  test('and from what earlier versions kept', async () => {
    expect(await printReceipt(PREFIX_KEY, receipt(before))).toEqual(printed);
  });

  test('no more is kept than before', () => {
    expect(keepSeries(config, AT, variables, print).length).toBeLessThanOrEqual(before.length);
  });
});
