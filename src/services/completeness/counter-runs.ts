/** What became of the values of a counter: its state and its gap record, read page by page while it goes on counting. */
import {
  joinRuns,
  layGaps,
  originAtMost,
  type ReportedGap,
  type Run,
  runsOfState,
} from '../../core/counter/completeness.ts';
import type { CounterStore, SequenceState } from '../../core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Gap } from '../../core/values/gap.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';

/** Some runs of a report, which go on where those of the page before ended. */
export interface RunPage {
  readonly runs: readonly Run[];
  /**
   * Whether these and all runs before them are a snapshot of one moment; otherwise each was true at some moment while
   * the report was read.
   */
  readonly exact: boolean;
}

type Store = Pick<CounterStore, 'inspect' | 'listGaps'>;

/** Entries of the gap record in a page: bounds the memory of a report, and the passes over a record that is kept unsorted. */
const GAPS_PER_PAGE = 10_000;
const ATTEMPTS_MAX = 3;

const inspect = async (store: Store, sequence: SequenceId): Promise<SequenceState> => {
  const state = await store.inspect(sequence);
  if (state.recovering) throw new StorageUnavailableError('The sequence is being recovered.');
  return state;
};

/**
 * Reads the state, then gaps, then the state again. When neither the gap record nor the values given back have changed in between,
 * all of it was so at the moment of the first reading. When they do not stand still, values that were given back in between count
 * as held: else one that left the gap record for there would seem issued.
 */
const readPage = async (store: Store, sequence: SequenceId, after: bigint, limit: number) => {
  let before = await inspect(store, sequence);
  for (let attempt = 1; ; attempt += 1) {
    const gaps = await store.listGaps(sequence, after, limit);
    const now = await inspect(store, sequence);
    if (now.changes === before.changes) return { state: before, gaps, exact: true };
    if (attempt === ATTEMPTS_MAX) {
      return { state: { ...before, free: [...before.free, ...now.free] }, gaps, exact: false };
    }
    before = now;
  }
};

/** Tells two moments apart between which the sequence moved. */
const momentOf = ({ value, changes, ahead }: SequenceState): string =>
  [value, changes, ...ahead.map(({ first, last, node }) => `${first}:${last}:${node}`)].join(' ');

/** Joins runs that belong together, also across pages: what may still be joined to the next one is kept back. */
const createJoiner = () => {
  let kept: Run | undefined;
  return {
    join: (runs: readonly Run[]): Run[] => {
      const done: Run[] = [];
      for (const run of runs) {
        const joined = kept && joinRuns(kept, run);
        if (kept !== undefined && joined === undefined) done.push(kept);
        kept = joined ?? run;
      }
      return done;
    },
    rest: (): Run[] => (kept === undefined ? [] : [kept]),
  };
};

interface Begin {
  readonly origin: bigint;
  /** Whether the store says so itself. */
  readonly isKnown: boolean;
  /** Values that may or may not have been issued. */
  readonly doubtful: readonly ReportedGap[];
}

/** The origin of a sequence that an earlier version stored without it. */
const guessBegin = (state: SequenceState, gaps: readonly Gap[], initialSeq: bigint | undefined): Begin => {
  const atMost = originAtMost(state, gaps);
  if (atMost === undefined) return { origin: initialSeq ?? 0n, isKnown: true, doubtful: [] };
  if (initialSeq !== undefined && initialSeq <= atMost) return { origin: initialSeq, isKnown: false, doubtful: [] };
  const range = { first: 1n, last: atMost };
  const gap = { range, reason: 'origin-unknown', node: undefined, recordedAtMs: undefined };
  return { origin: 0n, isKnown: atMost === 0n, doubtful: atMost === 0n ? [] : [gap] };
};

const beginOf = (state: SequenceState, gaps: readonly Gap[], initialSeq: bigint | undefined): Begin =>
  state.origin === undefined
    ? guessBegin(state, gaps, initialSeq)
    : { origin: state.origin, isKnown: true, doubtful: [] };

/**
 * All values that were ever taken, from the first one on; nothing is held open in the store between two pages.
 * @param initialSeq where counting must have begun, should the store not know it; undefined: it may have been another one then.
 * @throws StorageUnavailableError while the sequence is being recovered; CorruptEntryError; the store's errors.
 */
export async function* readCounterReport(
  store: Store,
  { sequence, initialSeq }: { readonly sequence: SequenceId; readonly initialSeq: bigint | undefined },
  gapsPerPage: number = GAPS_PER_PAGE,
): AsyncGenerator<RunPage, void, void> {
  const { join, rest } = createJoiner();
  let begin: Begin | undefined;
  let moment: string | undefined;
  let next: bigint | undefined;
  let after = 0n;
  for (;;) {
    const { state, gaps, exact } = await readPage(store, sequence, after, gapsPerPage);
    begin ??= beginOf(state, gaps, initialSeq);
    const { origin, isKnown, doubtful } = begin;
    const isLast = gaps.length < gapsPerPage;
    const missing = next === undefined ? [...doubtful, ...gaps] : gaps;
    const runs = layGaps(runsOfState(state, origin), missing, next ?? origin + 1n, isLast);
    const joined = join(runs);
    moment ??= momentOf(state);
    yield { runs: isLast ? [...joined, ...rest()] : joined, exact: isKnown && exact && momentOf(state) === moment };
    if (isLast) return;
    next = (runs.at(-1)?.last ?? origin) + 1n;
    after = gaps.at(-1)?.range.first ?? after;
  }
}
