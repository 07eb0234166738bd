/** The memory ceiling store keeps the contract that it is the reference of. */
import { createMemoryCeilingStore } from '../../src/stores/memory/memory-ceiling-store.ts';
import { describeManyCeilings } from './ceiling-many.contract.ts';
import { type CeilingStoreUnderTest, describeCeilingStore } from './ceiling-store.contract.ts';

let nowMs = 1_763_700_000_000;
const store = createMemoryCeilingStore({ now: () => nowMs });
const registered = new Set<string>();
const watched = {
  ...store,
  register: async (node: string) => {
    registered.add(node);
    await store.register(node);
  },
};

const underTest = (): CeilingStoreUnderTest => ({
  store: watched,
  otherNode: watched,
  age: async (node, ms) => {
    nowMs += ms;
    // Time passes for all; the others have said meanwhile that they are there.
    for (const other of registered) if (other !== node) await store.register(other);
  },
  forgetNodes: async () => {
    for (const node of registered) await store.leave(node);
    registered.clear();
  },
});

describeCeilingStore('the memory store', underTest);
describeManyCeilings('the memory store', underTest);
