/** Where a sequence stands, and what is missing from it: by the counter, or by the ledger of a gapless one. */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import type { Gap } from '../../core/values/gap.ts';
import { type Range, rangeSize } from '../../core/values/range.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';

/** `next` is the next value, also when it is above the limit. */
export interface Standing {
  readonly value: bigint;
  readonly next: bigint;
  readonly valuesLeft: bigint;
  /** The epoch in which it is counted; undefined where nothing recovers. */
  readonly epoch?: bigint | undefined;
}

/** How many values of these ranges are not above the limit. */
const sizeUpTo = (ranges: readonly Range[], limit: bigint): bigint =>
  ranges
    .filter(({ first }) => first <= limit)
    .reduce((sum, { first, last }) => sum + rangeSize({ first, last: last < limit ? last : limit }), 0n);

/** What these ranges have above a value. */
const above = (ranges: readonly Range[], value: bigint): readonly Range[] =>
  ranges
    .filter(({ last }) => last > value)
    .map(({ first, last }) => ({ first: first > value ? first : value + 1n, last }));

type Ledger = Pick<LedgerStore, 'inspect' | 'advance' | 'listLost'>;

export interface SequenceStandings {
  /** @throws StorageUnavailableError where this process has no ledger. */
  ledgerOf(): Ledger;
  standingInCounter(target: AllocationTarget): Promise<Standing>;
  standingIn(config: PrefixConfig, target: AllocationTarget): Promise<Standing>;
  /** What a gapless sequence has lost, above `after`. */
  listLost(sequence: SequenceId, after: bigint, limit: number): Promise<readonly Gap[]>;
}

/** @param ledger where gapless sequences stand; undefined where they are not served. */
export const createSequenceStandings = (
  store: Pick<CounterStore, 'inspect'>,
  ledger: Ledger | undefined,
): SequenceStandings => {
  const ledgerOf = (): Ledger => {
    if (ledger === undefined) throw new StorageUnavailableError('This process has no ledger.');
    return ledger;
  };

  const standingInCounter = async ({ initialSeq, limit, sequence }: AllocationTarget): Promise<Standing> => {
    const state = await store.inspect(sequence);
    const value = state.value === undefined || state.value < initialSeq ? initialSeq : state.value;
    // An `initialSeq` that was raised is caught up with by the next call: what lies below is not handed out any more.
    const free = above(state.free, initialSeq);
    // The next value in order lies behind whatever range stands there, or lies across.
    let reached = value;
    for (const { first, last } of state.ahead) if (first <= reached + 1n && last > reached) reached = last;
    const beyond = state.ahead.filter(({ first }) => first > reached);
    const valuesLeft = (reached < limit ? limit - reached : 0n) - sizeUpTo(beyond, limit) + sizeUpTo(free, limit);
    return { value, next: free[0]?.first ?? reached + 1n, valuesLeft, epoch: state.epoch };
  };

  const standingInLedger = async ({ initialSeq, limit, sequence }: AllocationTarget): Promise<Standing> => {
    const { value = initialSeq, free, lowestFree } = await ledgerOf().inspect(sequence, limit);
    return { value, next: lowestFree ?? value + 1n, valuesLeft: free + (value < limit ? limit - value : 0n) };
  };

  /** Without a reason of its own it is a value that came free below where the sequence was moved to. */
  const lostIn = async (sequence: SequenceId, after: bigint, limit: number): Promise<readonly Gap[]> =>
    (await ledgerOf().listLost(sequence, after, limit)).map(({ value, last, changedAtMs, reason, subject }) => ({
      range: { first: value, last: last ?? value },
      reason: 'advance',
      node: undefined,
      recordedAtMs: changedAtMs,
      detail: reason,
      subject,
    }));

  return {
    ledgerOf,
    standingInCounter,
    standingIn: ({ strategy }, target) =>
      strategy === 'gapless' ? standingInLedger(target) : standingInCounter(target),
    listLost: lostIn,
  };
};
