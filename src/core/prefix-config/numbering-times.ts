/**
 * Which collision rule a value was printed by: the one in force at its time, according to the marks that config changes
 * leave.
 */
import { z } from 'zod';
import { firstDayOf, type Reset } from '../template/period.ts';
import type { Range } from '../values/range.ts';

/** Where a counter stood when a collision rule ended. */
export interface CounterMark {
  readonly period: string;
  /** Values up to it were printed before, except those below. */
  readonly value: bigint;
  /** Above it, and taken before. */
  readonly ahead: readonly Range[];
  /** Below it, and taken later if at all. */
  readonly free: readonly Range[];
  /** Taken before or later: only the node that had them knows. */
  readonly open: readonly Range[];
}

/** When a collision rule ended. */
export interface NumberingEnd {
  /** The period at that moment, by its reset. */
  readonly period: string;
  /** Whether earlier periods went on too, then or later: where is known only for those with a mark. */
  readonly past: boolean;
  /**
   * The earliest period that was checked: later ones without a mark had not counted. When unknown, only the period of
   * the end was.
   */
  readonly since?: string | undefined;
  /** One for each counter that had counted. */
  readonly marks: readonly CounterMark[];
}

const digits = z.string().regex(/^[0-9]{1,20}$/);
const ranges = z
  .array(z.tuple([digits, digits]))
  .default([])
  .transform((pairs): Range[] => pairs.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) })));

export const numberingEndSchema = z.object({
  period: z.string(),
  past: z.boolean().default(false),
  since: z.string().exactOptional(),
  marks: z
    .array(z.object({ period: z.string(), value: digits.transform(BigInt), ahead: ranges, free: ranges, open: ranges }))
    .default([]),
});

const pairsOf = (name: string, list: readonly Range[]) =>
  list.length > 0 && { [name]: list.map(({ first, last }) => [`${first}`, `${last}`]) };

/** As it is stored; only what differs from the default. */
export const encodeNumberingEnd = ({ period, past, since, marks }: NumberingEnd): object => ({
  period,
  ...(past && { past }),
  ...(since !== undefined && { since }),
  marks: marks.map(({ period: of, value, ahead, free, open }) => ({
    period: of,
    value: `${value}`,
    ...pairsOf('ahead', ahead),
    ...pairsOf('free', free),
    ...pairsOf('open', open),
  })),
});

/** What decides where a collision rule counts. */
interface Timed {
  readonly strategy: string;
  readonly reset: Reset;
  readonly fiscalYearStart: string;
  readonly until?: NumberingEnd | undefined;
  /** Whether numbers of earlier periods are taken. */
  readonly allowPast?: boolean;
}

/** Whether its values come from counters, which leave marks; ledgers keep each text instead. */
export const hasMarks = ({ strategy }: Pick<Timed, 'strategy'>): boolean =>
  strategy === 'counter' || strategy === 'segment';

const countsIn = ({ reset, fiscalYearStart }: Timed, period: string): boolean =>
  reset === 'never' ? period === '' : firstDayOf(period, reset, fiscalYearStart) !== undefined;

const holds = (list: readonly Range[], value: bigint): boolean =>
  list.some(({ first, last }) => first <= value && value <= last);

/** @param pastGoesOn whether values of earlier periods may have been taken after the end. */
const timeOf = (
  { until }: Timed,
  period: string,
  value: bigint,
  pastGoesOn: boolean,
): 'before' | 'later' | 'unsure' => {
  if (until === undefined) return 'unsure';
  const mark = until.marks.find((one) => one.period === period);
  if (mark === undefined && period >= (until.since ?? until.period)) return 'later';
  if (mark === undefined) return pastGoesOn ? 'unsure' : 'before';
  if (holds(mark.open, value)) return 'unsure';
  if (holds(mark.ahead, value)) return 'before';
  return value <= mark.value && !holds(mark.free, value) ? 'before' : 'later';
};

/**
 * The collision rules that a value of a counter may have been printed by; one when that is known.
 * @param former in the order of time. @param present the last of all.
 */
export const numberingsOf = <Numbering extends Timed>(
  former: readonly Numbering[],
  present: Numbering,
  period: string,
  value: bigint,
): readonly Numbering[] => {
  let possible: Numbering[] = [];
  for (const [index, one] of former.entries()) {
    if (!hasMarks(one) || !countsIn(one, period)) continue;
    const pastGoesOn = present.allowPast === true || former.slice(index).some(({ until }) => until?.past === true);
    const time = timeOf(one, period, value, pastGoesOn);
    // Later than this end means later than all ends before it; a rule without an end may have been found out of order.
    if (time === 'later') possible = possible.filter(({ until }) => until === undefined);
    else possible.push(one);
    if (time === 'before') return possible;
  }
  return [...possible, present];
};
