/** Everything that stands between a node's sequences and a store that can lose what it acknowledged. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { FenceOperations } from '../../../core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events/events.ts';
import type { SequenceName } from '../../../core/values/sequence-id.ts';
import type { Lane, LaneProgress } from '../sequence/sequence-queue.ts';
import { beginAt, type CeilingKeeper, owesReport, swear } from '../sequence/session-state.ts';
import { createCeilingRaiser } from './ceiling-policy.ts';
import { createNodeRegistration } from './node-registration.ts';
import { createRecovery } from './recovery.ts';

/** Before a store that failed is asked again. */
const RETRY_MS = 500;

export interface FenceKeeper {
  readonly keeper: () => CeilingKeeper;
  /** Whether this node needs nobody any more to be known where the ceilings are kept. */
  isRegistered(): boolean;
  /** Learns in which epoch the sequence of a new lane counts. `toReport`: because a recovery waits for this node. */
  open(lane: Lane, toReport?: boolean): void;
  /** Removes what keeps a lane from making calls. */
  unblock(lane: Lane, blockage: NonNullable<LaneProgress['blocked']>): void;
  /** To be called with each lane after each reply. */
  look(lane: Lane): void;
  /** A recovery has begun that this lane has to report for. */
  join(lane: Lane): void;
  /** The ceilings are in this epoch: a lane that counts in an earlier one leaves it, and reports. */
  supersede(lane: Lane, epoch: bigint): void;
  /** Writes down what the lane knows of its sequence. `isLeft`: for the last time. @returns whether that was done. */
  settle(lane: Lane, isLeft: boolean): Promise<boolean>;
  /** Strikes this node out, when all its lanes have left. @returns false when that could not be done. */
  close(allLeft: boolean): Promise<boolean>;
}

interface Dependencies {
  readonly node: string;
  readonly operations: FenceOperations;
  readonly ceilings: CeilingStore | undefined;
  /** Whether replicas confirm a ceiling, where no store keeps it. */
  readonly hasReplicas: () => boolean;
  readonly emit: Emit;
  readonly onReady: (lane: Lane) => void;
  readonly onTrouble: (lane: Lane, error: unknown) => void;
}

export const createFenceKeeper = (dependencies: Dependencies): FenceKeeper => {
  const { node, operations, ceilings, hasReplicas, emit, onReady, onTrouble } = dependencies;
  const keeper = (): CeilingKeeper => {
    if (ceilings !== undefined) return 'elsewhere';
    return hasReplicas() ? 'replicas' : 'store';
  };
  const registration = ceilings && createNodeRegistration(ceilings, node, emit);
  const settling = new Set<Promise<boolean>>();
  /** Of the lanes that were left at the end. */
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

  const ready = (lane: Lane): void => {
    lane.blocked = undefined;
    lane.trouble = undefined;
    onReady(lane);
  };
  const recovery = createRecovery({ node, operations, ceilings, emit, onServed: ready, onTrouble });
  const recover = (lane: Lane): void => {
    lane.blocked = 'recovery';
    recovery.add(lane);
  };
  const raiser = createCeilingRaiser({ operations, ceilings, keeper, emit, onSworn: recover });

  /** Registered first, then asked: see the promises of CeilingStore. */
  const readEpoch = async (store: CeilingStore, lane: Lane): Promise<void> => {
    await registration?.ensure();
    const row = await store.read(lane.target.sequence);
    beginAt(lane.session, row?.epoch);
  };

  const raise = async (lane: Lane, value: bigint): Promise<void> => {
    lane.blocked = 'ceiling';
    try {
      await raiser.raise(lane, value);
      // Else it has sworn off its epoch, and a recovery makes it ready.
      if (lane.blocked === 'ceiling') ready(lane);
    } catch (error) {
      onTrouble(lane, error);
      later(() => void raise(lane, value));
    }
  };

  /** Nodes that have not renewed their registration for long may be struck out: this one has to be known again first. */
  const reenter = (lane: Lane): void => {
    registration?.ensure().then(
      () => recover(lane),
      (error: unknown) => {
        onTrouble(lane, error);
        later(() => reenter(lane));
      },
    );
  };

  return {
    keeper,

    isRegistered: () => registration?.isRegistered() ?? true,

    open: (lane, toReport = false) => {
      if (ceilings === undefined) return;
      lane.blocked = 'opening';
      readEpoch(ceilings, lane).then(
        () => {
          if (toReport) swear(lane.session);
          if (owesReport(lane.session)) recover(lane);
          else ready(lane);
        },
        (error: unknown) => onTrouble(lane, error),
      );
    },

    unblock: (lane, blockage) => {
      if (blockage.by === 'ceiling') {
        void raise(lane, blockage.value);
        return;
      }
      emit({ type: 'sequence-recovering', ...nameOf(lane.target.sequence) });
      recover(lane);
    },

    look: (lane) => {
      if (registration?.isLapsed()) {
        swear(lane.session);
        lane.blocked = 'recovery';
        reenter(lane);
        return;
      }
      if (!lane.stranger) raiser.look(lane);
    },

    join: (lane) => {
      if (lane.blocked !== undefined) return;
      swear(lane.session);
      recover(lane);
    },

    supersede: raiser.supersede,

    settle: (lane, isLeft) => {
      if (ceilings === undefined) return Promise.resolve(true);
      const done = raiser.settle(lane).then(
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

const nameOf = ({ prefixKey, period }: SequenceName): SequenceName => ({ prefixKey, period });

/** Says why a blocked lane cannot serve. */
export const blockedError = ({ trouble }: Lane): unknown =>
  trouble ?? new StorageUnavailableError('The sequence is being recovered.');
