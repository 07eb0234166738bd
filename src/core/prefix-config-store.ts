/** The port to whatever keeps the prefix configs. */
import { formerAfter } from './numbering.ts';
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';

export type ReplaceOutcome =
  | { readonly kind: 'replaced'; readonly config: PrefixConfig }
  | { readonly kind: 'missing' }
  | { readonly kind: 'conflict' };

/** The rule of a replacement, for all stores: what becomes of `stored`. An entry that cannot be read has version 0. */
export const replaceStored = (
  stored: StoredConfig | undefined,
  config: PrefixConfig,
  expectedVersion: number | 'any',
): ReplaceOutcome => {
  if (stored === undefined) return { kind: 'missing' };
  // A later version of the service wrote it: this one does not know what it would drop.
  if (stored.kind === 'corrupt' && stored.version !== undefined) return { kind: 'conflict' };
  const version = stored.kind === 'config' ? stored.config.version : 0;
  if (expectedVersion !== 'any' && expectedVersion !== version) return { kind: 'conflict' };
  // What is corrupt was never served.
  const former = stored.kind === 'config' ? formerAfter(stored.config, config) : [];
  const unknown = stored.kind === 'config' ? stored.config.unknown : undefined;
  return {
    kind: 'replaced',
    config: { ...config, version: version + 1, ...(former.length > 0 && { former }), ...(unknown && { unknown }) },
  };
};

/**
 * Promises, proved by `test/contracts/prefix-config-store.contract.ts`: of many concurrent insertions of one key exactly one
 * wins; of many replacements of one version exactly one wins; an entry that cannot be read is reported as
 * corrupt and harms no other. Every method throws StorageUnavailableError or StorageTimeoutError when the store fails.
 */
export interface PrefixConfigStore {
  /** Looks several keys up in one trip. @returns at each key's index what is stored, or `undefined`. */
  find(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;

  /** Up to `limit` entries in the order of their keys (by code unit), those after the key `after`. */
  list(after: string, limit: number): Promise<readonly { prefixKey: string; stored: StoredConfig }[]>;

  /** Stores a new config. @returns false, and changes nothing, when the key is taken. */
  insert(config: PrefixConfig): Promise<boolean>;

  /** Replaces a config and gives it the next version, if its version is still `expectedVersion` (`'any'`: whatever it is). */
  replace(config: PrefixConfig, expectedVersion: number | 'any'): Promise<ReplaceOutcome>;

  /** Removes a config; its counter stays. @returns false when there was none. */
  remove(prefixKey: string): Promise<boolean>;

  /**
   * Calls back when another node changed an entry, or with `undefined` when changes may have been missed.
   * Best effort: a listener must not depend on it.
   */
  onChange(listener: (prefixKey: string | undefined) => void): void;
}
