/** The memory stores, on which the unit tests rest, keep the contracts. */
import { beforeEach } from 'vitest';
import { createMemoryPrefixConfigStore } from '../../src/stores/memory/memory-prefix-config-store.ts';
import { createMemorySequenceStore } from '../../src/stores/memory/memory-sequence-store.ts';
import { describePrefixConfigStore } from './prefix-config-store.contract.ts';
import { describeSequenceStore } from './sequence-store.contract.ts';

let sequences: ReturnType<typeof createMemorySequenceStore>;
let configs: ReturnType<typeof createMemoryPrefixConfigStore>;

beforeEach(() => {
  sequences = createMemorySequenceStore();
  configs = createMemoryPrefixConfigStore();
});

describeSequenceStore('the memory store', () => ({
  store: sequences,
  preload: sequences.preload,
  read: sequences.read,
}));
describePrefixConfigStore('the memory store', () => ({ store: configs, preload: configs.preload }));
