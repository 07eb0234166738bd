/** The port to whatever keeps the API keys. */

import type { CallerShare } from '../caller.ts';
import type { ApiKey } from './api-key.ts';

/**
 * Promises, proved by `test/contracts/api-key-store.contract.ts`: a removed key is not found afterwards, and an entry
 * that cannot be read grants nothing and harms no other. Every method throws StorageUnavailableError or
 * StorageTimeoutError when the store fails.
 */
export interface ApiKeyStore {
  /** Looks several up in one trip. @returns at each id's index what is stored, or `undefined`. */
  find(ids: readonly string[]): Promise<readonly (ApiKey | undefined)[]>;
  /** Up to `limit` of them in the order of their ids, those after the id `after`. */
  list(after: string, limit: number): Promise<readonly ApiKey[]>;
  /**
   * @param share of the caller that makes it; undefined: keys are not counted. Removed and expired keys make room; the
   * latter are deleted for that. Keys that were inserted without a share are not counted.
   * @returns false when the id is taken, `share-held` when the caller has as many keys as allowed: then nothing was
   * inserted.
   */
  insert(key: ApiKey, share?: CallerShare): Promise<boolean | 'share-held'>;
  /** @returns false when there was none. */
  remove(id: string): Promise<boolean>;
}
