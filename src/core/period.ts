/** Periods: the spans after which counting restarts, and their names. A sequence is one per prefix and period. */
import { type CalendarReading, fiscalYearOf } from './calendar.ts';
import { partsOf, type Template } from './template.ts';
import type { Variable } from './template-variables.ts';

export const RESETS = ['never', 'daily', 'monthly', 'yearly', 'fiscal-yearly'] as const;
export type Reset = (typeof RESETS)[number];

const two = (value: number): string => String(value).padStart(2, '0');

/** The name of the period a reading falls into: `2026`, `2026-11`, `2026-11-21`, `fy2026`; `""` without reset. */
export const periodKeyOf = (reading: CalendarReading, reset: Reset, fiscalYearStart: string): string => {
  switch (reset) {
    case 'never':
      return '';
    case 'yearly':
      return `${reading.year}`;
    case 'monthly':
      return `${reading.year}-${two(reading.month)}`;
    case 'daily':
      return `${reading.year}-${two(reading.month)}-${two(reading.day)}`;
    case 'fiscal-yearly':
      return `fy${fiscalYearOf(reading, fiscalYearStart)}`;
  }
};

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
  const present = new Set(partsOf(template).flatMap((part) => ('variable' in part ? [part.variable] : [])));
  return NEEDED[reset].filter((choices) => !choices.some((variable) => present.has(variable)));
};
