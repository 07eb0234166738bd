/** A text that two formats, laid over each other, could both print: found exactly when there is one, the first one, within a budget. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boardOf, decided, findText } from '../../../../src/core/collision/common-text.ts';
import type { Alignment, Placed } from '../../../../src/core/collision/format-alignment.ts';
import { languageOf, type Piece } from '../../../../src/core/collision/format-language.ts';
import { CHECK_DIGIT_WIDTH, type CheckDigit, checkDigitOf } from '../../../../src/core/template/check-digit.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const LANGUAGE = languageOf({
  ...{ prefixKey: 'ONE', format: '{SEQ:1}', strategy: 'counter', reset: 'never', timeZone: 'UTC' },
  ...{ fiscalYearStart: '01-01', first: 1n, last: 9n, isDated: true },
});
const LANGUAGES = [LANGUAGE, LANGUAGE] as const;
const DIGITS = '0123456789';
/** The order in which characters are tried. */
const ORDER = `${DIGITS}AB`;

type Part = Piece['part'];
const GIVEN = (given: string): Part => ({ given });
const TEXT: Part = { text: 'A' };
const SEQUENCE: Part = { seqLength: 1, mayGrow: true, radix: 10 };
const check = (kind: CheckDigit): Part => ({ check: kind });

/** A part with what can stand at each of its places. */
const piece = (part: Part, chars: readonly string[], bounds?: readonly [bigint, bigint]): Piece => ({
  ...{ part, lengthMin: chars.length, lengthMax: chars.length },
  charsAt: (offset) => chars[offset] ?? '',
  ...(bounds && { bounds }),
});

const widthOf = ({ lengthMin }: Piece): number => lengthMin;

const placed = (pieces: readonly Piece[]): Placed[] => {
  let begin = 0;
  return pieces.map((each) => {
    const length = widthOf(each);
    begin += length;
    return { piece: each, begin: begin - length, length };
  });
};

const alignmentOf = (one: readonly Piece[], other: readonly Piece[]): Alignment => ({
  length: one.reduce((total, each) => total + widthOf(each), 0),
  sides: [placed(one), placed(other)],
});

const LOTS = 1_000_000;
const textOf = (alignment: Alignment, accepts?: (text: string) => boolean, budget = { left: LOTS }) => {
  const board = boardOf(alignment, LANGUAGES);
  return board && findText(board, budget, accepts);
};

const nameOf = (part: Part): string | undefined =>
  'given' in part ? part.given : 'variable' in part ? part.variable : undefined;

/** Whether one side can print a text, by the words of the rule. */
const canPrint = (side: readonly Placed[], text: string): boolean => {
  const said = new Map<string, string>();
  return side.every(({ piece: { part, bounds, charsAt }, begin, length }) => {
    const own = text.slice(begin, begin + length);
    if (![...own].every((char, at) => charsAt(at, length).includes(char))) return false;
    if (bounds !== undefined && (BigInt(own) < bounds[0] || BigInt(own) > bounds[1])) return false;
    if ('check' in part && own !== checkDigitOf(part.check, text.slice(0, begin))) return false;
    const name = nameOf(part);
    if (name === undefined) return true;
    const earlier = said.get(name) ?? own;
    said.set(name, own);
    return earlier === own;
  });
};

/** The first text that both sides can print, by trying all. */
const textByHand = ({ length, sides }: Alignment, accepts = (_text: string) => true): string | undefined => {
  const charsAt = (place: number): string[] =>
    [...ORDER].filter((char) =>
      sides.every((side) =>
        side.every(
          ({ piece: each, begin, length: width }) =>
            place < begin || place >= begin + width || each.charsAt(place - begin, width).includes(char),
        ),
      ),
    );
  let texts = [''];
  for (let place = 0; place < length; place += 1) {
    texts = texts.flatMap((text) => charsAt(place).map((char) => text + char));
  }
  return texts.find((text) => sides.every((side) => canPrint(side, text)) && accepts(text));
};

const chars = fc.constantFrom('0', '1', '012', '12A', '0A', '129', 'AB', '01AB');
const digits = fc.constantFrom('0', '12', '012', '029', DIGITS);
const anyPiece: fc.Arbitrary<Piece> = fc.oneof(
  fc
    .tuple(fc.constantFrom(GIVEN('a'), GIVEN('b'), TEXT), fc.array(chars, { minLength: 1, maxLength: 3 }))
    .map(([part, places]) => piece(part, places)),
  fc
    .tuple(
      fc.constantFrom<Part>(SEQUENCE, { variable: 'month' }, { variable: 'day' }),
      fc.array(digits, { minLength: 1, maxLength: 3 }),
      fc.nat(120),
      fc.nat(1_500),
    )
    .map(([part, places, number, more]) => {
      const low = number % 10 ** places.length;
      return piece(part, places, [BigInt(low), BigInt(low + more)]);
    }),
  fc.constantFrom<CheckDigit>('luhn', 'mod97', 'damm').map((kind) => {
    const all = Array(CHECK_DIGIT_WIDTH[kind]).fill(DIGITS);
    return piece(check(kind), all, kind === 'mod97' ? [2n, 98n] : [0n, 9n]);
  }),
);

