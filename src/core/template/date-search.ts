/** Whether there is a day on which date variables print given texts: what a number says of its date must be possible. */
import { putBounded } from '../bounded-map.ts';
import { type CalendarReading, readCalendar } from './calendar.ts';
import { type PrintedSeries, VARIABLES, type Variable } from './variables.ts';

/** What a number shows of its date, by variable. */
export type DateTexts = ReadonlyMap<Variable, string>;

/** Every combination of leap year and weekday of 1 January occurs within 28 years: at most that many years of days are looked at. */
const YEARS_OF_EVERY_KIND = Array.from({ length: 28 }, (_, index) => 2000 + index);
const CENTURIES = [2000, 1900, 2100];

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** The years that come into question. */
const yearsFor = (texts: DateTexts): readonly number[] => {
  const read = (variable: Variable): number | undefined =>
    texts.has(variable) ? Number(texts.get(variable)) : undefined;
  const [year, yy, weekYear, fiscalYear] = [read('year'), read('yy'), read('weekYear'), read('fiscalYear')];
  if (year !== undefined) return [year];
  if (weekYear !== undefined) return [weekYear, weekYear - 1, weekYear + 1];
  if (fiscalYear !== undefined) return [fiscalYear, fiscalYear + 1];
  if (yy !== undefined) return CENTURIES.map((century) => century + yy);
  return YEARS_OF_EVERY_KIND;
};

const monthsFor = (texts: DateTexts): readonly number[] => {
  const month = texts.get('month');
  if (month !== undefined) return [Number(month)];
  const quarter = texts.get('quarter');
  return quarter === undefined ? upTo(12) : upTo(3).map((index) => 3 * (Number(quarter) - 1) + index);
};

const daysFor = (texts: DateTexts): readonly number[] => {
  const day = texts.get('day');
  return day === undefined ? upTo(31) : [Number(day)];
};

/** Noon of a day, ms; undefined when there is no such day in the years 1 to 9999. */
const noonOf = (year: number, month: number, day: number): number | undefined => {
  if (year < 1 || year > 9999 || month < 1 || month > 12) return undefined;
  const noon = new Date(0);
  // Date.UTC would take the years below 100 for those after 1900.
  noon.setUTCFullYear(year, month - 1, day);
  return noon.getUTCDate() === day ? noon.setUTCHours(12) : undefined;
};

/** Readings that are kept: most numbers show days of a few years. */
const KEPT_MAX = 2_000;
const kept = new Map<number, CalendarReading>();

const readNoon = (noon: number): CalendarReading => {
  const known = kept.get(noon);
  if (known !== undefined) return known;
  const reading = readCalendar(noon, 'UTC');
  putBounded(kept, noon, reading, KEPT_MAX);
  return reading;
};

const isHour = (text: string | undefined): boolean => text === undefined || Number(text) < 24;

/** A day that prints these texts; undefined when there is none. The hour is not looked at beyond being one. */
export const findDay = (texts: DateTexts, series: PrintedSeries): CalendarReading | undefined => {
  if (!isHour(texts.get('hour'))) return undefined;
  const dated = [...texts].filter(([variable]) => variable !== 'hour');
  for (const year of yearsFor(texts)) {
    for (const month of monthsFor(texts)) {
      for (const day of daysFor(texts)) {
        const noon = noonOf(year, month, day);
        const reading = noon === undefined ? undefined : readNoon(noon);
        if (reading && dated.every(([variable, text]) => VARIABLES[variable](reading, series) === text)) return reading;
      }
    }
  }
  return undefined;
};
