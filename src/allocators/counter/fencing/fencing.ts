/** Guards a node's sequences against a store that can lose what it acknowledged. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { FenceOperations } from '../../../core/counter/counter-fence.ts';
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events/events.ts';
import { columnsOf } from '../../../core/values/sequence-id.ts';
import type { QueueProgress, SequenceQueue } from '../sequence/sequence-queue.ts';
import { beginAt, type CeilingKeeper, owesReport, swear } from '../sequence/session-state.ts';
import { createCeilingPolicy } from './ceiling-policy.ts';
import { createNodeRegistration } from './node-registration.ts';
import { createRecovery } from './recovery.ts';

/** Before a store that failed is asked again. */
const RETRY_MS = 500;

export interface Fencing {
  readonly keeper: () => CeilingKeeper;
  /** Whether this node is registered where the ceilings are kept. */
  isRegistered(): boolean;
  /** Learns in which epoch the sequence of a new queue counts. `toReport`: because a recovery waits for this node. */
  open(queue: SequenceQueue, toReport?: boolean): void;
  /** Removes what keeps a queue from making calls. */
  unblock(queue: SequenceQueue, blockage: NonNullable<QueueProgress['blocked']>): void;
  /** To be called with each queue after each reply. */
  look(queue: SequenceQueue): void;
  /** A recovery has begun that this queue has to report for. */
  join(queue: SequenceQueue): void;
  /** The ceilings are in this epoch: a queue that counts in an earlier one leaves it, and reports. */
  supersede(queue: SequenceQueue, epoch: bigint): void;
  /** Writes down what the queue knows of its sequence. `isLeft`: for the last time. @returns whether that was done. */
  settle(queue: SequenceQueue, isLeft: boolean): Promise<boolean>;
  /** Removes this node from the list, once all its queues have left. @returns false when that could not be done. */
  close(allLeft: boolean): Promise<boolean>;
}

interface Dependencies {
  readonly node: string;
  readonly operations: FenceOperations;
  readonly ceilings: CeilingStore | undefined;
  /** Whether replicas confirm a ceiling, where no store keeps it. */
  readonly hasReplicas: () => boolean;
  readonly emit: Emit;
  readonly onReady: (queue: SequenceQueue) => void;
  readonly onTrouble: (queue: SequenceQueue, error: unknown) => void;
}

export const createFencing = (dependencies: Dependencies): Fencing => {
  const { node, operations, ceilings, hasReplicas, emit, onReady, onTrouble } = dependencies;
  const keeper = (): CeilingKeeper => {
    if (ceilings !== undefined) return 'elsewhere';
    return hasReplicas() ? 'replicas' : 'store';
  };
  const registration = ceilings && createNodeRegistration(ceilings, node, emit);
  const settling = new Set<Promise<boolean>>();
  /** Of the queues that were left at the end. */
  let allSettled = true;
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  const later = (work: () => void): void => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, RETRY_MS);
    timer.unref();
    timers.add(timer);
  };

  const ready = (queue: SequenceQueue): void => {
    queue.blocked = undefined;
    queue.trouble = undefined;
    onReady(queue);
  };
  const recovery = createRecovery({ node, operations, ceilings, emit, onServed: ready, onTrouble });
  const recover = (queue: SequenceQueue): void => {
    queue.blocked = 'recovery';
    recovery.add(queue);
  };
  const raiser = createCeilingPolicy({ operations, ceilings, keeper, emit, onSworn: recover });

  /** Registered first, then asked: see the promises of CeilingStore. */
  const readEpoch = async (store: CeilingStore, queue: SequenceQueue): Promise<void> => {
    await registration?.ensure();
    const row = await store.read(queue.target.sequence);
    beginAt(queue.session, row?.epoch);
  };

  const raise = async (queue: SequenceQueue, value: bigint): Promise<void> => {
    queue.blocked = 'ceiling';
    try {
      await raiser.raise(queue, value);
      // Otherwise it has sworn off its epoch, and a recovery makes it ready.
      if (queue.blocked === 'ceiling') ready(queue);
    } catch (error) {
      onTrouble(queue, error);
      later(() => void raise(queue, value));
    }
  };

  /** A node that has not renewed its registration for long may have been removed: it registers again first. */
  const reenter = (queue: SequenceQueue): void => {
    registration?.ensure().then(
      () => recover(queue),
      (error: unknown) => {
        onTrouble(queue, error);
        later(() => reenter(queue));
      },
    );
  };

  return {
    keeper,

    isRegistered: () => registration?.isRegistered() ?? true,

    open: (queue, toReport = false) => {
      if (ceilings === undefined) return;
      queue.blocked = 'opening';
      readEpoch(ceilings, queue).then(
        () => {
          if (toReport) swear(queue.session);
          if (owesReport(queue.session)) recover(queue);
          else ready(queue);
        },
        (error: unknown) => onTrouble(queue, error),
      );
    },

    unblock: (queue, blockage) => {
      if (blockage.by === 'ceiling') {
        void raise(queue, blockage.value);
        return;
      }
      emit({ type: 'sequence-recovering', ...columnsOf(queue.target.sequence) });
      recover(queue);
    },

    look: (queue) => {
      if (registration?.isLapsed()) {
        swear(queue.session);
        queue.blocked = 'recovery';
        reenter(queue);
        return;
      }
      if (!queue.stranger) raiser.look(queue);
    },

    join: (queue) => {
      if (queue.blocked !== undefined) return;
      swear(queue.session);
      recover(queue);
    },

    supersede: raiser.supersede,

    settle: (queue, isLeft) => {
      if (ceilings === undefined) return Promise.resolve(true);
      const done = raiser.settle(queue).then(
        () => true,
        () => false,
      );
      settling.add(done);
      void done.then((settled) => {
        settling.delete(done);
        if (isLeft && !settled) allSettled = false;
      });
      return done;
    },

    close: async (allLeft) => {
      closed = true;
      registration?.close();
      recovery.close();
      for (const timer of timers) clearTimeout(timer);
      const settled = (await Promise.all(settling)).every(Boolean) && allSettled;
      if (registration === undefined) return allLeft;
      if (!allLeft || !settled) return false;
      return registration.leave().then(
        () => true,
        () => false,
      );
    },
  };
};

/** Says why a blocked queue cannot serve. */
export const blockedError = ({ trouble }: SequenceQueue): unknown =>
  trouble ?? new StorageUnavailableError('The sequence is being recovered.');
