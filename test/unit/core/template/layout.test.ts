/** How a number divides into the parts of its template: in one way only, or not at all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divide, layOut, printedLengthOf, spell } from '../../../../src/core/template/layout.ts';
import { compileTemplate } from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const SERIES = { prefixKey: 'INV', timeZone: 'UTC', fiscalYearStart: '01-01' };
const EXTEND = { overflow: 'extend' } as const;
const REJECT = { overflow: 'reject' } as const;
const UUID = { overflow: 'extend', strategy: 'uuidv7' } as const;
type Terms = typeof EXTEND | typeof REJECT | typeof UUID;

const layoutOf = (format: string, terms: Terms = EXTEND) => layOut(parseTemplate(format), terms);
const divided = (format: string, text: string, terms?: Terms) => divide(layoutOf(format, terms), SERIES, text);

describe('a format divides each number in one way', () => {
  test.each([
    ['{SEQ:4}', EXTEND],
    ['{prefix}-{year}-{SEQ:6}', EXTEND],
    ['{SEQ:6}{year}', EXTEND],
    ['{year}{SEQ:6}{check:mod97}', EXTEND],
    ['{SEQ:6}/{var:branch}', EXTEND],
    ['{var:branch}-{SEQ:6}', EXTEND],
    ['{var:branch}{year}-{SEQ:6}', EXTEND],
    ['{SEQ:20}{var:branch}', EXTEND],
    ['{var:branch}{SEQ:6}', REJECT],
    ['{var:branch}{SEQ:6}', UUID],
    ['{SEQ:6}A{year}', EXTEND],
    ['{var:a}X{SEQ:6}', EXTEND],
  ] as const)('%s', (format, terms) => {
    expect(layoutOf(format, terms).undivided).toBeUndefined();
  });

  test.each([
    ['{SEQ:6}{var:branch}', EXTEND, '{SEQ:6}{var:branch}'],
    ['{SEQ:19}{var:branch}', EXTEND, '{SEQ:19}{var:branch}'],
    ['-{var:a}{var:b}-{SEQ:6}', REJECT, '{var:a}{var:b}'],
    ['{var:a}7{SEQ:6}', EXTEND, '{var:a}7{SEQ:6}'],
    ['{SEQ:6}7{var:b}', EXTEND, '{SEQ:6}7{var:b}'],
    ['{SEQ:6}{year}{var:b}', EXTEND, '{SEQ:6}{year}{var:b}'],
    ['{prefix}{SEQ:6}{check:luhn}{var:b}-{day}', EXTEND, '{SEQ:6}{check:luhn}{var:b}'],
  ] as const)('%s does not, for there is no boundary in it', (format, terms, undivided) => {
    expect(layoutOf(format, terms).undivided?.map(spell).join('')).toBe(undivided);
  });
});

describe('a number is divided', () => {
  test.each([
    ['{prefix}-{year}-{SEQ:4}', 'INV-2026-0007', ['INV', '-', '2026', '-', '0007']],
    ['{prefix}-{year}-{SEQ:4}', 'INV-2026-123456', ['INV', '-', '2026', '-', '123456']],
    ['{SEQ:4}{year}', '00072026', ['0007', '2026']],
    ['{SEQ:4}{year}', '1234562026', ['123456', '2026']],
    ['{year}{SEQ:4}{check:mod97}', '2026000744', ['2026', '0007', '44']],
    ['{SEQ:4}-{var:a}', '0007-NORTH', ['0007', '-', 'NORTH']],
    ['{SEQ:4}-{var:a}/{day}', '12345-N9/05', ['12345', '-', 'N9', '/', '05']],
    ['{var:a}/{SEQ:4}', 'N9/0007', ['N9', '/', '0007']],
    ['{var:a}{year}-{SEQ:4}', 'N92026-0007', ['N9', '2026', '-', '0007']],
    ['{SEQ:4}A{day}', '0007A05', ['0007', 'A', '05']],
    ['-{var:a}X{SEQ:4}', '-N9X0007', ['-', 'N9', 'X', '0007']],
  ])('by %s: %s', (format, text, parts) => {
    expect(divided(format, text)).toEqual(parts);
  });

  test('of a sequence that may not grow by its width, and of a UUID by its 32 digits', () => {
    expect(divided('{var:a}{SEQ:4}', 'N90007', REJECT)).toEqual(['N9', '0007']);
    expect(divided('{var:a}{SEQ:4}', `N9${'0'.repeat(31)}f`, UUID)).toEqual(['N9', `${'0'.repeat(31)}f`]);
  });

  test.each([
    ['{prefix}-{year}-{SEQ:4}', 'INV-20'],
    ['{prefix}-{year}-{SEQ:4}', ''],
    ['{SEQ:4}{year}', '026'],
    ['{SEQ:4}-{day}', '0007-055'],
    ['{SEQ:4}-{day}', '0007-05x'],
    ['{SEQ:4}-{day}', '0007-5'],
    ['{year}{SEQ:4}{check:mod97}', '20261'],
  ])('by %s not when it is too short, or something is left over: %s', (format, text) => {
    expect(divided(format, text)).toBeUndefined();
  });

  test('as it was printed, whatever the format and the values', () => {
    const formats = [
      '{prefix}-{SEQ:3}/{var:a}',
      '{SEQ:3}{year}{check:luhn}',
      '{var:a}{month}-{SEQ:3}',
      '{SEQ:3}.{day}',
    ];
    const given = fc.stringMatching(/^[A-Za-z0-9]{1,32}$/);
    fc.assert(
      fc.property(fc.constantFrom(...formats), fc.bigInt(1n, VALUE_MAX), given, (format, value, a) => {
        const template = parseTemplate(format);
        const printed = compileTemplate(template, SERIES)(0)(format.includes('var:a') ? { a } : undefined)(value);
        const layout = layOut(template, EXTEND);
        const texts = divide(layout, SERIES, printed) ?? [];
        expect(texts.join('')).toBe(printed);
        expect(texts[layout.parts.findIndex((part) => 'seqLength' in part)]).toBe(String(value).padStart(3, '0'));
        if (format.includes('var:a')) expect(texts[layout.parts.findIndex((part) => 'given' in part)]).toBe(a);
      }),
    );
  });
});

describe('the longest number', () => {
  test.each([
    ['{SEQ:4}', EXTEND, 20],
    ['{SEQ:4}', REJECT, 4],
    ['{SEQ:20}', EXTEND, 20],
    ['{SEQ:4}', UUID, 32],
    ['{prefix}-{SEQ:4}', REJECT, 64 + 1 + 4],
    ['{var:a}-{SEQ:4}', REJECT, 32 + 1 + 4],
    ['{year}{yy}{month}{day}{hour}{quarter}{week}{weekYear}{dayOfYear}{fiscalYear}{SEQ:1}', REJECT, 27],
    ['{SEQ:4}{check:mod97}{check:luhn}', REJECT, 4 + 2 + 1],
    ['ABC{SEQ:4}', REJECT, 7],
  ] as const)('of %s (%o) has %i characters', (format, terms, length) => {
    expect(printedLengthOf(parseTemplate(format), terms)).toBe(length);
  });
});

test('a part is spelled as a format spells it', () => {
  const format = 'A-{prefix}{year}/{SEQ:4}{var:branch}.{check:mod97}';
  expect(layoutOf(format).parts.map(spell).join('')).toBe(format);
});
