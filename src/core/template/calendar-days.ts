/** The days of the calendar without a zone, by the kinds of years there are: what a rule must look at to have seen every day. */
import type { CalendarReading } from './calendar.ts';

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** The weekday of 1 January, Monday = 1 to Sunday = 7. */
const firstWeekdayOf = (year: number): number => {
  const day = new Date(0);
  // Date.UTC would take the years below 100 for those after 1900.
  day.setUTCFullYear(year, 0, 1);
  return day.getUTCDay() || 7;
};

/** ISO 8601: a year has a week 53 when it begins on a Thursday, or on a Wednesday with a day more. */
const weeksIn = (year: number): number => {
  const first = firstWeekdayOf(year);
  return first === 4 || (first === 3 && isLeap(year)) ? 53 : 52;
};

/** Years of one kind have the same days, weeks included: by the weekday they begin on, their length and that of the year before. */
export const kindOf = (year: number): number =>
  (firstWeekdayOf(year) - 1) * 4 + (isLeap(year) ? 2 : 0) + (isLeap(year - 1) ? 1 : 0);

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** All days of a year, read as a clock would at some hour of them; the hour is 0. */
export const daysOf = (year: number): readonly CalendarReading[] => {
  const firstWeekday = firstWeekdayOf(year);
  const days: CalendarReading[] = [];
  for (const [index, length] of MONTH_DAYS.entries()) {
    const last = index === 1 && isLeap(year) ? 29 : length;
    for (let day = 1; day <= last; day += 1) {
      const dayOfYear = days.length + 1;
      const weekday = ((firstWeekday + dayOfYear - 2) % 7) + 1;
      const own = Math.floor((dayOfYear - weekday + 10) / 7);
      const weekYear = own < 1 ? year - 1 : own > weeksIn(year) ? year + 1 : year;
      const week = own < 1 ? weeksIn(year - 1) : own > weeksIn(year) ? 1 : own;
      const month = index + 1;
      days.push({ year, month, day, hour: 0, quarter: Math.ceil(month / 3), week, weekYear, dayOfYear });
    }
  }
  return days;
};

/** Thirty years in a row that begin no century: every kind of year is among them, and every kind of neighbour. */
export const SAMPLE_YEARS: readonly number[] = Array.from({ length: 30 }, (_, index) => 2026 + index);
