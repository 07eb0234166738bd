/** One node of the service without its transport: the services of production on stores of the caller's choice. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type CounterAllocator, createCounterAllocator } from '../../src/allocators/counter/counter-allocator.ts';
import { createGaplessAllocator } from '../../src/allocators/gapless/gapless-allocator.ts';
import { createKeyClaims } from '../../src/allocators/key-claims.ts';
import type { CeilingStore } from '../../src/core/ceiling/ceiling-store.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import type { Emit } from '../../src/core/events/events.ts';
import type { LedgerStore } from '../../src/core/ledger/ledger-store.ts';
import type { PrefixConfigStore } from '../../src/core/prefix-config/prefix-config-store.ts';
import { seriesOf } from '../../src/core/values/sequence-id.ts';
import { createCompletenessService } from '../../src/services/completeness/completeness-service.ts';
import { createNumberLookupService } from '../../src/services/completeness/number-lookup-service.ts';
import { createReaderIndex } from '../../src/services/completeness/reader-index.ts';
import { createValueTracer } from '../../src/services/completeness/value-tracer.ts';
import { createNumberService } from '../../src/services/numbers/number-service.ts';
import { targetOfSequence } from '../../src/services/numbers/period-target.ts';
import { createSeriesCache } from '../../src/services/numbers/series-cache.ts';
import { createStandbyKeeper } from '../../src/services/numbers/standby-keeper.ts';
import type { Strategies } from '../../src/services/numbers/strategies.ts';
import { createTemporaryNumberService } from '../../src/services/numbers/temporary-number-service.ts';
import { createCollisionCheck } from '../../src/services/prefix-configs/collision-check.ts';
import { createPrefixConfigService } from '../../src/services/prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from '../../src/services/prefix-configs/printed-prefixes.ts';
import { createReservationService } from '../../src/services/sequences/reservation-service.ts';
import { createSequenceService } from '../../src/services/sequences/sequence-service.ts';
import { createSequenceReads } from '../../src/services/shared/sequence-reads.ts';
import { createCapacityWatcher } from '../../src/services/watchers/capacity-watcher.ts';
import { createMemoryTemporaryNumberStore } from '../../src/stores/memory/memory-temporary-number-store.ts';

/** What a node works on. */
export interface NodeStores {
  readonly counters: CounterStore;
  readonly prefixConfigs: PrefixConfigStore;
  readonly ledger: LedgerStore | undefined;
  readonly ceilings: CeilingStore | undefined;
  close(): Promise<void>;
}

const REFUSAL = 'not served here';
const NOT_SERVED = { refusal: REFUSAL };

/** Small, so that short lives use it up. */
const STANDBY_SIZE = 8;

/** Changes what allocates, to plant a breach. */
export type SpoilAllocator = (allocator: CounterAllocator) => CounterAllocator;

const ignore: Emit = () => undefined;

export const startNode = (stores: NodeStores, clock: Clock, spoil: SpoilAllocator = (allocator) => allocator) => {
  const { counters, prefixConfigs, ledger, ceilings } = stores;
  const emit = ignore;
  const name = randomBytes(6).toString('hex');
  const seriesCache = createSeriesCache(prefixConfigs, STANDBY_SIZE, emit);
  const allocator = spoil(createCounterAllocator({ store: counters, node: name, emit, ceilings }));
  const claims = createKeyClaims({ store: counters, emit });
  const gapless = ledger && { ledger, allocator: createGaplessAllocator({ store: ledger, emit, claims }) };
  const temporaryNumberService = createTemporaryNumberService({
    store: createMemoryTemporaryNumberStore(),
    seriesCache,
    allocator,
    clock,
    emit,
    node: name,
  });
  const standbyKeeper = createStandbyKeeper({ seriesCache, allocator, clock });
  const strategies: Strategies = {
    counter: { allocator },
    gapless: gapless ?? NOT_SERVED,
    segment: NOT_SERVED,
    snowflake: NOT_SERVED,
    uuidv7: NOT_SERVED,
  };
  const capacityWatcher = createCapacityWatcher({
    seriesCache,
    standings: () => [...allocator.standings(), ...(gapless?.allocator.standings() ?? [])],
    measuredMax: 100,
    clock,
    emit,
  });
  const reads = createSequenceReads({
    counters,
    ceilings,
    epochOf: allocator.epochOf,
    recover: allocator.recover,
    targetOf: async (sequence) => targetOfSequence(await seriesCache.get(sequence.series), sequence),
  });
  const isStorePresent = (): boolean => allocator.isStorePresent();
  return {
    name,
    numbers: createNumberService({ seriesCache, strategies, isStorePresent, temporaryNumberService, clock, emit }),
    configs: createPrefixConfigService({
      store: prefixConfigs,
      counters: reads,
      ledger,
      collisions: createCollisionCheck({ printed: createPrintedPrefixes(prefixConfigs), random: Math.random }),
      strategies,
      seriesCache,
      clock,
      emit,
    }),
    reports: createCompletenessService({
      configs: prefixConfigs,
      counters: reads,
      ledger,
      seriesCache,
      clock,
      node: name,
    }),
    reservations: createReservationService({ seriesCache, gapless, clock, emit }),
    sequences: createSequenceService({
      store: { ...reads, close: counters.close },
      ledger,
      seriesCache,
      allocator,
      capacityWatcher,
      clock,
      emit,
    }),
    reading: createNumberLookupService({
      store: prefixConfigs,
      index: createReaderIndex(prefixConfigs, clock),
      tracer: createValueTracer({ counters: reads, ledger }),
    }),
    /** Five seconds have passed: what was changed meanwhile is read anew, unless the store is away. */
    refresh: async (prefixKey: string) => {
      seriesCache.forget(seriesOf(prefixKey));
      await Promise.resolve(seriesCache.get(seriesOf(prefixKey))).catch(() => undefined);
    },
    prepareStandby: standbyKeeper.look,
    /** Resolves when a store that was away has been asked again. */
    settled: async () => {
      for (let look = 0; look < 100 && !allocator.isStorePresent(); look += 1) await delay(5);
    },
    /** Ends the node in good order. */
    close: async () => {
      standbyKeeper.close();
      capacityWatcher.close();
      seriesCache.close();
      await gapless?.allocator.close();
      await allocator.close();
      await stores.close();
    },
    /** Ends it as `kill -9` does: nothing is given back. */
    abandon: () => {
      standbyKeeper.close();
      capacityWatcher.close();
      seriesCache.close();
    },
  };
};

export type LifeNode = ReturnType<typeof startNode>;
