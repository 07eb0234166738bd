/** Moving a sequence forward by hand: made durable where the ceilings are kept before the counter moves. */
import type { CeilingStore } from '../core/ceiling-store.ts';
import type { AdvanceReply, CounterStore } from '../core/counter-store.ts';
import { StorageUnavailableError } from '../core/errors.ts';
import { raiseCeiling } from './ceiling-raise.ts';
import { ceilingAbove, ceilingWindow, windowWithin } from './ceiling-window.ts';
import type { AllocationTarget } from './lane.ts';
import type { CeilingKeeper } from './session-state.ts';

export interface AdvanceOptions {
  readonly target: AllocationTarget;
  /** A fresh random name of this operation. */
  readonly operation: string;
  readonly to: bigint;
  readonly store: CounterStore;
  readonly ceilings: CeilingStore | undefined;
  readonly keeper: CeilingKeeper;
  /** Has this node make a call for the sequence, so that it is opened, or recovered. */
  readonly recover: () => void;
}

const WAIT_MAX_MS = 5_000;
const POLL_MS = 100;

/** @returns the epoch in which the ceiling now allows the advance; undefined when the sequence is not served yet. */
const prepare = async ({ target, to, store, ceilings }: AdvanceOptions): Promise<bigint | undefined> => {
  if (ceilings === undefined || store.fence === undefined) return 0n;
  const row = await ceilings.read(target.sequence);
  if (row === undefined || to > target.limit) return row?.epoch;
  const window = windowWithin(ceilingWindow(target.standbySize), to, target.limit);
  const result = await raiseCeiling({
    sequence: target.sequence,
    fence: { epoch: row.epoch, ceiling: row.ceiling, wanted: 0n },
    goal: ceilingAbove(to, window),
    base: to,
    operations: store.fence,
    ceilings,
  });
  return result.kind === 'raised' ? row.epoch : undefined;
};

/** @throws StorageUnavailableError or StorageTimeoutError. */
export const advanceSequence = async (options: AdvanceOptions): Promise<AdvanceReply> => {
  const { target, operation, to, store, keeper, recover } = options;
  const { sequence, initialSeq, limit, standbySize } = target;
  const endMs = performance.now() + WAIT_MAX_MS;
  do {
    const epoch = await prepare(options);
    if (epoch !== undefined) {
      const window = keeper === 'elsewhere' ? 0 : ceilingWindow(standbySize);
      const reply = await store.advance({ sequence, operation, to, initialSeq, limit, epoch, window });
      if (reply.kind !== 'recovering' && reply.kind !== 'ceiling') return reply;
    }
    recover();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  } while (performance.now() < endMs);
  throw new StorageUnavailableError('The sequence is being recovered.');
};
