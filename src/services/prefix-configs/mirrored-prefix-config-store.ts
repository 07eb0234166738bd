/**
 * Prefix configs that survive the loss of the store they are read from: each change is made there and in a durable copy.
 *
 * A change runs under the one lock of the copy: first the live store (its compare-and-set decides), then the copy,
 * whose commit ends it. If it breaks off before the live store was written, nothing has happened. If it breaks off
 * after that, the caller receives an error and the stores differ: the live store has the newer entry, also of a
 * removal, which leaves a history, and it is copied when it is next read. If the copy were written first, a change that
 * the live store then refuses would have to be undone. Without the lock, a healing that began before a removal could
 * end after it.
 */
import { isStoreFailure, StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { Changed } from '../../core/prefix-config/entry-changes.ts';
import { isSameEntry } from '../../core/prefix-config/entry-settling.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigCopy } from '../../core/prefix-config/prefix-config-copy.ts';
import {
  createEntryChanges,
  type EntryRule,
  type PrefixConfigStore,
} from '../../core/prefix-config/prefix-config-store.ts';
import { versionOf } from '../../core/prefix-config/prefix-history.ts';
import { createConfigReconciler } from './config-reconciler.ts';
import { createMirroredListing } from './mirrored-listing.ts';

/** Of a change whose entry the live store loses while it is made. */
const ATTEMPTS_MAX = 5;

export interface MirroredPrefixConfigStore extends PrefixConfigStore {
  /** Whether all entries were compared since the live store was last connected. */
  isHealed(): boolean;
  /** Ends the healing in the background; what is under way is finished. */
  close(): Promise<void>;
}

export const createMirroredPrefixConfigStore = (
  live: PrefixConfigStore,
  copy: PrefixConfigCopy,
  emit: Emit,
): MirroredPrefixConfigStore => {
  const healer = createConfigReconciler(live, copy, emit);
  const listHealed = createMirroredListing(live, copy, healer);
  live.onChange((prefixKey) => {
    if (prefixKey === undefined) healer.lookThrough();
  });

  /** Whether a reader must not be given what the live store said before the copy was asked. */
  const isSuspect = (prefixKey: string, stored: StoredConfig | undefined): boolean => {
    if (stored?.kind !== 'config') return true;
    const { version, removed } = healer.known(prefixKey) ?? { version: 0, removed: 0 };
    // What was removed may be back from a backup.
    return version === 0 ? stored.config.version <= removed : stored.config.version < version;
  };

  /** Asks the copy about those that the live store may have lost: not there is only true when both say so. */
  const findHealed = async (
    prefixKeys: readonly string[],
    found: readonly (StoredConfig | undefined)[],
  ): Promise<readonly (StoredConfig | undefined)[]> => {
    const suspects = prefixKeys.filter((prefixKey, index) => isSuspect(prefixKey, found[index]));
    const isLost = (prefixKey: string, index: number): boolean =>
      found[index] === undefined && (healer.known(prefixKey)?.version ?? 0) > 0;
    // One that is gone may not be the only one.
    if (prefixKeys.some(isLost)) healer.lookThrough();
    try {
      const healed = await healer.healTogether(suspects);
      const held = new Map(suspects.map((prefixKey, index) => [prefixKey, healed[index]]));
      return prefixKeys.map((prefixKey, index) => (held.has(prefixKey) ? held.get(prefixKey) : found[index]));
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      // An emptied store must not make a prefix unregistered.
      const isDoubtful = (prefixKey: string, index: number): boolean =>
        isLost(prefixKey, index) || (found[index] === undefined && !healer.isThrough());
      if (prefixKeys.some(isDoubtful)) throw error;
      return found;
    }
  };

  const change: PrefixConfigStore['change'] = async <Outcome>(prefixKey: string, rule: EntryRule<Outcome>) => {
    const changed = await copy.write(async (writer) => {
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
        const [settled] = (await healer.settle(writer, [prefixKey])).entries;
        // Not by the live store alone: it may lose the entry once more before it is asked.
        const { outcome: made } = await live.change(
          prefixKey,
          (found, generation): Changed<Changed<Outcome> | undefined> => {
            if (settled === undefined || !isSameEntry(found, settled.inLive)) return { outcome: undefined };
            // What only the copy has and nobody can read is there too.
            const next = rule({ ...found, stored: found.stored ?? settled.stored }, generation);
            return { ...next, outcome: next };
          },
        );
        if (made === undefined) continue;
        if (made.entry !== undefined) await writer.put(prefixKey, made.entry);
        return made;
      }
      throw new StorageUnavailableError('Redis keeps losing what is written to it.');
    });
    if (changed.entry !== undefined) healer.note(prefixKey, changed.entry);
    return changed;
  };

  return {
    find: async (prefixKeys) => {
      const found = await live.find(prefixKeys);
      const unseen = prefixKeys.filter((prefixKey, index) => {
        const version = versionOf(found[index]);
        return version > 0 && version !== healer.known(prefixKey)?.version;
      });
      if (unseen.length > 0) healer.compareLater(unseen);
      return prefixKeys.some((prefixKey, index) => isSuspect(prefixKey, found[index]))
        ? findHealed(prefixKeys, found)
        : found;
    },

    list: listHealed,

    histories: async (prefixKeys) => {
      const found = await live.histories(prefixKeys);
      // What was removed is known to the copy, whatever the live store has lost.
      const suspects = prefixKeys.filter((prefixKey, index) => {
        const known = healer.known(prefixKey);
        return known === undefined || (found[index]?.removed ?? 0) < known.removed;
      });
      if (suspects.length === 0) return found;
      try {
        await healer.healTogether(suspects);
      } catch (error) {
        // Good enough to read numbers by; a change needs the copy anyway.
        if (isStoreFailure(error)) return found;
        throw error;
      }
      return live.histories(prefixKeys);
    },

    keys: async (after, limit) => {
      // One that the live store has lost is there all the same.
      const pages = await Promise.all([live.keys(after, limit), copy.keys(after, limit)]);
      return [...new Set(pages.flat())].sort().slice(0, limit);
    },

    // Every change goes through the live store, that of an entry it had lost too. What it does not know any more is read anew.
    changesSince: (generation) => live.changesSince(generation),

    change,
    ...createEntryChanges(change),

    onChange: (listener) => {
      live.onChange(listener);
      healer.onHealed(() => listener(undefined));
    },

    isHealed: healer.isThrough,
    close: healer.close,
  };
};
