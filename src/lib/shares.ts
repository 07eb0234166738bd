/** A number of slots that several parties use at a time, none of which gets more than its share. */

export interface Shares {
  /** @returns what gives the slot back (once, however often it is called); `full`; or the party that has its share already. */
  take(parties: readonly string[]): (() => void) | 'full' | { readonly party: string };
}

/** @param max slots in all. @param shareMax slots that name the same party. */
export const createShares = (max: number, shareMax: number): Shares => {
  const held = new Map<string, number>();
  let taken = 0;
  return {
    take: (parties) => {
      if (taken >= max) return 'full';
      const party = parties.find((name) => (held.get(name) ?? 0) >= shareMax);
      if (party !== undefined) return { party };
      taken += 1;
      for (const name of parties) held.set(name, (held.get(name) ?? 0) + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        taken -= 1;
        for (const name of parties) {
          const left = (held.get(name) ?? 0) - 1;
          if (left > 0) held.set(name, left);
          else held.delete(name);
        }
      };
    },
  };
};
