/** The variables of a template that the clock and the series give: what each prints, and how many characters that is. */
import { type CalendarReading, fiscalYearOf } from './calendar.ts';

/** What of a series shows in its numbers. */
export interface PrintedSeries {
  readonly prefixKey: string;
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  /** `uuidv7` prints its values as hex digits; all others as decimal ones. */
  readonly strategy?: string;
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** Zero-filled; the years 0 to 9999 have four digits. */
export const VARIABLES = {
  prefix: (_reading: CalendarReading, series: PrintedSeries) => series.prefixKey,
  year: (reading: CalendarReading) => digits(reading.year, 4),
  yy: (reading: CalendarReading) => digits(reading.year % 100, 2),
  month: (reading: CalendarReading) => digits(reading.month, 2),
  day: (reading: CalendarReading) => digits(reading.day, 2),
  hour: (reading: CalendarReading) => digits(reading.hour, 2),
  quarter: (reading: CalendarReading) => digits(reading.quarter, 1),
  week: (reading: CalendarReading) => digits(reading.week, 2),
  weekYear: (reading: CalendarReading) => digits(reading.weekYear, 4),
  dayOfYear: (reading: CalendarReading) => digits(reading.dayOfYear, 3),
  fiscalYear: (reading: CalendarReading, series: PrintedSeries) =>
    digits(fiscalYearOf(reading, series.fiscalYearStart), 4),
} as const;

export type Variable = keyof typeof VARIABLES;
