/** Printing many numbers one by one, in pieces: between them others have their turn. */
import { setImmediate } from 'node:timers/promises';
import { type NumberPrinter, printPieces } from '../../core/template/printer.ts';
import type { Range } from '../../core/values/range.ts';

/** All numbers of these ranges, in their order. */
export const printInTurns = async (ranges: readonly Range[], print: NumberPrinter): Promise<string[]> => {
  const numbers: string[] = [];
  for (const piece of printPieces(ranges, print)) {
    numbers.push(...piece);
    await setImmediate();
  }
  return numbers;
};
