/**
 * Decides whether two collision rules could ever print the same number, and which one: their formats are laid over each
 * other as regular languages, then dates, values, check digits and a shared counter narrow what the parts can print.
 */
import { type CalendarReading, instantOfReading } from '../template/calendar.ts';
import { periodKeyOf } from '../template/period.ts';
import { hiddenPeriodOf } from '../template/period-shows.ts';
import { compileTemplate, type GivenVariables } from '../template/printer.ts';
import { parseTemplate } from '../template/template.ts';
import type { Variable } from '../template/variables.ts';
import { eachCommonDates, type SideDate } from './common-dates.ts';
import { type Board, type Budget, boardOf, charsOf, decided, findText, type Side } from './common-text.ts';
import type { DayRow } from './day-rows.ts';
import { type Alignment, eachAlignment, type Placed } from './format-alignment.ts';
import type { Language, PrintedNumbering } from './format-language.ts';

/** How one of the two prints the text. */
export interface PrintedReading {
  readonly period: string;
  readonly value: bigint;
  readonly variables: GivenVariables;
  /** ms since 1970-01-01T00:00:00Z. */
  readonly instantMs: number;
}

export interface Collision {
  readonly text: string;
  readonly one: PrintedReading;
  readonly other: PrintedReading;
}

/** Beyond this many steps of the search for one pair of formats, or this many alignments, the result is `undecided`. */
const STEPS_MAX = 500_000;
const ALIGNMENTS_MAX = 5_000;

/** Numberings of one source are never given the same value of the same period, each by itself or both together. */
const sourceOf = ({ prefixKey, strategy, reset }: PrintedNumbering): string => {
  // Ids are unique wherever they are made.
  if (strategy === 'snowflake' || strategy === 'uuidv7') return strategy;
  return `${prefixKey} ${strategy === 'gapless' ? 'ledger' : 'counter'} ${reset}`;
};

const sequenceOf = ({ placed }: Side): Placed => placed.find(({ piece }) => 'seqLength' in piece.part) as Placed;

/** What is known of the characters of a part: the cell, or the character once it is decided. */
const tokensOf = (board: Board, placed: Placed): readonly string[] =>
  charsOf(board, placed).map((chars, at) => (decided(chars) ? chars : `cell ${board.cells[placed.begin + at]}`));

const withoutZeros = (tokens: readonly string[]): string => {
  const first = tokens.findIndex((token) => token !== '0');
  return tokens.slice(first).join(' ');
};

/** Whether both have the same value in every text. */
const haveSameValue = (board: Board): boolean => {
  const [one, other] = board.sides.map((side) => withoutZeros(tokensOf(board, sequenceOf(side))));
  return one === other;
};

/**
 * What each side prints of its date, by variable; a year of two digits becomes one of four where the century is known.
 */
const dateTokensOf = (board: Board, { language, placed }: Side): ReadonlyMap<Variable, string> => {
  const tokens = new Map<Variable, string>();
  // The years of a language are all, or those of this century.
  const isThisCentury = language.years.last === 2099;
  for (const one of placed) {
    const { part } = one.piece;
    if (!('variable' in part)) continue;
    const said = tokensOf(board, one);
    tokens.set(part.variable, said.join(' '));
    if (part.variable === 'yy' && isThisCentury) tokens.set('year', ['2', '0', ...said].join(' '));
  }
  return tokens;
};

/** Whether both have the same period in every text; false when that is not known. */
const haveSamePeriod = (board: Board): boolean => {
  const [one, other] = board.sides;
  const { reset, fiscalYearStart } = one.language.numbering;
  const [said, alsoSaid] = [dateTokensOf(board, one), dateTokensOf(board, other)];
  const same = [...said]
    .filter(([variable, tokens]) => alsoSaid.get(variable) === tokens)
    .map(([variable]) => variable);
  if (reset === 'fiscal-yearly' && same.includes('fiscalYear')) return true;
  const isFiscal = reset === 'fiscal-yearly' || same.includes('fiscalYear');
  if (isFiscal && other.language.numbering.fiscalYearStart !== fiscalYearStart) return false;
  return hiddenPeriodOf(same, reset, fiscalYearStart) === undefined;
};

const textOf = (text: readonly string[], { begin, length }: Placed): string =>
  text.slice(begin, begin + length).join('');

const valueIn = (text: readonly string[], side: Side): bigint => {
  const digits = textOf(text, sequenceOf(side));
  return BigInt(side.language.numbering.strategy === 'uuidv7' ? `0x${digits}` : digits);
};

const periodOf = (reading: CalendarReading, { language }: Side): string =>
  periodKeyOf(reading, language.numbering.reset, language.numbering.fiscalYearStart);

