/** The series in use: never more than 5 s behind the store, one object as long as nothing changes, and nothing kept for ever. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  CorruptEntryError,
  PrefixNotRegisteredError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../src/core/events.ts';
import { createSeriesCache, type Series } from '../../../src/services/series-cache.ts';
import { configOf } from '../fakes/config-of.ts';
import { createSwitchablePrefixConfigStore } from '../fakes/switchable-prefix-config-store.ts';

/** The contract: each node re-reads within 5 s. */
const PROMISED_MS = 5_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const setUp = async (registered: Readonly<Record<string, object>> = {}) => {
  const store = createSwitchablePrefixConfigStore();
  for (const [prefixKey, input] of Object.entries(registered)) await store.insert(configOf(prefixKey, input));
  const events: NumberGeneratorEvent[] = [];
  const cache = createSeriesCache(store, (event) => events.push(event));
  return { store, events, cache, get: async (prefixKey: string): Promise<Series> => cache.get(prefixKey) };
};

const INV = { INV: { format: 'INV-{SEQ:4}' } };
const OTHER = configOf('INV', { format: 'NEW-{SEQ:5}' });

describe('a series', () => {
  test('names its counter, its start and its limit', async () => {
    const { get } = await setUp({ INV: { format: 'INV-{SEQ:4}', initialSeq: 7, overflow: 'reject' } });
    expect((await get('INV')).target).toEqual({
      sequence: { prefixKey: 'INV', period: '' },
      initialSeq: 7n,
      limit: 9_999n,
    });
  });

  test('prints with its prefix, zone and fiscal year', async () => {
    const format = '{prefix}{fiscalYear}{day}{SEQ:2}';
    const { get } = await setUp({ INV: { format, timeZone: 'Asia/Kolkata', fiscalYearStart: '04-01' } });
    const { printerAt } = await get('INV');
    expect(printerAt(Date.parse('2026-03-31T18:29:59Z'))(1n)).toBe('INV20253101');
    expect(printerAt(Date.parse('2026-03-31T18:30:00Z'))(1n)).toBe('INV20260101');
  });
});

describe('getting a series', () => {
  test('asks the store once, and afterwards answers at once', async () => {
    const { store, cache, get } = await setUp(INV);
    const series = await get('INV');
    expect(cache.get('INV')).toBe(series);
    expect(store.asked).toEqual([['INV']]);
  });

  test('by many at the same time asks the store once', async () => {
    const { store, get } = await setUp(INV);
    const all = await Promise.all(Array.from({ length: 50 }, () => get('INV')));
    expect(new Set(all).size).toBe(1);
    expect(store.asked).toHaveLength(1);
  });

  test('that nobody registered is refused, and found as soon as it is registered', async () => {
    const { store, get } = await setUp();
    await expect(get('INV')).rejects.toThrow(PrefixNotRegisteredError);
    await store.insert(configOf('INV', INV.INV));
    expect((await get('INV')).config.format).toBe('INV-{SEQ:4}');
  });

  test('while the store fails is refused with its error, and asked again by the next one', async () => {
    const { store, get } = await setUp(INV);
    store.failWith(new StorageTimeoutError('Late'));
    await expect(get('INV')).rejects.toThrow(StorageTimeoutError);
    store.failWith(undefined);
    expect((await get('INV')).config.prefixKey).toBe('INV');
    expect(store.asked).toHaveLength(2);
  });
});