/** Parts up to a length; what is too long is left out, and what is missing is filled up. */
const sideOf = (pieces: readonly Piece[], length: number): Piece[] => {
  const side: Piece[] = [];
  let left = length;
  for (const each of pieces) {
    if (widthOf(each) > left) continue;
    side.push(each);
    left -= widthOf(each);
  }
  return left === 0 ? side : [...side, piece(TEXT, Array(left).fill('012A'))];
};

const anyAlignment = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.array(anyPiece, { maxLength: 4 }), fc.array(anyPiece, { maxLength: 4 }))
  .map(([length, one, other]) => alignmentOf(sideOf(one, length), sideOf(other, length)));

describe('of two formats that lie over each other', () => {
  test('the first text that both could print is found, and none where there is none', () => {
    let found = 0;
    const runs = propertyRuns(2_000);
    fc.assert(
      fc.property(anyAlignment, (alignment) => {
        const text = textOf(alignment);
        expect(text).toBe(textByHand(alignment));
        if (text !== undefined) found += 1;
      }),
      { numRuns: runs },
    );
    expect(found).toBeGreaterThan(runs / 10);
  });

  test('the first text that is accepted is found', () => {
    fc.assert(
      fc.property(anyAlignment, fc.constantFrom('0', '1', '2', 'A'), (alignment, char) => {
        const accepts = (text: string) => text.lastIndexOf(char) > 0;
        expect(textOf(alignment, accepts)).toBe(textByHand(alignment, accepts));
      }),
      { numRuns: propertyRuns(500) },
    );
  });

  test('a character of two code units is one, and is decided', () => {
    const two = piece(TEXT, ['𐐀']);
    expect(textOf(alignmentOf([two], [two]))).toBe('𐐀');
    expect(['A', 'AB', '𐐀', '𐐀A', '\uffffA', ''].map(decided)).toEqual([true, false, true, false, false, false]);
  });

  test.each([
    ['a repeated part has two lengths', [piece(GIVEN('a'), ['A']), piece(GIVEN('a'), ['A', 'A'])], ['A', 'A', 'A']],
    ['a place has no character in common', [piece(TEXT, ['A', 'B'])], ['A', 'A']],
    ['a number that is decided is too low', [piece(SEQUENCE, [DIGITS, DIGITS], [12n, 20n])], ['1', '1']],
    ['a number that is decided is too high', [piece(SEQUENCE, [DIGITS, DIGITS], [12n, 20n])], ['2', '1']],
  ])('there is none where %s, without a search', (_what, one, other) => {
    expect(boardOf(alignmentOf(one, [piece(TEXT, other)]), LANGUAGES)).toBeUndefined();
    expect(boardOf(alignmentOf([piece(TEXT, other)], one), LANGUAGES)).toBeUndefined();
  });

  test('what is known is what both can have at each place, one cell for those that print the same', () => {
    const [a, middle] = [piece(GIVEN('a'), ['AB']), piece(TEXT, ['01'])];
    const board = boardOf(alignmentOf([a, middle, a], [piece(TEXT, ['BA', '1', 'B1'])]), LANGUAGES);
    expect(board).toMatchObject({ length: 3, cells: [0, 1, 0] });
    expect([board?.chars[0], board?.chars[1]]).toEqual(['B', '1']);
  });

  test.each<[string, Part]>([
    ['a variable that callers give', GIVEN('a')],
    ['a variable of the day', { variable: 'month' }],
  ])('%s shares its cells place by place, and none with what stands behind it', (_what, part) => {
    const [repeated, between] = [piece(part, [DIGITS, DIGITS]), piece(TEXT, ['A'])];
    const one = [between, repeated, between, repeated, between];
    const board = boardOf(alignmentOf(one, [piece(TEXT, ['A', DIGITS, DIGITS, 'A', DIGITS, DIGITS, 'A'])]), LANGUAGES);
    expect(board?.cells).toEqual([0, 1, 2, 3, 1, 2, 6]);
  });

  test.each<[string, readonly Piece[], readonly Piece[], string | undefined]>([
    [
      'a number above its highest in the last digit',
      [piece(SEQUENCE, [DIGITS, DIGITS], [10n, 25n])],
      [piece(TEXT, ['2', '69'])],
      undefined,
    ],
    [
      'two numbers side by side, each within its own bounds',
      [piece(SEQUENCE, [DIGITS, DIGITS], [13n, 15n]), piece({ variable: 'month' }, [DIGITS, DIGITS], [8n, 12n])],
      [piece(TEXT, ['12', '345', '01', '79'])],
      '1309',
    ],
    [
      'a repeated digit that only its second place decides, though a letter stands between',
      [piece(GIVEN('a'), [DIGITS]), piece(TEXT, ['AB']), piece(GIVEN('a'), [DIGITS])],
      [piece(TEXT, [DIGITS, 'AB']), piece(SEQUENCE, [DIGITS], [5n, 9n])],
      '5A5',
    ],
    [
      'a repeated digit that is wrong for a check digit, whatever stands between',
      [piece(GIVEN('a'), [DIGITS]), piece(TEXT, ['AB']), piece(GIVEN('a'), [DIGITS]), piece(check('luhn'), [DIGITS])],
      [piece(TEXT, [DIGITS, 'AB', DIGITS, '7'])],
      '1A17',
    ],
    [
      'two check digits in one place, which must be the same',
      [piece(TEXT, ['12', DIGITS]), piece(check('luhn'), [DIGITS])],
      [piece(TEXT, ['12', DIGITS]), piece(check('damm'), [DIGITS])],
      '117',
    ],
    [
      'digits of one remainder, which count double or not by how many follow',
      [piece(TEXT, ['A2', '10', '0']), piece(check('luhn'), [DIGITS])],
      [piece(TEXT, ['A2', '10', '0', '6'])],
      '2006',
    ],
    [
      'two check digits, of which only a later text has the second one right',
      [piece(TEXT, ['0123']), piece(check('mod97'), [DIGITS, DIGITS])],
      [piece(TEXT, ['0123', DIGITS, '29'])],
      '292',
    ],
  ])('%s', (_what, one, other, text) => {
    const alignment = alignmentOf(one, other);
    expect(textOf(alignment)).toBe(text);
    expect(textByHand(alignment)).toBe(text);
  });
});

