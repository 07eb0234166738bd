/** The port to the durable copy of the prefix configs, which outlives the store they are read from. */
import type { PrefixConfig, StoredConfig } from './prefix-config.ts';

/** What a writer may do; all of it becomes durable together, or none of it. */
export interface PrefixConfigCopyWriter {
  /** @returns at each key's index what is kept, or `undefined`. */
  find(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;
  put(config: PrefixConfig): Promise<void>;
  /** @returns false when there was none. */
  remove(prefixKey: string): Promise<boolean>;
}

/** Every method throws StorageUnavailableError or StorageTimeoutError when the copy cannot be reached. */
export interface PrefixConfigCopy {
  /** @returns at each key's index what is kept, or `undefined`. */
  find(prefixKeys: readonly string[]): Promise<readonly (StoredConfig | undefined)[]>;

  /** Up to `limit` entries in the order of their keys (by code unit), those after the key `after`. */
  list(after: string, limit: number): Promise<readonly { prefixKey: string; stored: StoredConfig }[]>;

  /**
   * Runs `work` while no other writer runs, on any node. When `work` throws, nothing of what it put or removed is kept,
   * and its error is passed on.
   */
  write<T>(work: (writer: PrefixConfigCopyWriter) => Promise<T>): Promise<T>;
}
