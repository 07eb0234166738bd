/** Whether a reset shows: whether the date in a number determines its period, worked out over the calendar. */
import type { CalendarReading } from './calendar.ts';
import { daysOf, SAMPLE_YEARS } from './calendar-days.ts';
import { periodKeyOf, type Reset } from './period.ts';
import { partsOf, type Template } from './template.ts';
import { VARIABLES, type Variable } from './variables.ts';

/** Two days of different periods that print the same: the proof that a reset does not show. */
export interface HiddenPeriod {
  readonly one: CalendarReading;
  readonly other: CalendarReading;
}

/** The variables that print a day; the hour does not matter for a period. */
export const dayVariablesOf = (template: Template): readonly Variable[] => [
  ...new Set(
    partsOf(template).flatMap((part) =>
      'variable' in part && part.variable !== 'prefix' && part.variable !== 'hour' ? [part.variable] : [],
    ),
  ),
];

/** What all sample days say of one thing, as small numbers that are equal when the texts are. */
interface Column {
  readonly ids: Uint16Array;
  /** How many different ones. */
  readonly size: number;
}

const columnOf = (textOf: (day: CalendarReading) => string): Column => {
  const known = new Map<string, number>();
  const ids: number[] = [];
  for (const year of SAMPLE_YEARS) {
    for (const day of daysOf(year)) {
      const text = textOf(day);
      const id = known.get(text) ?? known.size;
      known.set(text, id);
      ids.push(id);
    }
  }
  return { ids: Uint16Array.from(ids), size: known.size };
};

/** Columns that depend on no setting of a series are made once: a search reads ten thousand days. */
const columns = new Map<string, Column>();
const keptColumn = (name: string, textOf: (day: CalendarReading) => string): Column => {
  const column = columns.get(name) ?? columnOf(textOf);
  columns.set(name, column);
  return column;
};

const dayAt = (index: number): CalendarReading => {
  let left = index;
  for (const year of SAMPLE_YEARS) {
    const days = daysOf(year);
    const day = days[left];
    if (day !== undefined) return day;
    left -= days.length;
  }
  throw new RangeError(`No sample day ${index}`);
};

const search = (variables: readonly Variable[], reset: Reset, fiscalYearStart: string): HiddenPeriod | undefined => {
  const series = { prefixKey: '', timeZone: 'UTC', fiscalYearStart };
  const printed = variables.map((variable) => {
    const textOf = (day: CalendarReading): string => VARIABLES[variable](day, series);
    return variable === 'fiscalYear' ? columnOf(textOf) : keptColumn(variable, textOf);
  });
  const periodOf = (day: CalendarReading): string => periodKeyOf(day, reset, fiscalYearStart);
  const periods = reset === 'fiscal-yearly' ? columnOf(periodOf) : keptColumn(`reset ${reset}`, periodOf);
  const seen = new Map<number, number>();
  for (const [index, period] of periods.ids.entries()) {
    // All variables together have some 5e13 combinations, well below 2^53.
    let text = 0;
    for (const { ids, size } of printed) text = text * size + (ids[index] ?? 0);
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, index);
    else if (periods.ids[earlier] !== period) return { one: dayAt(earlier), other: dayAt(index) };
  }
  return undefined;
};

/** Answers that are kept: formats have few combinations of variables, and a search looks at ten thousand days. */
const KEPT_MAX = 1_000;
const kept = new Map<string, HiddenPeriod | undefined>();

/**
 * Looks for two days of different periods on which these variables print the same.
 * Thirty years are enough: runs of years of the same kinds repeat, and variables that hide the year do so in any two.
 * `{yy}` alone repeats after a century; `yearsOf` keeps such a series to one.
 * @returns undefined when these variables always determine the period.
 */
export const hiddenPeriodOf = (
  variables: readonly Variable[],
  reset: Reset,
  fiscalYearStart: string,
): HiddenPeriod | undefined => {
  if (reset === 'never') return undefined;
  // Where nothing is fiscal the start of that year says nothing.
  const isFiscal = reset === 'fiscal-yearly' || variables.includes('fiscalYear');
  const key = `${[...variables].sort().join(' ')} ${reset} ${isFiscal ? fiscalYearStart : ''}`;
  if (kept.has(key)) return kept.get(key);
  if (kept.size >= KEPT_MAX) kept.clear();
  const found = search(variables, reset, fiscalYearStart);
  kept.set(key, found);
  return found;
};