describe('the search', () => {
  const places = (count: number, char: string): string[] => Array(count).fill(char);

  test('costs four steps a place, and ends when none is left', () => {
    const alignment = alignmentOf([piece(TEXT, places(5, 'AB'))], [piece(TEXT, places(5, 'AB'))]);
    const budget = { left: 100 };
    expect(textOf(alignment, undefined, budget)).toBe('AAAAA');
    expect(budget.left).toBe(80);
    expect(textOf(alignment, undefined, { left: 17 })).toBe('AAAAA');
    expect(textOf(alignment, undefined, { left: 16 })).toBeUndefined();
    expect(textOf(alignment, undefined, { left: 0 })).toBeUndefined();
  });

  /** What a search costs that finds nothing. */
  const costOf = (one: readonly Piece[], other: readonly Piece[]): number => {
    const budget = { left: LOTS };
    expect(textOf(alignmentOf(one, other), undefined, budget)).toBeUndefined();
    return LOTS - budget.left;
  };

  test.each([
    ['letters, of which a check digit knows nothing', 'AB', 'luhn', ['5'], 132],
    ['digits, of which a check digit knows a remainder', '03', 'mod97', ['9', '9'], 7_656],
    ['letters before and behind a check digit', 'AB', 'luhn', ['0', ...places(8, 'AB'), '5'], 200],
  ] as const)('that finds nothing does not try what has failed before: %s', (_what, char, kind, last, cost) => {
    const begin = piece(TEXT, places(16, char));
    const digit = piece(check(kind), Array(CHECK_DIGIT_WIDTH[kind]).fill(DIGITS));
    const end = last.length - CHECK_DIGIT_WIDTH[kind];
    const behind = end > 0 ? [piece(TEXT, places(end - 1, 'AB')), piece(check('damm'), ['5'])] : [];
    expect(costOf([begin, digit, ...behind], [begin, piece(TEXT, last)])).toBe(cost);
  });

  test.each([
    ['luhn', 3_140],
    ['damm', 796],
    ['mod97', 4_608],
  ] as const)('tries what stands behind a check digit (%s) once, whatever that digit was', (kind, cost) => {
    const begin = piece(TEXT, places(6, '0123'));
    const digit = piece(check(kind), Array(CHECK_DIGIT_WIDTH[kind]).fill(DIGITS));
    const letters = piece(TEXT, places(6, 'AB'));
    const last = (value: bigint) => piece(SEQUENCE, [DIGITS], [value, value]);
    expect(costOf([begin, digit, letters, last(5n)], [begin, digit, letters, last(6n)])).toBe(cost);
  });

  test('tries what stands behind a number once, whatever that number was', () => {
    const letters = piece(TEXT, places(6, 'AB'));
    const last = (value: bigint) => piece(SEQUENCE, [DIGITS], [value, value]);
    const number = piece({ variable: 'dayOfYear' }, [DIGITS, DIGITS, DIGITS], [123n, 356n]);
    const digits = piece(TEXT, places(3, DIGITS));
    expect(costOf([number, letters, last(5n)], [digits, letters, last(6n)])).toBe(256);
  });
});
