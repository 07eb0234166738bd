/** API keys in two stores: what becomes of them when either is away, emptied or set back. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../../../src/core/access/api-key.ts';
import type { ApiKeyStore } from '../../../../src/core/access/api-key-store.ts';
import type { DurableApiKeyStore } from '../../../../src/core/access/durable-api-key-store.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import { createKeptApiKeyStore } from '../../../../src/services/access/kept-api-key-store.ts';
import { createMemoryApiKeyStore } from '../../../../src/stores/memory/memory-api-key-store.ts';

const keyOf = (id: string): ApiKey => ({
  ...{ id, hash: id.padStart(64, '0'), name: id, scopes: 'configs:read' },
  ...{ createdAtMs: 1, createdBy: 'admin', expiresAtMs: undefined },
});

/** The same port, as long as the store can be reached. */
const reachable = <Port extends object>(port: Port, isAway: () => boolean): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...values: readonly unknown[]) => unknown;
      return async (...values: readonly unknown[]) => {
        if (isAway()) throw new StorageUnavailableError('It is away.');
        return method(...values);
      };
    },
  });

const createDurable = (): DurableApiKeyStore => {
  const keys = createMemoryApiKeyStore();
  const removed = new Set<string>();
  const lookUp: DurableApiKeyStore['lookUp'] = async (ids) => {
    const found = await keys.find(ids);
    return ids.map((id, index) => (removed.has(id) ? 'removed' : found[index]));
  };
  return {
    ...keys,
    lookUp,
    adopt: async (found) => {
      for (const key of found) if (!removed.has(key.id)) await keys.insert(key);
    },
    remove: async (id) => {
      const isThere = await keys.remove(id);
      if (isThere) removed.add(id);
      return isThere;
    },
  };
};

let away: { copy: boolean; durable: boolean };
let copy: ApiKeyStore;
let durable: DurableApiKeyStore;
let store: ApiKeyStore;

const open = (): void => {
  store = createKeptApiKeyStore(
    reachable(copy, () => away.copy),
    reachable(durable, () => away.durable),
  );
};

beforeEach(() => {
  away = { copy: false, durable: false };
  copy = createMemoryApiKeyStore();
  durable = createDurable();
  open();
});

const [A, B] = [keyOf('000000000000000a'), keyOf('000000000000000b')];
const idsOf = async (from: ApiKeyStore): Promise<string[]> => (await from.list('', 10)).map(({ id }) => id);

describe('a key', () => {
  test('is made in both stores, and found while either is away', async () => {
    expect(await store.insert(A)).toBe(true);
    for (const part of ['copy', 'durable'] as const) {
      away[part] = true;
      expect(await store.find([A.id, B.id])).toEqual([A, undefined]);
      away[part] = false;
    }
  });

  test('is made while the copy is away, and copied when it is looked up after that', async () => {
    away.copy = true;
    expect(await store.insert(A)).toBe(true);
    away.copy = false;
    expect(await copy.find([A.id])).toEqual([undefined]);
    expect(await store.find([A.id])).toEqual([A]);
    expect(await copy.find([A.id])).toEqual([A]);
  });

  test('is not made without the durable store, and nothing is left of it', async () => {
    away.durable = true;
    await expect(store.insert(A)).rejects.toThrow(StorageUnavailableError);
    away.durable = false;
    expect(await store.find([A.id])).toEqual([undefined]);
  });

  test('survives an emptied copy, which has it again afterwards', async () => {
    await store.insert(A);
    copy = createMemoryApiKeyStore();
    open();
    expect(await store.find([A.id])).toEqual([A]);
    expect(await copy.find([A.id])).toEqual([A]);
  });

  test('that is in neither store is unknown, also while the durable one is away', async () => {
    expect(await store.find([A.id])).toEqual([undefined]);
    away.durable = true;
    expect(await store.find([A.id])).toEqual([undefined]);
    away.copy = true;
    await expect(store.find([A.id])).rejects.toThrow(StorageUnavailableError);
  });
});

describe('a removed key', () => {
  beforeEach(async () => {
    await store.insert(A);
  });

  test('is removed from both stores, once', async () => {
    expect(await store.remove(A.id)).toBe(true);
    expect(await store.remove(A.id)).toBe(false);
    expect(await copy.find([A.id])).toEqual([undefined]);
    expect(await store.find([A.id])).toEqual([undefined]);
  });

  test('stays so when the copy is set back, and goes from there', async () => {
    await store.remove(A.id);
    await copy.insert(A);
    expect(await store.find([A.id])).toEqual([undefined]);
    expect(await copy.find([A.id])).toEqual([undefined]);
  });

  test('is refused from now on though the copy was away, and the caller is told to repeat it', async () => {
    away.copy = true;
    await expect(store.remove(A.id)).rejects.toThrow(StorageUnavailableError);
    expect(await store.find([A.id])).toEqual([undefined]);
    away.copy = false;
    expect(await store.remove(A.id)).toBe(false);
    expect(await copy.find([A.id])).toEqual([undefined]);
  });

  test('is not removed without the durable store', async () => {
    away.durable = true;
    await expect(store.remove(A.id)).rejects.toThrow(StorageUnavailableError);
    away.durable = false;
    expect(await store.find([A.id])).toEqual([A]);
  });
});

describe('a key of an earlier release, which stands in the copy alone', () => {
  beforeEach(async () => {
    await copy.insert(A);
  });

  test('is found, and kept from then on', async () => {
    expect(await store.find([A.id])).toEqual([A]);
    expect(await durable.find([A.id])).toEqual([A]);
  });

  test('stands in the list, and those that the copy lost are there again', async () => {
    await durable.insert(B);
    expect(await idsOf(store)).toEqual([A.id, B.id]);
    expect(await idsOf(durable)).toEqual([A.id, B.id]);
    expect(await idsOf(copy)).toEqual([A.id, B.id]);
  });

  test('can be removed, and is remembered as removed', async () => {
    expect(await store.remove(A.id)).toBe(true);
    await copy.insert(A);
    expect(await store.find([A.id])).toEqual([undefined]);
  });
});

test('the list is the durable store’s while the copy is away', async () => {
  await store.insert(A);
  away.copy = true;
  expect(await idsOf(store)).toEqual([A.id]);
  away.durable = true;
  await expect(store.list('', 10)).rejects.toThrow(StorageUnavailableError);
});
