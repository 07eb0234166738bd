/** Compiled templates: what each variable prints, how values are padded, and what callers give. */
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ValidationError } from '../../../../src/core/errors.ts';
import { checkDigitOf } from '../../../../src/core/template/check-digit.ts';
import {
  compileTemplate,
  type GivenVariables,
  type NumberPrinter,
  printPieces,
} from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const SERIES = { prefixKey: 'INV', timeZone: 'UTC', fiscalYearStart: '01-01' };
const MINUTE_MS = 60_000;

const compile = (
  format: string,
  series: Partial<typeof SERIES> = {},
  given?: GivenVariables,
): ((instantMs: number) => NumberPrinter) => {
  const sourceAt = compileTemplate(parseTemplate(format), { ...SERIES, ...series });
  return (instantMs) => sourceAt(instantMs)(given);
};

const print = (format: string, iso: string, series: Partial<typeof SERIES> = {}, value = 1n): string =>
  compile(format, series)(Date.parse(iso))(value);

const value = fc.bigInt(0n, VALUE_MAX);

describe('variables', () => {
  test.each([
    ['prefix', 'INV'],
    ['year', '2026'],
    ['yy', '26'],
    ['month', '02'],
    ['day', '03'],
    ['hour', '04'],
    ['quarter', '1'],
    ['week', '06'],
    ['weekYear', '2026'],
    ['dayOfYear', '034'],
    ['fiscalYear', '2026'],
  ])('{%s} prints %s', (variable, text) => {
    expect(print(`{${variable}}-{SEQ:3}`, '2026-02-03T04:05:06Z')).toBe(`${text}-001`);
    expect(print(`{SEQ:3}-{${variable}}`, '2026-02-03T04:05:06Z')).toBe(`001-${text}`);
  });

  test('the number of the brief comes out: {prefix}-{year}-{SEQ:6}', () => {
    expect(print('{prefix}-{year}-{SEQ:6}', '2024-06-01T00:00:00Z', { prefixKey: 'PREFIX_A' }, 123n)).toBe(
      'PREFIX_A-2024-000123',
    );
  });

  test('two digits of the year keep their zero', () => {
    expect(print('{yy}/{SEQ:1}', '2100-01-01T00:00:00Z')).toBe('00/1');
    expect(print('{yy}/{SEQ:1}', '2005-01-01T00:00:00Z')).toBe('05/1');
  });

  test('a variable may stand more than once', () => {
    expect(print('{yy}{yy}{SEQ:2}{yy}', '2026-01-01T00:00:00Z')).toBe('262601' + '26');
  });

  test('a prefix key that looks like a tag is printed, not read', () => {
    expect(print('{prefix}{SEQ:2}', '2026-01-01T00:00:00Z', { prefixKey: '{year}$&$1' })).toBe('{year}$&$101');
  });
});

describe('the date is the local one', () => {
  const DATE = '{year}-{month}-{day} {hour} {SEQ:1}';

  test.each([
    ['UTC', '2025-12-31 10 1'],
    ['Pacific/Kiritimati', '2026-01-01 00 1'],
    ['Etc/GMT+12', '2025-12-30 22 1'],
    ['Asia/Kolkata', '2025-12-31 15 1'],
    ['America/New_York', '2025-12-31 05 1'],
  ])('in %s', (timeZone, number) => {
    expect(print(DATE, '2025-12-31T10:00:00Z', { timeZone })).toBe(number);
  });

  test('on a leap day', () => {
    expect(print('{month}{day}-{dayOfYear}-{SEQ:1}', '2028-02-29T23:59:59Z')).toBe('0229-060-1');
    expect(print('{month}{day}-{dayOfYear}-{SEQ:1}', '2028-12-31T23:59:59Z')).toBe('1231-366-1');
  });

  test('in ISO week 53 the week year is not the year', () => {
    expect(print('{year} {weekYear}-{week} {SEQ:1}', '2027-01-01T00:00:00Z')).toBe('2027 2026-53 1');
  });

  test('over a change to daylight saving one printer follows the clock', () => {
    const at = compile('{hour}-{SEQ:1}', { timeZone: 'Europe/Berlin' });
    const change = Date.parse('2026-03-29T01:00:00Z');
    expect([at(change - 1)(1n), at(change)(1n)]).toEqual(['01-1', '03-1']);
  });

  test('the fiscal year starts in the zone of the series', () => {
    const format = 'FY{fiscalYear}-{SEQ:1}';
    expect(print(format, '2026-03-31T22:30:00Z', { fiscalYearStart: '04-01' })).toBe('FY2025-1');
    expect(print(format, '2026-03-31T22:30:00Z', { fiscalYearStart: '04-01', timeZone: 'Europe/Berlin' })).toBe(
      'FY2026-1',
    );
  });
});

