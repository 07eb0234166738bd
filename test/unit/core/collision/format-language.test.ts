/** What a collision rule can print: how long each part can be, what can stand at each of its places, and which rules a config has. */
import { describe, expect, test } from 'vitest';
import {
  languageOf,
  type Piece,
  type PrintedNumbering,
  printedBefore,
  printedBy,
  valuesOf,
} from '../../../../src/core/collision/format-language.ts';
import { configOf } from '../../fakes/config-of.ts';

const DIGITS = '0123456789';
const SNOWFLAKES = { first: 10n ** 16n, last: 2n ** 63n - 1n };
const UUIDS = { first: 0n, last: 2n ** 128n - 1n };
const VALUES = { first: 1n, last: 2n ** 64n - 1n };

const numbering = (format: string, terms: Partial<PrintedNumbering> = {}): PrintedNumbering => ({
  ...{ prefixKey: 'A.b', format, strategy: 'counter', reset: 'never', timeZone: 'UTC', fiscalYearStart: '01-01' },
  ...{ first: 1n, last: 9n, isDated: true },
  ...terms,
});

const piecesOf = (format: string, terms?: Partial<PrintedNumbering>): readonly Piece[] =>
  languageOf(numbering(format, terms)).pieces;

/** A part that is as long as it must be: the characters at each place, with those that are digits shortened. */
const charsOf = (piece: Piece, length = piece.lengthMin): string[] =>
  Array.from({ length }, (_, at) => piece.charsAt(at, length).replace(DIGITS, '0-9'));

describe('a part prints at each of its places what it can, and no number beyond its bounds', () => {
  test.each([
    ['{year}', ['0-9', '0-9', '0-9', '0-9'], [1n, 9_999n]],
    ['{weekYear}', ['0-9', '0-9', '0-9', '0-9'], [0n, 9_999n]],
    ['{fiscalYear}', ['0-9', '0-9', '0-9', '0-9'], [0n, 9_999n]],
    ['{yy}', ['0-9', '0-9'], [0n, 99n]],
    ['{month}', ['01', '0-9'], [1n, 12n]],
    ['{day}', ['0123', '0-9'], [1n, 31n]],
    ['{hour}', ['012', '0-9'], [0n, 23n]],
    ['{quarter}', ['1234'], [1n, 4n]],
    ['{week}', ['012345', '0-9'], [1n, 53n]],
    ['{dayOfYear}', ['0123', '0-9', '0-9'], [1n, 366n]],
  ])('%s', (tag, chars, bounds) => {
    const [piece] = piecesOf(`${tag}{SEQ:1}`) as [Piece];
    expect(charsOf(piece)).toEqual(chars);
    expect([piece.lengthMin, piece.lengthMax]).toEqual([chars.length, chars.length]);
    expect(piece.bounds).toEqual(bounds);
    expect(piece.charsAt(chars.length)).toBe('');
  });

  test.each([
    ['{check:mod97}', ['0-9', '0-9'], [2n, 98n]],
    ['{check:luhn}', ['0-9'], [0n, 9n]],
    ['{check:damm}', ['0-9'], [0n, 9n]],
  ])('%s', (tag, chars, bounds) => {
    const piece = piecesOf(`{SEQ:1}${tag}`)[1] as Piece;
    expect(charsOf(piece)).toEqual(chars);
    expect(piece.lengthMax).toBe(chars.length);
    expect(piece.bounds).toEqual(bounds);
  });

  test('a literal and each character of the key, as they are: a character of two code units is one', () => {
    const pieces = piecesOf('𐐀e\u0301{prefix}{SEQ:1}');
    expect(pieces.slice(0, -1).map((piece) => charsOf(piece))).toEqual([['𐐀'], ['é'], ['A'], ['.'], ['b']]);
    expect(pieces.slice(0, -1).map(({ part }) => part)).toContainEqual({ text: '.' });
  });

  test('a variable that callers give, from 1 to 32 letters and digits, the letters first', () => {
    const [given] = piecesOf('{var:x}{SEQ:1}') as [Piece];
    expect([given.lengthMin, given.lengthMax, given.bounds]).toEqual([1, 32, undefined]);
    const chars = given.charsAt(31);
    expect(chars).toMatch(/^A[A-Za-z0-9]{61}$/);
    expect(new Set(chars).size).toBe(62);
  });

  test('a sequence, filled up with zeros to its width and with none beyond', () => {
    const [growing] = piecesOf('{SEQ:2}', { first: 1n, last: 1_000n }) as [Piece];
    expect([growing.lengthMin, growing.lengthMax, growing.bounds]).toEqual([2, 4, [1n, 1_000n]]);
    expect(charsOf(growing)).toEqual(['0-9', '0-9']);
    expect(charsOf(growing, 3)).toEqual(['123456789', '0-9', '0-9']);
    expect(growing.charsAt(0)).toBe(DIGITS);
    expect(growing.part).toEqual({ seqLength: 2, mayGrow: true, radix: 10 });
    const [high] = piecesOf('{SEQ:2}', { first: 100n, last: 9_999n }) as [Piece];
    expect([high.lengthMin, high.lengthMax]).toEqual([3, 4]);
  });

  test('a sequence that ends at its width does not grow', () => {
    expect(piecesOf('{SEQ:2}', { last: 99n })[0]?.part).toMatchObject({ mayGrow: false });
    expect(piecesOf('{SEQ:2}', { last: 100n })[0]?.part).toMatchObject({ mayGrow: true });
  });

  test('a UUID, its version and its variant at fixed places', () => {
    const [uuid] = piecesOf('{SEQ:2}', { strategy: 'uuidv7', ...UUIDS }) as [Piece];
    expect([uuid.lengthMin, uuid.lengthMax, uuid.bounds]).toEqual([32, 32, undefined]);
    expect(uuid.part).toMatchObject({ seqLength: 2, radix: 16 });
    const hex = '0-9abcdef';
    const chars = Array.from({ length: 32 }, (_, at) => (at === 12 ? '7' : at === 16 ? '89ab' : hex));
    expect(charsOf(uuid)).toEqual(chars);
  });
});

