/** Where the sequences stand of which this node took values lately: a record and a function. */
import type { LedgerAnswer, LedgerTake } from '../../core/ledger/ledger-store.ts';
import type { Standing } from '../allocator.ts';

/** By prefix and period, the sequence that moved last at the end. */
export type LatestStandings = Map<string, Standing>;

/**
 * Keeps what a call has taken, and forgets the sequences that moved longest ago. A standing never falls: a call may
 * have taken values that had been freed.
 * @param answers one for each of `takes`.
 */
export const noteTaken = (
  latest: LatestStandings,
  takes: readonly Pick<LedgerTake, 'sequence'>[],
  answers: readonly LedgerAnswer[],
  sequencesMax: number,
): void => {
  for (const [index, { sequence }] of takes.entries()) {
    const answer = answers[index];
    const value = answer?.kind === 'taken' ? answer.ranges.at(-1)?.last : undefined;
    if (value === undefined) continue;
    const name = `${sequence.series.prefixKey} ${sequence.period}`;
    const known = latest.get(name)?.value ?? 0n;
    latest.delete(name);
    latest.set(name, { sequence, value: value < known ? known : value });
  }
  for (const name of latest.keys()) {
    if (latest.size <= sequencesMax) return;
    latest.delete(name);
  }
};
