/** Templates: what is a template, what is not, and what each mistake is called. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidFormatError, InvalidLengthError, NumberGeneratorError } from '../../../../src/core/errors.ts';
import {
  FORMAT_LENGTH_MAX,
  givenNamesOf,
  type Part,
  parseTemplate,
  SEQ_LENGTH_MAX,
} from '../../../../src/core/template/template.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const VARIABLES = [
  ...['prefix', 'year', 'yy', 'month', 'day', 'hour'],
  ...['quarter', 'week', 'weekYear', 'dayOfYear', 'fiscalYear'],
];

const refusalOf = (format: string): NumberGeneratorError => {
  try {
    parseTemplate(format);
  } catch (error) {
    if (error instanceof NumberGeneratorError) return error;
    throw error;
  }
  throw new Error(`Accepted: ${format}`);
};

const textOf = (part: Part): string => {
  if ('text' in part) return part.text;
  if ('given' in part) return `{var:${part.given}}`;
  return 'check' in part ? `{check:${part.check}}` : `{${part.variable}}`;
};

/** The template written out again. */
const unparsed = (format: string): string => {
  const { head, seqLength, tail } = parseTemplate(format);
  return `${head.map(textOf).join('')}{SEQ:${seqLength}}${tail.map(textOf).join('')}`;
};

