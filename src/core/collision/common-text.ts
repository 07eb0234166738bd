/** One alignment of two formats, to be filled with characters: what is known of each place, and a text that both could print. */
import { CHECK_DIGIT_WIDTH, type CheckDigit, checkDigitOf } from '../template/check-digit.ts';
import type { Alignment, Placed } from './format-alignment.ts';
import type { Language } from './format-language.ts';

/** Work that may be done; when it is used up, nothing is known. */
export interface Budget {
  left: number;
}

/** Places that must have the same character share one cell: a repeated variable prints the same everywhere. */
export interface Board {
  readonly length: number;
  /** The cell of each place. */
  readonly cells: readonly number[];
  /** What can stand in each cell; one character once it is decided. */
  readonly chars: string[];
  readonly sides: readonly [Side, Side];
}

export interface Side {
  readonly language: Language;
  readonly placed: readonly Placed[];
}

const common = (one: string, other: string): string => {
  let chars = '';
  for (const char of one) if (other.includes(char)) chars += char;
  return chars;
};

/** The name of a variable: all parts with that name print the same. */
const nameOf = ({ piece: { part } }: Placed): string | undefined => {
  if ('given' in part) return `given ${part.given}`;
  return 'variable' in part ? part.variable : undefined;
};

/** Puts the places of repeated variables into one cell. @returns undefined when they differ in length. */
const cellsOf = (length: number, sides: readonly Side[]): number[] | undefined => {
  const cells = Array.from({ length }, (_, place) => place);
  const join = (one: number, other: number): void => {
    const [from, to] = [cells[other], cells[one] as number];
    for (const [place, cell] of cells.entries()) if (cell === from) cells[place] = to;
  };
  for (const { placed } of sides) {
    const seen = new Map<string, Placed>();
    for (const part of placed) {
      const name = nameOf(part);
      if (name === undefined) continue;
      const earlier = seen.get(name);
      if (earlier === undefined) seen.set(name, part);
      else if (earlier.length !== part.length) return undefined;
      else for (let at = 0; at < part.length; at += 1) join(earlier.begin + at, part.begin + at);
    }
  }
  return cells;
};

/** A number in the text that must lie between two, written as wide as it stands there: no part is narrower than its least number. */
interface Bounds {
  readonly begin: number;
  readonly end: number;
  readonly low: string;
  readonly high: string;
}

const boundsOf = ({ placed }: Side): readonly Bounds[] =>
  placed.flatMap(({ piece: { bounds }, begin, length }) => {
    if (bounds === undefined) return [];
    const [low, high] = bounds.map((value) => String(value).padStart(length, '0')) as [string, string];
    const highest = high.length > length ? '9'.repeat(length) : high;
    return [{ begin, end: begin + length, low, high: highest }];
  });

/** Whether no number that is decided already lies beyond its bounds. */
const areInBounds = (board: Board): boolean =>
  board.sides.flatMap(boundsOf).every(({ begin, end, low, high }) => {
    const chars = board.cells.slice(begin, end).map((cell) => board.chars[cell] as string);
    const text = chars.join('');
    return !chars.every(decided) || (low <= text && text <= high);
  });

/** @returns undefined when no text fits. */
export const boardOf = (alignment: Alignment, languages: readonly [Language, Language]): Board | undefined => {
  const { length } = alignment;
  const sides: [Side, Side] = [
    { language: languages[0], placed: alignment.sides[0] },
    { language: languages[1], placed: alignment.sides[1] },
  ];
  const cells = cellsOf(length, sides);
  if (cells === undefined) return undefined;
  const chars: (string | undefined)[] = Array(length).fill(undefined);
  for (const { placed } of sides) {
    for (const { piece, begin, length: width } of placed) {
      for (let at = 0; at < width; at += 1) {
        const cell = cells[begin + at] as number;
        const known = chars[cell];
        const here = piece.charsAt(at, width);
        chars[cell] = known === undefined ? here : common(known, here);
        if (chars[cell] === '') return undefined;
      }
    }
  }
  const board = { length, cells, chars: chars.map((known) => known ?? ''), sides };
  return areInBounds(board) ? board : undefined;
};

/** The one character of a cell, when it is decided (it may have two code units). */
export const decided = (chars: string): boolean =>
  chars.length === 1 || (chars.length === 2 && (chars.codePointAt(0) ?? 0) > 0xffff);

/** The text of a part: what is known at each of its places. */
export const charsOf = ({ cells, chars }: Board, { begin, length }: Placed): readonly string[] =>
  cells.slice(begin, begin + length).map((cell) => chars[cell] as string);

/** A check digit to come: which, and where. */
interface Check {
  readonly check: CheckDigit;
  readonly begin: number;
}

const checksOf = ({ placed }: Side): readonly Check[] =>
  placed.flatMap(({ piece: { part }, begin }) => ('check' in part ? [{ check: part.check, begin }] : []));

