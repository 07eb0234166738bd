/** API keys are looked up seldom, revoked in time, and kept through an outage of the store, for an hour. */
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../../../src/core/access/api-key.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import { type ApiKeyCache, createApiKeyCache } from '../../../../src/services/access/api-key-cache.ts';
import { createMemoryApiKeyStore } from '../../../../src/stores/memory/memory-api-key-store.ts';

const keyOf = (id: string): ApiKey => ({
  ...{ id, hash: 'f'.repeat(64), name: id, scopes: 'numbers:issue', createdAtMs: 0 },
  ...{ createdBy: undefined, expiresAtMs: undefined },
});

let nowMs: number;
let away: Error | undefined;
/** The ids of each trip to the store. */
let trips: (readonly string[])[];
let underWay: number;
let atOnceMax: number;
let store: ReturnType<typeof createMemoryApiKeyStore>;
let cache: ApiKeyCache;

beforeEach(async () => {
  nowMs = 1_000_000;
  away = undefined;
  trips = [];
  underWay = 0;
  atOnceMax = 0;
  store = createMemoryApiKeyStore();
  await store.insert(keyOf('a'));
  const find = async (ids: readonly string[]): Promise<readonly (ApiKey | undefined)[]> => {
    trips.push(ids);
    underWay += 1;
    atOnceMax = Math.max(atOnceMax, underWay);
    await setImmediate();
    underWay -= 1;
    if (away !== undefined) throw away;
    return store.find(ids);
  };
  cache = createApiKeyCache({ find }, () => nowMs);
});

const nameOf = async (id: string): Promise<string | undefined> => (await cache.find(id))?.entry.name;
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
};

describe('a key in use', () => {
  test('is looked up once in 2.5 s, and then told without waiting', async () => {
    expect(await nameOf('a')).toBe('a');
    nowMs += 2_499;
    expect(cache.find('a')).toMatchObject({ entry: { name: 'a' }, grants: [{ action: 'numbers:issue' }] });
    expect(trips).toEqual([['a']]);
  });

  test('is looked up again in the background, while requests go on', async () => {
    await cache.find('a');
    nowMs += 2_500;
    expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
    expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
    await settled();
    nowMs += 2_499;
    expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
    expect(trips).toEqual([['a'], ['a']]);
  });

  test('that was revoked by another node is refused after 4 s at the latest, used or not meanwhile', async () => {
    await cache.find('a');
    await store.remove('a');
    nowMs += 4_000;
    expect(await nameOf('a')).toBeUndefined();
  });

  test('that was revoked by this node is refused at once, also when a question about it is under way', async () => {
    const underWay = cache.find('a');
    nowMs += 1;
    cache.forget('a');
    expect(await underWay).toBeUndefined();
    expect(cache.find('a')).toBeUndefined();
  });
});

describe('while the store is away', () => {
  const fail = async (): Promise<void> => {
    await cache.find('a');
    away = new StorageUnavailableError('away');
  };

  test('a known key stays good for an hour, and requests do not wait for the store one after the other', async () => {
    await fail();
    nowMs += 4_000;
    expect(await nameOf('a')).toBe('a');
    for (let second = 0; second < 3_590; second += 1) {
      nowMs += 1_000;
      expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
      expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
      await setImmediate();
      await setImmediate();
    }
    expect(trips.length).toBeLessThan(3_600);
    nowMs += 10_000;
    await expect(cache.find('a')).rejects.toThrow(StorageUnavailableError);
  });

  test('an unknown key is not judged', async () => {
    await fail();
    await expect(cache.find('b')).rejects.toThrow(StorageUnavailableError);
  });

  test('an error that is not the store being away lets nobody in', async () => {
    await cache.find('a');
    away = new Error('broken');
    nowMs += 4_000;
    await expect(cache.find('a')).rejects.toThrow('broken');
  });

  test('and back, a key revoked after an idle time is refused at once', async () => {
    await fail();
    nowMs += 4_000;
    await cache.find('a');
    away = undefined;
    await store.remove('a');
    nowMs += 60_000;
    expect(await nameOf('a')).toBeUndefined();
  });
});

describe('a flood of unknown keys', () => {
  test('makes one trip at a time, of a thousand at most, and drops no key in use', async () => {
    await cache.find('a');
    const flood = Array.from({ length: 2_500 }, (_, index) => cache.find(`unknown-${index}`));
    expect(await Promise.all(flood)).toEqual(flood.map(() => undefined));
    expect(trips.flat()).toHaveLength(2_501);
    expect(trips.length).toBeLessThanOrEqual(5);
    expect(atOnceMax).toBe(1);
    expect(cache.find('a')).toMatchObject({ entry: { name: 'a' } });
  });

  test('is refused beyond ten thousand that wait', async () => {
    const flood = Array.from({ length: 10_002 }, (_, index) => cache.find(`unknown-${index}`));
    const refused = (await Promise.allSettled(flood)).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(1);
  });

  test('with the same key asks once in 2.5 s', async () => {
    for (let request = 0; request < 100; request += 1) expect(await nameOf('b')).toBeUndefined();
    expect(trips).toEqual([['b']]);
  });
});
