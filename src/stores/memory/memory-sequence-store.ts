/** Counters in memory: the reference implementation for tests. It forgets everything with the process. */
import { takeFromCounter } from '../../core/counter.ts';
import type { SequenceName, SequenceStore } from '../../core/sequence-store.ts';

export const createMemorySequenceStore = (): SequenceStore & { preload(name: SequenceName, value: bigint): void } => {
  const counters = new Map<string, bigint>();
  const keyOf = ({ prefixKey, period }: SequenceName): string => `${prefixKey} ${period}`;
  return {
    source: 'memory',
    reserve: async (requests) =>
      requests.map((request) => {
        const key = keyOf(request.sequence);
        const outcome = takeFromCounter(counters.get(key), request);
        if (outcome.kind === 'taken') counters.set(key, outcome.range.last);
        return outcome;
      }),
    checkHealth: async () => undefined,
    preload: (name, value) => {
      counters.set(keyOf(name), value);
    },
  };
};
