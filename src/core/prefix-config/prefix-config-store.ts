/** The port to whatever keeps the prefix configs. */

import { type Changed, insertEntry, type ReplaceOutcome, removeEntry, replaceEntry } from './entry-changes.ts';
import type { NumberingEnd } from './numbering-times.ts';
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';
import type { PrefixEntry, PrefixHistory } from './prefix-history.ts';

/**
 * Changes an entry, or leaves it; `generation` is that of all configs before. It is called again when the entry, or the
 * generation that the change depends on, was changed meanwhile.
 */
export type EntryRule<Outcome> = (entry: PrefixEntry, generation: string) => Changed<Outcome>;

/** What was changed since a generation. */
export interface ConfigChanges {
  /** The present one; every change of a config makes another one. */
  readonly generation: string;
  /** Those that were changed, some of them perhaps twice; undefined when that is no longer known. */
  readonly prefixKeys: readonly string[] | undefined;
}

/**
 * Promises, proved by `test/contracts/prefix-config-store.contract.ts`: of many concurrent insertions of one key exactly one
 * wins; of many replacements of one version exactly one wins; the history of a prefix outlives its removal; an entry
 * that cannot be read is reported as corrupt and harms no other. Every method throws StorageUnavailableError or
 * StorageTimeoutError when the store fails.
 */
export interface PrefixConfigStore {
  /** Looks several keys up in one trip. @returns what is stored, at the index of its key, or `undefined`. */
  find(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;

  /** @returns the history, at the index of its key, also of a removed prefix; or `undefined`. */
  histories(prefixKeys: readonly string[]): Promise<readonly (PrefixHistory | undefined)[]>;

  /** Up to `limit` entries in the order of their keys (by code unit), those after the key `after`. */
  list(after: string, limit: number): Promise<readonly { prefixKey: string; stored: StoredConfig }[]>;

  /** The same for the keys alone, including those of removed prefixes. */
  keys(after: string, limit: number): Promise<readonly string[]>;

  /** Changes an entry by the rule, config and history together. @returns what the rule returned last. */
  change<Outcome>(prefixKey: string, rule: EntryRule<Outcome>): Promise<Changed<Outcome>>;

  /**
   * What was changed since `generation`, among the last 1,000 changes. Changes by hand, or by nodes of older versions,
   * are not included.
   */
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

/** Applies the rule as long as no config was changed since the generation. */
const goingBy =
  <Outcome, Stale>(expected: string | undefined, stale: Stale, rule: EntryRule<Outcome>): EntryRule<Outcome | Stale> =>
  (entry, generation) => {
    if (expected === undefined) return rule(entry, generation);
    return generation === expected ? { ...rule(entry, generation), generation } : { outcome: stale };
  };

/** The changes that every store offers, made from its own `change`. */
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
