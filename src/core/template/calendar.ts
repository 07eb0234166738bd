/** The calendar in a time zone: what the date variables of a template show at one instant. */
import { Temporal } from 'temporal-polyfill';

/** One local reading of the clock. Months, days, weeks and quarters count from 1, hours from 0. */
export interface CalendarReading {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly quarter: number;
  /** ISO 8601 week, 1 to 53, which belongs to `weekYear`. */
  readonly week: number;
  readonly weekYear: number;
  readonly dayOfYear: number;
}

/**
 * Whether a name is an IANA time zone this machine knows, such as `Europe/Berlin` or `UTC`.
 * Bare offsets (`+02:00`) are no zones: they know no daylight saving.
 */
export const isTimeZone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    // Tried as it will be used: Intl alone also takes names such as ACT, which cannot be read afterwards.
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
};

/** Reads the calendar of `timeZone` at `instantMs`, milliseconds since 1970-01-01T00:00:00Z. */
export const readCalendar = (instantMs: number, timeZone: string): CalendarReading => {
  const local = Temporal.Instant.fromEpochMilliseconds(instantMs).toZonedDateTimeISO(timeZone);
  return {
    year: local.year,
    month: local.month,
    day: local.day,
    hour: local.hour,
    quarter: Math.ceil(local.month / 3),
    // The ISO calendar always has weeks; the types allow for calendars without.
    week: local.weekOfYear ?? 0,
    weekYear: local.yearOfWeek ?? local.year,
    dayOfYear: local.dayOfYear,
  };
};

/** An instant at which the clocks of `timeZone` show this day and hour; undefined when they never do. */
export const instantOfReading = ({ year, month, day, hour }: CalendarReading, timeZone: string): number | undefined => {
  const plain = Temporal.PlainDateTime.from({ year, month, day, hour });
  const zoned = plain.toZonedDateTime(timeZone);
  // A time that was skipped is read as one that was not.
  return zoned.toPlainDateTime().equals(plain) ? zoned.epochMilliseconds : undefined;
};

const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const INSTANT =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * The instant that a text of ISO 8601 names, ms since 1970-01-01T00:00:00Z. A day (`2026-11-25`) stands for its first
 * moment in `timeZone`; a date with time needs `Z` or an offset. @returns undefined when it is neither, or does not
 * exist; `skipped` for a day that the zone skipped, as when it crossed the date line.
 */
export const instantOf = (text: string, timeZone: string): number | 'skipped' | undefined => {
  try {
    if (DAY.test(text)) {
      const day = Temporal.PlainDate.from(text);
      const first = day.toZonedDateTime(timeZone);
      return first.toPlainDate().equals(day) ? first.epochMilliseconds : 'skipped';
    }
    return INSTANT.test(text) ? Temporal.Instant.from(text).epochMilliseconds : undefined;
  } catch {
    return undefined;
  }
};

/**
 * The fiscal year a reading falls into, named after the calendar year in which it starts.
 * @param start `MM-DD`, its first day: with `04-01`, 2026-03-31 is in 2025 and 2026-04-01 in 2026.
 */
export const fiscalYearOf = (reading: CalendarReading, start: string): number => {
  const monthDay = reading.month * 100 + reading.day;
  const startMonthDay = Number(start.slice(0, 2)) * 100 + Number(start.slice(3, 5));
  return monthDay >= startMonthDay ? reading.year : reading.year - 1;
};

/** Whether a text is a day of the calendar, as `YYYY-MM-DD`. */
export const isDate = (text: string): boolean => {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
};

/** Noon of a day (`YYYY-MM-DD`) in `timeZone`, ms since 1970-01-01T00:00:00Z. */
export const noonOf = (date: string, timeZone: string): number =>
  Temporal.PlainDate.from(date).toZonedDateTime({ timeZone, plainTime: '12:00' }).epochMilliseconds;
