/** No two numbers of a registered series read the same: random configs, with instants, values and variables that invite it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitOf, type PrefixConfig } from '../../../src/core/prefix-config/prefix-config.ts';
import { readCalendar } from '../../../src/core/template/calendar.ts';
import { periodKeyOf } from '../../../src/core/template/period.ts';
import { compileTemplate } from '../../../src/core/template/printer.ts';
import { givenNamesOf, parseTemplate } from '../../../src/core/template/template.ts';
import { VALUE_MAX } from '../../../src/core/values/value.ts';
import { propertyRuns } from '../../support/property-runs.ts';
import { randomInput, registered, variablesFor } from '../../support/random-series.ts';
import { configOf } from '../fakes/config-of.ts';

const CONFIGS = propertyRuns(1_000);

/** Around the turns of days, months, quarters, weeks, years and fiscal years; nearly a century apart. */
const INSTANTS = [
  ...['2026-03-31T12:00:00Z', '2026-04-01T12:00:00Z', '2026-12-31T12:00:00Z', '2027-01-01T12:00:00Z'],
  ...['2027-02-01T12:00:00Z', '2099-04-01T12:00:00Z'],
].map((instant) => Date.parse(instant));

const TEXTS = [['A'], ['1'], ['11'], ['A01'], ['A2026'], ['A', '1']];

/** Values whose digits can be mistaken for those of their neighbours: around the width, and with many zeros. */
const valuesOf = (config: PrefixConfig): readonly bigint[] => {
  const full = 10n ** BigInt(config.seqLength);
  const values = [1n, 11n, full - 1n, full + 1n, full + 11n, 10n * full + 1n, 2027n * full + 1n, VALUE_MAX];
  return [...new Set(values)].filter((value) => value > 0n && value <= limitOf(config));
};

/** Two numbers of different period or value that read the same; undefined when none was found. */
const findTwins = (config: PrefixConfig): string | undefined => {
  const template = parseTemplate(config.format);
  const sourceAt = compileTemplate(template, config);
  const pools = givenNamesOf(template).length === 0 ? TEXTS.slice(0, 1) : TEXTS;
  const seen = new Map<string, string>();
  for (const instantMs of INSTANTS) {
    const period = periodKeyOf(readCalendar(instantMs, config.timeZone), config.reset, config.fiscalYearStart);
    for (const texts of pools) {
      const print = sourceAt(instantMs)(variablesFor(config, texts));
      for (const value of valuesOf(config)) {
        const number = print(value);
        const what = `${period} ${value}`;
        const earlier = seen.get(number) ?? what;
        if (earlier !== what) return `${config.format}: ${number} is ${earlier} and ${what}`;
        seen.set(number, what);
      }
    }
  }
  return undefined;
};

test(`of ${CONFIGS} random configs that can be registered none prints the same number for two periods or values`, () => {
  let looked = 0;
  fc.assert(
    fc.property(randomInput, (input) => {
      const config = registered(input);
      fc.pre(config !== undefined);
      expect(findTwins(config)).toBeUndefined();
      looked += 1;
    }),
    { numRuns: CONFIGS, maxSkipsPerRun: 1_000 },
  );
  expect(looked).toBe(CONFIGS);
});

describe('the search is not blind: it finds what registration refuses', () => {
  const unchecked = (format: string, more: Partial<PrefixConfig> = {}): PrefixConfig => ({
    ...configOf('INV', { format: `{SEQ:${parseTemplate(format).seqLength}}` }),
    format,
    ...more,
  });

  test.each([
    ['a reset that does not show', 'INV-{SEQ:3}', { reset: 'yearly' }],
    ['a month without its year', '{month}-{SEQ:3}', { reset: 'monthly' }],
    ['a variable right before the sequence', '{var:a}{SEQ:2}', {}],
    ['a variable right behind the sequence', '{SEQ:2}{var:a}', {}],
    ['a variable with a digit between it and the sequence', '{var:a}0{SEQ:2}', {}],
    ['a variable and a date right before the sequence', '{var:a}{year}{SEQ:2}', { reset: 'yearly' }],
  ] as const)('%s', (_what, format, more) => {
    expect(findTwins(unchecked(format, more))).toBeDefined();
    expect(registered({ format, ...more })).toBeUndefined();
  });

  test.each([
    ['a character between them', '{var:a}-{SEQ:2}', {}],
    ['a sequence that does not grow', '{var:a}{SEQ:2}', { overflow: 'reject' }],
    ['a variable that only a date touches', '{var:a}{year}-{SEQ:2}', { reset: 'yearly' }],
    ['a sequence that grows between dates', '{year}{SEQ:2}{month}', { reset: 'monthly' }],
  ])('and what makes the difference is accepted: %s', (_what, format, more) => {
    expect(registered({ format, ...more })).toBeDefined();
  });
});
