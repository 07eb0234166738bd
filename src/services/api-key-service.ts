/** API keys: making, listing and revoking them, and telling whose one is. */
import { hash, timingSafeEqual } from 'node:crypto';
import { API_KEY_ID_BYTES, API_KEY_SECRET_BYTES, type ApiKey, formatApiKey, idOfApiKey } from '../core/api-key.ts';
import type { ApiKeyStore } from '../core/api-key-store.ts';
import type { Clock } from '../core/clock.ts';
import { ApiKeyNotFoundError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { ApiKeyCache, KnownApiKey } from './api-key-cache.ts';
import { type Page, readPage } from './page.ts';

export interface ApiKeyRequest {
  readonly name: string;
  /** Scopes separated by spaces. */
  readonly scopes: string;
  /** How long it is valid; undefined: for ever. */
  readonly validMs?: number | undefined;
}

export interface ApiKeyService {
  /** @param by subject of who makes it. @returns the key, which is told this once, and what is kept of it. @throws the store's errors. */
  create(request: ApiKeyRequest, by: string | undefined): Promise<{ readonly key: string; readonly entry: ApiKey }>;
  /** One page in the order of the ids; those that `visible` does not accept are left out. */
  list(after: string, limit: number, visible: (key: ApiKey) => boolean): Promise<Page<ApiKey>>;
  /** @throws ApiKeyNotFoundError, or the store's errors. */
  read(id: string): Promise<ApiKey>;
  /** From now on this node refuses the key, the others within 5 s. @throws ApiKeyNotFoundError, or the store's errors. */
  revoke(id: string, by: string | undefined): Promise<void>;
  /** Whose key this is; undefined for one that does not exist, was revoked, or has expired. @throws the store's errors. */
  identify(key: string): KnownApiKey | undefined | Promise<KnownApiKey | undefined>;
}

interface Dependencies {
  readonly store: ApiKeyStore;
  readonly cache: ApiKeyCache;
  readonly clock: Clock;
  /** That many bytes of cryptographic chance. */
  readonly randomBytes: (count: number) => Buffer;
  readonly emit: Emit;
}

export const createApiKeyService = ({ store, cache, clock, randomBytes, emit }: Dependencies): ApiKeyService => {
  const digest = (key: string): Buffer => hash('sha256', key, 'buffer');

  const accepted = (key: string, known: KnownApiKey | undefined): KnownApiKey | undefined => {
    if (known === undefined) return undefined;
    const { hash: expected, expiresAtMs } = known.entry;
    if (!timingSafeEqual(digest(key), Buffer.from(expected, 'hex'))) return undefined;
    return expiresAtMs !== undefined && expiresAtMs <= clock.now() ? undefined : known;
  };

  return {
    create: async ({ name, scopes, validMs }, by) => {
      const createdAtMs = clock.now();
      for (;;) {
        const id = randomBytes(API_KEY_ID_BYTES).toString('hex');
        const key = formatApiKey(id, randomBytes(API_KEY_SECRET_BYTES).toString('base64url'));
        const entry = {
          ...{ id, hash: digest(key).toString('hex'), name, scopes, createdAtMs, createdBy: by },
          expiresAtMs: validMs === undefined ? undefined : createdAtMs + validMs,
        };
        // Ids have 64 bits: a second round is a matter of principle.
        if (!(await store.insert(entry))) continue;
        emit({ type: 'api-key-created', id, name, scopes, by });
        return { key, entry };
      }
    },

    list: (after, limit, visible) =>
      readPage(
        store.list,
        ({ id }) => id,
        (entry) => (visible(entry) ? entry : undefined),
        { after, limit },
      ),

    read: async (id) => {
      const [entry] = await store.find([id]);
      if (entry === undefined) throw new ApiKeyNotFoundError(id);
      return entry;
    },

    revoke: async (id, by) => {
      const removed = await store.remove(id);
      cache.forget(id);
      if (!removed) throw new ApiKeyNotFoundError(id);
      emit({ type: 'api-key-revoked', id, by });
    },

    identify: (key) => {
      const id = idOfApiKey(key);
      if (id === undefined) return undefined;
      const known = cache.find(id);
      return known instanceof Promise ? known.then((found) => accepted(key, found)) : accepted(key, known);
    },
  };
};
