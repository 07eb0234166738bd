/** Watches how many gaps are recorded of the sequences in use on this node, for the metrics. */
import type { Standing } from '../allocators/allocator.ts';
import type { CounterStore } from '../core/counter-store.ts';
import type { Emit, GapMeasure } from '../core/events.ts';
import { lookEvery } from './look-every.ts';

export interface GapWatcher {
  /** Counts the gaps of the sequences in use, as it does every 15 s. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly store: Pick<CounterStore, 'countGaps'>;
  /** The sequences in use on this node. */
  readonly standings: () => Iterable<Standing>;
  /** Prefixes with measures of their own; the sum of the others is told as `other`. */
  readonly measuredMax: number;
  readonly emit: Emit;
}

const LOOK_INTERVAL_MS = 15_000;
/** Sequences asked about in a look: some 50 ms of the store's time. */
const SEQUENCES_MAX = 10_000;
const TRIP = 500;

export const createGapWatcher = ({ store, standings, measuredMax, emit }: Dependencies): GapWatcher => {
  const look = async (): Promise<void> => {
    const sequences = [...standings()].slice(0, SEQUENCES_MAX).map(({ sequence }) => sequence);
    const byPrefix = new Map<string, number>();
    for (let from = 0; from < sequences.length; from += TRIP) {
      const asked = sequences.slice(from, from + TRIP);
      const counts = await Promise.all(asked.map((sequence) => store.countGaps(sequence)));
      for (const [index, { prefixKey }] of asked.entries()) {
        byPrefix.set(prefixKey, (byPrefix.get(prefixKey) ?? 0) + (counts[index] ?? 0));
      }
    }
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
  const close = lookEvery(LOOK_INTERVAL_MS, () => look().catch(() => undefined));

  return { look, close };
};
