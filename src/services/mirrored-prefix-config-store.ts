/**
 * Prefix configs that survive the loss of the store they are read from: each change is made there and in a durable copy.
 *
 * A change runs under the copy's one lock: first the live store (its own compare-and-set decides), then the copy, whose commit
 * ends it. Cut off before the live store was written, nothing has happened. Cut off after, the two differ: an insertion or replacement
 * is newer in the live store and is copied when it is next seen; a removal is still in the copy and is undone by healing.
 * Either way the caller was told of an error, and both stores agree again. Were the copy written first, a change that the live
 * store then refuses would have to be taken back; and without the lock a healing that began before a removal could end after it.
 */
import { isStoreFailure } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { StoredConfig } from '../core/prefix-config.ts';
import type { PrefixConfigCopy } from '../core/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { createConfigHealer, versionOf } from './config-healer.ts';

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
  const healer = createConfigHealer(live, copy, emit);
  live.onChange((prefixKey) => {
    if (prefixKey === undefined) healer.lookThrough();
  });

  /** Whether a reader must not be given what the live store said before the copy was asked. */
  const isSuspect = (prefixKey: string, stored: StoredConfig | undefined): boolean => {
    if (stored?.kind !== 'config') return true;
    return stored.config.version < (healer.known(prefixKey) ?? 0);
  };

  const findHealed = async (
    prefixKeys: readonly string[],
    found: readonly (StoredConfig | undefined)[],
  ): Promise<readonly (StoredConfig | undefined)[]> => {
    const suspects = prefixKeys.filter((prefixKey, index) => isSuspect(prefixKey, found[index]));
    try {
      return (await healer.healTogether(suspects)) ? await live.find(prefixKeys) : found;
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      // Not there is only true when it was compared with the copy: an emptied store must not make a prefix unregistered.
      const doubtful = prefixKeys.some(
        (prefixKey, index) =>
          found[index] === undefined && (!healer.isThrough() || healer.known(prefixKey) !== undefined),
      );
      if (doubtful) throw error;
      return found;
    }
  };

  return {
    find: async (prefixKeys) => {
      const found = await live.find(prefixKeys);
      const unseen = prefixKeys.filter((prefixKey, index) => {
        const version = versionOf(found[index]);
        return version > 0 && version !== healer.known(prefixKey);
      });
      if (unseen.length > 0) healer.compareLater(unseen);
      return prefixKeys.some((prefixKey, index) => isSuspect(prefixKey, found[index]))
        ? findHealed(prefixKeys, found)
        : found;
    },

    list: (after, limit) => live.list(after, limit),

    insert: async (config) => {
      const inserted = await copy.write(async (writer) => {
        await healer.settle(writer, [config.prefixKey]);
        if (!(await live.insert(config))) return false;
        await writer.put(config);
        return true;
      });
      if (inserted) healer.note(config.prefixKey, config.version);
      return inserted;
    },

    replace: async (config, expectedVersion) => {
      const outcome = await copy.write(async (writer) => {
        await healer.settle(writer, [config.prefixKey]);
        const replaced = await live.replace(config, expectedVersion);
        if (replaced.kind === 'replaced') await writer.put(replaced.config);
        return replaced;
      });
      if (outcome.kind === 'replaced') healer.note(config.prefixKey, outcome.config.version);
      return outcome;
    },

    remove: async (prefixKey) => {
      const removed = await copy.write(async (writer) => {
        const wasLive = await live.remove(prefixKey);
        const wasKept = await writer.remove(prefixKey);
        return wasLive || wasKept;
      });
      healer.note(prefixKey, undefined);
      return removed;
    },

    onChange: (listener) => {
      live.onChange(listener);
      healer.onHealed(() => listener(undefined));
    },

    isHealed: healer.isThrough,
    close: healer.close,
  };
};