/** The reading of a text by one side on one day; undefined when its zone never showed that day and hour. */
const readOn = (text: readonly string[], side: Side, reading: CalendarReading): PrintedReading | undefined => {
  const { numbering } = side.language;
  const instantMs = instantOfReading(reading, numbering.timeZone);
  if (instantMs === undefined || (instantMs < 0 && !numbering.isDated)) return undefined;
  const variables: Record<string, string> = {};
  for (const placed of side.placed) {
    if ('given' in placed.piece.part) variables[placed.piece.part.given] = textOf(text, placed);
  }
  return { period: periodOf(reading, side), value: valueIn(text, side), variables, instantMs };
};

const showsHour = ({ placed }: Side): boolean =>
  placed.some(({ piece: { part } }) => 'variable' in part && part.variable === 'hour');

/**
 * The reading of a text by one side. @returns `unsure` when only days between the first and the last could have shown
 * it.
 */
const readSide = (text: readonly string[], side: Side, date: SideDate): PrintedReading | 'unsure' | undefined => {
  const { first, last } = date;
  const late = showsHour(side) ? [] : [{ ...last, hour: 23 }];
  for (const reading of [first, last, ...late]) {
    const said = readOn(text, side, reading);
    if (said !== undefined) return said;
  }
  return first.dayOfYear + 1 < last.dayOfYear ? 'unsure' : undefined;
};

/** The real printer decides in the end. */
const prints = ({ numbering }: Language, text: string, { instantMs, variables, value }: PrintedReading): boolean => {
  const sourceAt = compileTemplate(parseTemplate(numbering.format), numbering);
  return sourceAt(instantMs)(variables)(value).normalize('NFC') === text;
};

interface Search {
  readonly languages: readonly [Language, Language];
  readonly budget: Budget;
  readonly isOneSource: boolean;
  collision: Collision | undefined;
  /** Whether something was passed over that could have been a collision. */
  isUnsure: boolean;
}

/** Tries to fill one alignment. @returns whether the search is over. */
const fill = (search: Search, alignment: Alignment): boolean => {
  const { languages, budget, isOneSource } = search;
  const board = boardOf(alignment, languages);
  if (board === undefined) return false;
  const sameValue = isOneSource && haveSameValue(board);
  if (sameValue && haveSamePeriod(board)) return false;
  const textThatFits = (): string | undefined => findText(board, budget);
  const [one, other] = board.sides;
  const sameYear = dateTokensOf(board, one).get('year');
  const isSameYear = sameYear !== undefined && sameYear === dateTokensOf(board, other).get('year');

  /** Days of one period are of no use where value and year are the same. */
  const suits = (row: DayRow, otherRow: DayRow): boolean => {
    if (!sameValue || !isSameYear) return true;
    const [day, otherDay] = [row, otherRow].map(({ byKind }) => [...byKind.values()][0]?.first as CalendarReading) as [
      CalendarReading,
      CalendarReading,
    ];
    return periodOf({ ...day, year: 2026 }, one) !== periodOf({ ...otherDay, year: 2026 }, other);
  };

  const visit = (dates: readonly [SideDate, SideDate]): boolean => {
    const samePeriod = periodOf(dates[0].first, one) === periodOf(dates[1].first, other);
    if (sameValue && samePeriod) return false;
    const differ = (text: string): boolean => valueIn([...text], one) !== valueIn([...text], other);
    const text = findText(board, budget, isOneSource && samePeriod ? differ : undefined);
    if (text === undefined) return false;
    const chars = [...text];
    const [reading, otherReading] = [readSide(chars, one, dates[0]), readSide(chars, other, dates[1])];
    if (reading === undefined || otherReading === undefined) return false;
    if (reading === 'unsure' || otherReading === 'unsure') {
      search.isUnsure = true;
      return false;
    }
    if (!prints(languages[0], text, reading) || !prints(languages[1], text, otherReading)) {
      search.isUnsure = true;
      return false;
    }
    search.collision = { text, one: reading, other: otherReading };
    return true;
  };

  return (
    textThatFits() !== undefined &&
    eachCommonDates(board, { budget, textThatFits, suits, visit, byPeriod: isOneSource })
  );
};

/**
 * Looks for a number that both could ever print; two rules of one source must do so for different values or periods.
 * @returns undefined when there is none; a shortest one, with what each would print in it; `undecided` after 500,000
 * steps or 5,000 alignments. Only formats with interlocked check digits, dates and variables need so many.
 */
export const collisionOf = (
  one: Language,
  other: Language,
  budget: Budget = { left: STEPS_MAX },
): Collision | 'undecided' | undefined => {
  const search: Search = {
    languages: [one, other],
    budget,
    isOneSource: sourceOf(one.numbering) === sourceOf(other.numbering),
    collision: undefined,
    isUnsure: false,
  };
  let alignments = 0;
  const isOver = eachAlignment(one, other, (alignment) => {
    alignments += 1;
    return fill(search, alignment) || search.budget.left <= 0 || alignments > ALIGNMENTS_MAX;
  });
  if (search.collision !== undefined) return search.collision;
  return search.isUnsure || isOver ? 'undecided' : undefined;
};
