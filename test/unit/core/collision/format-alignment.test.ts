/** How two formats can lie over each other: every way, each once, the shortest first, and in steps that do not explode. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Alignment, eachAlignment, type Placed } from '../../../../src/core/collision/format-alignment.ts';
import {
  type Language,
  languageOf,
  type Piece,
  type PrintedNumbering,
} from '../../../../src/core/collision/format-language.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const NUMBERING: PrintedNumbering = {
  ...{ prefixKey: 'ONE', format: '{SEQ:1}', strategy: 'counter', reset: 'never', timeZone: 'UTC' },
  ...{ fiscalYearStart: '01-01', first: 1n, last: 9n, isDated: true },
};

/** A part of some length, by the characters at each of its places; the last ones go on. */
const piece = (part: Piece['part'], lengthMin: number, lengthMax: number, chars: readonly string[]): Piece => ({
  ...{ part, lengthMin, lengthMax },
  charsAt: (offset) => chars[Math.min(offset, chars.length - 1)] as string,
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const languageWith = (pieces: readonly Piece[], hasChecks = false): Language => ({
  ...languageOf(NUMBERING),
  ...{ pieces, hasChecks },
  lengthMin: sum(pieces.map(({ lengthMin }) => lengthMin)),
  lengthMax: sum(pieces.map(({ lengthMax }) => lengthMax)),
});

const placesOf = (placed: readonly Placed[]): string =>
  placed.map(({ begin, length }) => `${begin}+${length}`).join(' ');
const describeOne = ({ length, sides: [one, other] }: Alignment): string =>
  `${length}: ${placesOf(one)} | ${placesOf(other)}`;

const alignmentsOf = (one: Language, other: Language): string[] => {
  const all: string[] = [];
  expect(eachAlignment(one, other, (alignment) => all.push(describeOne(alignment)) < 0)).toBe(false);
  return all;
};

/** All ways in which the parts of a format can be long, as the part and the offset at each place. */
const waysOf = ({ pieces }: Language): readonly (readonly (readonly [piece: number, offset: number])[])[] => {
  let ways: [number, number][][] = [[]];
  for (const [index, { lengthMin, lengthMax }] of pieces.entries()) {
    ways = ways.flatMap((way) =>
      Array.from({ length: lengthMax - lengthMin + 1 }, (_, more) => [
        ...way,
        ...Array.from({ length: lengthMin + more }, (_, offset): [number, number] => [index, offset]),
      ]),
    );
  }
  return ways;
};

const isLoose = ({ pieces, hasChecks }: Language, index: number): boolean => {
  const part = pieces[index]?.part;
  if (part === undefined || !('given' in part) || hasChecks) return false;
  return pieces.filter((each) => 'given' in each.part && each.part.given === part.given).length === 1;
};

/** All alignments, by trying every length of every part. */
const alignedByHand = (one: Language, other: Language): string[] =>
  waysOf(one).flatMap((way) =>
    waysOf(other).flatMap((otherWay) => {
      if (way.length !== otherWay.length) return [];
      const fits = way.every(([index, offset], place) => {
        const [otherIndex, otherOffset] = otherWay[place] as readonly [number, number];
        const chars = other.pieces[otherIndex]?.charsAt(otherOffset) ?? '';
        if (![...(one.pieces[index]?.charsAt(offset) ?? '')].some((char) => chars.includes(char))) return false;
        const goBothOn = offset > 0 && otherOffset > 0;
        return !(goBothOn && isLoose(one, index) && isLoose(other, otherIndex));
      });
      if (!fits) return [];
      const sides = [way, otherWay].map((side, at) =>
        ([one, other][at] as Language).pieces
          .map((_, index) => {
            const places = side.flatMap(([which], place) => (which === index ? [place] : []));
            return `${places[0]}+${places.length}`;
          })
          .join(' '),
      );
      return [`${way.length}: ${sides.join(' | ')}`];
    }),
  );

const part = fc.constantFrom<Piece['part']>({ given: 'a' }, { given: 'a' }, { given: 'b' }, { text: 'A' });
const anyPiece = fc
  .tuple(
    part,
    fc.integer({ min: 1, max: 2 }),
    fc.nat(2),
    fc.array(fc.constantFrom('A', 'B', 'AB', 'BA'), { minLength: 1, maxLength: 3 }),
  )
  .map(([kind, least, more, chars]) => piece(kind, least, least + more, chars));
const anyLanguage = fc
  .tuple(fc.array(anyPiece, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([pieces, hasChecks]) => languageWith(pieces, hasChecks));

describe('alignments', () => {
  test('are all those that a search through every length of every part finds, each once, the shortest first', () => {
    fc.assert(
      fc.property(anyLanguage, anyLanguage, (one, other) => {
        const found = alignmentsOf(one, other);
        expect([...found].sort()).toEqual(alignedByHand(one, other).sort());
        const lengths = found.map((each) => Number.parseInt(each, 10));
        expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
      }),
      { numRuns: propertyRuns(300) },
    );
  });

  test('of two parts that callers give are only those of their shortest overlap', () => {
    const given = languageWith([piece({ given: 'a' }, 1, 9, ['AB'])]);
    expect(alignmentsOf(given, given)).toEqual(['1: 0+1 | 0+1']);
    const twice = languageWith([piece({ given: 'a' }, 1, 2, ['AB']), piece({ given: 'a' }, 1, 2, ['AB'])]);
    expect(alignmentsOf(given, twice)).toEqual([
      ...['2: 0+2 | 0+1 1+1', '3: 0+3 | 0+2 2+1', '3: 0+3 | 0+1 1+2', '4: 0+4 | 0+2 2+2'],
    ]);
  });

  test('are all where something else depends on what callers give', () => {
    const [a, b, end] = [{ given: 'a' }, { given: 'b' }, piece({ text: '-' }, 1, 1, ['-'])];
    const ended = (hasChecks: boolean) => languageWith([piece(a, 1, 2, ['AB']), end], hasChecks);
    expect(alignmentsOf(ended(false), ended(false))).toEqual(['2: 0+1 1+1 | 0+1 1+1']);
    const both = ['2: 0+1 1+1 | 0+1 1+1', '3: 0+2 2+1 | 0+2 2+1'];
    expect(alignmentsOf(ended(true), ended(false))).toEqual(both);
    expect(alignmentsOf(ended(false), ended(true))).toEqual(both);
    const [long, two] = [
      languageWith([piece(a, 1, 3, ['AB'])]),
      languageWith([piece(a, 1, 3, ['AB']), piece(b, 1, 3, ['AB'])]),
    ];
    expect(alignmentsOf(long, two)).toEqual(['2: 0+2 | 0+1 1+1']);
    expect(alignmentsOf(two, long)).toEqual(['2: 0+1 1+1 | 0+2']);
  });

  test('are no longer looked for once one of them is enough', () => {
    const given = languageWith([piece({ text: 'A' }, 1, 9, ['AB'])]);
    let visits = 0;
    expect(eachAlignment(given, given, ({ length }) => ++visits > 0 && length === 3)).toBe(true);
    expect(visits).toBe(3);
    const two = languageWith([piece({ text: 'A' }, 1, 2, ['A']), piece({ text: 'A' }, 1, 2, ['A'])]);
    visits = 0;
    expect(eachAlignment(two, two, ({ length }) => ++visits > 0 && length === 3)).toBe(true);
    expect(visits).toBe(2);
  });
});

describe('the characters of places are looked at', () => {
  /** How often, while two formats are laid over each other in every way. */
  const looksAt = (one: readonly Piece[], other: readonly Piece[]): number => {
    let looks = 0;
    const counted = one.map((each) => ({
      ...each,
      charsAt: (offset: number) => {
        looks += 1;
        return each.charsAt(offset);
      },
    }));
    alignmentsOf(languageWith(counted), languageWith(other));
    return looks;
  };
  const four = Array.from({ length: 4 }, () => piece({ text: 'A' }, 1, 6, ['A']));

  test('once for each step from a state, though millions of ways lead to the ends, which differ', () => {
    expect(
      looksAt([...four, piece({ text: 'X' }, 1, 1, ['X'])], [...four, piece({ text: 'Y' }, 1, 1, ['Y'])]),
    ).toBeLessThan(30_000);
  });

  test('for lengths alone that both can have', () => {
    const fixed = [piece({ text: 'A' }, 3, 3, ['A'])];
    expect(looksAt(fixed, [piece({ text: 'A' }, 1, 30, ['A'])])).toBe(3);
    expect(looksAt(fixed, [piece({ text: 'A' }, 4, 30, ['A'])])).toBe(0);
  });
});
