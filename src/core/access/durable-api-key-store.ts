/** The port to the store that API keys outlive the loss of Redis in. */
import type { ApiKey } from './api-key.ts';
import type { ApiKeyStore } from './api-key-store.ts';

/** Keeps the contract of `ApiKeyStore`, and remembers removed keys: their ids grant nothing ever again. */
export interface DurableApiKeyStore extends ApiKeyStore {
  /** As `find`; `removed`: it was there, and must not be taken from anywhere else. */
  lookUp(ids: readonly string[]): Promise<readonly (ApiKey | 'removed' | undefined)[]>;
  /** Takes in keys that stood elsewhere alone. Those that were removed, or are there, stay as they are. They count to nobody. */
  adopt(keys: readonly ApiKey[]): Promise<void>;
}
