/** Periods: the spans after which counting restarts, and their names. A sequence is one per prefix and period. */
import { type CalendarReading, fiscalYearOf, instantOf } from './calendar.ts';
import { partsOf, type Template } from './template.ts';
import type { Variable } from './template-variables.ts';

export const RESETS = ['never', 'daily', 'monthly', 'yearly', 'fiscal-yearly'] as const;
export type Reset = (typeof RESETS)[number];

/** What the periods of a reset are called. Within one reset the order of the texts is that of time. */
const PERIOD_KEYS: Readonly<Record<Reset, RegExp>> = {
  never: /^$/,
  yearly: /^[0-9]{4}$/,
  monthly: /^[0-9]{4}-(?:0[1-9]|1[0-2])$/,
  daily: /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/,
  'fiscal-yearly': /^fy[0-9]{4}$/,
};

/** Whether a series with this reset has periods of that name. */
export const isPeriodKey = (text: string, reset: Reset): boolean =>
  PERIOD_KEYS[reset].test(text) && (reset !== 'daily' || instantOf(text, 'UTC') !== undefined);

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

/** Variables of which a format needs one each, so that no two periods print the same number. */
const NEEDED: Readonly<Record<Reset, readonly (readonly Variable[])[]>> = {
  never: [],
  yearly: [['year', 'yy']],
  monthly: [['year', 'yy'], ['month']],
  daily: [['year', 'yy'], ['month'], ['day']],
  'fiscal-yearly': [['fiscalYear']],
};

/** The variables a format lacks for a reset to show in the number; empty when it shows. */
export const missingForReset = (template: Template, reset: Reset): readonly (readonly Variable[])[] => {
  const present = variablesOf(template);
  return NEEDED[reset].filter((choices) => !choices.some((variable) => present.has(variable)));
};
