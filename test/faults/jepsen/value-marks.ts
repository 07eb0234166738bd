/** What is known of each value of a sequence: one byte of marks per value, and the runs of values that are marked alike. */
import type { HeldRange } from '../stored-sequence.ts';
import type { FinalSequence } from './evidence.ts';

export const MARK = {
  issued: 1,
  /** In the gap record, so surely not issued. */
  gap: 2,
  /** In the gap record, and nobody can say any more whether it was issued. */
  doubtfulGap: 4,
  /** To be handed out. */
  free: 8,
  /** Held by a node that is gone. */
  held: 16,
  /** The state says that it was used ahead of the counter. */
  usedAhead: 32,
  /** In the last call of a node, as the state remembers it. */
  lastCall: 64,
} as const;

const DOUBTFUL_REASONS = new Set(['recovery-jump', 'node-crash']);

export interface ValueRun {
  readonly first: number;
  readonly last: number;
  readonly marks: number;
}

/** Covers the values up to the counter, the highest issued one, and the highest that counts as used. */
export const markValues = (
  { counter, ahead, free, gaps, lastRanges }: FinalSequence,
  issued: Iterable<number>,
): Uint8Array => {
  const values = [...issued];
  const usedAhead = ahead.filter(({ holder }) => holder === '-');
  const highest = [values, usedAhead.map(({ last }) => last)].flat().reduce((a, b) => Math.max(a, b), counter);
  const marks = new Uint8Array(highest + 1);
  const put = (ranges: readonly HeldRange[], mark: number): void => {
    for (const { first, last } of ranges)
      for (let value = first; value <= last && value <= highest; value += 1) marks[value] = (marks[value] ?? 0) | mark;
  };
  for (const value of values) marks[value] = MARK.issued;
  for (const gap of gaps) put([gap], DOUBTFUL_REASONS.has(gap.reason) ? MARK.doubtfulGap : MARK.gap);
  put(free, MARK.free);
  put(
    ahead.filter(({ holder }) => holder !== '-'),
    MARK.held,
  );
  put(usedAhead, MARK.usedAhead);
  put(lastRanges, MARK.lastCall);
  return marks;
};

/** The runs from `from` on that fit, each of values with the same marks. */
export function* runsOf(marks: Uint8Array, from: number, fits: (marks: number) => boolean): Generator<ValueRun> {
  for (let first = from; first < marks.length; first += 1) {
    const mark = marks[first] ?? 0;
    if (!fits(mark)) continue;
    let last = first;
    while (last + 1 < marks.length && marks[last + 1] === mark) last += 1;
    yield { first, last, marks: mark };
    first = last;
  }
}

export const sizeOf = ({ first, last }: { first: number; last: number }): number => last - first + 1;

export const spell = (run: ValueRun): string =>
  run.first === run.last ? `${run.first}` : `${run.first}-${run.last} (${sizeOf(run)} values)`;
