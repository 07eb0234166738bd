/** Prefix configs from clients: both spellings, the defaults, and every bad value by its path. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldProblem } from '../../../../src/core/error-params.ts';
import { fieldProblemsOf } from '../../../../src/core/field-problems.ts';
import { limitOf, PREFIX_KEY, type PrefixConfigInput } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixKeySchema } from '../../../../src/core/prefix-config/prefix-config-fields.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { decodeStoredConfig } from '../../../../src/core/prefix-config/stored-config.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const FORMAT = 'INV-{year}-{SEQ:6}';
const DEFAULTS = {
  format: FORMAT,
  seqLength: 6,
  initialSeq: 0n,
  strategy: 'counter',
  reset: 'never',
  timeZone: 'UTC',
  fiscalYearStart: '01-01',
  overflow: 'extend',
  outage: 'standby',
  allowPast: false,
};

/** Reads a config with the usual format and these fields. */
const read = (fields: object): PrefixConfigInput => prefixConfigInputSchema.parse({ format: FORMAT, ...fields });

const problemsOf = (body: unknown): FieldProblem[] =>
  fieldProblemsOf(prefixConfigInputSchema.safeParse(body).error?.issues ?? [], 'body');

const pathsOf = (fields: object): string[] => problemsOf({ format: FORMAT, ...fields }).map(({ path }) => path);

describe('prefix keys', () => {
  test.each(['A', '0', 'INV', 'ORD-EU', 'a.b_c:d-e', 'A'.repeat(64)])('%s is one', (key) => {
    expect(prefixKeySchema.safeParse(key).success).toBe(true);
  });

  test.each(['', ' ', '-INV', '.', '..', ':A', '_A', 'A B', 'A/B', 'A\n', 'A\0', 'Ä', 'A{B}', 'A*', 'A'.repeat(65), 7])(
    '%j is none',
    (key) => {
      expect(prefixKeySchema.safeParse(key).success).toBe(false);
    },
  );

  test('every prefix key stands in a URL path as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(PREFIX_KEY), (key) => {
        expect(new URL(`http://localhost/numbers/${key}`).pathname).toBe(`/numbers/${key}`);
      }),
    );
  });
});

describe('a config from a client', () => {
  test('needs nothing but a format; the rest has defaults', () => {
    expect(read({})).toEqual(DEFAULTS);
  });

  test('reads the body of the brief', () => {
    const body = { format: 'ORDER-{year}-{SEQ:6}', seq_length: 6, initial_seq: 1000 };
    expect(prefixConfigInputSchema.parse(body)).toMatchObject({ seqLength: 6, initialSeq: 1000n });
  });

  test.each([
    ['seqLength', 'seq_length', 6, { seqLength: 6 }],
    ['initialSeq', 'initial_seq', 1000, { initialSeq: 1000n }],
    ['initialSeq', 'initial_seq', '1000', { initialSeq: 1000n }],
    ['timeZone', 'time_zone', 'Asia/Kolkata', { timeZone: 'Asia/Kolkata' }],
    ['fiscalYearStart', 'fiscal_year_start', '04-01', { fiscalYearStart: '04-01' }],
    ['allowPast', 'allow_past', true, { allowPast: true }],
    ['allowCollision', 'allow_collision', true, { allowCollision: true }],
    ['allowCollision', 'allow_collision', false, {}],
  ])('%s may be spelt %s, or both when they agree', (camelCase, snakeCase, value, expected) => {
    const config = { ...DEFAULTS, ...expected };
    expect(read({ [camelCase]: value })).toEqual(config);
    expect(read({ [snakeCase]: value })).toEqual(config);
    expect(read({ [camelCase]: value, [snakeCase]: value })).toEqual(config);
  });

  test.each([
    ['seqLength', 'seq_length', 6, 5],
    ['initialSeq', 'initial_seq', 1, 2],
    ['initialSeq', 'initial_seq', 0, 1],
    ['timeZone', 'time_zone', 'UTC', 'Europe/Berlin'],
    ['fiscalYearStart', 'fiscal_year_start', '01-01', '04-01'],
    ['allowPast', 'allow_past', true, false],
    ['allowCollision', 'allow_collision', true, false],
  ])('%s and %s with different values contradict each other', (camelCase, snakeCase, one, other) => {
    const message = `Given as ${camelCase} too, with another value`;
    expect(problemsOf({ format: FORMAT, [camelCase]: one, [snakeCase]: other })).toContainEqual({
      path: snakeCase,
      message,
    });
  });

  test('the same value as number and as text is no contradiction, with leading zeros or without', () => {
    expect(read({ initialSeq: '0005', initial_seq: 5 }).initialSeq).toBe(5n);
    expect(read({ initialSeq: 1000, initial_seq: '1000' }).initialSeq).toBe(1000n);
  });

  test('takes every field that has a choice', () => {
    const chosen = { strategy: 'counter', reset: 'yearly', overflow: 'reject', outage: 'temporary', allowPast: true };
    expect(read(chosen)).toEqual({ ...DEFAULTS, ...chosen });
  });

  test('a format that is no template passes here: its own error comes later', () => {
    expect(prefixConfigInputSchema.parse({ format: 'INVALID-2024' })).toMatchObject({ format: 'INVALID-2024' });
  });
});

