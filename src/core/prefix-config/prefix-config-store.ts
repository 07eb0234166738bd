/** The port to whatever keeps the prefix configs. */

import { type Changed, insertEntry, type ReplaceOutcome, removeEntry, replaceEntry } from './entry-changes.ts';
import type { NumberingEnd } from './numbering-times.ts';
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';
import type { PrefixEntry, PrefixHistory } from './prefix-history.ts';

/**
 * Makes of an entry another one, or leaves it; `generation` is that of all configs before. It may be asked again, when the entry
 * was changed meanwhile, or the generation that the change goes by.
 */
export type EntryRule<Outcome> = (entry: PrefixEntry, generation: string) => Changed<Outcome>;

/** What was changed since a generation. */
export interface ConfigChanges {
  /** The present one; every change of a config makes another one. */
  readonly generation: string;
  /** Those that were changed, some of them perhaps twice; undefined when that is not known any more. */
  readonly prefixKeys: readonly string[] | undefined;
}

/**
 * Promises, proved by `test/contracts/prefix-config-store.contract.ts`: of many concurrent insertions of one key exactly one
 * wins; of many replacements of one version exactly one wins; what a prefix was outlives its removal; an entry that cannot be read
 * is reported as corrupt and harms no other. Every method throws StorageUnavailableError or StorageTimeoutError when the store fails.
 */
export interface PrefixConfigStore {
  /** Looks several keys up in one trip. @returns at each key's index what is stored, or `undefined`. */
  find(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;

  /** @returns at each key's index what is kept beside the config, also of one that was removed; or `undefined`. */
  histories(prefixKeys: readonly string[]): Promise<readonly (PrefixHistory | undefined)[]>;

  /** Up to `limit` entries in the order of their keys (by code unit), those after the key `after`. */
  list(after: string, limit: number): Promise<readonly { prefixKey: string; stored: StoredConfig }[]>;

  /** The same, but the keys alone, and those of removed prefixes among them. */
  keys(after: string, limit: number): Promise<readonly string[]>;

  /** Puts in place of an entry what the rule makes of it, config and history together. @returns what the rule answered last. */
  change<Outcome>(prefixKey: string, rule: EntryRule<Outcome>): Promise<Changed<Outcome>>;

  /** What was changed since `generation`, of the last 1,000 changes. A change by hand, or by a node of before, is none. */
  changesSince(generation: string | undefined): Promise<ConfigChanges>;

  /**
   * Stores a new config. @returns false, and changes nothing, when the key is taken, or had that version before; `stale`, and
   * changes nothing, when any config was changed since `generation`.
   */
  insert(config: PrefixConfig, generation?: string): Promise<boolean | 'stale'>;

  /**
   * Replaces a config and gives it the next version, if its version is still `expectedVersion` (`'any'`: whatever it is), and, with
   * a generation, no config was changed since.
   * @param until where its counters stand.
   */
  replace(
    config: PrefixConfig,
    expectedVersion: number | 'any',
    until?: NumberingEnd,
    generation?: string,
  ): Promise<ReplaceOutcome | { readonly kind: 'stale' }>;

  /**
   * Removes a config, if its version is still `expectedVersion` (default: whatever it is); its counter and its history stay.
   * @returns false when there was none of that version.
   */
  remove(prefixKey: string, expectedVersion?: number | 'any', until?: NumberingEnd): Promise<boolean>;

  /**
   * Calls back when another node changed an entry, or with `undefined` when changes may have been missed.
   * Best effort: a listener must not depend on it.
   */
  onChange(listener: (prefixKey: string | undefined) => void): void;
}

/** The rule, as long as no config was changed since the generation. */
const goingBy =
  <Outcome, Stale>(expected: string | undefined, stale: Stale, rule: EntryRule<Outcome>): EntryRule<Outcome | Stale> =>
  (entry, generation) => {
    if (expected === undefined) return rule(entry, generation);
    return generation === expected ? { ...rule(entry, generation), generation } : { outcome: stale };
  };

/** The changes that every store has, by the one that it makes its own way. */
export const createEntryChanges = (
  change: PrefixConfigStore['change'],
): Pick<PrefixConfigStore, 'insert' | 'replace' | 'remove'> => ({
  insert: async (config, generation) =>
    (
      await change(
        config.prefixKey,
        goingBy(generation, 'stale' as const, (entry) => insertEntry(entry, config)),
      )
    ).outcome,
  replace: async (config, expectedVersion, until, generation) =>
    (
      await change(
        config.prefixKey,
        goingBy(generation, { kind: 'stale' as const }, (entry) => replaceEntry(entry, config, expectedVersion, until)),
      )
    ).outcome,
  remove: async (prefixKey, expectedVersion = 'any', until) =>
    (await change(prefixKey, (entry) => removeEntry(entry, expectedVersion, until))).outcome,
});
