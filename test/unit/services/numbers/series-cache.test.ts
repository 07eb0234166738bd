/** The series in use: asked for once, forgotten when they may have changed, and used all the same while the store is away. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  CorruptEntryError,
  PrefixNotRegisteredError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { configOf } from '../../fakes/config-of.ts';
import { PROMISED_MS, setUpSeriesCache } from '../../fakes/series-cache-on.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const INV = { INV: { format: 'INV-{SEQ:4}' } };
const OTHER = configOf('INV', { format: 'NEW-{SEQ:5}' });

describe('getting a series', () => {
  test('asks the store once, and afterwards answers at once', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    const series = await get('INV');
    expect(cache.get(seriesOf('INV'))).toBe(series);
    expect(store.asked).toEqual([['INV']]);
  });

  test('by many at the same time asks the store once', async () => {
    const { store, get } = await setUpSeriesCache(INV);
    const all = await Promise.all(Array.from({ length: 50 }, () => get('INV')));
    expect(new Set(all).size).toBe(1);
    expect(store.asked).toHaveLength(1);
  });

  test('that nobody registered is refused, and found as soon as it is registered', async () => {
    const { store, get } = await setUpSeriesCache();
    await expect(get('INV')).rejects.toThrow(PrefixNotRegisteredError);
    await store.insert(configOf('INV', INV.INV));
    expect((await get('INV')).config.format).toBe('INV-{SEQ:4}');
  });

  test('while the store fails is refused with its error, and asked again by the next one', async () => {
    const { store, get } = await setUpSeriesCache(INV);
    store.failWith(new StorageTimeoutError('Late'));
    await expect(get('INV')).rejects.toThrow(StorageTimeoutError);
    store.failWith(undefined);
    expect((await get('INV')).config.prefixKey).toBe('INV');
    expect(store.asked).toHaveLength(2);
  });

  test('tells all that are known, for work in the background', async () => {
    const { store, cache, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    store.preload('BAD', 'rubbish');
    const series = [await get('ORD'), await get('INV')];
    await get('BAD').catch(() => undefined);
    expect([...cache.known()]).toEqual(series);
  });
});

describe('forgetting', () => {
  test('one series makes the next request ask the store, and leaves the others', async () => {
    const { store, cache, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    const order = await get('ORD');
    await store.replace(OTHER, 'any');
    cache.forget(seriesOf('INV'));
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
    expect(cache.get(seriesOf('ORD'))).toBe(order);
  });

  test('all makes every next request ask the store', async () => {
    const { store, cache, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    await Promise.all([get('INV'), get('ORD')]);
    cache.forget();
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toEqual([['INV'], ['ORD'], ['INV'], ['ORD']]);
  });

  test.each([['INV'], [undefined]])('during a load (%s) keeps the old answer out of the cache', async (forgotten) => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    const release = store.hold();
    const asked = get('INV');
    await store.replace(OTHER, 'any');
    cache.forget(forgotten === undefined ? undefined : seriesOf(forgotten));
    const askedAfter = get('INV');
    release();
    expect((await asked).config.format).toBe('INV-{SEQ:4}');
    expect((await askedAfter).config.format).toBe('NEW-{SEQ:5}');
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('during a load keeps its old answer out of the cache also when nobody asks meanwhile', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    const release = store.hold();
    const asked = get('INV');
    await store.replace(OTHER, 'any');
    cache.forget(seriesOf('INV'));
    release();
    await asked;
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('during a load does not disturb the load that follows: who comes later joins it', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    const releaseOld = store.hold();
    const asked = get('INV');
    cache.forget(seriesOf('INV'));
    const releaseNew = store.hold();
    const askedAfter = get('INV');
    releaseOld();
    await asked;
    const joining = get('INV');
    releaseNew();
    expect(await joining).toBe(await askedAfter);
    expect(cache.get(seriesOf('INV'))).toBe(await joining);
    expect(store.asked).toHaveLength(2);
  });

  test('is what a message of another node causes: for its key, or for all when messages were missed', async () => {
    const { store, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    await Promise.all([get('INV'), get('ORD')]);
    store.announce('INV');
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toEqual([['INV'], ['ORD'], ['INV']]);
    store.announce(undefined);
    await Promise.all([get('INV'), get('ORD')]);
    expect(store.asked).toHaveLength(5);
  });
});

describe('while the store is away', () => {
  const AWAY = new StorageUnavailableError('Away');

  test('what is known is used all the same, however long nobody asked for it and although it may have changed', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    const series = await get('INV');
    store.failWith(AWAY);
    await vi.advanceTimersByTimeAsync(10 * PROMISED_MS);
    expect(await get('INV')).toBe(series);
    cache.forget(seriesOf('INV'));
    expect(await get('INV')).toBe(series);
    store.failWith(new StorageTimeoutError('Late'));
    expect(await get('INV')).toBe(series);
  });

  test('what may have changed is asked for with every request, so that the change comes as soon as the store is back', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    cache.forget();
    store.failWith(AWAY);
    const before = store.asked.length;
    await get('INV');
    await get('INV');
    expect(store.asked).toHaveLength(before + 2);
    store.failWith(undefined);
    await store.replace(OTHER, 'any');
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('an entry that was corrupt stays refused as such', async () => {
    const { store, cache, get } = await setUpSeriesCache();
    store.preload('BAD', 'rubbish');
    await get('BAD').catch(() => undefined);
    cache.forget();
    store.failWith(AWAY);
    await expect(get('BAD')).rejects.toThrow(CorruptEntryError);
  });

  test('what was removed is not served again', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    await store.remove('INV');
    cache.forget(seriesOf('INV'));
    await expect(get('INV')).rejects.toThrow(PrefixNotRegisteredError);
    store.failWith(AWAY);
    await expect(get('INV')).rejects.toBe(AWAY);
  });

  test('an error that is no outage is passed on', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    cache.forget();
    const bug = new TypeError('boom');
    store.failWith(bug);
    await expect(get('INV')).rejects.toBe(bug);
  });
});

describe('a corrupt entry', () => {
  const corruptEvents = (events: readonly NumberGeneratorEvent[]) =>
    events.filter(({ type }) => type === 'prefix-config-corrupt');

  test('is refused, and reported once however often it is asked for and checked', async () => {
    const { store, events, get } = await setUpSeriesCache();
    store.preload('BAD', '{"format":"{SEQ:4}","seq_length":7}');
    for (let round = 0; round < 4; round += 1) {
      await expect(get('BAD')).rejects.toThrow(CorruptEntryError);
      await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    }
    expect(corruptEvents(events)).toEqual([
      { type: 'prefix-config-corrupt', prefixKey: 'BAD', reason: 'seq_length: Differs from the {SEQ:4} of the format' },
    ]);
  });

  test('is served within 5 s after an operator has corrected it', async () => {
    const { store, get } = await setUpSeriesCache();
    store.preload('BAD', 'rubbish');
    await expect(get('BAD')).rejects.toThrow(CorruptEntryError);
    store.preload('BAD', '{"format":"GOOD-{SEQ:4}"}');
    await vi.advanceTimersByTimeAsync(PROMISED_MS);
    expect((await get('BAD')).config.format).toBe('GOOD-{SEQ:4}');
  });

  test('that was a good one before stops being served within 5 s, and the others go on', async () => {
    const { store, events, cache, get } = await setUpSeriesCache({ ...INV, ORD: { format: '{SEQ:4}' } });
    await get('INV');
    const order = await get('ORD');
    store.preload('INV', 'rubbish');
    await vi.advanceTimersByTimeAsync(PROMISED_MS / 2);
    await expect(get('INV')).rejects.toThrow(CorruptEntryError);
    expect(cache.get(seriesOf('ORD'))).toBe(order);
    expect(corruptEvents(events)).toHaveLength(1);
  });
});

describe('what this node did itself', () => {
  test('to a config holds while the store is away, whatever was served before', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    cache.note({ ...OTHER, version: 2 });
    store.failWith(new StorageUnavailableError('away'));
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('does not undo what another node did later', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await store.replace(OTHER, 'any');
    await get('INV');
    cache.note(configOf('INV', INV.INV));
    store.failWith(new StorageUnavailableError('away'));
    expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
  });

  test('when it removed a config: that is not served while the store is away', async () => {
    const { store, cache, get } = await setUpSeriesCache(INV);
    await get('INV');
    cache.drop(seriesOf('INV'));
    store.failWith(new StorageUnavailableError('away'));
    await expect(get('INV')).rejects.toThrow(StorageUnavailableError);
  });
});

test('a change another node told of is read at once, so that it holds when the store goes away before the next request', async () => {
  const { store, get } = await setUpSeriesCache(INV);
  await get('INV');
  await store.replace(OTHER, 'any');
  store.announce('INV');
  await vi.waitFor(() => expect(store.asked).toHaveLength(2));
  store.failWith(new StorageUnavailableError('away'));
  expect((await get('INV')).config.format).toBe('NEW-{SEQ:5}');
});
