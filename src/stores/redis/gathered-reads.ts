/** Reads that are asked for one by one and made together: with thousands of prefixes hardly any two requests ask for the same. */
import { setImmediate } from 'node:timers/promises';

interface Gathering {
  readonly keys: string[];
  readonly entries: Promise<readonly (string | null)[]>;
}

/** Keys in one read; a larger request still gets all of its keys. */
const KEYS_MAX = 1_000;

/**
 * @param read fetches entries, one per key at the same index.
 * @returns the same function; what is asked for in one turn of the event loop is read in one call at its end, and fails together.
 */
export const gatherReads = (read: (keys: readonly string[]) => Promise<readonly (string | null)[]>): typeof read => {
  let gathering: Gathering | undefined;

  const open = (): Gathering => {
    const keys: string[] = [];
    const readAtTurnEnd = async () => {
      await setImmediate();
      if (gathering?.keys === keys) gathering = undefined;
      return read(keys);
    };
    return { keys, entries: readAtTurnEnd() };
  };

  return async (keys) => {
    if (gathering === undefined || gathering.keys.length + keys.length > KEYS_MAX) gathering = open();
    const { keys: all, entries } = gathering;
    const from = all.length;
    all.push(...keys);
    return (await entries).slice(from, from + keys.length);
  };
};