describe('a format', () => {
  test('is as long as its parts together', () => {
    const { lengthMin, lengthMax } = languageOf(numbering('INV-{var:x}{SEQ:2}', { last: 1_000n }));
    expect([lengthMin, lengthMax]).toEqual([4 + 1 + 2, 4 + 32 + 4]);
  });

  test('has checks when one of its parts is one', () => {
    expect(languageOf(numbering('{SEQ:2}')).hasChecks).toBe(false);
    expect(languageOf(numbering('{SEQ:2}-{check:luhn}')).hasChecks).toBe(true);
  });

  test('is the same as one that looks the same', () => {
    expect(piecesOf('e\u0301{SEQ:1}').map(({ part }) => part)).toEqual(
      piecesOf('\u00e9{SEQ:1}').map(({ part }) => part),
    );
  });

  test.each([
    ['shows every year where it can be dated', '{year}', { isDated: true }, [1, 9_999], [1n, 9_999n]],
    ['shows none before clocks where it cannot', '{year}', { isDated: false }, [1_970, 9_999], [1_970n, 9_999n]],
    [
      'shows the year in which clocks began where they are behind',
      '{year}',
      { isDated: false, timeZone: 'America/New_York' },
      [1_969, 9_999],
      [1_969n, 9_999n],
    ],
    [
      'shows the year before, and the year after, where weeks and fiscal years lie between two',
      '{yy}{weekYear}',
      { isDated: false, reset: 'yearly' as const },
      [2_000, 2_099],
      [1_999n, 2_100n],
    ],
  ])('%s', (_what, tags, terms, [first, last], bounds) => {
    const { years, pieces } = languageOf(numbering(`${tags}{SEQ:1}`, terms));
    expect(years).toEqual({ first, last });
    expect(pieces.at(-2)?.bounds).toEqual(bounds);
  });

  test('that shows its century prints the beginning of each of its years', () => {
    const [year] = piecesOf('{weekYear}{yy}{SEQ:1}', { reset: 'yearly' }) as [Piece];
    expect(charsOf(year)).toEqual(['12', '0-9', '0-9', '0-9']);
    const [clocked] = piecesOf('{year}{SEQ:1}', { isDated: false }) as [Piece];
    expect(charsOf(clocked)).toEqual(['123456789', '0-9', '0-9', '0-9']);
  });
});

describe('the values that a config can print', () => {
  const terms = { overflow: 'reject', seqLength: 3, former: undefined } as const;
  test.each([
    ['counter', { first: 1n, last: 999n }],
    ['gapless', { first: 1n, last: 999n }],
    ['segment', { first: 1n, last: 999n }],
    ['snowflake', SNOWFLAKES],
    ['uuidv7', UUIDS],
  ] as const)('with %s', (strategy, values) => {
    expect(valuesOf({ ...terms, strategy })).toEqual(values);
  });
});

describe('the rule of a config', () => {
  const terms = { format: 'P-{year}-{SEQ:3}', timeZone: 'Europe/Paris', fiscalYearStart: '04-01' };

  test('has the terms of the config', () => {
    expect(printedBy(configOf('P', { ...terms, reset: 'yearly' }))).toEqual({
      ...{ ...terms, prefixKey: 'P', strategy: 'counter', reset: 'yearly', isDated: false, ...VALUES },
    });
  });

  test.each([
    ['never', false, 1, true],
    ['yearly', false, 1, false],
    ['yearly', true, 1, true],
    ['yearly', false, 2, true],
  ])('with reset %s, allowPast %s and version %d can take any date: %s', (reset, allowPast, version, isDated) => {
    expect(printedBy(configOf('P', { ...terms, reset, allowPast }, version)).isDated).toBe(isDated);
  });

  test.each([
    ['counter', 1, 42n],
    ['counter', 2, 1n],
    ['gapless', 1, 42n],
  ])('with %s and version %d begins at %d', (strategy, version, first) => {
    expect(printedBy(configOf('P', { ...terms, strategy, initialSeq: 41 }, version)).first).toBe(first);
  });

  test.each([
    ['snowflake', SNOWFLAKES],
    ['uuidv7', UUIDS],
  ])('with %s begins where its ids do', (strategy, values) => {
    expect(printedBy(configOf('P', { format: 'P-{SEQ:3}', strategy }))).toMatchObject(values);
  });

  test('that it had before has the terms of that, any date and every value', () => {
    const former = { ...terms, strategy: 'gapless', reset: 'monthly', overflow: 'reject' } as const;
    expect(printedBefore('P', former)).toEqual({
      ...{ ...terms, prefixKey: 'P', strategy: 'gapless', reset: 'monthly', isDated: true },
      ...{ first: 1n, last: 999n },
    });
    expect(printedBefore('P', { ...former, overflow: 'extend' })).toMatchObject(VALUES);
    expect(printedBefore('P', { ...former, strategy: 'snowflake' })).toMatchObject(SNOWFLAKES);
  });
});
