/** Moving a sequence forward: what is asked for, what it passes over, and what it is refused for. */
import { randomUUID } from 'node:crypto';
import type { AllocationTarget } from '../../allocators/allocator.ts';
import type { CounterAllocator } from '../../allocators/counter/counter-allocator.ts';
import type { Caller } from '../../core/caller.ts';
import {
  CorruptEntryError,
  PeriodClosedError,
  SequenceNotForwardError,
  SequenceOverflowError,
  StorageUnavailableError,
  ValidationError,
} from '../../core/errors.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import type { Range } from '../../core/values/range.ts';
import type { SequenceStandings } from './sequence-standings.ts';

/** What an advance passes over. */
export interface Advanced extends Range {
  /** Values below that were free, in a ledger: they are not handed out either. */
  readonly free: bigint;
  /** Nothing was done. */
  readonly dryRun: boolean;
}

export interface AdvanceRequest {
  readonly to: bigint;
  readonly reason: string;
  /** Only returns what it would do. */
  readonly dryRun?: boolean;
  /** Lets a gapless sequence lose more than ADVANCE_LOST_MAX values. */
  readonly force?: boolean;
}

/** Values that one advance of a gapless sequence may lose, unless it is forced: a slip of the finger loses less. */
const ADVANCE_LOST_MAX = 1_000_000n;

/** From where to where a sequence was moved, or would be. */
interface Move extends Pick<Advanced, 'free'> {
  readonly from: bigint;
  readonly to: bigint;
}

/** @returns what moves a sequence by its strategy. */
export const createSequenceAdvance = (
  { ledgerOf, standingInCounter }: SequenceStandings,
  allocator: Pick<CounterAllocator, 'advance'>,
) => {
  const advanceLedger = async (
    { sequence, initialSeq, limit }: AllocationTarget,
    { to, reason, dryRun = false, force = false }: AdvanceRequest,
    { subject }: Caller,
  ): Promise<Move> => {
    const lostMax = force ? undefined : ADVANCE_LOST_MAX;
    const reply = await ledgerOf().advance({ sequence, to, initialSeq, limit, lostMax, reason, subject, dryRun });
    const { prefixKey } = sequence.series;
    if (reply.kind === 'behind') throw new SequenceNotForwardError(prefixKey, reply.current);
    if (reply.kind === 'exhausted') throw new SequenceOverflowError(prefixKey, reply.valuesLeft);
    if (reply.kind === 'too-many') {
      const message = `It would lose ${reply.lost} numbers, more than ${ADVANCE_LOST_MAX}; "force": true if that is meant`;
      throw new ValidationError([{ path: 'to', message }]);
    }
    return reply;
  };

  /** What an advance of a counter would do, as far as that is known in advance. */
  const tryCounter = async (target: AllocationTarget, to: bigint): Promise<Move> => {
    const { value: from, valuesLeft } = await standingInCounter(target);
    if (to <= from) throw new SequenceNotForwardError(target.sequence.series.prefixKey, from);
    if (to > target.limit) throw new SequenceOverflowError(target.sequence.series.prefixKey, valuesLeft);
    return { from, to, free: 0n };
  };

  const advanceCounter = async (target: AllocationTarget, { to, dryRun }: AdvanceRequest): Promise<Move> => {
    if (dryRun) return tryCounter(target, to);
    const { prefixKey } = target.sequence.series;
    const { period } = target.sequence;
    const reply = await allocator.advance(target, `advance-${randomUUID()}`, to);
    if (reply.kind === 'closed') throw new PeriodClosedError(prefixKey, period);
    if (reply.kind === 'behind') throw new SequenceNotForwardError(prefixKey, reply.current);
    if (reply.kind === 'exhausted') throw new SequenceOverflowError(prefixKey, reply.valuesLeft);
    if (reply.kind === 'corrupt') throw new CorruptEntryError(prefixKey, reply.reason);
    if (reply.kind !== 'advanced') throw new StorageUnavailableError('The sequence is being recovered.');
    return { from: reply.from, to: reply.to, free: 0n };
  };

  return (
    { strategy }: PrefixConfig,
    target: AllocationTarget,
    request: AdvanceRequest,
    caller: Caller,
  ): Promise<Move> =>
    strategy === 'gapless' ? advanceLedger(target, request, caller) : advanceCounter(target, request);
};