describe('a template', () => {
  test('ORD-{year}-{SEQ:6} is valid: six digits, and {year} is recognised', () => {
    const { head, seqLength, tail } = parseTemplate('ORD-{year}-{SEQ:6}');
    expect(seqLength).toBe(6);
    expect(head.map(textOf)).toEqual(['O', 'R', 'D', '-', '{year}', '-']);
    expect(head[4]).toEqual({ variable: 'year' });
    expect(tail).toEqual([]);
  });

  test.each(VARIABLES)('knows the variable {%s}, in front of the sequence and behind it', (variable) => {
    expect(parseTemplate(`{${variable}}{SEQ:4}{${variable}}`)).toEqual({
      head: [{ variable }],
      seqLength: 4,
      tail: [{ variable }],
    });
  });

  test('knows variables that callers give, and names each once', () => {
    const template = parseTemplate('{var:a}-{SEQ:4}-{var:B_2-x}-{var:a}');
    expect(template.head[0]).toEqual({ given: 'a' });
    expect(givenNamesOf(template)).toEqual(['a', 'B_2-x']);
  });

  test.each(['luhn', 'mod97', 'damm'])('knows the check digit {check:%s} behind the sequence', (check) => {
    expect(parseTemplate(`{SEQ:4}{check:${check}}`).tail).toEqual([{ check }]);
  });

  test('may be nothing but the sequence', () => {
    expect(parseTemplate('{SEQ:1}')).toEqual({ head: [], seqLength: 1, tail: [] });
  });

  test('takes every length from 1 to 20', () => {
    const lengths = Array.from({ length: SEQ_LENGTH_MAX }, (_, index) => index + 1);
    expect(lengths.map((length) => parseTemplate(`{SEQ:${length}}`).seqLength)).toEqual(lengths);
  });

  test('may have 256 characters, and not one more', () => {
    const tag = '{SEQ:6}';
    expect(parseTemplate('A'.repeat(FORMAT_LENGTH_MAX - tag.length) + tag).seqLength).toBe(6);
    expect(refusalOf('A'.repeat(FORMAT_LENGTH_MAX - tag.length + 1) + tag)).toMatchObject({
      name: 'InvalidFormatError',
      params: { fault: 'Format is too long' },
    });
  });

  test.each([
    ['space and punctuation', ' _-./:#+=@()[],'],
    ['German', 'Größe'],
    ['Greek', 'Αριθμός'],
    ['Chinese', '发票'],
    ['Arabic with digits', 'رقم٤٢'],
    ['Hindi with combining marks', 'हिन्दी'],
    ['decomposed accents', 'e\u0301'],
    ['letters beyond the first plane', '𐐷𠀋'],
  ])('may have literals in %s', (_what, text) => {
    expect(unparsed(`${text}{SEQ:3}${text}`)).toBe(`${text}{SEQ:3}${text}`);
  });

  test('is read without loss, whatever it is made of', () => {
    const piece = fc.oneof(
      fc.constantFrom(...VARIABLES.map((name) => `{${name}}`), '{var:branch}', '{var:x-1_Y}'),
      fc.stringMatching(/^[A-Za-z0-9 _\-./:#+=@()[\],]{0,8}$/),
      fc.constantFrom('ß', 'é', '号', '𐐷', 'ی'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.array(piece, { maxLength: 8 }), fc.nat(19), (head, tail, n) => {
        const format = `${head.join('')}{SEQ:${n + 1}}${tail.join('')}`;
        expect(unparsed(format)).toBe(format);
      }),
    );
  });
});

describe('a refused template is named by class, code and fault', () => {
  const INVALID_FORMAT = { constructor: InvalidFormatError, code: 'INVALID_FORMAT' };

  test.each([
    ['Missing {SEQ} tag', ['INVALID-2024', '', ' ', 'SEQ', 'SEQ:6', '{year}', '(SEQ:6)']],
    ['{SEQ} tag needs a length', ['{SEQ}', 'INV-{SEQ}-X', '{SEQ:}', '{SEQ:x}', '{SEQ: 6}', '{SEQ:6 }', '{SEQ:1.5}']],
    [
      '{SEQ} tag needs a length',
      ['{SEQ:+6}', '{SEQ:0x6}', '{SEQ:1e1}', '{SEQ:6:6}', '{SEQ:٦}', '{SEQ:--6}', '{SEQ:-}'],
    ],
    ['More than one {SEQ} tag', ['{SEQ:6}{SEQ:6}', '{SEQ:6}-{SEQ:4}', '{SEQ:6}{SEQ}', '{SEQ:6}{SEQ:0}']],
    [
      'Unbalanced braces',
      ['{SEQ:6', 'SEQ:6}', '{', '}', '}{', '{{SEQ:6}}', '{SEQ:{year}}', '{SEQ:6}}', '{SEQ:6}{', '{{SEQ:6}', '{SEQ:{6}'],
    ],
    ['Unknown variable', ['{}{SEQ:6}', '{ year}{SEQ:6}', '{Year}{SEQ:6}', '{years}{SEQ:6}', '{SEQ:6}{minute}']],
    ['Unknown variable', ['{seq:6}', '{Seq:6}', '{SEQ6}', '{SEQUENCE:6}', '{ SEQ:6}', '{year:4}{SEQ:6}', '{SEQ :6}']],
    ['Unknown variable', ['{var}{SEQ:6}', '{var:}{SEQ:6}', '{var:ü}{SEQ:6}', '{var:a b}{SEQ:6}', '{VAR:a}{SEQ:6}']],
    [
      'Unknown variable',
      [`{var:${'a'.repeat(33)}}{SEQ:6}`, '{SEQ:6}{check}', '{SEQ:6}{check:}', '{SEQ:6}{check:Luhn}'],
    ],
    ['Check digit before {SEQ}', ['{check:luhn}{SEQ:6}', '{check:damm}-{SEQ:6}-{check:damm}']],
    [
      'Unknown variable',
      ['{constructor}{SEQ:6}', '{__proto__}{SEQ:6}', '{toString}{SEQ:6}', '{hasOwnProperty}{SEQ:6}'],
    ],
  ])('%s', (fault, formats) => {
    for (const format of formats) {
      const refusal = refusalOf(format);
      expect(refusal).toMatchObject({ ...INVALID_FORMAT, params: { fault, rule: refusal.message } });
    }
  });

  test.each(['0', '00', '21', '20000', '-1', '-5', '-0', '06', '020', '9'.repeat(200)])(
    'the length %s is refused as an InvalidLengthError',
    (length) => {
      const refusal = refusalOf(`ERR-{SEQ:${length}}`);
      expect(refusal).toMatchObject({
        constructor: InvalidLengthError,
        code: 'INVALID_LENGTH',
        params: { rule: refusal.message },
      });
    },
  );

  test('a name that no variable of a caller can have is answered with what it may have', () => {
    for (const tag of ['var:', 'var:a b', 'var:ü', `var:${'x'.repeat(33)}`]) {
      expect(() => parseTemplate(`{${tag}}{SEQ:4}`)).toThrow('The name in {var:name} has 1 to 32 characters');
    }
  });

  test('a variable that may be a misspelt sequence is answered with how the sequence is written', () => {
    expect(refusalOf('{seq:6}').message).toContain('{SEQ:N}, in capitals');
    expect(refusalOf('{foo}{SEQ:6}').message).toContain('{fiscalYear}');
  });
});

describe('a character that is not allowed', () => {
  test.each([
    ['SQL', "'; DROP TABLE users;--"],
    ['SQL behind a valid template', "{SEQ:6}'; DROP TABLE users;--"],
    ['a script tag', '<script>alert(1)</script>{SEQ:6}'],
    ['a template literal', '$`{SEQ:6}'],
    ['a shell command', '$(reboot){SEQ:6}'],
    ['a pipe', 'a|b{SEQ:6}'],
    ['a format directive', '%s%n{SEQ:6}'],
    ['a header break', 'a\r\nSet-Cookie: x=1{SEQ:6}'],
    ['a path on Windows', 'a\\b{SEQ:6}'],
    ['a regular expression', '^(a+)+$ {SEQ:6}'],
    ['double quotes', '"{SEQ:6}'],
    ['typographic quotes', '“{SEQ:6}'],
    ['an ampersand', '&amp{SEQ:6}'],
    ['a no-break space', '\u00a0{SEQ:6}'],
    ['a dash that is not the ASCII one', '–{SEQ:6}'],
    ['a full-width brace', '｛SEQ:6｝{SEQ:6}'],
    ['a Roman numeral', 'Ⅷ{SEQ:6}'],
    ['a superscript', '²{SEQ:6}'],
    ['a currency sign', '€{SEQ:6}'],
  ])('%s is refused, nothing of it is echoed', (_what, format) => {
    const refusal = refusalOf(format);
    expect(refusal).toMatchObject({ constructor: InvalidFormatError, params: { fault: 'Character not allowed' } });
    expect(refusal.message).toMatch(/^The character U\+[0-9A-F]{4,6} is not allowed: /);
  });

  test.each([
    ['😀', 'U+1F600'],
    ['👩‍🚀', 'U+1F469'],
    ['☃', 'U+2603'],
    ['\ud800', 'U+D800'],
    ['\udfff', 'U+DFFF'],
    ['\udc00\ud800', 'U+DC00'],
    ['\0', 'U+0000'],
    ['\u200b', 'U+200B'],
    ['\u202e', 'U+202E'],
    ['\ufeff', 'U+FEFF'],
    ['\u2028', 'U+2028'],
    ['\ue000', 'U+E000'],
    ['\u{e0041}', 'U+E0041'],
  ])('%j is named %s', (char, name) => {
    expect(refusalOf(`${char}{SEQ:6}`).message).toContain(`The character ${name} is`);
    expect(refusalOf(`{SEQ:6}${char}`).message).toContain(`The character ${name} is`);
  });

  test('every control character is refused, wherever it stands', () => {
    const controls = [...Array(32).keys(), ...Array.from({ length: 33 }, (_, index) => 127 + index)];
    for (const control of controls) {
      const char = String.fromCodePoint(control);
      expect(refusalOf(`A${char}{SEQ:6}`).params).toMatchObject({ fault: 'Character not allowed' });
      expect(refusalOf(`{SEQ:6}${char}`).params).toMatchObject({ fault: 'Character not allowed' });
      expect(refusalOf(`{year${char}}{SEQ:6}`).params).toMatchObject({ fault: 'Unknown variable' });
      expect(refusalOf(`{SEQ:6${char}}`).params).toMatchObject({ fault: '{SEQ} tag needs a length' });
    }
  });

  test('of any text whatsoever: it is read without loss, or refused with an error of ours that does not echo it', () => {
    const noise = fc.string({ unit: 'binary', maxLength: 300 });
    const almost = fc
      .array(fc.constantFrom('{', '}', 'SEQ', '{SEQ:6}', '{year}', ':', '6', '0', '-', '\ud83d', '<'), {
        maxLength: 12,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(noise, almost), (format) => {
        let written: string | NumberGeneratorError;
        try {
          written = unparsed(format);
        } catch (error) {
          if (!(error instanceof NumberGeneratorError)) throw error;
          written = error;
        }
        if (typeof written === 'string') expect(written).toBe(format);
        else expect(['INVALID_FORMAT', 'INVALID_LENGTH']).toContain(written.code);
      }),
      { numRuns: propertyRuns(2_000) },
    );
  });
});
