/** Sequences as operators and auditors see them: where one stands, what is missing and why, and moving it forward. */
import type { CounterAllocator } from '../../allocators/counter/counter-allocator.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { NotFoundError, SequenceOverflowError, ValidationError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import { hasCounter, type PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import type { GivenVariables } from '../../core/template/printer.ts';
import type { Closure } from '../../core/values/closure.ts';
import type { Gap } from '../../core/values/gap.ts';
import { columnsOf, type SequenceId, type SeriesId, sequenceOf } from '../../core/values/sequence-id.ts';
import { targetOfPeriod } from '../numbers/period-target.ts';
import type { Series } from '../numbers/series.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import type { CapacityWatcher, Forecast } from '../watchers/capacity-watcher.ts';
import { type Advanced, type AdvanceRequest, createSequenceAdvance } from './sequence-advance.ts';
import { createSequenceStandings } from './sequence-standings.ts';

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
  readonly forecast: Forecast;
  /** What an advance has passed over, or would. */
  readonly advanced?: Advanced;
  /** The standby segment of this node. */
  readonly standby: { readonly first: bigint; readonly last: bigint; readonly left: bigint } | undefined;
}

/** What the next request would be given. Another one may be faster. */
export interface NumberPreview {
  readonly number: string;
  readonly value: bigint;
  readonly period: string;
}

export interface SequenceService {
  /**
   * What the next number would be, without taking it.
   * @throws PrefixNotRegisteredError; ValidationError when a variable is missing, unknown or wrong; SequenceOverflowError;
   * NotFoundError when the strategy has none; CorruptEntryError; the store's errors.
   */
  preview(series: SeriesId, variables: GivenVariables | undefined): Promise<NumberPreview>;
  /** @throws PrefixNotRegisteredError, CorruptEntryError; NotFoundError when the strategy has none; or the store's errors. */
  read(series: SeriesId): Promise<SequenceReport>;
  /**
   * One page of the gap record in rising order.
   * @param period the key of a period; undefined: the present one.
   * @throws PrefixNotRegisteredError; ValidationError when the prefix has no such period; the store's errors.
   */
  listGaps(
    series: SeriesId,
    period: string | undefined,
    after: bigint,
    limit: number,
  ): Promise<{ items: readonly Gap[]; next: bigint | undefined }>;
  /**
   * Closes a period that is over, for good: once this has returned, no number of it is handed out any more. Again: the same.
   * @throws PrefixNotRegisteredError; ValidationError when there is no such period, or it is not over; the store's errors.
   */
  closePeriod(series: SeriesId, period: string, reason: string, caller: Caller): Promise<Closure>;
  /**
   * Moves the sequence forward, so that counting goes on after `to`; what is skipped goes to the gap record, or is lost in a ledger.
   * @throws PrefixNotRegisteredError; ValidationError when a gapless one would lose too many; SequenceNotForwardError when `to` is not above the current value;
   * SequenceOverflowError when it is above the limit; CorruptEntryError; the store's errors.
   */
  advance(series: SeriesId, request: AdvanceRequest, caller: Caller): Promise<SequenceReport>;
}

