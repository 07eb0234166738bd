/** Many numbers at once: written as JSON digit by digit, in a thirtieth of the time that printing each and joining them takes. */
import type { NumberPrinter } from '../../core/template/printer.ts';
import type { Range } from '../../core/values/range.ts';
import { piecesInTurns } from '../../services/numbers/print-in-turns.ts';

const ZERO = 48;
const COMMA = ',';
const DESK_BYTES = 65_536;

/** Text around the list, so that it need not be copied into a larger one; plain ASCII. */
export interface Around {
  readonly before: string;
  readonly after: string;
}

const NOTHING: Around = { before: '', after: '' };

/** Numbers of the same length, one after the other. */
interface Run {
  /** The first one, in its quotes and with the comma behind it. */
  readonly record: string;
  readonly size: number;
  /** Where in a record the digits end. */
  readonly digitsEnd: number;
  readonly count: number;
}

/**
 * Counts up from the record at `at`: makes ten times as many records by copying, sets the place in which the copies differ, and
 * goes on with the next place. Above the length of the run only the places that change at all are touched.
 */
const countUp = (list: Uint8Array, at: number, { size, digitsEnd, count }: Run): void => {
  /** So many records in a row have the same digit in `place`. */
  let unit = 1;
  /** The first record that has another digit there than the first one of all. */
  let change = 1;
  let written = 1;
  for (let place = at + digitsEnd - 1; change < count; place -= 1) {
    const end = Math.min(written * 10, count);
    for (let more = written; written < end; written += more) {
      more = Math.min(written, end - written);
      list.copyWithin(at + written * size, at, at + more * size);
    }
    const first = (list[place] ?? ZERO) - ZERO;
    let digit = first;
    for (let from = change; from < end; from += unit) {
      digit = digit === 9 ? 0 : digit + 1;
      const stop = place + Math.min(from + unit, end) * size;
      for (let k = place + from * size; k < stop; k += size) list[k] = ZERO + digit;
    }
    change += (9 - first) * unit;
    unit *= 10;
  }
};

/** Cuts a range where its values get longer, so that all records of a run have the same size. */
const runsOf = ({ first, last }: Range, { before, width, after }: NonNullable<NumberPrinter['frame']>): Run[] => {
  const runs: Run[] = [];
  for (let value = first; value <= last; ) {
    const digits = value.toString().padStart(width, '0');
    const longest = 10n ** BigInt(digits.length) - 1n;
    const end = longest < last ? longest : last;
    // Literals, names and variables hold no character that JSON would escape.
    const head = `"${before}${digits}`;
    const record = `${head}${after}"${COMMA}`;
    const size = Buffer.byteLength(record);
    runs.push({ record, size, digitsEnd: Buffer.byteLength(head), count: Number(end - value) + 1 });
    value = end + 1n;
  }
  return runs;
};

/** Writes the list into `target`. */
const fill = (target: Buffer, runs: readonly Run[], { before, after }: Around): void => {
  let at = target.write(`${before}[`, 'latin1');
  for (const run of runs) {
    target.write(run.record, at);
    countUp(target, at, run);
    at += run.size * run.count;
  }
  // In the place of the last comma.
  target.write(`]${after}`, at - COMMA.length, 'latin1');
};

/**
 * The numbers of these ranges, in their order, as a JSON array: the same that JSON.stringify makes of the printed numbers, with
 * `around` around it. Beyond 64 KiB as bytes in UTF-8. Undefined when the printer has no frame, so that each has to be printed.
 */
export type NumberListWriter = (
  ranges: readonly Range[],
  print: NumberPrinter,
  around?: Around,
) => string | Uint8Array | undefined;

export const createNumberListWriter = (): NumberListWriter => {
  // Lists of the usual size are written here and leave as strings: thousands of buffers a second would keep the garbage
  // collector marking all the time, for their memory is not its own. Long strings would be copied too often.
  const desk = Buffer.allocUnsafeSlow(DESK_BYTES);
  return (ranges, print, around = NOTHING) => {
    const { before, after } = around;
    const { frame } = print;
    if (frame === undefined) return undefined;
    const runs = ranges.flatMap((range) => runsOf(range, frame));
    if (runs.length === 0) return `${before}[]${after}`;
    const length = runs.reduce((sum, { size, count }) => sum + size * count, before.length + 1 + after.length);
    const target = length > DESK_BYTES ? Buffer.allocUnsafe(length) : desk;
    fill(target, runs, around);
    return target === desk ? desk.toString('utf8', 0, length) : target;
  };
};

/** The same for a printer without a frame: each number is printed, in pieces, and between them others have their turn. */
export const listInTurns = async (
  ranges: readonly Range[],
  print: NumberPrinter,
  { before, after }: Around,
): Promise<string> => {
  const texts: string[] = [];
  for await (const piece of piecesInTurns(ranges, print)) texts.push(JSON.stringify(piece).slice(1, -1));
  return `${before}[${texts.join()}]${after}`;
};
