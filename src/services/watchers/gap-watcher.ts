/** Watches how many gaps are recorded of the sequences in use on this node, for the metrics. */
import type { Standing } from '../../allocators/allocator.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import type { Emit, GapMeasure } from '../../core/events/events.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import type { SequenceReads } from '../shared/sequence-reads.ts';
import { every } from './every.ts';

export interface GapWatcher {
  /** Counts the gaps of the sequences in use, as it does every 15 s. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly store: Pick<CounterStore, 'countGaps'> & Partial<Pick<SequenceReads, 'isCurrent'>>;
  /** The sequences in use on this node. */
  readonly standings: () => Iterable<Standing>;
  /** Prefixes with measures of their own; the sum of the others is reported as `other`. */
  readonly measuredMax: number;
  readonly emit: Emit;
}

const LOOK_INTERVAL_MS = 15_000;
/** Sequences read in one look, so that it takes little of the store's time. */
const SEQUENCES_MAX = 10_000;
const TRIP = 500;

export const createGapWatcher = ({ store, standings, measuredMax, emit }: Dependencies): GapWatcher => {
  /** How many were counted last, of the sequences that had any. */
  let last = new Map<string, number>();

  /** A record that was full and is empty was lost, unless the store has all that is known: until it is back the last figure stays. */
  const countOf = async (sequence: SequenceId): Promise<number> => {
    const count = await store.countGaps(sequence);
    const before = last.get(sequenceKeyOf(sequence)) ?? 0;
    if (count > 0 || before === 0) return count;
    return (await store.isCurrent?.(sequence)) === false ? before : store.countGaps(sequence);
  };

  const look = async (): Promise<void> => {
    const counted = new Map<string, number>();
    const sequences = [...standings()].slice(0, SEQUENCES_MAX).map(({ sequence }) => sequence);
    const byPrefix = new Map<string, number>();
    for (let from = 0; from < sequences.length; from += TRIP) {
      const asked = sequences.slice(from, from + TRIP);
      const counts = await Promise.all(asked.map(countOf));
      for (const [index, sequence] of asked.entries()) {
        const count = counts[index] ?? 0;
        if (count > 0) counted.set(sequenceKeyOf(sequence), count);
        byPrefix.set(sequence.series.prefixKey, (byPrefix.get(sequence.series.prefixKey) ?? 0) + count);
      }
    }
    last = counted;
    const sorted: GapMeasure[] = [...byPrefix].map(([prefixKey, entries]) => ({ prefixKey, entries }));
    sorted.sort((a, b) => b.entries - a.entries);
    const rest = sorted.slice(measuredMax);
    const other = { prefixKey: 'other', entries: rest.reduce((sum, { entries }) => sum + entries, 0) };
    emit({
      type: 'gaps-measured',
      measures: sorted.slice(0, measuredMax),
      other: rest.length === 0 ? undefined : other,
    });
  };

  // While the store is away the last figures stay.
  const close = every(LOOK_INTERVAL_MS, () => look().catch(() => undefined));

  return { look, close };
};
