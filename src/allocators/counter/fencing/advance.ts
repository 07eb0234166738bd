/** Moving a sequence forward by hand: made durable where the ceilings are kept before the counter moves. */
import type { CeilingStore } from '../../../core/ceiling/ceiling-store.ts';
import type { AdvanceReply } from '../../../core/counter/counter-call.ts';
import type { CounterStore } from '../../../core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { AllocationTarget } from '../../allocator.ts';
import { ceilingAbove, ceilingWindow, windowWithin } from '../sequence/ceiling-window.ts';
import type { CeilingKeeper } from '../sequence/session-state.ts';
import { putInForce, raiseCeiling } from './raise-ceiling.ts';

export interface AdvanceOptions {
  readonly target: AllocationTarget;
  /** A fresh random name of this operation. */
  readonly operation: string;
  readonly to: bigint;
  readonly store: CounterStore;
  readonly ceilings: CeilingStore | undefined;
  readonly keeper: CeilingKeeper;
  /**
   * Has this node make a call for the sequence, so that it is opened, or recovered.
   * @param epoch of the ceilings, when the counter store does not count in it: a node that counts in an earlier one leaves that.
   */
  readonly recover: (epoch?: bigint) => void;
}

const WAIT_MAX_MS = 5_000;
const POLL_MS = 100;

interface Preparation {
  /** In which the sequence counts by what the ceilings say; undefined when it was never opened. */
  readonly epoch: bigint | undefined;
  /** Whether the ceiling now allows the advance. */
  readonly isReady: boolean;
}

const prepare = async ({ target, to, store, ceilings }: AdvanceOptions): Promise<Preparation> => {
  if (ceilings === undefined || store.fence === undefined) return { epoch: 0n, isReady: true };
  const row = await ceilings.read(target.sequence);
  if (row === undefined) return { epoch: undefined, isReady: false };
  if (to > target.limit) return { epoch: row.epoch, isReady: true };
  // A durable ceiling is put in force first. If the base moved first, a recovery would continue above it, too late for
  // the advance.
  const inForce = await putInForce(store.fence, { sequence: target.sequence, epoch: row.epoch, ceiling: row.ceiling });
  if (inForce === undefined) return { epoch: row.epoch, isReady: false };
  const window = windowWithin(ceilingWindow(target.standbySize), to, target.limit);
  const result = await raiseCeiling({
    sequence: target.sequence,
    fence: { epoch: row.epoch, ceiling: row.ceiling, wanted: 0n },
    goal: ceilingAbove(to, window),
    base: to,
    operations: store.fence,
    ceilings,
  });
  return result.kind === 'raised' ? { epoch: row.epoch, isReady: true } : { epoch: result.epoch, isReady: false };
};

/** @throws StorageUnavailableError or StorageTimeoutError. */
export const advanceSequence = async (options: AdvanceOptions): Promise<AdvanceReply> => {
  const { target, operation, to, store, keeper, recover } = options;
  const { sequence, initialSeq, limit, standbySize } = target;
  const endMs = performance.now() + WAIT_MAX_MS;
  do {
    const { epoch, isReady } = await prepare(options);
    if (epoch !== undefined && isReady) {
      const window = keeper === 'elsewhere' ? 0 : ceilingWindow(standbySize);
      const reply = await store.advance({ sequence, operation, to, initialSeq, limit, epoch, window });
      if (reply.kind !== 'recovering' && reply.kind !== 'ceiling') return reply;
    }
    recover(isReady ? undefined : epoch);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  } while (performance.now() < endMs);
  throw new StorageUnavailableError('The sequence is being recovered.');
};
