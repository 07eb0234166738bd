/** Brings the live store of prefix configs and its durable copy together, whichever of them lost something. */
import type { Emit } from '../../core/events/events.ts';
import { isSameEntry, settleEntries } from '../../core/prefix-config/entry-settling.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigCopy, PrefixConfigCopyWriter } from '../../core/prefix-config/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { NO_ENTRY, type PrefixEntry, versionOf } from '../../core/prefix-config/prefix-history.ts';
import { createConfigSettling, type Settled } from './config-settling.ts';

/** How far the life of a prefix had come; see `compareEntries`. */
interface Position {
  /** The version of the config; 0 when there is none. */
  readonly version: number;
  /** The version that was removed last; 0 when none was. */
  readonly removed: number;
}

type Entries = ReadonlyMap<string, StoredConfig | undefined>;

export interface ConfigReconciler {
  /** Where both stores were last seen with an entry; undefined when nothing is known of it. */
  known(prefixKey: string): Position | undefined;
  /** The keys of all that were last seen registered. */
  knownKeys(): Iterable<string>;
  /** Notes what a writer has just made of an entry. */
  note(prefixKey: string, entry: PrefixEntry): void;
  /** Whether the stores were compared as a whole since the live one was last connected. */
  isThrough(): boolean;
  /** Compares all entries in the background, again and again until that was possible once. */
  lookThrough(): void;
  /** Compares these entries in the background. */
  compareLater(prefixKeys: readonly string[]): void;
  /**
   * Compares these entries. Callers that arrive while a comparison runs share the next one, so the copy has one query
   * at a time, however many unknown prefixes are asked for.
   * @returns the entry in force, at the index of its key. It may differ from what was read before. @throws the errors
   * of the stores.
   */
  healTogether(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;
  /** Compares these entries inside a writer's transaction. */
  settle(writer: PrefixConfigCopyWriter, prefixKeys: readonly string[]): Promise<Settled>;
  /** Calls back after entries of the live store were healed. */
  onHealed(listener: () => void): void;
  close(): Promise<void>;
}

/** So many that the lock is held for well under a second. */
const PAGE = 200;
const RETRY_MS = 1_000;
/** Entries that wait to be compared in the background; beyond, they are met again when they are next read. */
const WAITING_MAX = 10_000;

/** Both stores must be put so; what they have already is told apart by `isSameEntry`. */
const differs = (inLive: PrefixEntry, kept: PrefixEntry): boolean => {
  const settled = settleEntries(inLive, kept);
  return !isSameEntry(settled.inLive, inLive) || !isSameEntry(settled.kept, kept);
};

export const createConfigReconciler = (
  live: PrefixConfigStore,
  copy: PrefixConfigCopy,
  emit: Emit,
): ConfigReconciler => {
  const known = new Map<string, Position>();
  const waiting = new Set<string>();
  let background: Promise<void> = Promise.resolve();
  let running = false;
  let through = false;
  let wanted = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const { findLive, settle, onHealed } = createConfigSettling(live, emit);

  const note: ConfigReconciler['note'] = (prefixKey, { stored, history }) => {
    const [version, removed] = [versionOf(stored), history?.removed ?? 0];
    if (version > 0 || removed > 0) known.set(prefixKey, { version, removed });
    else known.delete(prefixKey);
  };

  /** Without the lock first: usually nothing differs. */
  const heal = async (prefixKeys: readonly string[]): Promise<Entries> => {
    const [kept, inLive] = await Promise.all([copy.find(prefixKeys), findLive(prefixKeys)]);
    const entries = prefixKeys.map((_, index) => settleEntries(inLive[index] ?? NO_ENTRY, kept[index] ?? NO_ENTRY));
    const different = [...prefixKeys.keys()].filter((index) =>
      differs(inLive[index] ?? NO_ENTRY, kept[index] ?? NO_ENTRY),
    );
    if (different.length > 0) {
      const keys = different.map((index) => prefixKeys[index] ?? '');
      const settled = await copy.write((writer) => settle(writer, keys));
      for (const [at, index] of different.entries()) {
        const entry = settled.entries[at];
        if (entry !== undefined) entries[index] = entry;
      }
    }
    for (const [
      index,
      {
        stored,
        kept: { history },
      },
    ] of entries.entries()) {
      note(prefixKeys[index] ?? '', { stored, history });
    }
    return new Map(prefixKeys.map((prefixKey, index) => [prefixKey, entries[index]?.stored]));
  };

  let gathering: { readonly prefixKeys: Set<string>; readonly result: Promise<Entries> } | undefined;
  let before: Promise<unknown> = Promise.resolve();

  const healTogether: ConfigReconciler['healTogether'] = (prefixKeys) => {
    if (gathering === undefined) {
      const gathered = new Set<string>();
      const result = before.then(() => {
        gathering = undefined;
        return heal([...gathered]);
      });
      before = result.catch(() => undefined);
      gathering = { prefixKeys: gathered, result };
    }
    for (const prefixKey of prefixKeys) gathering.prefixKeys.add(prefixKey);
    return gathering.result.then((entries) => prefixKeys.map((prefixKey) => entries.get(prefixKey)));
  };

  const healAll = async (keys: PrefixConfigStore['keys']): Promise<void> => {
    for (let after = ''; ; ) {
      const page = await keys(after, PAGE);
      if (page.length > 0) await heal(page);
      const last = page.at(-1);
      if (page.length < PAGE || last === undefined || closed) return;
      after = last;
    }
  };

  const work = async (): Promise<void> => {
    while (!closed && (wanted || waiting.size > 0)) {
      if (wanted) {
        wanted = false;
        try {
          await healAll(copy.keys);
          await healAll(live.keys);
          // Another look was asked for meanwhile: the live store may have lost something since.
          through = !wanted;
        } catch (error) {
          wanted = true;
          throw error;
        }
      }
      const page = [...waiting].slice(0, PAGE);
      for (const prefixKey of page) waiting.delete(prefixKey);
      if (page.length > 0) await heal(page);
    }
  };

  const start = (): void => {
    if (running || closed || timer !== undefined) return;
    running = true;
    background = work()
      .catch((error: unknown) => {
        emit({ type: 'prefix-configs-healing-failed', error });
        timer = setTimeout(() => {
          timer = undefined;
          start();
        }, RETRY_MS).unref();
      })
      .finally(() => {
        running = false;
        // Asked for while this one was ending.
        if (wanted || waiting.size > 0) start();
      });
  };

  return {
    known: (prefixKey) => known.get(prefixKey),
    knownKeys: () =>
      known
        .entries()
        .filter(([, { version }]) => version > 0)
        .map(([prefixKey]) => prefixKey),
    note,
    isThrough: () => through,
    lookThrough: () => {
      through = false;
      wanted = true;
      start();
    },
    compareLater: (prefixKeys) => {
      for (const prefixKey of prefixKeys) if (waiting.size < WAITING_MAX) waiting.add(prefixKey);
      start();
    },
    healTogether,
    settle,
    onHealed,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await background;
    },
  };
};
