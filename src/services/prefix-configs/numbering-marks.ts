/** Marks where the counters of a prefix stand when its numbering ends, so that each value can be printed as it was. */

import type { Clock } from '../../core/clock.ts';
import type { CounterStore, SequenceState } from '../../core/counter/counter-store.ts';
import { type CounterMark, hasMarks, type NumberingEnd } from '../../core/prefix-config/numbering-times.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { noonOf, readCalendar } from '../../core/template/calendar.ts';
import { firstDayOf, periodKeyOf } from '../../core/template/period.ts';
import type { Range } from '../../core/values/range.ts';
import { type SequenceId, sequenceOf, seriesOf } from '../../core/values/sequence-id.ts';

const DAY_MS = 86_400_000;
/** Periods that are marked, the present one included: earlier ones may count, or come to count later. */
const PERIODS_MAX = 24;
/** The next period is prepared so long before its end, ms. */
const NEXT_MS = 600_000;

/** The present period, the next one when it is near, and earlier ones. */
const periodsOf = ({ reset, timeZone, fiscalYearStart }: PrefixConfig, nowMs: number): string[] => {
  if (reset === 'never') return [''];
  const periodAt = (instantMs: number): string =>
    periodKeyOf(readCalendar(instantMs, timeZone), reset, fiscalYearStart);
  const periods = [periodAt(nowMs), periodAt(nowMs + NEXT_MS)];
  let period = periods[0] ?? '';
  for (let count = 1; count < PERIODS_MAX; count += 1) {
    const day = firstDayOf(period, reset, fiscalYearStart);
    if (day === undefined) break;
    period = periodAt(noonOf(day, timeZone) - DAY_MS);
    periods.push(period);
  }
  return [...new Set(periods)];
};

/** Entries of a gap record that are marked; beyond, all of the counter is in doubt. */
const GAPS_MAX = 1_000;

type Counters = Pick<CounterStore, 'inspect' | 'listGaps'>;

const markOf = (
  period: string,
  { value, free, ahead }: SequenceState,
  held: readonly Range[],
): CounterMark | undefined =>
  value === undefined
    ? undefined
    : {
        period,
        value,
        free,
        ahead: ahead.filter(({ node }) => node === undefined).map(({ first, last }) => ({ first, last })),
        open: [...ahead.filter(({ node }) => node !== undefined).map(({ first, last }) => ({ first, last })), ...held],
      };

const markCounter = async (counters: Counters, sequence: SequenceId): Promise<CounterMark | undefined> => {
  const { value } = await counters.inspect(sequence);
  if (value === undefined) return undefined;
  // Before and after, for a node may give back, or lose to the record, what it has, between any two looks.
  const before = await counters.listGaps(sequence, 0n, GAPS_MAX);
  const state = await counters.inspect(sequence);
  const gaps = [...before, ...(await counters.listGaps(sequence, 0n, GAPS_MAX))];
  // Below the counter, and with a node that may use them later.
  const held = gaps.filter(({ node }) => node !== undefined).map(({ range }) => range);
  const isCutOff = gaps.length >= GAPS_MAX;
  const distinct = new Map(held.map((range) => [`${range.first}-${range.last}`, range]));
  return markOf(sequence.period, state, isCutOff ? [{ first: 1n, last: value }] : [...distinct.values()]);
};

/** Adds what was taken between two looks: by which numbering, nobody can say. */
export const joinMarks = (before: NumberingEnd, after: NumberingEnd): NumberingEnd => {
  const marks = after.marks.map((later): CounterMark => {
    const mark = before.marks.find(({ period }) => period === later.period);
    // A counter that began in between: all of it is in doubt.
    if (mark === undefined) return { ...later, ahead: [], open: [...later.open, { first: 1n, last: later.value }] };
    if (mark.value >= later.value) return mark;
    return { ...mark, open: [...mark.open, { first: mark.value + 1n, last: later.value }] };
  });
  return { ...before, marks };
};

/** @returns undefined when the config counts elsewhere, or it cannot be seen where: then nothing is said of its time. */
export const createNumberingMarks =
  (counters: Counters, clock: Clock) =>
  async (config: PrefixConfig): Promise<NumberingEnd | undefined> => {
    if (!hasMarks(config)) return undefined;
    const { prefixKey, allowPast } = config;
    const periods = periodsOf(config, clock.now());
    try {
      const marked = await Promise.all(
        periods.map((period) => markCounter(counters, sequenceOf(seriesOf(prefixKey), period))),
      );
      const marks = marked.filter((mark) => mark !== undefined);
      const since = [...periods].sort()[0];
      return {
        period: periods[0] ?? '',
        past: allowPast,
        ...(since !== undefined && since !== periods[0] && { since }),
        marks,
      };
    } catch {
      return undefined;
    }
  };
