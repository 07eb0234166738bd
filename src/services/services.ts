/** What a transport offers: every service, and what watches beside them, put together on the ports and allocators of a node. */
import { randomBytes } from 'node:crypto';
import type { Standing } from '../allocators/allocator.ts';
import type { CounterAllocator } from '../allocators/counter/counter-allocator.ts';
import type { GaplessAllocator } from '../allocators/gapless/gapless-allocator.ts';
import type { ApiKeyStore } from '../core/access/api-key-store.ts';
import type { AllowanceStore } from '../core/allowance/allowance-store.ts';
import type { CeilingStore } from '../core/ceiling/ceiling-store.ts';
import type { Clock } from '../core/clock.ts';
import type { CounterStore } from '../core/counter/counter-store.ts';
import type { Emit } from '../core/events/events.ts';
import type { LedgerStore } from '../core/ledger/ledger-store.ts';
import type { PrefixConfigStore } from '../core/prefix-config/prefix-config-store.ts';
import { createApiKeyCache } from './access/api-key-cache.ts';
import { type ApiKeyService, createApiKeyService } from './access/api-key-service.ts';
import { type CompletenessService, createCompletenessService } from './completeness/completeness-service.ts';
import { createNumberLookupService, type NumberLookupService } from './completeness/number-lookup-service.ts';
import { createReaderIndex } from './completeness/reader-index.ts';
import { createValueTracer } from './completeness/value-tracer.ts';
import { createNumberService, type NumberService } from './numbers/number-service.ts';
import { targetOfSequence } from './numbers/period-target.ts';
import type { SeriesCache } from './numbers/series-cache.ts';
import type { Strategies } from './numbers/strategies.ts';
import type { TemporaryNumberService } from './numbers/temporary-number-service.ts';
import { createCollisionCheck } from './prefix-configs/collision-check.ts';
import { createPrefixConfigService, type PrefixConfigService } from './prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from './prefix-configs/printed-prefixes.ts';
import { createTemplateService, type TemplateService } from './prefix-configs/template-service.ts';
import { createKeptClosing } from './sequences/kept-closing.ts';
import { createReservationService, type ReservationService } from './sequences/reservation-service.ts';
import { createSequenceService, type SequenceService } from './sequences/sequence-service.ts';
import { type CallerShareLimits, createCallerShare } from './shared/caller-share.ts';
import { createSequenceReads } from './shared/sequence-reads.ts';
import { createWatchers, type Watchers } from './watchers/watchers.ts';

export interface Services {
  readonly numberService: NumberService;
  readonly prefixConfigService: PrefixConfigService;
  readonly reservationService: ReservationService;
  readonly sequenceService: SequenceService;
  readonly completenessService: CompletenessService;
  readonly templateService: TemplateService;
  readonly numberLookupService: NumberLookupService;
  readonly temporaryNumberService: TemporaryNumberService;
  readonly apiKeyService: ApiKeyService;
}

/** What callers may have, and what is watched of it. */
interface Limits {
  readonly idempotencyKeys: CallerShareLimits;
  readonly reservations: CallerShareLimits;
  readonly apiKeysMax: number;
  readonly registrationsMax: number;
  readonly pastPeriodsMax: number;
  /** Prefixes with measures of their own; the others share `other`. */
  readonly metricsPrefixes: number;
  /** Whether callers without a credential may take numbers, and what they take is watched. */
  readonly isOpen: boolean;
}

interface Dependencies {
  readonly counters: CounterStore;
  readonly ceilings: CeilingStore | undefined;
  readonly prefixConfigs: PrefixConfigStore;
  readonly apiKeys: ApiKeyStore;
  readonly allowances: AllowanceStore;
  /** Undefined where gapless prefixes are not served. */
  readonly gapless: { readonly allocator: GaplessAllocator; readonly ledger: LedgerStore } | undefined;
  readonly counter: CounterAllocator;
  /** The sequences in use on this node, of all strategies. */
  readonly standings: () => Iterable<Standing>;
  readonly strategies: Strategies;
  readonly seriesCache: SeriesCache;
  readonly temporaryNumberService: TemporaryNumberService;
  readonly limits: Limits;
  /** The name of this process. */
  readonly node: string;
  readonly clock: Clock;
  /** Milliseconds that only ever rise. */
  readonly monotonic: () => number;
  readonly emit: Emit;
}

/** The watchers look from now on, until they are closed. */
export const createServices = (dependencies: Dependencies): { services: Services; watchers: Watchers } => {
  const { counters, ceilings, prefixConfigs, gapless, strategies, seriesCache, limits, clock, emit } = dependencies;
  const { counter, temporaryNumberService, apiKeys, allowances, node } = dependencies;
  const reads = createSequenceReads({
    counters,
    ceilings,
    epochOf: counter.epochOf,
    recover: counter.recover,
    targetOf: async (sequence) => targetOfSequence(await seriesCache.get(sequence.series), sequence),
  });
  const printed = createPrintedPrefixes(prefixConfigs);
  prefixConfigs.onChange(printed.note);
  const watchers = createWatchers({
    seriesCache,
    prefixConfigs,
    printed,
    reads,
    standings: counter.standings,
    allStandings: dependencies.standings,
    measuredMax: limits.metricsPrefixes,
    watchesOpenShares: limits.isOpen,
    clock,
    emit,
  });
  const shared = { seriesCache, clock, emit };
  const ledger = gapless?.ledger;
  const keyAllowance = createCallerShare(limits.idempotencyKeys);
  const shareOf = (max: number) => createCallerShare({ knownMax: max, openMax: max });
  const services = {
    numberService: createNumberService({
      ...shared,
      strategies,
      isStorePresent: counter.isStorePresent,
      temporaryNumberService,
      keyAllowance,
      pastPeriodsMax: limits.pastPeriodsMax,
      receipts: ledger === undefined ? [counters] : [counters, ledger],
    }),
    prefixConfigService: createPrefixConfigService({
      ...shared,
      store: prefixConfigs,
      counters: reads,
      ledger,
      registrations: { allowances, shareOf: shareOf(limits.registrationsMax) },
      collisions: createCollisionCheck({ printed, random: Math.random }),
      strategies,
    }),
    reservationService: createReservationService({
      ...shared,
      gapless,
      keyAllowance,
      reservationShare: createCallerShare(limits.reservations),
    }),
    sequenceService: createSequenceService({
      ...shared,
      store: { ...reads, close: createKeptClosing(counters, ceilings) },
      ledger,
      allocator: counter,
      capacityWatcher: watchers.capacity,
    }),
    completenessService: createCompletenessService({
      counters: reads,
      ledger,
      configs: prefixConfigs,
      seriesCache,
      clock,
      node,
    }),
    templateService: createTemplateService(clock),
    numberLookupService: createNumberLookupService({
      store: prefixConfigs,
      index: createReaderIndex(prefixConfigs, clock),
      tracer: createValueTracer({ counters: reads, ledger }),
    }),
    temporaryNumberService,
    apiKeyService: createApiKeyService({
      store: apiKeys,
      cache: createApiKeyCache(apiKeys, dependencies.monotonic),
      shareOf: shareOf(limits.apiKeysMax),
      clock,
      randomBytes,
      emit,
    }),
  };
  return { services, watchers };
};
