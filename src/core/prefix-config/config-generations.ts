/** The generations of prefix configs in a store with a single writer: which configs the latest changes were made to. */
import type { ConfigChanges } from './prefix-config-store.ts';

export interface ConfigGenerations {
  current(): string;
  /** Notes a change. */
  note(prefixKey: string): void;
  since(generation: string | undefined): ConfigChanges;
}

/** Changes that are remembered; a node that missed more reads all configs again. */
export const CHANGES_KEPT = 1_000;

export const createConfigGenerations = (): ConfigGenerations => {
  const latest: string[] = [];
  let count = 0;

  return {
    current: () => `${count}`,
    note: (prefixKey) => {
      count += 1;
      latest.push(prefixKey);
      if (latest.length > CHANGES_KEPT) latest.shift();
    },
    since: (generation) => {
      const missed = generation === undefined ? Number.POSITIVE_INFINITY : count - Number(generation);
      const isKnown = missed >= 0 && missed <= latest.length;
      const prefixKeys = isKnown ? latest.slice(latest.length - missed) : undefined;
      return { generation: `${count}`, prefixKeys };
    },
  };
};
