/** API keys: creates, lists, revokes and verifies them. */
import { hash, timingSafeEqual } from 'node:crypto';
import {
  API_KEY_ID_BYTES,
  API_KEY_SECRET_BYTES,
  type ApiKey,
  apiKeyIdOf,
  formatApiKey,
  idOfApiKey,
  subjectOfApiKey,
} from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { ForbiddenError, NotFoundError, QuotaExceededError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { CallerShareOf } from '../shared/caller-share.ts';
import { type Page, readPage } from '../shared/page.ts';
import type { ApiKeyCache, KnownApiKey } from './api-key-cache.ts';

export interface ApiKeyRequest {
  readonly name: string;
  /** Scopes separated by spaces. */
  readonly scopes: string;
  /** How long it is valid; undefined: without end. */
  readonly validMs?: number | undefined;
}

/** A key, and the subject that its requests count to: the maker of the first key in its chain. */
export interface IdentifiedApiKey extends KnownApiKey {
  readonly countedAs: string;
}

/** What is returned of a revoked key. */
export type RevokedApiKey = Pick<ApiKey, 'id' | 'name' | 'scopes'>;

export interface ApiKeyService {
  /**
   * A key made by a key ends with that one. @returns the key, which is shown only this once, and the stored entry.
   * @throws ForbiddenError when too many keys have made each other already; QuotaExceededError; the store's errors.
   */
  create(request: ApiKeyRequest, caller: Caller): Promise<{ readonly key: string; readonly entry: ApiKey }>;
  /** One page in the order of the ids; those that `visible` does not accept are left out. */
  list(after: string, limit: number, visible: (key: ApiKey) => boolean): Promise<Page<ApiKey>>;
  /** @throws NotFoundError, or the store's errors. */
  read(id: string): Promise<ApiKey>;
  /**
   * This node refuses the key and all that it made from now on, other nodes within 5 s. @throws NotFoundError, or the
   * store's errors.
   */
  revoke(entry: RevokedApiKey, caller: Caller): Promise<void>;
  /**
   * Identifies the owner of a key; undefined when the key does not exist, was revoked (itself or its maker), or has
   * expired. @throws the store's errors.
   */
  identify(key: string): IdentifiedApiKey | undefined | Promise<IdentifiedApiKey | undefined>;
}

/** The longest chain of keys that made each other: each of them is looked up with every request. */
const MAKERS_MAX = 4;
const LISTED_AT_ONCE = 1_000;

interface Dependencies {
  readonly store: ApiKeyStore;
  readonly cache: ApiKeyCache;
  /** How many keys a caller may have; undefined for any number. */
  readonly shareOf?: CallerShareOf;
  readonly clock: Clock;
  /** Returns that many cryptographically random bytes. */
  readonly randomBytes: (count: number) => Buffer;
  readonly emit: Emit;
}

export const createApiKeyService = ({
  store,
  cache,
  shareOf,
  clock,
  randomBytes,
  emit,
}: Dependencies): ApiKeyService => {
  const digest = (key: string): Buffer => hash('sha256', key, 'buffer');

  type Found = IdentifiedApiKey | undefined | Promise<IdentifiedApiKey | undefined>;

  /** A key lives no longer than the key that made it. @param last of those found so far. */
  const withMakers = (known: KnownApiKey, last: ApiKey = known.entry, makers = 0): Found => {
    const makerId = apiKeyIdOf(last.createdBy);
    // A key without a maker, from AUTH=off, counts for itself.
    if (makerId === undefined) return { ...known, countedAs: last.createdBy ?? subjectOfApiKey(last.id) };
    if (makers === MAKERS_MAX) return undefined;
    const follow = (maker: KnownApiKey | undefined): Found => maker && withMakers(known, maker.entry, makers + 1);
    const maker = cache.find(makerId);
    return maker instanceof Promise ? maker.then(follow) : follow(maker);
  };

  const accepted = (key: string, known: KnownApiKey | undefined): Found => {
    if (known === undefined) return undefined;
    const { hash: expected, expiresAtMs } = known.entry;
    if (!timingSafeEqual(digest(key), Buffer.from(expected, 'hex'))) return undefined;
    return expiresAtMs !== undefined && expiresAtMs <= clock.now() ? undefined : withMakers(known);
  };

  /**
   * When a key made by `caller` ends at the latest, and which subject it counts to: the maker of the first key in the
   * chain, or else ten keys could each make ten more. @throws ForbiddenError when its makers are too many.
   */
  const originOf = async ({ subject, client }: Caller): Promise<{ readonly end: number; readonly owner: string }> => {
    const id = apiKeyIdOf(subject);
    if (id === undefined) return { end: Number.POSITIVE_INFINITY, owner: client };
    let [maker] = await store.find([id]);
    const end = maker?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    for (let makers = 1; maker !== undefined; makers += 1) {
      const above = apiKeyIdOf(maker.createdBy);
      if (above === undefined)
        return { end, owner: maker.createdBy === undefined ? client : `caller ${maker.createdBy}` };
      if (makers === MAKERS_MAX) throw new ForbiddenError({ kind: 'makers', makersMax: MAKERS_MAX });
      [maker] = await store.find([above]);
    }
    throw new ForbiddenError({ kind: 'maker-revoked' });
  };

  /** All keys that this one made, and that those made. */
  const madeBy = async (id: string): Promise<readonly RevokedApiKey[]> => {
    const children = new Map<string, RevokedApiKey[]>();
    for (let after = '', more = true; more; ) {
      const page = await store.list(after, LISTED_AT_ONCE);
      for (const entry of page) {
        const maker = apiKeyIdOf(entry.createdBy);
        if (maker !== undefined) children.set(maker, [...(children.get(maker) ?? []), entry]);
      }
      more = page.length === LISTED_AT_ONCE;
      after = page.at(-1)?.id ?? after;
    }
    const found = [...(children.get(id) ?? [])];
    for (const one of found) found.push(...(children.get(one.id) ?? []));
    return found;
  };

  const remove = async ({ id, name, scopes }: RevokedApiKey, caller: Caller): Promise<boolean> => {
    const removed = await store.remove(id);
    cache.forget(id);
    if (removed) emit({ type: 'api-key-revoked', id, name, scopes }, caller);
    return removed;
  };

  return {
    create: async ({ name, scopes, validMs }, caller) => {
      const createdAtMs = clock.now();
      const { end, owner } = await originOf(caller);
      const share = shareOf?.('', { ...caller, client: owner });
      const endMs = Math.min(end, createdAtMs + (validMs ?? Number.POSITIVE_INFINITY));
      for (;;) {
        const id = randomBytes(API_KEY_ID_BYTES).toString('hex');
        const key = formatApiKey(id, randomBytes(API_KEY_SECRET_BYTES).toString('base64url'));
        const entry = {
          ...{ id, hash: digest(key).toString('hex'), name, scopes, createdAtMs, createdBy: caller.subject },
          expiresAtMs: endMs === Number.POSITIVE_INFINITY ? undefined : endMs,
        };
        // Ids have 64 random bits: a second round is very unlikely.
        const inserted = await store.insert(entry, share);
        if (inserted === 'share-held') {
          throw new QuotaExceededError({ kind: 'api-keys', max: share?.max });
        }
        if (!inserted) continue;
        emit({ type: 'api-key-created', id, name, scopes, expiresAtMs: entry.expiresAtMs }, caller);
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
      if (entry === undefined) throw new NotFoundError({ kind: 'api-key', id });
      return entry;
    },

    revoke: async (entry, caller) => {
      if (!(await remove(entry, caller))) throw new NotFoundError({ kind: 'api-key', id: entry.id });
      // They are refused already, because their maker is gone; this removes them from lists.
      for (const made of await madeBy(entry.id)) await remove(made, caller);
    },

    identify: (key) => {
      const id = idOfApiKey(key);
      if (id === undefined) return undefined;
      const known = cache.find(id);
      return known instanceof Promise ? known.then((found) => accepted(key, found)) : accepted(key, known);
    },
  };
};
