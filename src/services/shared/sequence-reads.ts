/**
 * Reads where a sequence stands, never less than was known before: if the counter store lost its state or was
 * restarted, the sequence is recovered first, as for a request for a number.
 */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { CounterStore, SequenceState } from '../../core/counter/counter-store.ts';
import { isStoreFailure, StorageUnavailableError } from '../../core/errors.ts';
import { type SequenceId, type SeriesId, sequenceKeyOf } from '../../core/values/sequence-id.ts';

export interface SequenceReads extends Pick<CounterStore, 'source' | 'listGaps' | 'countGaps'> {
  /**
   * Recovers the sequence first, when the store may have lost something of it.
   * @throws StorageUnavailableError when that takes longer than 6 s, when too many wait for it, or when nobody can say; the
   * stores' errors; CorruptEntryError.
   */
  inspect(sequence: SequenceId): Promise<SequenceState>;
  /** Whether the store has all that is known of the sequence, at this moment. @throws as `inspect`. */
  isCurrent(sequence: SequenceId): Promise<boolean>;
  /**
   * The periods in which counters of a prefix may have counted, those after `after`, in rising order; none where they
   * are unknown.
   */
  listPeriods(series: SeriesId, after: string | undefined, limit: number): Promise<readonly string[]>;
}

interface Dependencies {
  readonly counters: CounterStore;
  readonly ceilings: Pick<CeilingStore, 'read' | 'listPeriods'> | undefined;
  /** The highest epoch this node has counted in; 0 for a sequence it does not count in. */
  readonly epochOf: (sequence: SequenceId) => bigint;
  /** Has this node take part in the sequence, so that it is recovered; false when it cannot. */
  readonly recover: (sequence: SequenceId, target: AllocationTarget | undefined) => boolean;
  /** The terms on which the sequence counts; undefined when its prefix has no such period now. */
  readonly targetOf: (sequence: SequenceId) => Promise<AllocationTarget | undefined>;
}

/** A recovery that misses a node takes 3 s, and each node whose turn it is before this one half a second. */
const WAIT_MAX_MS = 6_000;
const POLL_MS = 50;
/** Sequences that are waited for at a time; each costs both stores a question per poll. */
const WAITING_MAX = 200;

interface Look {
  readonly state: SequenceState;
  readonly isCurrent: boolean;
}

const ignoreFailure = (error: unknown): undefined => {
  if (!isStoreFailure(error)) throw error;
};

const recovering = (): StorageUnavailableError => new StorageUnavailableError('The sequence is being recovered.');

export const createSequenceReads = (dependencies: Dependencies): SequenceReads => {
  const { counters, ceilings, epochOf, recover, targetOf } = dependencies;
  const waiting = new Map<string, Promise<SequenceState>>();

  /**
   * A state that the store serves under the identity of its server is the one that requests take numbers from. If it
   * does not know the sequence, the ceilings show whether it was ever counted.
   */
  const look = async (sequence: SequenceId): Promise<Look> => {
    const state = await counters.inspect(sequence);
    const ownEpoch = epochOf(sequence);
    if (state.epoch === undefined) {
      const row = await ceilings?.read(sequence);
      return { state, isCurrent: row === undefined && ownEpoch === 0n };
    }
    const isCurrent = !state.recovering && state.epoch >= ownEpoch;
    if (!isCurrent || state.origin !== undefined || ceilings === undefined) return { state, isCurrent };
    // A node of an earlier version has recovered it, and left that out. It may be unknown there too.
    const row = await ceilings.read(sequence).catch(ignoreFailure);
    return { state: { ...state, origin: row?.origin }, isCurrent };
  };

  const termsOf = (sequence: SequenceId): Promise<AllocationTarget | undefined> =>
    // The prefix is being registered anew, or cannot be read.
    targetOf(sequence).catch((error: unknown) => {
      if (isStoreFailure(error)) throw error;
      return undefined;
    });

  const wait = async (sequence: SequenceId, first: SequenceState): Promise<SequenceState> => {
    const endMs = performance.now() + WAIT_MAX_MS;
    const target = await termsOf(sequence);
    while (performance.now() < endMs) {
      // Nobody here counts in it, nor knows on which terms: what the store says is all there is.
      if (!recover(sequence, target)) return first;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const { state, isCurrent } = await look(sequence);
      if (isCurrent) return state;
    }
    throw recovering();
  };

  return {
    source: counters.source,
    listGaps: counters.listGaps,
    countGaps: counters.countGaps,
    listPeriods: counters.listPeriods ?? ceilings?.listPeriods ?? (async () => []),

    isCurrent: async (sequence) => counters.fence === undefined || (await look(sequence)).isCurrent,

    inspect: async (sequence) => {
      if (counters.fence === undefined) return counters.inspect(sequence);
      const { state, isCurrent } = await look(sequence);
      if (isCurrent) return state;
      const name = sequenceKeyOf(sequence);
      const underWay = waiting.get(name);
      if (underWay !== undefined) return underWay;
      if (waiting.size >= WAITING_MAX) throw recovering();
      const waited = wait(sequence, state).finally(() => waiting.delete(name));
      waiting.set(name, waited);
      return waited;
    },
  };
};
