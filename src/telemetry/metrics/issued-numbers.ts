/** Counts the numbers issued by prefix, strategy and source: so many prefixes have a count of their own, the rest share one. */

import type { Strategy } from '../../core/prefix-config/numbering.ts';
import type { NumberSource } from '../../core/values/number-source.ts';

/** Stands for all prefixes that are not told apart. */
export const OTHER = 'other';

interface Slot {
  readonly strategy: Strategy;
  readonly source: NumberSource;
  count: number;
}

export interface IssuedCount extends Readonly<Slot> {
  readonly prefix: string;
}

export interface IssuedNumbers {
  add(prefixKey: string, strategy: Strategy, source: NumberSource, count: number): void;
  counts(): IssuedCount[];
}

/**
 * @param prefixesMax how many prefixes get a label of their own, first come, until the process ends: a count must never
 * move from one name to another. A prefix named `other` is counted with the rest.
 */
export const createIssuedNumbers = (prefixesMax: number): IssuedNumbers => {
  const byPrefix = new Map<string, Slot[]>();
  const other: Slot[] = [];

  const slotsOf = (prefixKey: string): Slot[] => {
    const known = byPrefix.get(prefixKey);
    if (known !== undefined) return known;
    if (byPrefix.size >= prefixesMax || prefixKey === OTHER) return other;
    const slots: Slot[] = [];
    byPrefix.set(prefixKey, slots);
    return slots;
  };

  return {
    add: (prefixKey, strategy, source, count) => {
      const slots = slotsOf(prefixKey);
      for (const slot of slots) {
        if (slot.source === source && slot.strategy === strategy) {
          slot.count += count;
          return;
        }
      }
      slots.push({ strategy, source, count });
      // A count that appears at its first step shows no rate: what an alert asks for is there before.
      const mayUseStandby = strategy === 'counter' && source === 'redis';
      if (mayUseStandby && !slots.some((slot) => slot.source === 'standby'))
        slots.push({ strategy, source: 'standby', count: 0 });
    },
    counts: () =>
      [...byPrefix, [OTHER, other] as const].flatMap(([prefix, slots]) => slots.map((slot) => ({ prefix, ...slot }))),
  };
};
