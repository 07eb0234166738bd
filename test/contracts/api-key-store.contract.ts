/** What every store of API keys promises. */
import { describe, expect, test } from 'vitest';
import type { ApiKey } from '../../src/core/access/api-key.ts';
import type { ApiKeyStore } from '../../src/core/access/api-key-store.ts';

export interface ApiKeyStoreUnderTest {
  readonly store: ApiKeyStore;
  /** The same data through another node; the same object where there is one process only. */
  readonly otherNode: ApiKeyStore;
  /** Puts an entry there as somebody might by hand; absent where nobody can. */
  readonly preload?: (id: string, json: string) => Promise<void>;
}

let made = 0;

/** Ids of all tests are different, and rise. */
const keyOf = (changes: Partial<ApiKey> = {}): ApiKey => {
  made += 1;
  return {
    id: made.toString(16).padStart(16, '0'),
    hash: made.toString(16).padStart(64, '0'),
    name: `key ${made}`,
    scopes: 'configs:read numbers:issue:SHOP-*',
    createdAtMs: 1_764_072_000_000 + made,
    createdBy: 'admin',
    expiresAtMs: undefined,
    ...changes,
  };
};

export const describeApiKeyStore = (name: string, get: () => ApiKeyStoreUnderTest): void => {
  describe(`${name} keeps API keys`, () => {
    test('and finds several in one call, through every node, unknown ones as undefined', async () => {
      const [one, two] = [keyOf(), keyOf({ createdBy: undefined, expiresAtMs: 1_800_000_000_000 })];
      expect(await get().store.insert(one)).toBe(true);
      expect(await get().otherNode.insert(two)).toBe(true);
      const found = await get().otherNode.find([two.id, 'unknown', one.id, 'constructor']);
      expect(found).toEqual([two, undefined, one, undefined]);
    });

    test('and lets an id be taken once', async () => {
      const key = keyOf();
      const won = await Promise.all(
        Array.from({ length: 16 }, (_, index) => get().store.insert({ ...key, name: `${index}` })),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await get().store.find([key.id])).toEqual([{ ...key, name: `${won.indexOf(true)}` }]);
    });

    test('and no more of one owner than its share; those removed and those over make room', async () => {
      const { store, otherNode } = get();
      const share = { name: `owner ${keyOf().id}`, max: 3 };
      const ending = keyOf({ expiresAtMs: 2_000_000_000_000 });
      expect(await otherNode.insert(ending, share)).toBe(true);
      const keys = Array.from({ length: 9 }, () => keyOf());
      const won = await Promise.all(keys.map((key, at) => (at % 2 === 0 ? store : otherNode).insert(key, share)));
      expect(won.filter((outcome) => outcome === true)).toHaveLength(2);
      expect(won.filter((outcome) => outcome === 'share-held')).toHaveLength(7);
      const stored = await store.find(keys.map(({ id }) => id));
      expect(stored.map((key) => key !== undefined)).toEqual(won.map((outcome) => outcome === true));
      // Of another owner, and of nobody.
      expect(await store.insert(keyOf(), { ...share, name: 'another' })).toBe(true);
      expect(await store.insert(keyOf())).toBe(true);
      await otherNode.remove(stored.find((key) => key !== undefined)?.id ?? '');
      expect(await store.insert(keyOf(), share)).toBe(true);
      expect(await store.insert(keyOf({ createdAtMs: 1_999_999_999_999 }), share)).toBe('share-held');
      expect(await store.insert(keyOf({ createdAtMs: 2_000_000_000_000 }), share)).toBe(true);
      expect(await store.find([ending.id])).toEqual([undefined]);
      expect(await store.insert(keyOf({ createdAtMs: 2_000_000_000_000 }), share)).toBe('share-held');
    });

    test('and removes one once; nobody finds it afterwards', async () => {
      const key = keyOf();
      await get().store.insert(key);
      expect(await get().otherNode.remove(key.id)).toBe(true);
      expect(await get().store.remove(key.id)).toBe(false);
      expect(await get().store.find([key.id])).toEqual([undefined]);
    });

    test('and lists them page by page in the order of their ids', async () => {
      const keys = [keyOf(), keyOf(), keyOf()];
      for (const key of keys.toReversed()) await get().store.insert(key);
      const before = (made - 3).toString(16).padStart(16, '0');
      expect(await get().store.list(before, 2)).toEqual(keys.slice(0, 2));
      expect(await get().store.list(keys[1]?.id ?? '', 2)).toEqual(keys.slice(2));
      expect(await get().store.list(keys[2]?.id ?? '', 2)).toEqual([]);
    });

    test('and takes an entry that cannot be read for none, in lists too', async () => {
      const { preload, store } = get();
      const [broken, fine] = [keyOf(), keyOf()];
      await preload?.(broken.id, '{"hash":');
      await store.insert(fine);
      expect(await store.find([broken.id, fine.id])).toEqual([undefined, fine]);
      const before = (made - 2).toString(16).padStart(16, '0');
      expect(await store.list(before, 1)).toEqual([fine]);
    });
  });
};