describe('the background check', () => {
  test.each([
    ['format', { format: 'NEW-{SEQ:4}' }],
    ['length', { format: 'INV-{SEQ:5}' }],
    ['initialSeq', { format: 'INV-{SEQ:4}', initialSeq: 1000 }],
    ['overflow', { format: 'INV-{SEQ:4}', overflow: 'reject' }],
    ['timeZone', { format: 'INV-{SEQ:4}', timeZone: 'Asia/Tokyo' }],
    ['fiscalYearStart', { format: 'INV-{SEQ:4}', fiscalYearStart: '04-01' }],
  ])('brings a change of %s by another node within 5 s', async (_field, input) => {
    const { store, cache, get } = await setUp(INV);
    await get('INV');
    await store.replace(configOf('INV', input), 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect(cache.get('INV')).toEqual(expect.objectContaining({ config: { ...configOf('INV', input), version: 2 } }));
  });

  test('brings a removal by another node within 5 s, also when the series is in use all the time', async () => {
    const { store, get } = await setUp(INV);
    await get('INV');
    await store.remove('INV');
    for (let second = 0; second < PROMISED_MS / 1_000; second += 1) {
      await get('INV').catch(() => undefined);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await expect(get('INV')).rejects.toThrow(PrefixNotRegisteredError);
  });

  test('brings changes again and again to a series in use all the time', async () => {
    const { store, get } = await setUp(INV);
    for (let version = 2; version < 6; version += 1) {
      await store.replace(configOf('INV', { format: `V${version}-{SEQ:4}` }), 'any');
      for (let second = 0; second < PROMISED_MS / 1_000; second += 1) {
        await get('INV');
        await vi.advanceTimersByTimeAsync(1_000);
      }
      expect((await get('INV')).config).toMatchObject({ format: `V${version}-{SEQ:4}`, version });
    }
  });

  test('keeps the very same object as long as nothing changes, so that its requests share an entry', async () => {
    const { store, cache, get } = await setUp(INV);
    const series = await get('INV');
    for (let round = 0; round < 5; round += 1) {
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
      expect(cache.get('INV')).toBe(series);
    }
    expect(store.asked.length).toBeGreaterThan(2);
  });

  test('drops what nobody asks for any more', async () => {
    const { store, get } = await setUp({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    await get('ORD');
    for (let round = 0; round < 6; round += 1) {
      await get('ORD');
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    }
    expect(store.asked.at(-1)).toEqual(['ORD']);
    const before = store.asked.length;
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked.length - before).toBeLessThanOrEqual(1);
  });

  test('serves nothing old after a time in which nobody asked', async () => {
    const { store, get } = await setUp(INV);
    await get('INV');
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    await store.replace(OTHER, 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('asks nothing when nothing is cached', async () => {
    const { store } = await setUp(INV);
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked).toEqual([]);
  });

  test('asks for thousands of series in portions', async () => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `P${index}`);
    const { store, get } = await setUp(Object.fromEntries(keys.map((key) => [key, { format: '{SEQ:4}' }])));
    await Promise.all(keys.map(get));
    const before = store.asked.length;
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    const portions = store.asked.slice(before);
    expect(portions.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(new Set(portions.flat()).size).toBe(2_500);
  });

  test('keeps what is cached while the store is away, says so, and goes on afterwards', async () => {
    const { store, events, cache, get } = await setUp(INV);
    const series = await get('INV');
    const away = new StorageUnavailableError('Away');
    store.failWith(away);
    for (let round = 0; round < 4; round += 1) {
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
      expect(cache.get('INV')).toBe(series);
    }
    expect(events).toEqual(Array(4).fill({ type: 'prefix-config-refresh-failed', error: away }));
    store.failWith(undefined);
    await store.replace(OTHER, 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('is not started again while the last one still waits for its answer', async () => {
    const { store, get } = await setUp(INV);
    await get('INV');
    const release = store.hold();
    await vi.advanceTimersByTimeAsync(4 * PROMISED_MS);
    expect(store.asked).toHaveLength(2);
    release();
    await get('INV');
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    expect(store.asked).toHaveLength(3);
  });

  test('does not bring back what was forgotten while its question was under way', async () => {
    const { store, cache, get } = await setUp(INV);
    await get('INV');
    const release = store.hold();
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await store.replace(OTHER, 'any');
    cache.forget('INV');
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('does not overwrite what was read anew while its question was under way', async () => {
    const { store, cache, get } = await setUp(INV);
    await get('INV');
    const release = store.hold();
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await store.replace(OTHER, 'any');
    cache.forget('INV');
    const reading = get('INV');
    release();
    const anew = await reading;
    await vi.advanceTimersByTimeAsync(0);
    expect([anew.config.format, cache.get('INV')]).toEqual(['NEW-{SEQ:5}', anew]);
  });

  test('stops with close', async () => {
    const { store, cache, get } = await setUp(INV);
    await get('INV');
    cache.close();
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('forgetting', () => {
  test('one series makes the next request ask the store, and leaves the others', async () => {
    const { store, cache, get } = await setUp({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    const order = await get('ORD');
    await store.replace(OTHER, 'any');
    cache.forget('INV');
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
    expect(cache.get('ORD')).toBe(order);
  });

  test('all makes every next request ask the store', async () => {
    const { store, cache, get } = await setUp({ ...INV, ORD: { format: '{SEQ:4}' } });
    await Promise.all([get('INV'), get('ORD')]);
    cache.forget();
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toEqual([['INV'], ['ORD'], ['INV'], ['ORD']]);
  });

  test.each([['INV'], [undefined]])('during a load (%s) keeps the old answer out of the cache', async (forgotten) => {
    const { store, cache, get } = await setUp(INV);
    const release = store.hold();
    const asked = get('INV');
    await store.replace(OTHER, 'any');
    cache.forget(forgotten);
    const askedAfter = get('INV');
    release();
    expect((await asked).config.format).toBe('INV-{SEQ:4}');
    expect((await askedAfter).config.format).toBe('NEW-{SEQ:5}');
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('during a load keeps its old answer out of the cache also when nobody asks meanwhile', async () => {
    const { store, cache, get } = await setUp(INV);
    const release = store.hold();
    const asked = get('INV');
    await store.replace(OTHER, 'any');
    cache.forget('INV');
    release();
    await asked;
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('during a load does not disturb the load that follows: who comes later joins it', async () => {
    const { store, cache, get } = await setUp(INV);
    const releaseOld = store.hold();
    const asked = get('INV');
    cache.forget('INV');
    const releaseNew = store.hold();
    const askedAfter = get('INV');
    releaseOld();
    await asked;
    const joining = get('INV');
    releaseNew();
    expect(await joining).toBe(await askedAfter);
    expect(cache.get('INV')).toBe(await joining);
    expect(store.asked).toHaveLength(2);
  });

  test('is what a message of another node causes: for its key, or for all when messages were missed', async () => {
    const { store, get } = await setUp({ ...INV, ORD: { format: '{SEQ:4}' } });
    await Promise.all([get('INV'), get('ORD')]);
    store.announce('INV');
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toEqual([['INV'], ['ORD'], ['INV']]);
    store.announce(undefined);
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toHaveLength(5);
  });
});

describe('a corrupt entry', () => {
  const corruptEvents = (events: readonly NumberGeneratorEvent[]) =>
    events.filter(({ type }) => type === 'prefix-config-corrupt');

  test('is refused, and reported once however often it is asked for and checked', async () => {
    const { store, events, get } = await setUp();
    store.preload('BAD', '{"format":"{SEQ:4}","colour":"red"}');
    for (let round = 0; round < 4; round += 1) {
      await expect(get('BAD')).rejects.toThrow(CorruptEntryError);
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    }
    expect(corruptEvents(events)).toEqual([
      { type: 'prefix-config-corrupt', prefixKey: 'BAD', reason: 'colour: Unknown field' },
    ]);
  });

  test('is served within 5 s after an operator has corrected it', async () => {
    const { store, get } = await setUp();
    store.preload('BAD', 'rubbish');
    await expect(get('BAD')).rejects.toThrow(CorruptEntryError);
    store.preload('BAD', '{"format":"GOOD-{SEQ:4}"}');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('BAD')).config.format).toBe('GOOD-{SEQ:4}');
  });

  test('that was a good one before stops being served within 5 s, and the others go on', async () => {
    const { store, events, cache, get } = await setUp({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    const order = await get('ORD');
    store.preload('INV', 'rubbish');
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await expect(get('INV')).rejects.toThrow(CorruptEntryError);
    expect(cache.get('ORD')).toBe(order);
    expect(corruptEvents(events)).toHaveLength(1);
  });
});

describe('with 100,001 series in use', () => {
  const keys = Array.from({ length: 100_001 }, (_, index) => `P${index}`);
  const fill = async () => {
    const parts = await setUp();
    for (const key of keys) parts.store.preload(key, '{"format":"{SEQ:4}"}');
    await Promise.all(keys.map(parts.get));
    return { ...parts, before: parts.store.asked.length };
  };

  test('100,000 are kept, and the one beyond is served by asking the store each time', async () => {
    const { store, get, before } = await fill();
    expect((await get('P100000')).config.prefixKey).toBe('P100000');
    expect((await get('P99999')).config.prefixKey).toBe('P99999');
    expect(store.asked.slice(before)).toEqual([['P100000']]);
  }, 60_000);

  test('changes of those that are kept still come within 5 s', async () => {
    const { store, cache, get } = await fill();
    store.preload('P99999', '{"format":"NEW-{SEQ:4}"}');
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    expect((await get('P99999')).config.format).toBe('NEW-{SEQ:4}');
    cache.close();
  }, 60_000);
});

test('the background check does not keep the process alive', () => {
  vi.useRealTimers();
  const timersOf = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
  const before = timersOf();
  const cache = createSeriesCache(createSwitchablePrefixConfigStore(), () => undefined);
  expect(timersOf()).toBe(before);
  cache.close();
});
