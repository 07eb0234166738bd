/** Puts the live store of prefix configs and its durable copy so that both say the same of some prefixes. */
import type { Emit } from '../../core/events/events.ts';
import { isSameEntry, type SettledEntry, settleEntries } from '../../core/prefix-config/entry-settling.ts';
import type { PrefixConfigCopyWriter } from '../../core/prefix-config/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { NO_ENTRY, type PrefixEntry } from '../../core/prefix-config/prefix-history.ts';

export interface Settled {
  /** Whether the live store was changed. */
  readonly healed: boolean;
  /** At each key's index what both stores have now, or would have if the live one had not lost it again. */
  readonly entries: readonly SettledEntry[];
}

export interface ConfigSettling {
  /** What the live store has of these prefixes. */
  findLive(prefixKeys: readonly string[]): Promise<readonly PrefixEntry[]>;
  /** Compares these entries inside a writer's transaction. */
  settle(writer: PrefixConfigCopyWriter, prefixKeys: readonly string[]): Promise<Settled>;
  /** Calls back after entries of the live store were healed. */
  onHealed(listener: () => void): void;
}

export const createConfigSettling = (live: PrefixConfigStore, emit: Emit): ConfigSettling => {
  const listeners: (() => void)[] = [];

  const findLive = async (prefixKeys: readonly string[]): Promise<readonly PrefixEntry[]> => {
    const [found, histories] = await Promise.all([live.find(prefixKeys), live.histories(prefixKeys)]);
    return prefixKeys.map((_, index) => ({ stored: found[index], history: histories[index] }));
  };

  /** @returns false when the live store was changed meanwhile: then that is looked at when it is next read. */
  const restore = async (prefixKey: string, seen: PrefixEntry, entry: PrefixEntry): Promise<boolean> => {
    const rule = (found: PrefixEntry) => (isSameEntry(found, seen) ? { outcome: true, entry } : { outcome: false });
    return (await live.change(prefixKey, rule)).outcome;
  };

  const settle: ConfigSettling['settle'] = async (writer, prefixKeys) => {
    const [inLive, kept] = await Promise.all([findLive(prefixKeys), writer.find(prefixKeys)]);
    const lost: Promise<boolean>[] = [];
    const entries: SettledEntry[] = [];
    let copied = 0;
    for (const [index, prefixKey] of prefixKeys.entries()) {
      const [one = NO_ENTRY, other = NO_ENTRY] = [inLive[index], kept[index]];
      const settled = settleEntries(one, other);
      entries.push(settled);
      if (!isSameEntry(settled.inLive, one)) lost.push(restore(prefixKey, one, settled.inLive));
      if (isSameEntry(settled.kept, other)) continue;
      await writer.put(prefixKey, settled.kept);
      copied += 1;
    }
    const healed = (await Promise.all(lost)).filter(Boolean).length;
    if (healed > 0 || copied > 0) emit({ type: 'prefix-configs-healed', healed, copied });
    if (healed > 0) for (const listener of listeners) listener();
    return { healed: healed > 0, entries };
  };

  return {
    findLive,
    settle,
    onHealed: (listener) => {
      listeners.push(listener);
    },
  };
};
