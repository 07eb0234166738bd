/** A sequence store that answers when the test says so, or fails; behind it counts the memory store. */
import { setImmediate } from 'node:timers/promises';
import type { ReserveOutcome, ReserveRequest, SequenceStore } from '../../../src/core/sequence-store.ts';
import { createMemorySequenceStore } from '../../../src/stores/memory/memory-sequence-store.ts';

export interface HeldCall {
  readonly requests: readonly ReserveRequest[];
  /** Takes the values and answers. Every ending resolves when its consequences, such as the next call, are there. */
  answer(): Promise<void>;
  /** Answers something else; nothing is taken. */
  answerWith(outcomes: readonly ReserveOutcome[]): Promise<void>;
  fail(error: unknown): Promise<void>;
}

export interface HeldSequenceStore extends SequenceStore {
  /** Every call so far, the oldest first. */
  readonly calls: readonly HeldCall[];
  /** The call that waits for its ending. Throws when there is none. */
  underWay(): HeldCall;
  /** The most calls that ever waited at the same time. */
  underWayMax(): number;
  isIdle(): boolean;
  readonly preload: ReturnType<typeof createMemorySequenceStore>['preload'];
}

export const createHeldSequenceStore = (): HeldSequenceStore => {
  const memory = createMemorySequenceStore();
  const calls: HeldCall[] = [];
  const open = new Set<HeldCall>();
  let openMax = 0;

  const reserve = (requests: readonly ReserveRequest[]): Promise<readonly ReserveOutcome[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly ReserveOutcome[]>();
    const end = async (settle: () => void): Promise<void> => {
      if (!open.delete(call)) throw new Error('This call has ended already.');
      settle();
      await setImmediate();
    };
    const call: HeldCall = {
      requests,
      answer: async () => {
        const outcomes = await memory.reserve(requests);
        await end(() => resolve(outcomes));
      },
      answerWith: (outcomes) => end(() => resolve(outcomes)),
      fail: (error) => end(() => reject(error)),
    };
    calls.push(call);
    open.add(call);
    openMax = Math.max(openMax, open.size);
    return promise;
  };

  return {
    source: 'memory',
    reserve,
    checkHealth: memory.checkHealth,
    preload: memory.preload,
    calls,
    underWay: () => {
      const [call] = open;
      if (call === undefined) throw new Error('No call is under way.');
      return call;
    },
    underWayMax: () => openMax,
    isIdle: () => open.size === 0,
  };
};
