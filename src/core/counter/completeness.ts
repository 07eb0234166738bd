/** Completeness: what became of every value of a sequence, as adjoining runs. */

import type { Gap } from '../values/gap.ts';
import { type Range, rangeSize } from '../values/range.ts';
import type { SequenceState } from './counter-store.ts';

/**
 * `issued`: issued, or on its way to the caller at this moment. `confirmed`: a reservation made final. `reserved`: held
 * for a caller. `void`: given up, and issued next. `lost`: passed over by an advance of a ledger, and never issued by
 * it. `gap`: not issued, or possibly not issued, for the reason given. `held`: in the hands of a node, or returned, and
 * issued later. `open`: not issued yet, although a higher one was.
 */
export const RUN_STATES = ['issued', 'confirmed', 'reserved', 'void', 'lost', 'gap', 'held', 'open'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** Consecutive values in the same state. */
export interface Run extends Range {
  readonly state: RunState;
  /** Why: the reason of a gap or of a cancellation; `standby` or `returned` when it is held. */
  readonly reason?: string | undefined;
  /** The node that holds or held the values. */
  readonly node?: string | undefined;
  /** Since when, ms since 1970-01-01T00:00:00Z. */
  readonly atMs?: number | undefined;
  /** What was printed, in a ledger, which has a run for each number. */
  readonly number?: string | undefined;
  /** Subject of the caller it was taken for. */
  readonly subject?: string | undefined;
  /** The reservation it was taken by. */
  readonly reservation?: string | undefined;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The values that the state itself lists, apart from the run that the counter has passed. */
const marksOf = ({ free, ahead }: Pick<SequenceState, 'free' | 'ahead'>): Run[] => {
  const returned = free.map(({ first, last }): Run => ({ first, last, state: 'held', reason: 'returned' }));
  const beyond = ahead.map(
    ({ first, last, node }): Run =>
      node === undefined ? { first, last, state: 'issued' } : { first, last, state: 'held', reason: 'standby', node },
  );
  return [...returned, ...beyond].sort((a, b) => (a.first < b.first ? -1 : 1));
};

/**
 * The highest possible origin of a sequence whose store does not know it: all values that are listed, given back or
 * held ready lie above.
 */
export const originAtMost = (
  { value, free, ahead }: Pick<SequenceState, 'value' | 'free' | 'ahead'>,
  gaps: readonly Gap[],
): bigint | undefined => {
  if (value === undefined) return undefined;
  const firsts = [...free, ...ahead, ...gaps.map(({ range }) => range)].map(({ first }) => first - 1n);
  return firsts.reduce(least, value);
};

/** All values above `origin` that the state knows of, apart from the gap record; empty when none was ever taken. */
export const runsOfState = (state: SequenceState, origin: bigint): Run[] => {
  const { value } = state;
  if (value === undefined) return [];
  const runs: Run[] = [];
  let next = origin + 1n;
  const fillTo = (end: bigint): void => {
    const passed = least(end, value);
    if (next <= passed) runs.push({ first: next, last: passed, state: 'issued' });
    if (next <= passed) next = passed + 1n;
    if (next <= end) runs.push({ first: next, last: end, state: 'open' });
    if (next <= end) next = end + 1n;
  };
  for (const mark of marksOf(state)) {
    fillTo(mark.first - 1n);
    // Read at two moments, ranges may overlap.
    if (mark.last < next) continue;
    runs.push({ ...mark, first: next });
    next = mark.last + 1n;
  }
  fillTo(value);
  return runs;
};

/** A gap of the record, or one that only the report knows of. */
export type ReportedGap = Pick<Gap, 'range' | 'node'> & {
  readonly reason: string;
  readonly recordedAtMs: number | undefined;
};

/**
 * Lays gaps over the runs, from the value `from` on: what the gap record lists is missing, whatever the runs say.
 * @param runs rising and without holes.
 * @param gaps rising.
 * @param isLast whether there are no more gaps; otherwise the runs end with these.
 */
export const layGaps = (runs: readonly Run[], gaps: readonly ReportedGap[], from: bigint, isLast: boolean): Run[] => {
  const highest = runs.at(-1)?.last ?? 0n;
  const laid: Run[] = [];
  let next = from;
  let at = 0;
  const copyTo = (end: bigint): void => {
    for (let run = runs[at]; run !== undefined && next <= end; run = runs[at]) {
      const last = least(run.last, end);
      if (next <= last) {
        laid.push({ ...run, first: next, last });
        next = last + 1n;
      }
      if (run.last <= last) at += 1;
    }
  };
  for (const { range, reason, node, recordedAtMs } of gaps) {
    copyTo(least(range.first - 1n, highest));
    const last = least(range.last, highest);
    if (last < next) continue;
    laid.push({ first: next, last, state: 'gap', reason, node, atMs: recordedAtMs });
    next = last + 1n;
  }
  if (isLast) copyTo(highest);
  return laid;
};

/** Joins a run to the one before it when both are in the same state; undefined otherwise. */
export const joinRuns = (before: Run, run: Run): Run | undefined => {
  const same = before.state === run.state && before.reason === run.reason && before.node === run.node;
  return same && before.atMs === run.atMs && before.last + 1n === run.first ? { ...before, last: run.last } : undefined;
};

/** How many values are in each state, and which is the first and the last of all. */
export interface Tally {
  readonly first: bigint | undefined;
  readonly last: bigint | undefined;
  readonly counts: Readonly<Record<RunState, bigint>>;
}

/** Adds up runs as they come. @throws Error when one does not begin where the one before it ended: then the report is wrong. */
export const createTally = (): { add(run: Run): void; total(): Tally } => {
  const counts = Object.fromEntries(RUN_STATES.map((state) => [state, 0n])) as Record<RunState, bigint>;
  let first: bigint | undefined;
  let last: bigint | undefined;
  return {
    add: (run) => {
      if (last !== undefined && run.first !== last + 1n) throw new Error(`The run of ${run.first} follows ${last}.`);
      first ??= run.first;
      last = run.last;
      counts[run.state] += rangeSize(run);
    },
    total: () => ({ first, last, counts: { ...counts } }),
  };
};
