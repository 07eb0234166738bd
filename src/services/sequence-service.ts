/** Sequences as operators and auditors see them: where one stands, what is missing and why, and moving it forward. */
import { randomUUID } from 'node:crypto';
import type { CounterAllocator } from '../allocators/counter-allocator.ts';
import type { Clock } from '../core/clock.ts';
import type { CounterStore } from '../core/counter-store.ts';
import {
  CorruptEntryError,
  SequenceNotForwardError,
  SequenceOverflowError,
  StorageUnavailableError,
} from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { Gap } from '../core/gap.ts';
import type { PrefixConfig } from '../core/prefix-config.ts';
import { type Range, rangeSize } from '../core/range.ts';
import type { SeriesCache } from './series-cache.ts';

export interface SequenceReport {
  readonly config: PrefixConfig;
  readonly period: string;
  /** The last value taken in order. */
  readonly value: bigint;
  /** The next value; undefined when the series is exhausted. Another node may take it first. */
  readonly nextValue: bigint | undefined;
  /** What the next number would be; undefined too when the format needs variables of the request. */
  readonly nextNumber: string | undefined;
  /** Values that can still be taken. */
  readonly valuesLeft: bigint;
  /** The standby segment of this node. */
  readonly standby: { readonly first: bigint; readonly last: bigint; readonly left: bigint } | undefined;
}

export interface SequenceService {
  /** @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors. */
  read(prefixKey: string): Promise<SequenceReport>;
  /** One page of the gap record in rising order. @throws PrefixNotRegisteredError, or the store's errors. */
  listGaps(
    prefixKey: string,
    after: bigint,
    limit: number,
  ): Promise<{ items: readonly Gap[]; next: bigint | undefined }>;
  /**
   * Moves the sequence forward, so that counting goes on after `to`; what is skipped goes to the gap record.
   * @throws PrefixNotRegisteredError; SequenceNotForwardError when `to` is not above the current value;
   * SequenceOverflowError when it is above the limit; CorruptEntryError; the store's errors.
   */
  advance(prefixKey: string, to: bigint, reason: string): Promise<SequenceReport>;
}

interface Dependencies {
  readonly store: CounterStore;
  readonly seriesCache: SeriesCache;
  readonly allocator: CounterAllocator;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** How many values of these ranges are not above the limit. */
const sizeUpTo = (ranges: readonly Range[], limit: bigint): bigint =>
  ranges
    .filter(({ first }) => first <= limit)
    .reduce((sum, { first, last }) => sum + rangeSize({ first, last: last < limit ? last : limit }), 0n);

export const createSequenceService = ({
  store,
  seriesCache,
  allocator,
  clock,
  emit,
}: Dependencies): SequenceService => {
  const read = async (prefixKey: string): Promise<SequenceReport> => {
    const series = await seriesCache.get(prefixKey);
    const { target, printerFor } = series.at(clock.now());
    const { initialSeq, limit, sequence } = target;
    const state = await store.inspect(sequence);
    const value = state.value === undefined || state.value < initialSeq ? initialSeq : state.value;
    // The next value in order lies behind whatever range begins right after the counter.
    let next = state.free[0]?.first ?? value + 1n;
    if (state.free.length === 0) {
      for (const { first, last } of state.ahead) if (first === next) next = last + 1n;
    }
    const valuesLeft =
      (value < limit ? limit - value : 0n) - sizeUpTo(state.ahead, limit) + sizeUpTo(state.free, limit);
    return {
      config: series.config,
      period: sequence.period,
      value,
      nextValue: next <= limit ? next : undefined,
      // What callers give with their requests is not known here.
      nextNumber: next <= limit && series.givenNames.length === 0 ? printerFor()(next) : undefined,
      valuesLeft,
      standby: allocator.standbyOf(target),
    };
  };

  return {
    read,

    listGaps: async (prefixKey, after, limit) => {
      const { target } = (await seriesCache.get(prefixKey)).at(clock.now());
      const items = await store.listGaps(target.sequence, after, limit);
      return { items, next: items.length === limit ? items.at(-1)?.range.first : undefined };
    },

    advance: async (prefixKey, to, reason) => {
      const { target } = (await seriesCache.get(prefixKey)).at(clock.now());
      const reply = await allocator.advance(target, `advance-${randomUUID()}`, to);
      if (reply.kind === 'behind') throw new SequenceNotForwardError(prefixKey, reply.current);
      if (reply.kind === 'exhausted') throw new SequenceOverflowError(prefixKey, reply.valuesLeft);
      if (reply.kind === 'corrupt') throw new CorruptEntryError(prefixKey, reply.reason);
      if (reply.kind !== 'advanced') throw new StorageUnavailableError('The sequence is being recovered.');
      emit({ type: 'sequence-advanced', prefixKey, from: reply.from, to: reply.to, reason });
      return read(prefixKey);
    },
  };
};
