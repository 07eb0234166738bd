/** The dates and hours that two formats could show in one text: each side one day of the calendar, consistent in all it prints. */
import type { CalendarReading } from '../template/calendar.ts';
import { kindOf } from '../template/calendar-days.ts';
import type { Reset } from '../template/period.ts';
import type { Variable } from '../template/variables.ts';
import { type Board, type Budget, charsOf, decided, type Side } from './common-text.ts';
import { type DayRow, type DayTable, dayTableOf, YEAR_VARIABLES } from './day-rows.ts';
import type { Placed } from './format-alignment.ts';

export interface SideDate {
  /** The first and the last day of a year that print the same; often one. */
  readonly first: CalendarReading;
  readonly last: CalendarReading;
}

export interface DateSearch {
  readonly budget: Budget;
  /** A text that fits what is on the board, whatever the calendar says to it. */
  readonly textThatFits: () => string | undefined;
  /** Whether two days, one of each side, can be of use in any year. */
  readonly suits: (one: DayRow, other: DayRow) => boolean;
  /** Called with both dates, which are on the board then. @returns whether the search is over. */
  readonly visit: (dates: readonly [SideDate, SideDate]) => boolean;
  /** Whether days of different periods must be told apart though they print the same. */
  readonly byPeriod: boolean;
}

/** Beyond what a format prints, what its period depends on. */
const PERIOD_VARIABLES: Readonly<Record<Reset, readonly Variable[]>> = {
  never: [],
  yearly: [],
  monthly: ['month'],
  daily: ['month', 'day'],
  'fiscal-yearly': ['fiscalYear'],
};

/** Where each date variable of a side stands; where it is repeated, all its places share their cells. */
const datesOf = ({ placed }: Side): ReadonlyMap<Variable, Placed> => {
  const dates = new Map<Variable, Placed>();
  for (const one of placed) {
    const { part } = one.piece;
    if ('variable' in part) dates.set(part.variable, one);
  }
  return dates;
};

type Trail = (readonly [cell: number, chars: string])[];

/** Writes a text over what is known. @returns false when that cannot be; what was written is in the trail all the same. */
const write = (board: Board, placed: Placed | undefined, text: string, trail: Trail): boolean => {
  if (placed === undefined) return true;
  for (let at = 0; at < text.length; at += 1) {
    const cell = board.cells[placed.begin + at] as number;
    const [known, char] = [board.chars[cell] as string, text.charAt(at)];
    if (!known.includes(char)) return false;
    trail.push([cell, known]);
    board.chars[cell] = char;
  }
  return true;
};

const takeBack = (board: Board, trail: Trail, mark: number): void => {
  while (trail.length > mark) {
    const [cell, chars] = trail.pop() as Trail[number];
    board.chars[cell] = chars;
  }
};

/** Examples are of these days when any year will do. */
const NEAR_YEAR = 2026;
/** The kinds of years come within 28 years, and twice within these: enough where no year shows, and a good try where one does. */
const YEARS_OF_ALL_KINDS = 60;

/** The days that come into question by what is decided: those of a variable whose text is known, where there is one. */
const rowsToTry = (
  board: Board,
  { rows, byText }: DayTable,
  dates: ReadonlyMap<Variable, Placed>,
): readonly DayRow[] => {
  let fewest = rows;
  for (const [variable, texts] of byText) {
    const placed = dates.get(variable);
    const chars = placed && charsOf(board, placed);
    const sharing = chars?.every(decided) ? (texts.get(chars.join('')) ?? []) : rows;
    if (sharing.length < fewest.length) fewest = sharing;
  }
  return fewest;
};

/** The years of a side in the order they are tried. */
const yearsToTry = (
  board: Board,
  { language }: Side,
  dates: ReadonlyMap<Variable, Placed>,
  row: DayRow,
): readonly number[] => {
  const { first, last } = language.years;
  for (const [variable, off] of [
    ['year', 0],
    ['weekYear', row.weekYearOff],
    ['fiscalYear', row.fiscalYearOff],
  ] as const) {
    const placed = dates.get(variable);
    const chars = placed && charsOf(board, placed);
    if (chars?.every(decided)) return [Number(chars.join('')) - off].filter((year) => first <= year && year <= last);
  }
  const near = Math.min(Math.max(NEAR_YEAR, first), last);
  const years: number[] = [];
  for (let year = near; year <= last; year += 1) years.push(year);
  for (let year = near - 1; year >= first; year -= 1) years.push(year);
  return [...dates.keys()].some((variable) => YEAR_VARIABLES.has(variable))
    ? years
    : years.slice(0, YEARS_OF_ALL_KINDS);
};

