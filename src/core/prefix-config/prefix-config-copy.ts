/** The port to the durable copy of the prefix configs, which outlives the store they are read from. */
import type { StoredConfig } from './prefix-config.ts';
import type { PrefixEntry } from './prefix-history.ts';

/** What a writer may do; all of it becomes durable together, or none of it. */
export interface PrefixConfigCopyWriter {
  /** @returns the stored entry, at the index of its key. */
  find(prefixKeys: readonly string[]): Promise<readonly PrefixEntry[]>;
  /** Replaces the stored entry. A config that cannot be read is left as it is. */
  put(prefixKey: string, entry: PrefixEntry): Promise<void>;
}

/** Every method throws StorageUnavailableError or StorageTimeoutError when the copy cannot be reached. */
export interface PrefixConfigCopy {
  /** @returns the stored entry, at the index of its key. */
  find(prefixKeys: readonly string[]): Promise<readonly PrefixEntry[]>;

  /** Up to `limit` configs in the order of their keys (by code unit), those after the key `after`. */
  list(after: string, limit: number): Promise<readonly { prefixKey: string; stored: StoredConfig }[]>;

  /** Up to `limit` keys in their order (by code unit), those after the key `after`; those of removed prefixes among them. */
  keys(after: string, limit: number): Promise<readonly string[]>;

  /**
   * Runs `work` while no other writer runs on any node. When `work` throws, none of its changes is kept, and its error
   * is passed on.
   */
  write<T>(work: (writer: PrefixConfigCopyWriter) => Promise<T>): Promise<T>;
}
