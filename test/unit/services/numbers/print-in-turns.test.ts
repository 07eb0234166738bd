/** Lists that are printed number by number: complete, in order, and never long without a turn for others. */
import { expect, test } from 'vitest';
import { compileTemplate } from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';
import { printInTurns } from '../../../../src/services/numbers/print-in-turns.ts';

const RANGES = [
  { first: 1n, last: 9_000n },
  { first: 20_001n, last: 21_000n },
];
const NUMBERS_PER_TURN_MAX = 200;

const series = { prefixKey: 'X', timeZone: 'UTC', fiscalYearStart: '01-01' };
const plain = compileTemplate(parseTemplate('A{SEQ:6}{check:damm}'), series)(0)();

/** A printer that notes how many numbers were printed in each turn of the event loop. */
const createObserved = () => {
  const turns: number[] = [];
  let isOver = true;
  const print = (value: bigint): string => {
    if (isOver) {
      turns.push(0);
      isOver = false;
      setImmediate(() => {
        isOver = true;
      });
    }
    turns[turns.length - 1] = (turns.at(-1) ?? 0) + 1;
    return plain(value);
  };
  return { print, turns };
};

const expected = RANGES.flatMap(({ first, last }) =>
  Array.from({ length: Number(last - first) + 1 }, (_, index) => plain(first + BigInt(index))),
);

test('others have their turn after 200 numbers at most, and the numbers are all there', async () => {
  const { print, turns } = createObserved();
  expect(await printInTurns(RANGES, print)).toEqual(expected);
  expect(Math.max(...turns)).toBe(NUMBERS_PER_TURN_MAX);
  expect(turns).toHaveLength(10_000 / NUMBERS_PER_TURN_MAX);
});
