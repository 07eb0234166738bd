/** Whether a reset shows: whether what a number prints of its date tells which period it belongs to, worked out over the calendar. */
import type { CalendarReading } from './calendar.ts';
import { daysOf, SAMPLE_YEARS } from './calendar-days.ts';
import { periodKeyOf, type Reset } from './period.ts';
import { partsOf, type Template } from './template.ts';
import { VARIABLES, type Variable } from './template-variables.ts';

/** Two days of different periods that print the same: the proof that a reset does not show. */
export interface HiddenPeriod {
  readonly one: CalendarReading;
  readonly other: CalendarReading;
}

/** The variables that print a day; the hour tells no period. */
export const dayVariablesOf = (template: Template): readonly Variable[] => [
  ...new Set(
    partsOf(template).flatMap((part) =>
      'variable' in part && part.variable !== 'prefix' && part.variable !== 'hour' ? [part.variable] : [],
    ),
  ),
];

const search = (variables: readonly Variable[], reset: Reset, fiscalYearStart: string): HiddenPeriod | undefined => {
  const series = { prefixKey: '', timeZone: 'UTC', fiscalYearStart };
  const seen = new Map<string, { readonly period: string; readonly day: CalendarReading }>();
  for (const year of SAMPLE_YEARS) {
    for (const day of daysOf(year)) {
      const text = variables.map((variable) => VARIABLES[variable](day, series)).join(' ');
      const period = periodKeyOf(day, reset, fiscalYearStart);
      const earlier = seen.get(text);
      if (earlier === undefined) seen.set(text, { period, day });
      else if (earlier.period !== period) return { one: earlier.day, other: day };
    }
  }
  return undefined;
};

/** Answers that are kept: formats have few combinations of variables, and a search looks at ten thousand days. */
const KEPT_MAX = 1_000;
const kept = new Map<string, HiddenPeriod | undefined>();

/**
 * Looks for two days of different periods on which these variables print the same.
 * Thirty years say it for all: years of the same kinds in a row repeat, and what tells no year apart is found in any two.
 * `{yy}` alone repeats after a century; `yearsOf` keeps such a series to one.
 * @returns undefined when the period can always be told.
 */
export const hiddenPeriodOf = (
  variables: readonly Variable[],
  reset: Reset,
  fiscalYearStart: string,
): HiddenPeriod | undefined => {
  if (reset === 'never') return undefined;
  const key = `${[...variables].sort().join(' ')} ${reset} ${fiscalYearStart}`;
  if (kept.has(key)) return kept.get(key);
  if (kept.size >= KEPT_MAX) kept.clear();
  const found = search(variables, reset, fiscalYearStart);
  kept.set(key, found);
  return found;
};
