/** What a strategy cannot have is refused at the field that asks for it, as the client spelled it. */
import { describe, expect, test } from 'vitest';
import { fieldProblemsOf } from '../../../../src/core/field-problems.ts';
import { limitOf } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { SNOWFLAKE_MIN } from '../../../../src/core/snowflake/snowflake.ts';
import { configOf } from '../../fakes/config-of.ts';

const problemsOf = (fields: object) =>
  fieldProblemsOf(prefixConfigInputSchema.safeParse({ format: 'A-{SEQ:6}', ...fields }).error?.issues ?? [], 'body');
const pathsOf = (fields: object): string[] => problemsOf(fields).map(({ path }) => path);

const YEARLY = { format: 'A-{year}-{SEQ:6}', reset: 'yearly' };
const NARROW = { format: 'A-{SEQ:18}', overflow: 'reject' };

describe('a config is refused', () => {
  test.each([
    ['reset', { ...YEARLY, strategy: 'snowflake' }],
    ['reset', { ...YEARLY, strategy: 'uuidv7' }],
    ['initialSeq', { initialSeq: 5, strategy: 'snowflake' }],
    ['initial_seq', { initial_seq: 5, strategy: 'uuidv7' }],
    ['overflow', { ...NARROW, strategy: 'snowflake' }],
    ['allowPast', { allowPast: true, strategy: 'gapless' }],
    ['allow_past', { allow_past: true, strategy: 'segment' }],
    ['outage', { outage: 'temporary', strategy: 'gapless' }],
    ['format', { format: 'A-{SEQ:6}{var:branch}' }],
    ['format', { format: 'A{year}\u0301-{SEQ:6}' }],
  ])('at %s: %j', (path, fields) => {
    expect(pathsOf(fields)).toEqual([path]);
  });

  test('with the parts between which there is no boundary', () => {
    expect(problemsOf({ format: 'A-{SEQ:6}{var:branch}' })[0]?.message).toContain(
      'where the parts of {SEQ:6}{var:branch} end',
    );
  });
});

describe('a config is accepted', () => {
  test.each([
    { strategy: 'snowflake' },
    { strategy: 'uuidv7' },
    { ...NARROW, strategy: 'uuidv7' },
    { ...NARROW, strategy: 'counter' },
    { format: 'A-{SEQ:19}', overflow: 'reject', strategy: 'snowflake' },
    { format: 'A-{SEQ:18}', strategy: 'snowflake' },
    { ...YEARLY, initialSeq: 5, strategy: 'segment' },
    { allowPast: true, strategy: 'counter' },
    { allowPast: false, strategy: 'gapless' },
    { outage: 'temporary', strategy: 'counter' },
    { outage: 'reject', strategy: 'gapless' },
  ])('%j', (fields) => {
    expect(problemsOf(fields)).toEqual([]);
  });
});

test('{SEQ} takes the length of the field beside it, in either spelling, and stays as it is without one', () => {
  const formatOf = (fields: object) => prefixConfigInputSchema.parse({ format: 'A-{SEQ}', ...fields }).format;
  expect(formatOf({ seqLength: 6 })).toBe('A-{SEQ:6}');
  expect(formatOf({ seq_length: 4 })).toBe('A-{SEQ:4}');
  expect(formatOf({})).toBe('A-{SEQ}');
});

test('a counter stays below all snowflakes when its prefix ever had some, and only then', () => {
  const config = configOf('A', { format: 'A-{SEQ:6}' });
  const former = (...strategies: readonly ('counter' | 'snowflake')[]) =>
    strategies.map((strategy) => ({ format: 'A-{SEQ:6}', strategy, reset: 'never' as const }));
  expect(limitOf({ ...config, former: former('counter', 'snowflake') })).toBe(SNOWFLAKE_MIN - 1n);
  expect(limitOf({ ...config, former: former('counter') })).toBe(2n ** 64n - 1n);
  expect(limitOf(config)).toBe(2n ** 64n - 1n);
});