const inYear = (day: CalendarReading, year: number): CalendarReading => ({
  ...day,
  year,
  weekYear: year + day.weekYear - day.year,
});

const four = (year: number): string => String(year).padStart(4, '0');

/** The state of one walk: what is tried now, and what was written for it. */
const createDateWalk = (board: Board, { budget, textThatFits, suits, visit, byPeriod }: DateSearch) => {
  const trail: Trail = [];
  const dates = board.sides.map(datesOf) as [ReadonlyMap<Variable, Placed>, ReadonlyMap<Variable, Placed>];
  const rows: DayRow[] = [];
  const found: SideDate[] = [];

  /** What fits both days that are being tried. */
  let fitting: string | undefined;
  let isFirstPass = true;
  let isShortened = false;

  /** Goes on when what was written fits, and takes it back. */
  const attempt = (writeAll: () => boolean, goOn: () => boolean): boolean => {
    if (budget.left <= 0) return false;
    budget.left -= 1;
    const mark = trail.length;
    const isOver = writeAll() && goOn();
    takeBack(board, trail, mark);
    return isOver;
  };

  /** In the first pass: those near today, and the one of the text that fits. */
  const few = (years: readonly number[], place: Placed | undefined): readonly number[] => {
    if (!isFirstPass || years.length <= YEARS_OF_ALL_KINDS) return years;
    isShortened = true;
    const fits = place === undefined ? [] : [Number([...(fitting ?? '')].slice(place.begin, place.begin + 4).join(''))];
    return [...years.slice(0, 2), ...fits, ...years.slice(2, YEARS_OF_ALL_KINDS)];
  };

  const tryRows = (index: 0 | 1): boolean => {
    const { language } = board.sides[index];
    const variables = [...dates[index].keys()].filter((variable) => variable !== 'hour');
    const hidden = byPeriod ? PERIOD_VARIABLES[language.numbering.reset] : [];
    const table = dayTableOf([...new Set([...variables, ...hidden])], language.numbering.fiscalYearStart);
    return rowsToTry(board, table, dates[index]).some((row) => {
      rows[index] = row;
      if (index === 1 && !suits(rows[0] as DayRow, row)) return false;
      const writeRow = () =>
        row.texts.every(([variable, text]) => write(board, dates[index].get(variable), text, trail));
      return attempt(writeRow, () => {
        fitting = textThatFits();
        return fitting !== undefined && (index === 0 ? tryRows(1) : tryYears(0));
      });
    });
  };

  const tryYears = (index: 0 | 1): boolean => {
    const row = rows[index] as DayRow;
    const places = dates[index];
    const years = yearsToTry(board, board.sides[index], places, row);
    return few(years, places.get('year')).some((year) => {
      const span = row.byKind.get(kindOf(year));
      if (span === undefined) return false;
      found[index] = { first: inYear(span.first, year), last: inYear(span.last, year) };
      const writeYear = () =>
        write(board, places.get('year'), four(year), trail) &&
        write(board, places.get('yy'), four(year).slice(2), trail) &&
        write(board, places.get('weekYear'), four(year + row.weekYearOff), trail) &&
        write(board, places.get('fiscalYear'), four(year + row.fiscalYearOff), trail);
      return attempt(writeYear, () => (index === 0 ? tryYears(1) : tryHours(0)));
    });
  };

  const tryHours = (index: 0 | 1): boolean => {
    const place = dates[index].get('hour');
    const day = found[index] as SideDate;
    const hours = place === undefined ? [12] : Array.from({ length: 24 }, (_, at) => (at + 12) % 24);
    return hours.some((hour) => {
      found[index] = { first: { ...day.first, hour }, last: { ...day.last, hour } };
      return attempt(
        () => write(board, place, String(hour).padStart(2, '0'), trail),
        () => (index === 0 ? tryHours(1) : visit(found as [SideDate, SideDate])),
      );
    });
  };

  return {
    walk: (): boolean => {
      // Most dates that can be found are found in a few years; only then are the thousands looked at.
      if (tryRows(0)) return true;
      isFirstPass = false;
      return isShortened && tryRows(0);
    },
  };
};

/** Walks through the dates of both sides. @returns whether `visit` ended the search. */
export const eachCommonDates = (board: Board, search: DateSearch): boolean => createDateWalk(board, search).walk();
