/** Caches the API keys in use: each is looked up again every few seconds, so that a revocation is seen in time. */
import type { ApiKey } from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';
import { type Grant, readScopes } from '../../core/access/scopes.ts';
import { putBounded } from '../../core/bounded-map.ts';
import { isStoreFailure, StorageUnavailableError } from '../../core/errors.ts';

/** A key as it was found, with what it allows. */
export interface KnownApiKey {
  readonly entry: ApiKey;
  readonly grants: readonly Grant[];
}

export interface ApiKeyCache {
  /**
   * The key of an id, at most 4 s behind the store; while the store is away, for an hour as it was known last.
   * @returns undefined when there is none. @throws the store's errors when it has to be asked.
   */
  find(id: string): KnownApiKey | undefined | Promise<KnownApiKey | undefined>;
  /** It was revoked here. */
  forget(id: string): void;
}

/**
 * An answer is used for this long, and then refreshed in the background; older ones wait for the store. Both together
 * stay below the promised 5 s.
 */
const FRESH_MS = 2_500;
const USABLE_MS = 4_000;
/** A known key stays valid for this long while the store is away: an outage of the store must not stop numbers. */
const KNOWN_LAST_MAX_MS = 3_600_000;
/** Pause after a failure of the store, ms: meanwhile it counts as away, and no request waits for it. */
const RETRY_MS = 1_000;
const AWAY_MS = 3_000;
const KEYS_MAX = 10_000;
/** Ids that do not exist are remembered apart, so that a flood of them drops no key in use. */
const STRANGERS_MAX = 1_000;
/** Ids in one call. One call runs at a time, which bounds the cost of a flood of unknown keys. */
const ASKED_AT_ONCE_MAX = 1_000;
const WAITING_MAX = 10_000;

interface Answer {
  readonly key: KnownApiKey | undefined;
  /** When it was asked for, on the monotonic clock. */
  readonly askedMs: number;
  /** When the store last failed to answer again. */
  failedMs: number;
}

type Waiting = PromiseWithResolvers<KnownApiKey | undefined>;

/** @param monotonic ms since any moment; never set back. */
export const createApiKeyCache = (store: Pick<ApiKeyStore, 'find'>, monotonic: () => number): ApiKeyCache => {
  const known = new Map<string, Answer>();
  const strangers = new Map<string, Answer>();
  const waiting = new Map<string, Waiting>();
  const asked = new Map<string, Waiting>();
  let asking = false;

  const answerOf = (id: string): Answer | undefined => known.get(id) ?? strangers.get(id);

  const keep = (id: string, key: KnownApiKey | undefined, askedMs: number): Answer => {
    const before = answerOf(id);
    // Forgotten or looked up again since this lookup began.
    if (before !== undefined && before.askedMs > askedMs) return before;
    known.delete(id);
    strangers.delete(id);
    const [answers, max] = key === undefined ? [strangers, STRANGERS_MAX] : [known, KEYS_MAX];
    const answer = { key, askedMs, failedMs: Number.NEGATIVE_INFINITY };
    putBounded(answers, id, answer, max);
    return answer;
  };

  const toKnown = (entry: ApiKey | undefined): KnownApiKey | undefined =>
    entry && { entry, grants: readScopes(entry.scopes).grants };

  const askStore = async (batch: readonly [string, Waiting][]): Promise<void> => {
    const askedMs = monotonic();
    try {
      const found = await store.find(batch.map(([id]) => id));
      batch.forEach(([id, { resolve }], index) => {
        asked.delete(id);
        resolve(keep(id, toKnown(found[index]), askedMs).key);
      });
    } catch (error) {
      for (const [id, { resolve, reject }] of batch) {
        asked.delete(id);
        const answer = answerOf(id);
        if (answer !== undefined) answer.failedMs = monotonic();
        if (answer?.key !== undefined && isStoreFailure(error) && askedMs - answer.askedMs < KNOWN_LAST_MAX_MS) {
          resolve(answer.key);
        } else reject(error);
      }
    }
  };

  const askAll = async (): Promise<void> => {
    asking = true;
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, ASKED_AT_ONCE_MAX);
      for (const [id, one] of batch) {
        waiting.delete(id);
        asked.set(id, one);
      }
      await askStore(batch);
    }
    asking = false;
  };

  const ask = (id: string): Promise<KnownApiKey | undefined> => {
    const underWay = asked.get(id) ?? waiting.get(id);
    if (underWay !== undefined) return underWay.promise;
    const one: Waiting = Promise.withResolvers();
    // A lookup in the background ignores the failure.
    one.promise.catch(() => undefined);
    if (waiting.size >= WAITING_MAX) {
      one.reject(new StorageUnavailableError('Too many API keys wait to be looked up.'));
      return one.promise;
    }
    waiting.set(id, one);
    if (!asking) void askAll();
    return one.promise;
  };

  return {
    find: (id) => {
      const answer = answerOf(id);
      if (answer === undefined) return ask(id);
      const nowMs = monotonic();
      const ageMs = nowMs - answer.askedMs;
      if (ageMs < FRESH_MS) return answer.key;
      if (answer.key === undefined || ageMs >= KNOWN_LAST_MAX_MS) return ask(id);
      const failedSinceMs = nowMs - answer.failedMs;
      if (ageMs >= USABLE_MS && failedSinceMs >= AWAY_MS) return ask(id);
      if (failedSinceMs >= RETRY_MS) void ask(id);
      return answer.key;
    },
    forget: (id) => {
      keep(id, undefined, monotonic());
    },
  };
};