describe('the value', () => {
  test.each([
    ['{SEQ:1}', 0n, '0'],
    ['{SEQ:1}', 9n, '9'],
    ['{SEQ:1}', 10n, '10'],
    ['{SEQ:6}', 123n, '000123'],
    ['{SEQ:6}', 999_999n, '999999'],
    ['{SEQ:6}', 1_000_000n, '1000000'],
    ['{SEQ:20}', 1n, '00000000000000000001'],
    ['{SEQ:20}', VALUE_MAX, '18446744073709551615'],
    ['{SEQ:1}', VALUE_MAX, '18446744073709551615'],
    ['{SEQ:17}', 2n ** 53n + 1n, '09007199254740993'],
  ])('%s prints %s as %s', (format, one, number) => {
    expect(print(format, '2026-01-01T00:00:00Z', {}, one)).toBe(number);
  });

  test('is padded to its width, never cut, and can be read back exactly from between its neighbours', () => {
    const text = fc.stringMatching(/^[A-Z _\-./:]{0,6}$/);
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 20 }), value, (before, after, width, one) => {
        const number = print(`${before}{SEQ:${width}}${after}`, '2026-01-01T00:00:00Z', {}, one);
        expect(number.startsWith(before) && number.endsWith(after)).toBe(true);
        const digits = number.slice(before.length, number.length - after.length);
        expect(digits).toMatch(/^[0-9]+$/);
        expect(digits.length).toBe(Math.max(width, one.toString().length));
        expect(BigInt(digits)).toBe(one);
      }),
    );
  });

  test('different values never print the same number', () => {
    fc.assert(
      fc.property(value, value, fc.integer({ min: 1, max: 20 }), (one, other, width) => {
        const printer = compile(`{year}{SEQ:${width}}`)(0);
        expect(printer(one) === printer(other)).toBe(one === other);
      }),
    );
  });
});

describe('a printer', () => {
  const start = Date.parse('2026-11-21T23:59:00Z');

  test('already handed out keeps its date when the next one is made', () => {
    const at = compile('{day}-{SEQ:1}');
    const old = at(start);
    expect(at(start + MINUTE_MS)(7n)).toBe('22-7');
    expect(old(7n)).toBe('21-7');
  });

  test('is right at the very first instant, and before 1970', () => {
    expect(compile('{year}-{SEQ:1}')(0)(1n)).toBe('1970-1');
    expect(compile('{year}-{SEQ:1}')(-1)(1n)).toBe('1969-1');
  });

  test('is one and the same for all requests of an instant, when the format needs no variables', () => {
    const source = compileTemplate(parseTemplate('{day}-{SEQ:1}'), SERIES)(start);
    expect(source()).toBe(source());
    expect(source({})).toBe(source());
  });
});

describe('variables that callers give', () => {
  const refusalOf = (format: string, given?: GivenVariables): unknown => {
    try {
      return compile(format, {}, given)(0);
    } catch (error) {
      return error;
    }
  };

  test('stand where the format names them, in front of the sequence and behind it, more than once', () => {
    const at = compile('{var:branch}/{year}/{SEQ:3}/{var:desk}-{var:branch}', {}, { branch: 'NORTH', desk: '7' });
    expect(at(0)(5n)).toBe('NORTH/1970/005/7-NORTH');
  });

  test('of one request do not show in another', () => {
    const source = compileTemplate(parseTemplate('{var:a}-{SEQ:1}'), SERIES)(0);
    const [one, other] = [source({ a: 'X' }), source({ a: 'Y' })];
    expect([one(1n), other(2n)]).toEqual(['X-1', 'Y-2']);
  });

  test.each([
    [
      'missing altogether',
      undefined,
      [
        ['variables.a', 'needs this'],
        ['variables.b', 'needs this'],
      ],
    ],
    ['missing in part', { a: 'X' }, [['variables.b', 'needs this']]],
    ['unknown', { a: 'X', b: 'Y', c: 'Z' }, [['variables.c', 'no such']]],
    ['inherited by every object', { a: 'X', b: 'Y', toString: 'Z' }, [['variables.toString', 'no such']]],
    ['empty', { a: '', b: 'Y' }, [['variables.a', '1 to 32']]],
    ['too long', { a: 'X', b: 'Y'.repeat(33) }, [['variables.b', '1 to 32']]],
    [
      'with other characters',
      { a: 'X-1', b: 'ü' },
      [
        ['variables.a', '1 to 32'],
        ['variables.b', '1 to 32'],
      ],
    ],
  ])('are refused with their paths when %s', (_what, given, problems) => {
    const refusal = refusalOf('{var:a}-{SEQ:1}-{var:b}', given as GivenVariables | undefined);
    expect(refusal).toBeInstanceOf(ValidationError);
    expect((refusal as ValidationError).params).toEqual({
      problems: problems.map(([path, message]) => ({ path, message: expect.stringContaining(message ?? '') })),
    });
  });

  test('are refused by a format that has none', () => {
    expect(refusalOf('{SEQ:1}', { a: 'X' })).toMatchObject({ params: { problems: [{ path: 'variables.a' }] } });
  });
});

