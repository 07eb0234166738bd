/** The background check of the series in use: never more than 5 s behind the store, in portions, and nothing kept for ever. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PrefixNotRegisteredError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import { seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { configOf } from '../../fakes/config-of.ts';
import { PROMISED_MS, setUpSeriesCache } from '../../fakes/series-cache-on.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const INV = { INV: { format: 'INV-{SEQ:4}' } };
const OTHER = configOf('INV', { format: 'NEW-{SEQ:5}' });

describe('the background check', () => {
  test.each([
    ['format', { format: 'NEW-{SEQ:4}' }],
    ['length', { format: 'INV-{SEQ:5}' }],
    ['initialSeq', { format: 'INV-{SEQ:4}', initialSeq: 1000 }],
    ['overflow', { format: 'INV-{SEQ:4}', overflow: 'reject' }],
    ['timeZone', { format: 'INV-{SEQ:4}', timeZone: 'Asia/Tokyo' }],
    ['fiscalYearStart', { format: 'INV-{SEQ:4}', fiscalYearStart: '04-01' }],
  ])('brings a change of %s by another node within 5 s', async (_field, input) => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    await store.replace(configOf('INV', input), 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect(cache.get(seriesOf('INV'))).toMatchObject({ config: { ...configOf('INV', input), version: 2 } });
  });

  test('brings a removal by another node within 5 s, also when the series is in use all the time', async () => {
    const { store, get } = await setUpSeriesCache(INV);
    await get('INV');
    await store.remove('INV');
    for (let second = 0; second < PROMISED_MS / 1_000; second += 1) {
      await get('INV').catch(() => undefined);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await expect(get('INV')).rejects.toThrow(PrefixNotRegisteredError);
  });

  test('brings changes again and again to a series in use all the time', async () => {
    const { store, get } = await setUpSeriesCache(INV);
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
    const { store, cache, get } = await setUpSeriesCache(INV);
    const series = await get('INV');
    for (let round = 0; round < 5; round += 1) {
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
      expect(cache.get(seriesOf('INV'))).toBe(series);
    }
    expect(store.asked.length).toBeGreaterThan(2);
  });

  test('asks for nothing that nobody used since the last one', async () => {
    const { store, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    for (let round = 0; round < 6; round += 1) {
      await get('ORD');
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    }
    expect(store.asked.at(-1)).toEqual(['ORD']);
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    const before = store.asked.length;
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked).toHaveLength(before);
  });

  test('keeps what nobody used as the same object, but the next request asks the store for it', async () => {
    const { store, get } = await setUpSeriesCache(INV);
    const series = await get('INV');
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    const before = store.asked.length;
    expect(await get('INV')).toBe(series);
    expect(store.asked).toHaveLength(before + 1);
    expect(await get('INV')).toBe(series);
    expect(store.asked).toHaveLength(before + 1);
  });

  test('serves nothing old after a time in which nobody asked', async () => {
    const { store, get } = await setUpSeriesCache(INV);
    await get('INV');
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    await store.replace(OTHER, 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('asks nothing when nothing is cached', async () => {
    const { store } = await setUpSeriesCache(INV);
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked).toEqual([]);
  });

  test('asks for thousands of series in portions', async () => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `P${index}`);
    const { store, get } = await setUpSeriesCache(Object.fromEntries(keys.map((key) => [key, { format: '{SEQ:4}' }])));
    await Promise.all(keys.map(get));
    const before = store.asked.length;
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    const portions = store.asked.slice(before);
    expect(portions.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(new Set(portions.flat()).size).toBe(2_500);
  });

  test('keeps what is cached while the store is away, says so, and goes on afterwards', async () => {
    const { store, events, cache, get } = await setUpSeriesCache(INV);
    const series = await get('INV');
    const away = new StorageUnavailableError('Away');
    store.failWith(away);
    for (let round = 0; round < 4; round += 1) {
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
      expect(cache.get(seriesOf('INV'))).toBe(series);
    }
    expect(events).toEqual(Array(4).fill({ type: 'prefix-config-refresh-failed', error: away }));
    store.failWith(undefined);
    await store.replace(OTHER, 'any');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('is not started again while the last one still waits for its answer', async () => {
    const { store, get } = await setUpSeriesCache(INV);
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
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    const release = store.hold();
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await store.replace(OTHER, 'any');
    cache.forget(seriesOf('INV'));
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('does not overwrite what was read anew while its question was under way', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    const release = store.hold();
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await store.replace(OTHER, 'any');
    cache.forget(seriesOf('INV'));
    const reading = get('INV');
    release();
    const anew = await reading;
    await vi.advanceTimersByTimeAsync(0);
    expect([anew.config.format, cache.get(seriesOf('INV'))]).toEqual(['NEW-{SEQ:5}', anew]);
  });

  test('stops with close', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    cache.close();
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(store.asked).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('with 100,001 series in use', () => {
  const keys = Array.from({ length: 100_001 }, (_, index) => `P${index}`);
  const fill = async () => {
    const parts = await setUpSeriesCache();
    for (const key of keys) parts.store.preload(key, '{"format":"{SEQ:4}"}');
    await Promise.all(keys.map(parts.get));
    return { ...parts, before: parts.store.asked.length };
  };

  test('100,000 are kept; the one that was there longest is asked for again', async () => {
    const { store, cache, get, before } = await fill();
    expect([...cache.known()]).toHaveLength(100_000);
    expect((await get('P100000')).config.prefixKey).toBe('P100000');
    expect((await get('P1')).config.prefixKey).toBe('P1');
    expect((await get('P0')).config.prefixKey).toBe('P0');
    expect(store.asked.slice(before)).toEqual([['P0']]);
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
  const cache = createSeriesCache(createSwitchablePrefixConfigStore(), 0, () => undefined);
  expect(timersOf()).toBe(before);
  cache.close();
});
