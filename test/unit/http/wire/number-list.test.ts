/** Lists of numbers: written at once, and the same as if each had been printed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileTemplate, type NumberPrinter, printPieces } from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import type { Range } from '../../../../src/core/values/range.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { type Around, createNumberListWriter, listInTurns } from '../../../../src/http/wire/number-list.ts';
import { configOf } from '../../fakes/config-of.ts';

const INSTANT_MS = Date.UTC(2026, 10, 21);
const printerOf = (format: string): NumberPrinter =>
  compileTemplate(parseTemplate(format), configOf('P', { format }))(INSTANT_MS)();
const writeNumberList = createNumberListWriter();
const written = (ranges: readonly Range[], print: NumberPrinter, around?: Around): string => {
  const list = writeNumberList(ranges, print, around);
  return typeof list === 'string' ? list : new TextDecoder().decode(list);
};

const FORMATS = ['INV-{year}-{SEQ:6}', '{SEQ:1}', 'Größe /{SEQ:3}-{month}', '{SEQ:20}.', '{prefix}{SEQ:4}/{yy}'];

describe('a list of numbers', () => {
  test('is the JSON of the printed numbers, whatever the format, the ranges and the carries', () => {
    const first = fc.oneof(
      fc.bigInt(1n, 2_000n),
      fc.nat(19).chain((exponent) => fc.bigInt(10n ** BigInt(exponent), 10n ** BigInt(exponent) + 50n)),
      fc.integer({ min: 2, max: 19 }).map((exponent) => 10n ** BigInt(exponent) - 25n),
    );
    const range = fc
      .tuple(first, fc.oneof({ weight: 9, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(9_999) }))
      .map(([from, more]) => ({ first: from, last: from + BigInt(more) }));
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), fc.array(range, { maxLength: 4 }), (format, ranges) => {
        const print = printerOf(format);
        expect(written(ranges, print)).toBe(JSON.stringify([...printPieces(ranges, print)].flat()));
      }),
      { numRuns: 500 },
    );
  });

  test('has the text around it that the caller wants', () => {
    const around = { before: '{"numbers":', after: '}' };
    const text = (format: string, ranges: readonly Range[]): string => written(ranges, printerOf(format), around);
    const ranges = [{ first: 9n, last: 10n }];
    expect(text('{SEQ:1}', ranges)).toBe('{"numbers":["9","10"]}');
    expect(text('{SEQ:1}', [])).toBe('{"numbers":[]}');
  });

  test('reaches the highest value', () => {
    const ranges = [{ first: VALUE_MAX - 2n, last: VALUE_MAX }];
    expect(JSON.parse(written(ranges, printerOf('{SEQ:20}')))).toEqual([
      '18446744073709551613',
      '18446744073709551614',
      '18446744073709551615',
    ]);
  });

  test('is not written for numbers with check digits: each has to be printed', () => {
    expect(writeNumberList([{ first: 9n, last: 10n }], printerOf('{SEQ:1}{check:luhn}'))).toBeUndefined();
  });

  test('without values is an empty list', () => {
    expect(written([], printerOf('{SEQ:3}'))).toBe('[]');
  });
});

test('a list whose numbers are printed one by one is the same JSON, and others have their turn after 200 at most', async () => {
  const plain = printerOf('Größe/{SEQ:6}{check:damm}');
  const ranges = [
    { first: 1n, last: 900n },
    { first: 20_001n, last: 20_100n },
  ];
  let printed = 0;
  let turns = 0;
  const inEachTurn: number[] = [];
  const watch = (): void => {
    turns += 1;
    inEachTurn.push(printed);
    printed = 0;
    if (turns < 10) setImmediate(watch);
  };
  setImmediate(watch);
  const list = await listInTurns(
    ranges,
    (value) => {
      printed += 1;
      return plain(value);
    },
    { before: '{"numbers":', after: '}' },
  );
  expect(list).toBe(JSON.stringify({ numbers: [...printPieces(ranges, plain)].flat() }));
  expect(Math.max(...inEachTurn)).toBe(200);
  expect(await listInTurns([], plain, { before: '', after: '' })).toBe('[]');
});
