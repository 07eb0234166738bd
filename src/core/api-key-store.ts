/** The port to whatever keeps the API keys. */
import type { ApiKey } from './api-key.ts';

/**
 * Promises, proved by `test/contracts/api-key-store.contract.ts`: what was removed is found by nobody afterwards, and an entry that
 * cannot be read opens nothing and harms no other. Every method throws StorageUnavailableError or StorageTimeoutError when the store fails.
 */
export interface ApiKeyStore {
  /** Looks several up in one trip. @returns at each id's index what is stored, or `undefined`. */
  find(ids: readonly string[]): Promise<readonly (ApiKey | undefined)[]>;
  /** Up to `limit` of them in the order of their ids, those after the id `after`. */
  list(after: string, limit: number): Promise<readonly ApiKey[]>;
  /** @returns false, and changes nothing, when the id is taken. */
  insert(key: ApiKey): Promise<boolean>;
  /** @returns false when there was none. */
  remove(id: string): Promise<boolean>;
}
