/** A prefix config made ready for work: its counter, its period and its printer at any instant. */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import { SequenceOverflowError, ValidationError } from '../../core/errors.ts';
import { hasCounter, limitOf, type PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { type CalendarReading, instantOf, noonOf, readCalendar } from '../../core/template/calendar.ts';
import { firstDayOf, isFixedInPeriod, periodKeyOf, yearsOf } from '../../core/template/period.ts';
import { compileTemplate, type NumberPrinter, type PrinterSource } from '../../core/template/printer.ts';
import { givenNamesOf, parseTemplate, partsOf } from '../../core/template/template.ts';
import { type SeriesId, sequenceKeyOf, sequenceOf, seriesOf } from '../../core/values/sequence-id.ts';

/** How long before its end the next period is prepared, ms. */
const PREPARE_MS = 600_000;
const MINUTE_MS = 60_000;

/** What one reading of the clock decides. */
export interface SeriesMoment {
  /**
   * Makes the printer of a request from the variables it gives. Throws SequenceOverflowError too, when the years that the format
   * can tell apart are over.
   */
  readonly printerFor: PrinterSource;
  /** The counter of the period. */
  readonly target: AllocationTarget;
  /** The counter of the next period, in the last ten minutes of this one. */
  readonly upcoming: AllocationTarget | undefined;
}

/** Instants are ms since 1970-01-01T00:00:00Z. */
export interface Series {
  readonly id: SeriesId;
  readonly config: PrefixConfig;
  /** Whether counter or text depend on the present date. */
  readonly needsClock: boolean;
  /** The names of the variables that a request must give. */
  readonly givenNames: readonly string[];
  at(instantMs: number): SeriesMoment;
  /**
   * The counter and the text of a document that is dated otherwise than now. The counter of another period than the present one
   * may be closed at any time, and its target says so.
   */
  of(instantMs: number, nowMs: number): Omit<SeriesMoment, 'upcoming'>;
  /**
   * Reads the date of a document: `2026-11-25` (its first moment in the zone of the prefix), or an instant with offset.
   * @throws ValidationError when it is no date, lies in a period to come, or in an earlier one while `allowPast` is off.
   */
  readDate(date: string, nowMs: number): number;
  /** The name of the period of an instant; "" without reset. */
  periodAt(instantMs: number): string;
  /** The counter of a period by its key; undefined when this reset has no period of that name. */
  targetIn(period: string): AllocationTarget | undefined;
  /**
   * Prints the numbers of a period as they look now; undefined when the format prints more than the period determines,
   * such as the day or a variable of the request.
   */
  printerIn(period: string): NumberPrinter | undefined;
}

const dateProblem = (message: string): ValidationError => new ValidationError([{ path: 'date', message }]);

/** @param standbySize values a node holds ready of the series for an outage of the store; 0 for none. */
export const compileSeries = (config: PrefixConfig, standbySize: number, id = seriesOf(config.prefixKey)): Series => {
  const { prefixKey, initialSeq, reset, timeZone, fiscalYearStart } = config;
  const template = parseTemplate(config.format);
  const sourceAt = compileTemplate(template, config);
  const years = yearsOf(template, reset);
  const isInYears = ({ year }: CalendarReading): boolean => years.first <= year && year <= years.last;
  const periodAt = (instantMs: number): string =>
    reset === 'never' ? '' : periodKeyOf(readCalendar(instantMs, timeZone), reset, fiscalYearStart);
  const targetOf = (period: string): AllocationTarget => {
    const sequence = sequenceOf(id, period);
    return {
      name: sequenceKeyOf(sequence),
      sequence,
      initialSeq,
      limit: limitOf(config),
      standbySize: config.outage === 'reject' || config.strategy !== 'counter' ? 0 : standbySize,
    };
  };

  const refuse: PrinterSource = () => {
    throw new SequenceOverflowError(prefixKey, 0n);
  };

  /** An instant of a period; undefined when there is no such period. */
  const instantIn = (period: string): number | undefined => {
    if (reset === 'never') return period === '' ? 0 : undefined;
    const day = firstDayOf(period, reset, fiscalYearStart);
    if (day === undefined) return undefined;
    const noonMs = noonOf(day, timeZone);
    // A day that the clocks of the zone passed over: its noon is on another one.
    return periodAt(noonMs) === period ? noonMs : undefined;
  };

  let target = targetOf('');
  let upcoming: AllocationTarget | undefined;
  const look = (instantMs: number): SeriesMoment => {
    const isOver = !isInYears(readCalendar(instantMs, timeZone));
    const period = periodAt(instantMs);
    const next = periodAt(instantMs + PREPARE_MS);
    if (period !== target.sequence.period) target = targetOf(period);
    if (next === period) upcoming = undefined;
    else if (next !== upcoming?.sequence.period) upcoming = targetOf(next);
    return { printerFor: isOver ? refuse : sourceAt(instantMs), target, upcoming };
  };

  let keptMinute = Number.NaN;
  let kept: SeriesMoment;
  const at = (instantMs: number): SeriesMoment => {
    // Zones are offset by whole minutes, so no period and no date begins within one.
    const minute = Math.floor(instantMs / MINUTE_MS);
    if (minute !== keptMinute) {
      kept = look(instantMs);
      keptMinute = minute;
    }
    return kept;
  };

  const needsClock =
    reset !== 'never' ||
    !hasCounter(config) ||
    partsOf(template).some((part) => 'variable' in part && part.variable !== 'prefix');

  return {
    id,
    config,
    needsClock,
    givenNames: givenNamesOf(template),
    at,
    of: (instantMs, nowMs) => {
      const present = at(nowMs);
      const period = periodAt(instantMs);
      const printerFor = sourceAt(instantMs);
      if (period === present.target.sequence.period) return { printerFor, target: present.target };
      return { printerFor, target: { ...targetOf(period), standbySize: 0, isEnding: true } };
    },
    readDate: (date, nowMs) => {
      const instantMs = instantOf(date, timeZone);
      if (instantMs === undefined) {
        throw dateProblem('A day as 2026-11-25, or an instant with offset as 2026-11-25T14:30:00+01:00');
      }
      if (instantMs === 'skipped') {
        throw dateProblem(`There was no ${date} in ${timeZone}: its clocks went from the day before to the day after`);
      }
      if (!isInYears(readCalendar(instantMs, timeZone))) {
        throw dateProblem(`The format can tell the years ${years.first} to ${years.last} apart, and no others`);
      }
      const [period, present] = [periodAt(instantMs), periodAt(nowMs)];
      if (period > present) throw dateProblem(`Lies in the period ${period}, which has not begun`);
      if (period < present && !config.allowPast) {
        throw dateProblem(`Lies in the period ${period}, which is over; allowPast is off for this prefix`);
      }
      return instantMs;
    },
    periodAt,
    targetIn: (period) => (instantIn(period) === undefined ? undefined : targetOf(period)),
    printerIn: (period) => {
      const instantMs = instantIn(period);
      if (instantMs === undefined || !isFixedInPeriod(template, reset)) return undefined;
      return sourceAt(instantMs)();
    },
  };
};