/** The state of a check digit after a text. The zero in front changes nothing and ensures that there is a digit. */
const residueOf = (check: CheckDigit, text: string): string => {
  const residue = checkDigitOf(check, `0${text}`);
  // Whether a digit counts double depends on how many follow.
  return check === 'luhn' ? residue + checkDigitOf(check, `0${text}0`) : residue;
};

/** How a number stands to its bounds: still equal to them so far (as bits: low 1, high 2). */
const BOTH = 3;

/** What a step of this search costs: as much as trying so many days. */
const STEP_COST = 4;

/** The state of one search: what was chosen so far, and what has failed. */
const createTextSearch = (board: Board, budget: Budget, accepts?: (text: string) => boolean) => {
  const { length, cells, chars, sides } = board;
  /** At each place the numbers of both sides that stand there. */
  const bounds = sides.map((side) => {
    const at: (Bounds | undefined)[] = Array(length).fill(undefined);
    for (const bound of boundsOf(side)) at.fill(bound, bound.begin, bound.end);
    return at;
  });
  const checks = sides.flatMap(checksOf);
  const chosen = new Map<number, string>();
  const forced = new Map<number, string>();
  const failed = new Set<string>();
  /** Cells that stand before and behind a place: what was chosen for them counts later. */
  const lasting = cells.map((_, place) =>
    [...new Set(cells.slice(place))].filter((cell) => cells.indexOf(cell) < place),
  );

  const stateAt = (place: number, tight: readonly number[], text: string): string => {
    let state = `${place} ${tight.join(' ')}`;
    for (const cell of lasting[place] ?? []) state += ` ${chosen.get(cell)}`;
    for (const [at, char] of forced) if (at >= place) state += ` ${at}${char}`;
    for (const { check, begin } of checks) if (begin >= place) state += ` ${residueOf(check, text)}`;
    return state;
  };

  /** Writes down what the check digits that begin here must be. @returns the places written; undefined: two disagree. */
  const force = (place: number, text: string): number[] | undefined => {
    const written: number[] = [];
    for (const { check, begin } of checks) {
      if (begin !== place) continue;
      const right = checkDigitOf(check, text);
      for (let at = 0; at < CHECK_DIGIT_WIDTH[check]; at += 1) {
        const earlier = forced.get(place + at);
        if (earlier === undefined) written.push(place + at);
        else if (earlier !== right.charAt(at)) {
          for (const one of written) forced.delete(one);
          return undefined;
        }
        forced.set(place + at, right.charAt(at));
      }
    }
    return written;
  };

  const tighten = (place: number, char: string, tight: readonly number[]): readonly number[] | undefined => {
    const next: number[] = [];
    for (const [side, at] of bounds.entries()) {
      const bound = at[place];
      let now = tight[side] as number;
      if (bound !== undefined) {
        const [low, high] = [bound.low.charAt(place - bound.begin), bound.high.charAt(place - bound.begin)];
        if (((now & 1) === 1 && char < low) || ((now & 2) === 2 && char > high)) return undefined;
        if (char !== low) now &= ~1;
        if (char !== high) now &= ~2;
      }
      next.push(bound?.end === place + 1 ? BOTH : now);
    }
    return next;
  };

  const write = (place: number, tight: readonly number[], text: string): string | undefined => {
    if (place === length) return accepts === undefined || accepts(text) ? text : undefined;
    if (budget.left <= 0) return undefined;
    budget.left -= STEP_COST;
    const state = accepts === undefined ? stateAt(place, tight, text) : undefined;
    if (state !== undefined && failed.has(state)) return undefined;
    const written = force(place, text);
    if (written === undefined) return undefined;
    const found = tryAll(place, tight, text);
    for (const at of written) forced.delete(at);
    if (found === undefined && state !== undefined) failed.add(state);
    return found;
  };

  const tryAll = (place: number, tight: readonly number[], text: string): string | undefined => {
    const cell = cells[place] as number;
    const options = chosen.get(cell) ?? (chars[cell] as string);
    const isFirst = !chosen.has(cell);
    const must = forced.get(place);
    for (const char of options) {
      const next = must === undefined || must === char ? tighten(place, char, tight) : undefined;
      if (next === undefined) continue;
      if (isFirst) chosen.set(cell, char);
      const found = write(place + 1, next, text + char);
      if (isFirst) chosen.delete(cell);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  return { find: () => write(0, [BOTH, BOTH], '') };
};

/**
 * Looks for a text that both formats could print, the values within their bounds and the check digits right; dates and hours
 * may still be impossible. A state that has failed is not tried again, so this takes time in proportion to the length.
 * @param accepts decides about a text in the end; without it only the shape of the text counts.
 */
export const findText = (board: Board, budget: Budget, accepts?: (text: string) => boolean): string | undefined =>
  createTextSearch(board, budget, accepts).find();