describe('every bad value is refused at its path', () => {
  test.each([
    ['format', [undefined, null, 7, {}, ['{SEQ:6}'], 'A'.repeat(257)]],
    ['seqLength', [0, 21, -5, 1.5, '6', null, true, Number.NaN, Number.POSITIVE_INFINITY, 1e300]],
    ['seq_length', [0, 21, -5, 1.5, '6', null]],
    ['initialSeq', [-1, -0.5, 1.5, null, true, [], {}, 2 ** 53, 1e300, Number.NaN]],
    ['initialSeq', ['', ' ', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '1 ', '١', '1n', '1_000', '9'.repeat(21)]],
    ['initialSeq', ['18446744073709551615', '18446744073709551616', '99999999999999999999']],
    ['initial_seq', [-1, 1.5, '-1', '', null, '18446744073709551615']],
    ['strategy', ['guess', 'COUNTER', '', null, 1]],
    ['reset', ['hourly', 'Never', '', null, 1]],
    ['timeZone', ['', 'Mars/Phobos', '+02:00', 'Europe/Berlin ', null, 2, `Europe/${'x'.repeat(64)}`]],
    ['time_zone', ['', 'Mars/Phobos', null]],
    ['fiscalYearStart', ['', '4-1', '04/01', '0401', '13-01', '00-01', '01-00', '04-31', '02-29', '2026-04-01', null]],
    ['fiscalYearStart', ['04-01T', ' 04-01', '04-1 ', 'Apr 1', '٠٤-٠١', '--', '04-01-01', 401]],
    ['fiscal_year_start', ['', '02-30', null]],
    ['overflow', ['wrap', 'EXTEND', '', null, true]],
    ['outage', ['none', 'Standby', '', null, false]],
    ['allowPast', ['yes', 'true', '', null, 1]],
    ['allow_past', ['yes', null, 0]],
  ])('%s: %j', (path, values) => {
    for (const value of values) {
      expect({ value, paths: new Set(pathsOf({ [path]: value })) }).toEqual({ value, paths: new Set([path]) });
    }
  });

  test.each([[null], [undefined], [[]], ['text'], [7]])(
    'a body that is no object, %j, is a problem of the body',
    (body) => {
      expect(problemsOf(body).map(({ path }) => path)).toEqual(['body']);
    },
  );

  test('unknown fields are named, one by one; a misspelling is not silently dropped', () => {
    const body = { format: FORMAT, intialSeq: 5, prefixKey: 'INV', version: 3, prefix_key: 'INV' };
    expect(problemsOf(body)).toEqual(
      ['intialSeq', 'prefixKey', 'version', 'prefix_key'].map((path) => ({ path, message: 'Unknown field' })),
    );
  });

  test('a __proto__ in the body is an unknown field', () => {
    expect(problemsOf(JSON.parse('{"format":"{SEQ:6}","__proto__":{"overflow":"reject"}}'))).toEqual([
      { path: '__proto__', message: 'Unknown field' },
    ]);
  });

  test('several bad fields are reported together', () => {
    expect(pathsOf({ seqLength: 0, initialSeq: -1, timeZone: 'X', overflow: 'wrap' }).toSorted()).toEqual([
      'initialSeq',
      'overflow',
      'seqLength',
      'timeZone',
    ]);
  });

  test('a wrong initialSeq is answered with the rule in words, never with a pattern', () => {
    const messages = [-1, 1.5, 2 ** 53, true, '-1', 'abc', '18446744073709551615'].map(
      (initialSeq) => problemsOf({ format: FORMAT, initialSeq })[0]?.message,
    );
    expect(new Set(messages)).toEqual(
      new Set([expect.stringContaining('A whole number from 0 to 18446744073709551614')]),
    );
  });
});

