/** A counter store that answers when the test says so, or at once, or fails; behind it counts the model of the protocol. */
import type { CounterCall, CounterReply } from '../../../src/core/counter/counter-call.ts';
import type { CounterReport, FenceOperations } from '../../../src/core/counter/counter-fence.ts';
import type { CounterStore } from '../../../src/core/counter/counter-store.ts';
import type { SequenceId } from '../../../src/core/values/sequence-id.ts';
import { createMemoryCounterStore } from '../../../src/stores/memory/memory-counter-store.ts';
import { type CounterModel, createCounterModel } from './counter-model.ts';

// Taken before a test fakes the timers.
const { setImmediate } = globalThis;
/** Lets everything happen that needs no further event. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface HeldTrip {
  readonly calls: readonly CounterCall[];
  /** Serves the calls and answers. Every ending resolves when its consequences, such as the next trip, are there. */
  answer(): Promise<void>;
  /** Answers something else; nothing is served. */
  answerWith(replies: readonly CounterReply[]): Promise<void>;
  /** Nothing is served. */
  fail(error: unknown): Promise<void>;
  /** Serves the calls, and the answer gets lost. */
  loseAnswer(error: unknown): Promise<void>;
}

export interface HeldCounterStore extends CounterStore {
  /** Every trip so far, the oldest first. */
  readonly trips: readonly HeldTrip[];
  /** Every report so far; each is answered at once. */
  readonly reports: readonly CounterReport[];
  /** Every call so far, of all trips. */
  calls(): readonly CounterCall[];
  /** The trip that waits for its ending. Throws when there is none. */
  underWay(): HeldTrip;
  /** The most trips that ever waited at the same time. */
  underWayMax(): number;
  isIdle(): boolean;
  /** Answers all trips until none follows. */
  drain(): Promise<void>;
  /** What happens to trips from now on: they wait for the test; are answered at once; or fail at once. */
  behave(how: 'hold' | 'answer' | Error): void;
  /** Tells the listeners that the store can be reached again. */
  announce(): void;
  /** What the store knows of a sequence, to look into it or to spoil it. */
  of(name: SequenceId): ReturnType<CounterModel['of']>;
}

const unexpected = async (): Promise<never> => {
  throw new Error('Nothing is recovered here.');
};

/** @param parts what it does beside reserving. */
export const createHeldCounterStore = (parts: CounterStore = createMemoryCounterStore()): HeldCounterStore => {
  const model = createCounterModel();
  const trips: HeldTrip[] = [];
  const reports: CounterReport[] = [];
  const open = new Set<HeldTrip>();
  const listeners: (() => void)[] = [];
  let openMax = 0;
  let behaviour: 'hold' | 'answer' | Error = 'hold';

  const reserve = (calls: readonly CounterCall[]): Promise<readonly CounterReply[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly CounterReply[]>();
    const end = async (settle: () => void): Promise<void> => {
      if (!open.delete(trip)) throw new Error('This trip has ended already.');
      settle();
      await turn();
    };
    const trip: HeldTrip = {
      calls,
      answer: () => end(() => resolve(calls.map(model.serve))),
      answerWith: (replies) => end(() => resolve(replies)),
      fail: (error) => end(() => reject(error)),
      loseAnswer: (error) => {
        calls.map(model.serve);
        return end(() => reject(error));
      },
    };
    trips.push(trip);
    open.add(trip);
    openMax = Math.max(openMax, open.size);
    if (behaviour === 'answer') void trip.answer();
    else if (behaviour !== 'hold') void trip.fail(behaviour);
    return promise;
  };

  const underWay = (): HeldTrip => {
    const [trip] = open;
    if (trip === undefined) throw new Error('No trip is under way.');
    return trip;
  };

  const fence: FenceOperations = {
    report: async (made) => {
      reports.push(...made);
      return made.map(model.takeIn);
    },
    install: unexpected,
    raiseMany: unexpected,
    propose: unexpected,
    accountMany: unexpected,
    onRecovery: () => undefined,
  };

  return {
    ...parts,
    fence,
    reserve,
    onReachable: (listener) => {
      listeners.push(listener);
    },
    trips,
    reports,
    calls: () => trips.flatMap(({ calls }) => calls),
    underWay,
    underWayMax: () => openMax,
    isIdle: () => open.size === 0,
    drain: async () => {
      while (open.size > 0) await underWay().answer();
    },
    behave: (how) => {
      behaviour = how;
    },
    announce: () => {
      for (const listener of listeners) listener();
    },
    of: model.of,
  };
};
