/** Closes sequences where nothing is forgotten first, then where they are counted. */
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';

type Counters = Pick<CounterStore, 'close' | 'inspect'>;

/** @param ceilings where closures outlive the counter store; undefined: nothing does. */
export const createKeptClosing = (
  counters: Counters,
  ceilings: Pick<CeilingStore, 'close'> | undefined,
): CounterStore['close'] => {
  if (ceilings === undefined) return counters.close;
  return async (sequence, wanted) => {
    // One that was closed before closures were kept elsewhere keeps its first reason.
    const { closed = wanted } = await counters.inspect(sequence);
    return counters.close(sequence, await ceilings.close(sequence, closed));
  };
};
