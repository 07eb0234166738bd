/** Raises the ceiling of a sequence: made durable first, then put in force. */
import type { CeilingStore, SequenceAccount } from '../../../core/ceiling/ceiling-store.ts';
import type { Fence } from '../../../core/counter/counter-call.ts';
import type { CeilingMove, FenceOperations } from '../../../core/counter/counter-fence.ts';
import { CeilingUnconfirmedError, CorruptEntryError } from '../../../core/errors.ts';
import type { SequenceId } from '../../../core/values/sequence-id.ts';
import { ceilingAbove } from '../sequence/ceiling-window.ts';
import { behindError } from './recovery-decision.ts';

export interface RaiseOptions {
  readonly sequence: SequenceId;
  readonly fence: Fence;
  /** The ceiling to be. */
  readonly goal: bigint;
  /** Values up to here are never issued: a recovery continues above it. */
  readonly base: bigint;
  readonly operations: FenceOperations;
  /** Keeps the ceilings; undefined when the counter store does, confirmed by its replicas. */
  readonly ceilings: CeilingStore | undefined;
}

export type RaiseResult =
  | { readonly kind: 'raised'; readonly fence: Fence }
  /** The sequence counts in a later epoch by now: swear off the old one, and report. */
  | { readonly kind: 'superseded'; readonly epoch: bigint };

const readAccount = async (
  { accountMany }: FenceOperations,
  sequence: SequenceId,
): Promise<SequenceAccount | undefined> => {
  const [reply] = await accountMany([sequence]);
  if (reply?.kind === 'corrupt') throw new CorruptEntryError(sequence.series.prefixKey, reply.reason);
  return reply?.kind === 'account' ? reply.account : undefined;
};

/**
 * @returns undefined when the epoch is over.
 * @throws StorageUnavailableError, StorageTimeoutError, CorruptEntryError
 */
export const putInForce = async ({ raiseMany }: FenceOperations, move: CeilingMove): Promise<Fence | undefined> => {
  const [reply] = await raiseMany([move]);
  if (reply?.kind === 'corrupt') throw new CorruptEntryError(move.sequence.series.prefixKey, reply.reason);
  return reply?.kind === 'raised' ? reply.fence : undefined;
};

/**
 * @throws StorageUnavailableError or StorageTimeoutError when one of the stores fails, or the ceilings are older than the counters.
 */
export const raiseCeiling = async (options: RaiseOptions): Promise<RaiseResult> => {
  const { sequence, fence, operations, ceilings, base } = options;
  const goal = ceilingAbove(options.goal, 0);
  const { epoch, ceiling: known } = fence;
  if (ceilings === undefined) {
    const confirmed = await operations.propose({ sequence, epoch, ceiling: goal });
    if (!confirmed) throw new CeilingUnconfirmedError();
  } else {
    const account = await readAccount(operations, sequence);
    const [outcome] = await ceilings.raiseMany([
      {
        sequence,
        epoch,
        known,
        ceiling: goal,
        base: account !== undefined && account.value > base ? account.value : base,
        account,
      },
    ]);
    if (outcome === undefined) throw new Error('A raise had no outcome.');
    if (outcome.kind === 'behind') throw behindError(sequence, outcome.current);
    if (outcome.kind === 'superseded') return { kind: 'superseded', epoch: outcome.current.epoch };
  }
  const raised = await putInForce(operations, { sequence, epoch, ceiling: goal });
  return raised === undefined ? { kind: 'superseded', epoch } : { kind: 'raised', fence: raised };
};