describe('what a number costs to print', () => {
  const given = '-{var:a}'.repeat(7);

  test.each([
    ['three check digits', '{SEQ:3}{check:luhn}{check:mod97}{check:damm}', 'at most 2 check digits'],
    ['numbers of 257 characters', `${'A'.repeat(5)}{SEQ:1}${given}.`, 'could have 257 characters, more than 256'],
    ['twenty variables', `{SEQ:20}${'-{var:a}'.repeat(20)}`, 'could have 680 characters'],
    ['four prefix keys', `{prefix}-{prefix}-{prefix}-{prefix}-{SEQ:3}`, 'could have 280 characters'],
  ])('is bounded: %s are refused with the reason, and go on being read where they are stored', (_what, format, why) => {
    expect(problemsOf({ format })).toContainEqual({ path: 'format', message: expect.stringContaining(why) });
    const stored = decodeStoredConfig('A', JSON.stringify({ prefix_key: 'A', format, version: 1 }));
    expect(stored).toMatchObject({ kind: 'config', config: { format } });
  });

  test('may be that of 256 characters and two check digits', () => {
    const format = `A{SEQ:1}${given}{check:luhn}{check:mod97}`;
    expect(problemsOf({ format })).toEqual([]);
    expect(problemsOf({ format: `${'A'.repeat(4)}{SEQ:1}${given}.` })).toEqual([]);
  });
});

describe('the length', () => {
  test('is the N of the format when it is not given', () => {
    expect(prefixConfigInputSchema.parse({ format: '{SEQ:20}' }).seqLength).toBe(20);
    expect(prefixConfigInputSchema.parse({ format: '{SEQ:1}' }).seqLength).toBe(1);
  });

  test.each(['seqLength', 'seq_length'])('given as %s it must equal N', (path) => {
    expect(problemsOf({ format: FORMAT, [path]: 5 })).toEqual([
      { path, message: 'Differs from the {SEQ:6} of the format' },
    ]);
  });
});

describe('initialSeq', () => {
  test('is exact as a string up to 2^64 - 2, with leading zeros or without', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, VALUE_MAX - 1n), (value) => {
        expect(read({ initialSeq: value.toString() }).initialSeq).toBe(value);
        expect(read({ initial_seq: value.toString().padStart(20, '0') }).initialSeq).toBe(value);
      }),
    );
  });

  test('is exact as a number up to 2^53 - 1, and refused where numbers are not exact', () => {
    expect(read({ initialSeq: Number.MAX_SAFE_INTEGER }).initialSeq).toBe(2n ** 53n - 1n);
    // The JSON parser has already made 9007199254740992 of it.
    expect(problemsOf(JSON.parse('{"format":"{SEQ:6}","initialSeq":9007199254740993}'))).toHaveLength(1);
  });

  test('of 2^64 - 1 is refused, since no value comes after it', () => {
    expect(read({ initialSeq: '18446744073709551614' }).initialSeq).toBe(VALUE_MAX - 1n);
    expect(pathsOf({ initialSeq: '18446744073709551615' })).toEqual(['initialSeq']);
  });

  test('must leave a value of N digits when overflow is refused', () => {
    expect(read({ initialSeq: 999_998, overflow: 'reject' }).initialSeq).toBe(999_998n);
    expect(pathsOf({ initialSeq: 999_999, overflow: 'reject' })).toEqual(['initialSeq']);
    expect(pathsOf({ initial_seq: '1000000', overflow: 'reject' })).toEqual(['initial_seq']);
    expect(read({ initialSeq: 999_999 }).initialSeq).toBe(999_999n);
  });
});

describe('the highest value of a series', () => {
  test.each([
    ['extend', 1, VALUE_MAX],
    ['extend', 20, VALUE_MAX],
    ['reject', 1, 9n],
    ['reject', 6, 999_999n],
    ['reject', 19, 9_999_999_999_999_999_999n],
    ['reject', 20, VALUE_MAX],
  ] as const)('with overflow %s and %i digits is %s', (overflow, seqLength, limit) => {
    expect(limitOf({ overflow, seqLength })).toBe(limit);
  });
});
