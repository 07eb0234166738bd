/** Brings the live store of prefix configs and its durable copy together, whichever of them lost something. */
import type { Emit } from '../core/events.ts';
import { encodeStoredConfig, type StoredConfig } from '../core/prefix-config.ts';
import type { PrefixConfigCopy, PrefixConfigCopyWriter } from '../core/prefix-config-copy.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';

type Entries = ReadonlyMap<string, StoredConfig | undefined>;

interface Settled {
  /** Whether the live store was changed. */
  readonly healed: boolean;
  /** At each key's index what both stores have now, or would have if the live one had not lost it again. */
  readonly entries: readonly (StoredConfig | undefined)[];
}

export interface ConfigHealer {
  /** The version of a config that both stores were last seen with. */
  known(prefixKey: string): number | undefined;
  /** The keys of all those. */
  knownKeys(): Iterable<string>;
  /** Notes what a writer has just made of an entry; `undefined`: it removed it. */
  note(prefixKey: string, version: number | undefined): void;
  /** Whether the stores were compared as a whole since the live one was last connected. */
  isThrough(): boolean;
  /** Compares all entries in the background, again and again until that was possible once. */
  lookThrough(): void;
  /** Compares these entries in the background. */
  compareLater(prefixKeys: readonly string[]): void;
  /**
   * Compares these entries, with those of all who ask before the last such question is answered: however many unknown
   * prefixes are asked for, the copy hears one question at a time.
   * @returns at each key's index what holds: the live store may have been healed by another node meanwhile, or have lost it
   * again. @throws the errors of the stores.
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

/** 0: there is none, or none that can be read. */
export const versionOf = (stored: StoredConfig | undefined): number =>
  stored?.kind === 'config' ? stored.config.version : (stored?.version ?? 0);

const isSame = (one: StoredConfig | undefined, other: StoredConfig | undefined): boolean =>
  one?.kind === 'config' && other?.kind === 'config'
    ? encodeStoredConfig(one.config) === encodeStoredConfig(other.config)
    : one?.kind === other?.kind && versionOf(one) === versionOf(other);

/** What counts where the two stores differ. Of one version but with other content: the copy is what was acknowledged. */
const winnerOf = (inLive: StoredConfig | undefined, kept: StoredConfig | undefined): StoredConfig | undefined => {
  if (kept !== undefined && versionOf(kept) >= versionOf(inLive)) return kept;
  return inLive ?? kept;
};

/** Whether there is anything to bring together: an entry neither store can read is left to the operator. */
export const differs = (inLive: StoredConfig | undefined, kept: StoredConfig | undefined): boolean =>
  (versionOf(inLive) > 0 || versionOf(kept) > 0) && !isSame(inLive, kept);

export const createConfigHealer = (live: PrefixConfigStore, copy: PrefixConfigCopy, emit: Emit): ConfigHealer => {
  const known = new Map<string, number>();
  const listeners: (() => void)[] = [];
  const waiting = new Set<string>();
  let background: Promise<void> = Promise.resolve();
  let running = false;
  let through = false;
  let wanted = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  /** Puts what the copy keeps in place of what the live store has. @returns false when that was changed meanwhile. */
  const restore = async (inLive: StoredConfig | undefined, kept: StoredConfig): Promise<boolean> => {
    if (kept.kind !== 'config') return false;
    if (inLive === undefined) return live.insert(kept.config);
    // A replacement counts the version up, so what is there must go first.
    await live.remove(kept.config.prefixKey);
    return live.insert(kept.config);
  };

  const settle: ConfigHealer['settle'] = async (writer, prefixKeys) => {
    const [inLive, kept] = await Promise.all([live.find(prefixKeys), writer.find(prefixKeys)]);
    const lost: Promise<boolean>[] = [];
    let copied = 0;
    for (const index of prefixKeys.keys()) {
      const [one, other] = [inLive[index], kept[index]];
      if (!differs(one, other)) continue;
      if (other !== undefined && winnerOf(one, other) === other) lost.push(restore(one, other));
      else if (one?.kind === 'config') {
        await writer.put(one.config);
        copied += 1;
      }
    }
    const healed = (await Promise.all(lost)).filter(Boolean).length;
    if (healed > 0 || copied > 0) emit({ type: 'prefix-configs-healed', healed, copied });
    if (healed > 0) for (const listener of listeners) listener();
    return { healed: healed > 0, entries: prefixKeys.map((_, index) => winnerOf(inLive[index], kept[index])) };
  };

  const note: ConfigHealer['note'] = (prefixKey, version = 0) => {
    if (version > 0) known.set(prefixKey, version);
    else known.delete(prefixKey);
  };

  /** Without the lock first: usually nothing differs. */
  const heal = async (prefixKeys: readonly string[]): Promise<Entries> => {
    const [kept, inLive] = await Promise.all([copy.find(prefixKeys), live.find(prefixKeys)]);
    const entries = new Map(prefixKeys.map((prefixKey, index) => [prefixKey, inLive[index] ?? kept[index]]));
    const different = prefixKeys.filter((_, index) => differs(inLive[index], kept[index]));
    if (different.length > 0) {
      const settled = await copy.write((writer) => settle(writer, different));
      for (const [index, prefixKey] of different.entries()) entries.set(prefixKey, settled.entries[index]);
    }
    for (const [prefixKey, entry] of entries) note(prefixKey, versionOf(entry));
    return entries;
  };

  let gathering: { readonly prefixKeys: Set<string>; readonly result: Promise<Entries> } | undefined;
  let before: Promise<unknown> = Promise.resolve();

  const healTogether: ConfigHealer['healTogether'] = (prefixKeys) => {
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

  const healAll = async (list: PrefixConfigStore['list']): Promise<void> => {
    for (let after = ''; ; ) {
      const page = await list(after, PAGE);
      if (page.length > 0) await heal(page.map(({ prefixKey }) => prefixKey));
      const last = page.at(-1);
      if (page.length < PAGE || last === undefined || closed) return;
      after = last.prefixKey;
    }
  };

  const work = async (): Promise<void> => {
    while (!closed && (wanted || waiting.size > 0)) {
      if (wanted) {
        wanted = false;
        try {
          await healAll(copy.list);
          await healAll(live.list);
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
    knownKeys: () => known.keys(),
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
    onHealed: (listener) => {
      listeners.push(listener);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await background;
    },
  };
};
