/** What the days of the calendar print, each combination once: the table in which two formats' dates are looked up. */
import { type CalendarReading, fiscalYearOf } from '../template/calendar.ts';
import { daysOf, kindOf, SAMPLE_YEARS } from '../template/calendar-days.ts';
import { VARIABLES, type Variable } from '../template/variables.ts';

/** Variables that print a year; all others print the same in all years of a kind. */
export const YEAR_VARIABLES: ReadonlySet<Variable> = new Set<Variable>(['year', 'yy', 'weekYear', 'fiscalYear']);

export interface DaySpan {
  readonly first: CalendarReading;
  last: CalendarReading;
}

/** Days that print the same but for the year. */
export interface DayRow {
  /** What they print, by variable; those that print a year are left out. */
  readonly texts: readonly (readonly [Variable, string])[];
  /** How the year of the week, and the fiscal year, differ from that of the calendar. */
  readonly weekYearOff: number;
  readonly fiscalYearOff: number;
  /** The first and the last such day in each kind of year that has one. */
  readonly byKind: ReadonlyMap<number, DaySpan>;
}

const SERIES = { prefixKey: '', timeZone: 'UTC' };

/** A year of each kind. */
const YEAR_OF_KIND = new Map<number, number>();
// The last one wins; any does.
for (const year of SAMPLE_YEARS) YEAR_OF_KIND.set(kindOf(year), year);

/** The days that some variables print, and where to look those up that say a certain text. */
export interface DayTable {
  readonly rows: readonly DayRow[];
  readonly byText: ReadonlyMap<Variable, ReadonlyMap<string, readonly DayRow[]>>;
}

const index = (rows: readonly DayRow[]): DayTable => {
  const byText = new Map<Variable, Map<string, DayRow[]>>();
  for (const row of rows) {
    for (const [variable, text] of row.texts) {
      const texts = byText.get(variable) ?? new Map<string, DayRow[]>();
      byText.set(variable, texts);
      const sharing = texts.get(text);
      if (sharing === undefined) texts.set(text, [row]);
      else sharing.push(row);
    }
  }
  return { rows, byText };
};

const build = (variables: readonly Variable[], fiscalYearStart: string): readonly DayRow[] => {
  const rows = new Map<string, DayRow & { byKind: Map<number, DaySpan> }>();
  const printed = variables.filter((variable) => !YEAR_VARIABLES.has(variable));
  for (const [kind, year] of YEAR_OF_KIND) {
    for (const day of daysOf(year)) {
      const texts = printed.map(
        (variable) => [variable, VARIABLES[variable](day, { ...SERIES, fiscalYearStart })] as const,
      );
      const weekYearOff = variables.includes('weekYear') ? day.weekYear - year : 0;
      const fiscalYearOff = variables.includes('fiscalYear') ? fiscalYearOf(day, fiscalYearStart) - year : 0;
      const key = `${texts.map(([, text]) => text).join(' ')} ${weekYearOff} ${fiscalYearOff}`;
      const row = rows.get(key) ?? { texts, weekYearOff, fiscalYearOff, byKind: new Map() };
      rows.set(key, row);
      const earlier = row.byKind.get(kind);
      if (earlier === undefined) row.byKind.set(kind, { first: day, last: day });
      else earlier.last = day;
    }
  }
  return [...rows.values()];
};

/** Tables that are kept: formats have few combinations of variables. */
const KEPT_MAX = 200;
const kept = new Map<string, DayTable>();

/** At most 2,700 rows; those of the same variables are made once. */
export const dayTableOf = (variables: readonly Variable[], fiscalYearStart: string): DayTable => {
  const names = [...variables].sort();
  const key = `${names.join(' ')} ${names.includes('fiscalYear') ? fiscalYearStart : ''}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size >= KEPT_MAX) kept.clear();
  const table = index(build(names, fiscalYearStart));
  kept.set(key, table);
  return table;
};
