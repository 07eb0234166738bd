/** The memory stores, on which the unit tests rest, keep the contracts. */
import { beforeEach } from 'vitest';
import { createMemoryCounterStore } from '../../src/stores/memory/memory-counter-store.ts';
import { createMemoryPrefixConfigStore } from '../../src/stores/memory/memory-prefix-config-store.ts';
import { describeCounterStore } from './counter-store.contract.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';
import { describeReceipts } from './receipts.contract.ts';

let counters: ReturnType<typeof createMemoryCounterStore>;
let configs: ReturnType<typeof createMemoryPrefixConfigStore>;

beforeEach(() => {
  counters = createMemoryCounterStore();
  configs = createMemoryPrefixConfigStore();
});

describeCounterStore('the memory store', () => ({
  store: counters,
  preload: counters.preload,
  read: counters.read,
}));
describePrefixConfigStore('the memory store', () => ({ store: configs, preload: configs.preload }));
describeReceipts('the memory store', () => ({ store: counters }));
