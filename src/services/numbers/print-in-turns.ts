/** Printing many numbers one by one, in pieces: between them others have their turn. */
import { setImmediate } from 'node:timers/promises';
import { type NumberPrinter, printPieces } from '../../core/template/printer.ts';
import type { Range } from '../../core/values/range.ts';

/** The numbers of these ranges, in their order, in pieces. */
export async function* piecesInTurns(ranges: readonly Range[], print: NumberPrinter): AsyncGenerator<string[], void> {
  for (const piece of printPieces(ranges, print)) {
    yield piece;
    await setImmediate();
  }
}

/** All of them at once. */
export const printInTurns = async (ranges: readonly Range[], print: NumberPrinter): Promise<string[]> => {
  const numbers: string[] = [];
  for await (const piece of piecesInTurns(ranges, print)) numbers.push(...piece);
  return numbers;
};
