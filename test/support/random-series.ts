/** Random series for property tests: any template, any reset, any zone; whether it can be registered is for the rules to say. */
import fc from 'fast-check';
import type { PrefixConfig } from '../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../src/core/prefix-config/prefix-config-rules.ts';
import type { GivenVariables } from '../../src/core/template/printer.ts';
import { givenNamesOf, parseTemplate } from '../../src/core/template/template.ts';

const DATES = ['year', 'yy', 'month', 'day', 'hour', 'quarter', 'week', 'weekYear', 'dayOfYear', 'fiscalYear'];

/** Literals that invite mistakes: digits next to digits, letters next to variables, characters of two code units. */
const literal = fc.constantFrom('-', '/', '-', ' ', '1', '20', '0', 'A', 'INV', 'é', '٤', '𐐷', '.', '-00-');
const date = fc.constantFrom(...DATES.map((name) => `{${name}}`));
const given = fc.constantFrom('{var:a}', '{var:b}');
const side = fc.array(
  fc.oneof(
    { arbitrary: date, weight: 5 },
    { arbitrary: literal, weight: 4 },
    { arbitrary: given, weight: 1 },
    { arbitrary: fc.constant('{prefix}'), weight: 1 },
  ),
  { maxLength: 6 },
);
const checks = fc.array(fc.constantFrom('{check:luhn}', '{check:mod97}', '{check:damm}', '-'), { maxLength: 2 });

const SHOWING = {
  never: '',
  daily: '{day}{month}{yy}',
  monthly: '{yy}{month}',
  yearly: '{yy}',
  'fiscal-yearly': '{fiscalYear}',
} as const;

/** What a client may send: it is accepted but for the rules of format and reset. */
export const randomInput = fc
  .record({
    head: side,
    tail: side,
    checks,
    width: fc.integer({ min: 1, max: 20 }),
    reset: fc.constantFrom('never', 'daily', 'monthly', 'yearly', 'fiscal-yearly'),
    /** Whether something that shows the reset is added. */
    shows: fc.boolean(),
    overflow: fc.constantFrom('extend', 'reject'),
    timeZone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Kiritimati'),
    fiscalYearStart: fc.constantFrom('01-01', '04-01', '12-31'),
  })
  .map(({ head, tail, checks: digits, width, shows, ...rest }) => ({
    ...rest,
    format: `${head.join('')}{SEQ:${width}}${tail.join('')}${shows ? SHOWING[rest.reset] : ''}${digits.join('')}`,
  }));

/** The config of a registration; undefined when it is refused. */
export const registered = (input: object, prefixKey = 'INV-7'): PrefixConfig | undefined => {
  const parsed = prefixConfigInputSchema.safeParse(input);
  return parsed.success ? { prefixKey, ...parsed.data, version: 1 } : undefined;
};

/** Variables for a config from a pool of texts; the same numbers choose the same. */
export const variablesFor = (config: PrefixConfig, pool: readonly string[]): GivenVariables =>
  Object.fromEntries(
    givenNamesOf(parseTemplate(config.format)).map((name, index) => [name, pool[index % pool.length] ?? 'X']),
  );
