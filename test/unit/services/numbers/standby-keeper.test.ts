/** The standby for the next period is taken in its last ten minutes, for the series this node works with and no others. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sequenceKeyOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createStandbyKeeper } from '../../../../src/services/numbers/standby-keeper.ts';
import { allocatorOn } from '../../fakes/allocator-on.ts';
import { configOf } from '../../fakes/config-of.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

const YEARLY = { format: '{year}-{SEQ:4}', reset: 'yearly' };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A node that has issued one number of each series, at this instant. */
const setUp = async (instant: string, registered: Readonly<Record<string, object>>, standbySize = 5) => {
  const { store, allocator, ask } = allocatorOn({ tickMs: 10 ** 9 });
  store.behave('answer');
  const configs = createSwitchablePrefixConfigStore();
  const seriesCache = createSeriesCache(configs, standbySize, () => undefined);
  const clock = { nowMs: Date.parse(instant), now: (): number => clock.nowMs };
  for (const [prefixKey, input] of Object.entries(registered)) {
    await configs.insert(configOf(prefixKey, input));
    const series = await seriesCache.get(seriesOf(prefixKey));
    expect(await ask(series.at(clock.nowMs).target, 1)).toBe('1-1');
  }
  await vi.advanceTimersByTimeAsync(0);
  const keeper = createStandbyKeeper({ seriesCache, allocator, clock });
  const before = store.trips.length;
  const prepared = (): string[] =>
    store.trips
      .slice(before)
      .flatMap(({ calls }) => calls)
      .map(({ sequence, count }) => `${sequenceKeyOf(sequence)} ${count}`);
  return { keeper, clock, allocator, seriesCache, prepared };
};

test('ten minutes before its end the next period gets its standby, and no value of it is taken', async () => {
  const { keeper, prepared, allocator, seriesCache, clock } = await setUp('2026-12-31T23:50:00Z', { INV: YEARLY });
  keeper.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(prepared()).toEqual(['INV 2027 0']);
  clock.nowMs += 600_000;
  const { target } = (await seriesCache.get(seriesOf('INV'))).at(clock.nowMs);
  expect([target.sequence.period, allocator.standbyOf(target)?.left]).toEqual(['2027', 5n]);
});

test('earlier, nothing is taken', async () => {
  const { keeper, prepared } = await setUp('2026-12-31T23:49:59Z', { INV: YEARLY });
  keeper.look();
  expect(prepared()).toEqual([]);
});

test('a series of which this node holds no standby is left alone', async () => {
  const { keeper, prepared } = await setUp('2026-12-31T23:55:00Z', {
    NONE: { ...YEARLY, outage: 'reject' },
    INV: YEARLY,
    EVER: { format: '{SEQ:4}' },
  });
  keeper.look();
  await vi.advanceTimersByTimeAsync(0);
  expect(prepared()).toEqual(['INV 2027 0']);
});

test('it looks every 30 s by itself, and takes the standby once', async () => {
  const { keeper, clock, prepared } = await setUp('2026-12-31T23:49:00Z', { INV: YEARLY });
  for (let round = 0; round < 20; round += 1) {
    await vi.advanceTimersByTimeAsync(30_000);
    clock.nowMs += 30_000;
  }
  expect(prepared()).toEqual(['INV 2027 0']);
  keeper.close();
});

test('closed, it looks no more', async () => {
  const { keeper, clock, prepared } = await setUp('2026-12-31T23:49:00Z', { INV: YEARLY });
  keeper.close();
  clock.nowMs += 120_000;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(prepared()).toEqual([]);
});
