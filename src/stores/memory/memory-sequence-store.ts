/** Counters in memory: the reference implementation for tests. It forgets everything with the process. */
import { takeFromCounter } from '../../core/counter.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import type { ReserveOutcome, ReserveRequest, SequenceName, SequenceStore } from '../../core/sequence-store.ts';
import { parseValue } from '../../core/value.ts';

export interface MemorySequenceStore extends SequenceStore {
  /** Puts the last value taken into the store, as an operator would; any text. */
  preload(name: SequenceName, value: string): void;
  /** The last value taken. */
  read(name: SequenceName): string | undefined;
}

const keyOf = ({ prefixKey, period }: SequenceName): string => `${prefixKey} ${period}`;

export const createMemorySequenceStore = (): MemorySequenceStore => {
  const counters = new Map<string, string>();

  const take = (request: ReserveRequest): ReserveOutcome => {
    const key = keyOf(request.sequence);
    const text = counters.get(key);
    const stored = text === undefined ? undefined : parseValue(text);
    if (text !== undefined && stored === undefined) {
      return { kind: 'failed', error: new CorruptEntryError(request.sequence.prefixKey, 'The counter is not a value') };
    }
    const outcome = takeFromCounter(stored, request);
    if (outcome.kind === 'taken') counters.set(key, outcome.range.last.toString());
    return outcome;
  };

  return {
    source: 'memory',
    reserve: async (requests) => requests.map(take),
    checkHealth: async () => undefined,
    preload: (name, value) => {
      counters.set(keyOf(name), value);
    },
    read: (name) => counters.get(keyOf(name)),
  };
};
