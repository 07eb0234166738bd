/** Breaches to plant in stores and nodes, and the rule by which the lives must find each. */
import type { CounterAllocator } from '../../src/allocators/counter/counter-allocator.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { insertEntry } from '../../src/core/prefix-config/entry-changes.ts';
import type { StoredConfig } from '../../src/core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../src/core/prefix-config/prefix-config-store.ts';
import type { NodeStores } from './node.ts';
import type { Spoil, StoreKind } from './site.ts';

export interface Breach {
  readonly name: string;
  readonly kind: StoreKind;
  readonly spoil: Spoil;
  /** The rule that finds it. */
  readonly rule: RegExp;
  /** Where the lives begin that found it: a stale one costs time, nothing else. */
  readonly seed?: number;
}

const withCounters = (change: (counters: CounterStore) => Partial<CounterStore>): Spoil => ({
  stores: (stores: NodeStores): NodeStores => {
    const { counters } = stores;
    const kept: CounterStore = {
      source: counters.source,
      ...(counters.fence && { fence: counters.fence }),
      reserve: counters.reserve,
      ...(counters.claim && { claim: counters.claim }),
      advance: counters.advance,
      close: counters.close,
      inspect: counters.inspect,
      listGaps: counters.listGaps,
      countGaps: counters.countGaps,
      checkHealth: counters.checkHealth,
      onReachable: counters.onReachable,
    };
    return { ...stores, counters: { ...kept, ...change(counters) } };
  },
});

const withConfigs = (change: (configs: PrefixConfigStore) => Partial<PrefixConfigStore>): Spoil => ({
  stores: (stores: NodeStores): NodeStores => {
    const { prefixConfigs } = stores;
    const kept: PrefixConfigStore = {
      find: prefixConfigs.find,
      histories: prefixConfigs.histories,
      list: prefixConfigs.list,
      keys: prefixConfigs.keys,
      changesSince: prefixConfigs.changesSince,
      change: prefixConfigs.change,
      insert: prefixConfigs.insert,
      replace: prefixConfigs.replace,
      remove: prefixConfigs.remove,
      onChange: prefixConfigs.onChange,
    };
    return { ...stores, prefixConfigs: { ...kept, ...change(prefixConfigs) } };
  },
});

const forgetFormer = (stored: StoredConfig | undefined): StoredConfig | undefined => {
  if (stored?.kind !== 'config') return stored;
  const { former: _, ...config } = stored.config;
  return { kind: 'config', config };
};

/** While the store is away, values are dealt by the first `initialSeq` that the node has heard of. */
const standByOldTerms = (allocator: CounterAllocator): CounterAllocator => {
  const first = new Map<string, bigint>();
  return {
    ...allocator,
    allocate: (target, count) => {
      const initialSeq = first.get(target.name) ?? target.initialSeq;
      first.set(target.name, initialSeq);
      return allocator.allocate(allocator.isStorePresent() ? target : { ...target, initialSeq }, count);
    },
  };
};

export const BREACHES: readonly Breach[] = [
  {
    name: 'where counting began is what initialSeq was later',
    kind: 'memory',
    rule: /wrong-origin/,
    spoil: withCounters(({ inspect }) => ({
      inspect: async (sequence) => {
        const state = await inspect(sequence);
        return { ...state, ...(state.origin !== undefined && { origin: 0n }) };
      },
    })),
  },
  {
    name: 'a standby below initialSeq is handed out',
    kind: 'redis',
    rule: /below-initialSeq/,
    seed: 2_350,
    spoil: { allocator: standByOldTerms },
  },
  {
    name: 'former formats are dropped',
    kind: 'memory',
    rule: /issued-not-read|report-prints-otherwise|number-twice/,
    spoil: withConfigs(({ find, histories }) => ({
      find: async (prefixKeys) => (await find(prefixKeys)).map(forgetFormer),
      histories: async (prefixKeys) => (await histories(prefixKeys)).map(() => undefined),
    })),
  },
  {
    name: 'versions begin anew when a prefix returns',
    kind: 'memory',
    rule: /version-again/,
    spoil: withConfigs(({ change }) => ({
      // As if no tombstone had been written.
      histories: async (prefixKeys) => prefixKeys.map(() => undefined),
      insert: async (config) =>
        (await change(config.prefixKey, ({ stored }) => insertEntry({ stored, history: undefined }, config))).outcome,
    })),
  },
  {
    name: 'an advance is not recorded',
    kind: 'sqlite',
    rule: /reported-not-issued/,
    spoil: withCounters(({ listGaps }) => ({
      listGaps: async (...asked) => (await listGaps(...asked)).filter(({ reason }) => reason !== 'advance'),
    })),
  },
  {
    name: 'a gap is said to be an advance that nobody made',
    kind: 'redis',
    rule: /untrue-gap-reason/,
    spoil: withCounters(({ listGaps }) => ({
      listGaps: async (...asked) => (await listGaps(...asked)).map((gap) => ({ ...gap, reason: 'advance' as const })),
    })),
  },
  {
    name: 'what a node gives back is dropped',
    kind: 'sqlite',
    rule: /reported-not-issued/,
    spoil: withCounters(({ reserve }) => ({
      reserve: (calls) => reserve(calls.map((call) => ({ ...call, returned: [] }))),
    })),
  },
];