interface Dependencies {
  readonly store: Pick<CounterStore, 'close' | 'inspect' | 'listGaps'>;
  /** Where gapless sequences stand; undefined where they are not served. */
  readonly ledger?: Pick<LedgerStore, 'inspect' | 'advance' | 'listLost'> | undefined;
  readonly seriesCache: SeriesCache;
  readonly allocator: CounterAllocator;
  readonly capacityWatcher: Pick<CapacityWatcher, 'forecast' | 'passOver'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** A node whose clock is behind may take a period for the present one, and serve it from its standby, for so long. */
const CLOCKS_APART_MS = 60_000;
/** Looks at a gap record that is being recovered. */
const LOOKS_MAX = 3;

export const createSequenceService = ({
  store,
  ledger,
  seriesCache,
  allocator,
  capacityWatcher,
  clock,
  emit,
}: Dependencies): SequenceService => {
  const standings = createSequenceStandings(store, ledger);
  const { standingIn } = standings;
  const advanceIn = createSequenceAdvance(standings, allocator);

  const counted = async (id: SeriesId): Promise<Series> => {
    const series = await seriesCache.get(id);
    if (!hasCounter(series.config))
      throw new NotFoundError({ kind: 'counter', prefixKey: id.prefixKey, strategy: series.config.strategy });
    return series;
  };

  const read = async (id: SeriesId): Promise<SequenceReport> => {
    const series = await counted(id);
    const { target, printerFor } = series.at(clock.now());
    const standing = await standingIn(series.config, target);
    const { value, next, valuesLeft } = standing;
    return {
      config: series.config,
      period: target.sequence.period,
      value,
      nextValue: next <= target.limit ? next : undefined,
      // What callers give with their requests is not known here.
      nextNumber: next <= target.limit && series.givenNames.length === 0 ? printerFor()(next) : undefined,
      valuesLeft,
      forecast: capacityWatcher.forecast(series.config, target.sequence, standing),
      standby: allocator.standbyOf(target),
    };
  };

  /** The store may lose its state between two questions: what it says then is asked for once more. */
  const listSettled = async (sequence: SequenceId, after: bigint, limit: number): Promise<readonly Gap[]> => {
    for (let attempt = 1; ; attempt += 1) {
      const before = await store.inspect(sequence);
      const items = await store.listGaps(sequence, after, limit);
      const now = await store.inspect(sequence);
      if (before.epoch === now.epoch || attempt === LOOKS_MAX) return items;
    }
  };

  return {
    read,

    preview: async (id, variables) => {
      const series = await counted(id);
      const { target, printerFor } = series.at(clock.now());
      const print = printerFor(variables);
      const { next } = await standingIn(series.config, target);
      if (next > target.limit) throw new SequenceOverflowError(id.prefixKey, 0n);
      return { number: print(next), value: next, period: target.sequence.period };
    },

    listGaps: async (id, period, after, limit) => {
      const series = await counted(id);
      const { sequence } = targetOfPeriod(series, period, clock.now());
      const items =
        series.config.strategy === 'gapless'
          ? await standings.listLost(sequence, after, limit)
          : await listSettled(sequence, after, limit);
      return { items, next: items.length === limit ? items.at(-1)?.range.first : undefined };
    },

    closePeriod: async (id, period, reason, caller) => {
      const series = await seriesCache.get(id);
      const { reset, strategy } = series.config;
      if (strategy !== 'counter') {
        const message = `A prefix of the strategy ${strategy} gives no numbers of earlier periods: there is nothing to close`;
        throw new ValidationError([{ path: 'prefixKey', message }]);
      }
      if (reset === 'never' || series.targetIn(period) === undefined) {
        const message = reset === 'never' ? 'Without reset there are no periods' : `Not a period of a ${reset} reset`;
        throw new ValidationError([{ path: 'period', message }]);
      }
      const nowMs = clock.now();
      if (period >= series.periodAt(nowMs - CLOCKS_APART_MS)) {
        throw new ValidationError([{ path: 'period', message: 'It can be closed a minute after its end' }]);
      }
      const wanted = { reason, closedAtMs: nowMs, subject: caller.subject, requestId: caller.requestId };
      const closure = await store.close(sequenceOf(id, period), wanted);
      const { subject, requestId, ...first } = closure;
      const isRepeated = first.closedAtMs !== nowMs || first.reason !== reason || requestId !== caller.requestId;
      const signature = { by: subject, requestId };
      emit({ type: 'period-closed', prefixKey: id.prefixKey, period, ...first, isRepeated, first: signature }, caller);
      return closure;
    },

    advance: async (id, request, caller) => {
      const series = await counted(id);
      const { target } = series.at(clock.now());
      const { from, to, free } = await advanceIn(series.config, target, request, caller);
      const advanced = { first: from + 1n, last: to, free, dryRun: request.dryRun === true };
      if (!advanced.dryRun) {
        capacityWatcher.passOver(target.sequence, from, to);
        const countedTo = from === target.initialSeq ? undefined : from;
        const { reason } = request;
        emit({ type: 'sequence-advanced', ...columnsOf(target.sequence), from: countedTo, to, reason }, caller);
      }
      return { ...(await read(id)), advanced };
    },
  };
};
