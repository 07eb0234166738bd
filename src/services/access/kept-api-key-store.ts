/**
 * API keys that outlive Redis: the durable store decides, and Redis has a copy, for the time the durable store is away and
 * for nodes of an earlier release, which know no other. Whoever reads a copy that was emptied, or set back, puts it right.
 */
import type { ApiKey } from '../../core/access/api-key.ts';
import type { ApiKeyStore } from '../../core/access/api-key-store.ts';
import type { DurableApiKeyStore } from '../../core/access/durable-api-key-store.ts';
import { isStoreFailure } from '../../core/errors.ts';

/** Keys that are compared in one step. */
const PAGE = 1_000;

type Found = readonly (ApiKey | undefined)[];

/** @returns undefined when the store failed. */
const ifReached = async <Result>(work: Promise<Result>): Promise<Result | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    return undefined;
  }
};

export const createKeptApiKeyStore = (copy: ApiKeyStore, durable: DurableApiKeyStore): ApiKeyStore => {
  /** Puts the copy right, and takes in what stands there alone. @param copied what the copy has. @returns what is valid. */
  const settle = async (ids: readonly string[], copied: Found | undefined): Promise<Found> => {
    const known = await durable.lookUp(ids);
    const valid = known.map((key) => (key === 'removed' ? undefined : key));
    if (copied === undefined) return valid;
    for (const [index, id] of ids.entries()) {
      const key = valid[index];
      if (key !== undefined && copied[index] === undefined) await ifReached(copy.insert(key));
      if (known[index] === 'removed' && copied[index] !== undefined) await ifReached(copy.remove(id));
    }
    // Made by a node of an earlier release, or before there was a durable store.
    const strangers = copied.filter((key, index): key is ApiKey => key !== undefined && known[index] === undefined);
    if (strangers.length === 0) return valid;
    await durable.adopt(strangers);
    // Another node may have removed one of them meanwhile.
    return durable.find(ids);
  };

  const find: ApiKeyStore['find'] = async (ids) => {
    const copied = await ifReached(copy.find(ids));
    try {
      return await settle(ids, copied);
    } catch (error) {
      if (!isStoreFailure(error) || copied === undefined) throw error;
      return copied;
    }
  };

  const settleAll = async (): Promise<void> => {
    for (const store of [copy, durable]) {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const ids: readonly string[] = (await store.list(after, PAGE)).map(({ id }) => id);
        if (ids.length > 0) await find(ids);
        after = ids.length < PAGE ? undefined : ids.at(-1);
      }
    }
  };

  return {
    find,

    list: async (after, limit) => {
      if (after === '') await ifReached(settleAll());
      return durable.list(after, limit);
    },

    insert: async (key, share) => {
      const inserted = await durable.insert(key, share);
      if (inserted === true) await ifReached(copy.insert(key));
      return inserted;
    },

    remove: async (id) => {
      // One that stands in the copy alone is to be remembered as removed, too.
      await find([id]);
      const removed = await durable.remove(id);
      return (await copy.remove(id)) || removed;
    },
  };
};
