/** The memory store of prefix configs with switches: it can be away, its answers can be held, and it can tell of changes. */
import type { StoredConfig } from '../../../src/core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../../src/core/prefix-config/prefix-config-store.ts';
import { createMemoryPrefixConfigStore } from '../../../src/stores/memory/memory-prefix-config-store.ts';

export interface SwitchablePrefixConfigStore extends PrefixConfigStore {
  preload(prefixKey: string, json: string): void;
  /** Loses all that is kept of a prefix. */
  lose(prefixKey: string): void;
  /** The keys of every question so far. */
  readonly asked: readonly (readonly string[])[];
  /** From now on every question fails with this error; `undefined`: it is answered again. */
  failWith(error: Error | undefined): void;
  /** Holds the answers from now on, as they are at the time of the question. @returns lets them, and all later ones, go. */
  hold(): () => void;
  /** Tells the listeners what another node would: this entry has changed; `undefined`: any may have. */
  announce(prefixKey: string | undefined): void;
}

export const createSwitchablePrefixConfigStore = (): SwitchablePrefixConfigStore => {
  const memory = createMemoryPrefixConfigStore();
  const asked: (readonly string[])[] = [];
  const listeners: ((prefixKey: string | undefined) => void)[] = [];
  let failure: Error | undefined;
  let gate: Promise<void> | undefined;

  const find = async (prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]> => {
    asked.push(prefixKeys);
    if (failure !== undefined) throw failure;
    const heldBy = gate;
    const found = await memory.find(prefixKeys);
    await heldBy;
    return found;
  };

  return {
    ...memory,
    find,
    onChange: (listener) => {
      listeners.push(listener);
    },
    asked,
    failWith: (error) => {
      failure = error;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
    announce: (prefixKey) => {
      for (const listener of listeners) listener(prefixKey);
    },
  };
};
