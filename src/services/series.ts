/** A prefix config made ready for work: its counter, its period and its printer at any instant. */
import type { AllocationTarget } from '../allocators/lane.ts';
import { noonOf, readCalendar } from '../core/calendar.ts';
import { firstDayOf, isFixedInPeriod, periodKeyOf } from '../core/period.ts';
import { limitOf, type PrefixConfig } from '../core/prefix-config.ts';
import { givenNamesOf, parseTemplate } from '../core/template.ts';
import { compileTemplate, type NumberPrinter, type PrinterSource } from '../core/template-printer.ts';

/** How long before its end the next period is prepared, ms. */
const PREPARE_MS = 600_000;
const MINUTE_MS = 60_000;

/** What one reading of the clock decides. */
export interface SeriesMoment {
  /** Makes the printer of a request from the variables it gives. */
  readonly printerFor: PrinterSource;
  /** The counter of the period. */
  readonly target: AllocationTarget;
  /** The counter of the next period, in the last ten minutes of this one. */
  readonly upcoming: AllocationTarget | undefined;
}

export interface Series {
  readonly config: PrefixConfig;
  /** The names of the variables that a request must give. */
  readonly givenNames: readonly string[];
  /** @param instantMs ms since 1970-01-01T00:00:00Z */
  at(instantMs: number): SeriesMoment;
  /** The counter of a period by its key; undefined when this reset has no period of that name. */
  targetIn(period: string): AllocationTarget | undefined;
  /**
   * Prints the numbers of a period as they look now; undefined when the format shows more than the period tells, such as the
   * day or what the caller gave.
   */
  printerIn(period: string): NumberPrinter | undefined;
}

/** @param standbySize values a node holds ready of the series for an outage of the store; 0 for none. */
export const compileSeries = (config: PrefixConfig, standbySize: number): Series => {
  const { prefixKey, initialSeq, reset, timeZone, fiscalYearStart } = config;
  const template = parseTemplate(config.format);
  const sourceAt = compileTemplate(template, config);
  const periodAt = (instantMs: number): string =>
    reset === 'never' ? '' : periodKeyOf(readCalendar(instantMs, timeZone), reset, fiscalYearStart);
  const targetOf = (period: string): AllocationTarget => ({
    name: `${prefixKey} ${period}`,
    sequence: { prefixKey, period },
    initialSeq,
    limit: limitOf(config),
    standbySize: config.outage === 'reject' ? 0 : standbySize,
  });

  /** An instant of a period; undefined when there is no such period. */
  const instantIn = (period: string): number | undefined => {
    if (reset === 'never') return period === '' ? 0 : undefined;
    const day = firstDayOf(period, reset, fiscalYearStart);
    return day === undefined ? undefined : noonOf(day, timeZone);
  };

  let target = targetOf('');
  let upcoming: AllocationTarget | undefined;
  const look = (instantMs: number): SeriesMoment => {
    const period = periodAt(instantMs);
    const next = periodAt(instantMs + PREPARE_MS);
    if (period !== target.sequence.period) target = targetOf(period);
    if (next === period) upcoming = undefined;
    else if (next !== upcoming?.sequence.period) upcoming = targetOf(next);
    return { printerFor: sourceAt(instantMs), target, upcoming };
  };

  let keptMinute = Number.NaN;
  let kept: SeriesMoment;
  return {
    config,
    givenNames: givenNamesOf(template),
    at: (instantMs) => {
      // Zones are offset by whole minutes, so no period and no date begins within one.
      const minute = Math.floor(instantMs / MINUTE_MS);
      if (minute !== keptMinute) {
        kept = look(instantMs);
        keptMinute = minute;
      }
      return kept;
    },
    targetIn: (period) => (instantIn(period) === undefined ? undefined : targetOf(period)),
    printerIn: (period) => {
      const instantMs = instantIn(period);
      if (instantMs === undefined || !isFixedInPeriod(template, reset)) return undefined;
      return sourceAt(instantMs)();
    },
  };
};