describe('check digits', () => {
  test.each([
    ['{prefix}-{SEQ:10}{check:luhn}', 7_992_739_871n, 'INV-79927398713'],
    ['{SEQ:3}-{check:damm}', 572n, '572-4'],
    ['{SEQ:6}{check:mod97}', 794n, '00079444'],
  ])('%s prints the known example', (format, one, number) => {
    expect(print(format, '2026-01-01T00:00:00Z', {}, one)).toBe(number);
  });

  test('cover everything before them: prefix, date, variables, value, and earlier check digits', () => {
    const at = compile('{var:a}{year}-{SEQ:4}{check:luhn}.{check:damm}', {}, { a: '12' });
    const number = at(0)(345n);
    const before = '121970-0345';
    const first = checkDigitOf('luhn', before);
    expect(number).toBe(`${before}${first}.${checkDigitOf('damm', `${before}${first}.`)}`);
  });

  test('may be followed by more text', () => {
    expect(print('{SEQ:3}{check:damm}-{yy}', '2026-01-01T00:00:00Z', {}, 572n)).toBe('5724-26');
  });
});

describe('pieces of a list', () => {
  const lengths = (...ranges: readonly (readonly [bigint, bigint])[]): number[] =>
    [
      ...printPieces(
        ranges.map(([first, last]) => ({ first, last })),
        String,
      ),
    ].map(({ length }) => length);

  test('have at most 200 numbers, and none is empty', () => {
    expect(lengths([1n, 199n])).toEqual([199]);
    expect(lengths([1n, 200n])).toEqual([200]);
    expect(lengths([1n, 201n])).toEqual([200, 1]);
    expect(lengths([1n, 150n], [201n, 450n])).toEqual([200, 200]);
    expect(lengths()).toEqual([]);
  });

  test('have all numbers in the order of the ranges', () => {
    const ranges = [
      { first: 7n, last: 8n },
      { first: 2n, last: 2n },
    ];
    expect([...printPieces(ranges, String)]).toEqual([['7', '8', '2']]);
  });
});

describe('what stands around the value', () => {
  test('is known beforehand where no check digit depends on it', () => {
    expect(compile('{prefix}-{SEQ:4}/{year}')(0).frame).toEqual({ before: 'INV-', width: 4, after: '/1970' });
    expect(compile('{SEQ:12}')(0).frame).toEqual({ before: '', width: 12, after: '' });
    expect(compile('{var:a}-{SEQ:2}', {}, { a: 'X' })(0).frame).toEqual({ before: 'X-', width: 2, after: '' });
  });

  test('is not where one does', () => {
    expect(compile('{prefix}-{SEQ:4}{check:luhn}')(0).frame).toBeUndefined();
  });
});

test('a UUID is printed as 32 hexadecimal digits, and has no frame of decimal ones', () => {
  const print16 = compileTemplate(parseTemplate('{prefix}-{SEQ:4}'), { ...SERIES, strategy: 'uuidv7' })(0)();
  expect(print16(0x19aa_7f00n)).toBe('INV-00000000000000000000000019aa7f00');
  expect(print16.frame).toBeUndefined();
});

test('a list looks at what its numbers begin with once, and at the rest of each in proportion to its length', () => {
  const head = 'A'.repeat(200);
  const sourceAt = compileTemplate(parseTemplate(`${head}{SEQ:20}-{check:mod97}{check:luhn}`), {
    ...{ prefixKey: 'X', timeZone: 'UTC', fiscalYearStart: '01-01' },
  });
  const looks = vi.spyOn(String.prototype, 'charCodeAt');
  onTestFinished(() => looks.mockRestore());
  const numbers = [...printPieces([{ first: 1n, last: 1_000n }], sourceAt(0)())].flat();
  const made = looks.mock.calls.length;
  expect(numbers).toHaveLength(1_000);
  // Twice the beginning; then 21 characters for the one check digit, and 23 for the other.
  expect(made).toBe(2 * head.length + 1_000 * (21 + 23));
});
