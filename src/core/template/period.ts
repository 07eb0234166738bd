/** Periods: the spans after which counting restarts, and their names. A sequence is one per prefix and period. */
import { type CalendarReading, fiscalYearOf, isDate } from './calendar.ts';
import { partsOf, type Template } from './template.ts';
import type { Variable } from './variables.ts';

export const RESETS = ['never', 'daily', 'monthly', 'yearly', 'fiscal-yearly'] as const;
export type Reset = (typeof RESETS)[number];

/** The years a series can tell apart: all of four digits, or those of this century, when a reset shows by `{yy}` alone. */
export const yearsOf = (template: Template, reset: Reset): { readonly first: number; readonly last: number } => {
  const present = variablesOf(template);
  const isShort = reset !== 'never' && present.has('yy') && !present.has('year') && !present.has('fiscalYear');
  return isShort ? { first: 2000, last: 2099 } : { first: 1, last: 9999 };
};

const two = (value: number): string => String(value).padStart(2, '0');

const four = (value: number): string => String(value).padStart(4, '0');

/** The name of the period a reading falls into: `2026`, `2026-11`, `2026-11-21`, `fy2026`; `""` without reset. */
export const periodKeyOf = (reading: CalendarReading, reset: Reset, fiscalYearStart: string): string => {
  switch (reset) {
    case 'never':
      return '';
    case 'yearly':
      return four(reading.year);
    case 'monthly':
      return `${four(reading.year)}-${two(reading.month)}`;
    case 'daily':
      return `${four(reading.year)}-${two(reading.month)}-${two(reading.day)}`;
    case 'fiscal-yearly':
      return `fy${four(fiscalYearOf(reading, fiscalYearStart))}`;
  }
};

const variablesOf = (template: Template): ReadonlySet<Variable> =>
  new Set(partsOf(template).flatMap((part) => ('variable' in part ? [part.variable] : [])));

const SHAPES: Readonly<Record<Reset, RegExp | undefined>> = {
  never: undefined,
  yearly: /^[0-9]{4}$/,
  monthly: /^[0-9]{4}-[0-9]{2}$/,
  daily: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/,
  'fiscal-yearly': /^fy[0-9]{4}$/,
};

/** The first day of a period, `YYYY-MM-DD`; undefined when the reset has no period of that name. */
export const firstDayOf = (period: string, reset: Reset, fiscalYearStart: string): string | undefined => {
  if (SHAPES[reset]?.test(period) !== true) return undefined;
  const day = reset === 'fiscal-yearly' ? `${period.slice(2)}-${fiscalYearStart}` : `${period}-01-01`.slice(0, 10);
  return isDate(day) ? day : undefined;
};

const DAY_MS = 86_400_000;
const MONTHS = 12;

/** Counts the periods of a reset from any beginning on. @param period a key of that reset. */
const ordinalOf = (period: string, reset: Reset): number => {
  const [year = 0, month = 0] = period.replace('fy', '').split('-').map(Number);
  if (reset === 'daily') return Date.parse(`${period}T00:00:00Z`) / DAY_MS;
  return reset === 'monthly' ? year * MONTHS + month : year;
};

/** How many periods lie between two, the later one included; 0 without reset. */
export const periodsBetween = (earlier: string, later: string, reset: Reset): number =>
  reset === 'never' ? 0 : ordinalOf(later, reset) - ordinalOf(earlier, reset);

/** What a period key of each reset looks like, for people. */
export const PERIOD_EXAMPLES: Readonly<Record<Reset, string>> = {
  never: '',
  yearly: '2026',
  monthly: '2026-11',
  daily: '2026-11-21',
  'fiscal-yearly': 'fy2026',
};

/** Variables that print the same throughout a period; the others do not follow from the period. */
const FIXED: Readonly<Record<Reset, readonly Variable[]>> = {
  never: ['prefix'],
  yearly: ['prefix', 'year', 'yy'],
  monthly: ['prefix', 'year', 'yy', 'month', 'quarter'],
  daily: ['prefix', 'year', 'yy', 'month', 'quarter', 'day', 'week', 'weekYear', 'dayOfYear', 'fiscalYear'],
  'fiscal-yearly': ['prefix', 'fiscalYear'],
};

/** Whether all numbers of a period look the same but for the value, so that they can be printed without knowing when they were issued. */
export const isFixedInPeriod = (template: Template, reset: Reset): boolean =>
  partsOf(template).every((part) => {
    if ('variable' in part) return FIXED[reset].includes(part.variable);
    // A check digit follows from what stands before it.
    return !('given' in part);
  });
