/** Watching how full the series are: forecasts, warnings told once, and few measures however many prefixes there are. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Standing } from '../../../../src/allocators/allocator.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { compileSeries } from '../../../../src/services/numbers/series.ts';
import { createCapacityWatcher } from '../../../../src/services/watchers/capacity-watcher.ts';
import { configOf } from '../../fakes/config-of.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-11-25T12:00:00Z');
const YEARLY = { format: '{year}-{SEQ:3}', reset: 'yearly' };

const setUp = (input: object = YEARLY) => {
  const events: NumberGeneratorEvent[] = [];
  const standings: Standing[] = [];
  const clock = { nowMs: START, now: () => clock.nowMs };
  const series = compileSeries(configOf('INV', input), 0);
  const watcher = createCapacityWatcher({
    // Every prefix is numbered like this one.
    seriesCache: { peek: ({ prefixKey }) => (prefixKey === 'GONE' ? undefined : series) },
    measuredMax: 100,
    standings: () => standings,
    clock,
    emit: (event) => events.push(event),
  });
  onTestFinished(watcher.close);
  const stand = (value: bigint, period = '2026', prefixKey = 'INV'): void => {
    standings.splice(0, standings.length, { sequence: sequenceOf(seriesOf(prefixKey), period), value });
  };
  const warnings = () => events.filter((event) => event.type === 'capacity');
  return { events, standings, clock, config: series.config, watcher, stand, warnings };
};

describe('the forecast', () => {
  test('tells the pace and the dates, from what the sequence was seen to move by', async () => {
    const { watcher, clock, config, stand } = setUp({ format: '{SEQ:3}' });
    const name = sequenceOf(seriesOf('INV'), '');
    stand(99n, '');
    await watcher.look();
    expect(watcher.forecast(config, name, { value: 99n })).toEqual({
      valuesPerDay: undefined,
      widthReachedAtMs: undefined,
      limitReachedAtMs: undefined,
    });
    clock.nowMs += 10 * MINUTE;
    expect(watcher.forecast(config, name, { value: 199n })).toEqual({
      valuesPerDay: 14_400,
      widthReachedAtMs: clock.nowMs + 80 * MINUTE,
      limitReachedAtMs: undefined,
    });
  });

  test('names no date when counting will have begun anew by then', async () => {
    const { watcher, clock, config } = setUp({ ...YEARLY, overflow: 'reject' });
    const name = sequenceOf(seriesOf('INV'), '2026');
    watcher.forecast(config, name, { value: 0n });
    clock.nowMs += 24 * 60 * MINUTE;
    // Thirty-six days are left of the year, and 999 / 20 days of the values.
    expect(watcher.forecast(config, name, { value: 20n })).toMatchObject({
      valuesPerDay: 20,
      limitReachedAtMs: undefined,
    });
    clock.nowMs += 24 * 60 * MINUTE;
    const { widthReachedAtMs, limitReachedAtMs } = watcher.forecast(config, name, { value: 500n });
    expect(new Date(limitReachedAtMs ?? 0).toISOString().slice(0, 10)).toBe('2026-11-28');
    expect(widthReachedAtMs).toBe(limitReachedAtMs);
  });

  test('leaves out what an operator passed over', async () => {
    const { watcher, clock, config } = setUp();
    const name = sequenceOf(seriesOf('INV'), '2026');
    watcher.forecast(config, name, { value: 0n });
    watcher.passOver(name, 10n, 510n);
    clock.nowMs += 10 * MINUTE;
    expect(watcher.forecast(config, name, { value: 520n }).valuesPerDay).toBeCloseTo(20 * 144);
    watcher.passOver(sequenceOf(seriesOf('OTHER'), ''), 0n, 9n);
  });
});

describe('the warning', () => {
  test('comes once at 80 and once at 95 percent of the width, and again in the next period', async () => {
    const { watcher, clock, stand, warnings } = setUp();
    const told = async (value: bigint, period = '2026'): Promise<number[]> => {
      const before = warnings().length;
      clock.nowMs += MINUTE;
      stand(value, period);
      await watcher.look();
      return warnings()
        .slice(before)
        .map(({ share }) => share);
    };
    expect(await told(799n)).toEqual([]);
    expect(await told(800n)).toEqual([0.8]);
    expect(await told(900n)).toEqual([]);
    expect(await told(960n)).toEqual([0.95]);
    expect(await told(999n)).toEqual([]);
    expect(await told(5n, '2027')).toEqual([]);
    // Both at once: the higher one says it.
    expect(await told(990n, '2027')).toEqual([0.95]);
    expect(await told(991n, '2027')).toEqual([]);
    expect(warnings()[0]).toEqual({
      type: 'capacity',
      ...{ prefixKey: 'INV', period: '2026', bound: 'width', share: 0.8, used: 800 / 999 },
      ...{ value: 800n, highest: 999n, reachedAtMs: START + 2 * MINUTE + 199 * MINUTE },
    });
  });

  test('of a series that ends at its width speaks of the limit', async () => {
    const { watcher, stand, warnings } = setUp({ format: '{SEQ:3}', overflow: 'reject' });
    stand(950n, '');
    await watcher.look();
    expect(warnings()).toMatchObject([{ bound: 'limit', share: 0.95, highest: 999n, reachedAtMs: undefined }]);
  });

  test('comes from looking every 10 s, and no more once it is closed', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { watcher, stand, events } = setUp();
    stand(900n);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events.map(({ type }) => type)).toEqual(['capacity', 'capacity-measured']);
    watcher.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events).toHaveLength(2);
  });
});

describe('the measures', () => {
  test('are those of the hundred fullest prefixes, and the fullest of the others stands for them', async () => {
    const { watcher, standings, events } = setUp({ format: '{SEQ:3}' });
    for (let index = 1; index <= 150; index += 1) {
      standings.push({ sequence: sequenceOf(seriesOf(`P${index}`), ''), value: BigInt(index) });
    }
    // The same prefix in an emptier period, and one that was removed.
    standings.push({ sequence: sequenceOf(seriesOf('P150'), 'x'), value: 1n });
    standings.push({ sequence: sequenceOf(seriesOf('GONE'), ''), value: 999n });
    await watcher.look();
    const measured = events.find((event) => event.type === 'capacity-measured');
    expect(measured?.measures).toHaveLength(100);
    expect(measured?.measures[0]).toEqual({ prefixKey: 'P150', used: 150 / 999, secondsLeft: undefined });
    expect(measured?.other).toEqual({ prefixKey: 'other', used: 50 / 999, secondsLeft: undefined });
  });

  test('tell the seconds that are left, of the others those of the one that ends first', async () => {
    const { watcher, clock, standings, events } = setUp({ format: '{SEQ:3}' });
    const stand = (step: bigint): void => {
      standings.length = 0;
      for (let index = 1n; index <= 102n; index += 1n) {
        standings.push({ sequence: sequenceOf(seriesOf(`P${index}`), ''), value: index + step * (103n - index) });
      }
    };
    stand(0n);
    await watcher.look();
    clock.nowMs += MINUTE;
    stand(1n);
    await watcher.look();
    const last = events.findLast((event) => event.type === 'capacity-measured');
    expect(last?.measures.every(({ secondsLeft }) => (secondsLeft ?? 0) > 0)).toBe(true);
    expect(last?.other?.secondsLeft).toBeGreaterThan(0);
  });
});

test('what a raised initialSeq passed over is no pace', () => {
  const { watcher, clock, config } = setUp({ format: '{SEQ:6}' });
  const name = sequenceOf(seriesOf('INV'), '');
  watcher.forecast(config, name, { value: 10n });
  clock.nowMs += 2 * MINUTE;
  const raised = { ...config, initialSeq: 20_000n };
  expect(watcher.forecast(raised, name, { value: 20_000n }).valuesPerDay).toBe(0);
  clock.nowMs += 2 * MINUTE;
  expect(watcher.forecast(raised, name, { value: 20_004n }).valuesPerDay).toBe(4 * 360);
});

test('what a recovery jumped over is no pace, wherever the jump is seen first', async () => {
  const { watcher, clock, config, standings } = setUp({ format: '{SEQ:6}' });
  const sequence = sequenceOf(seriesOf('INV'), '');
  watcher.forecast(config, sequence, { value: 10n, epoch: 1n });
  clock.nowMs += 2 * MINUTE;
  standings.push({ sequence, value: 11_000n, epoch: 2n });
  await watcher.look();
  clock.nowMs += 2 * MINUTE;
  expect(watcher.forecast(config, sequence, { value: 11_004n, epoch: 2n }).valuesPerDay).toBe(4 * 360);
  expect(watcher.forecast(config, sequence, { value: 22_004n, epoch: 3n }).valuesPerDay).toBe(4 * 360);
  // A reply of before comes late.
  expect(watcher.forecast(config, sequence, { value: 12n, epoch: 1n }).valuesPerDay).toBe(4 * 360);
});

test('the first numbers of a sequence are its pace, though it had no epoch before them', () => {
  const { watcher, clock, config } = setUp({ format: '{SEQ:6}' });
  const sequence = sequenceOf(seriesOf('INV'), '');
  watcher.forecast(config, sequence, { value: 0n, epoch: undefined });
  clock.nowMs += 2 * MINUTE;
  expect(watcher.forecast(config, sequence, { value: 4n, epoch: 1n }).valuesPerDay).toBe(2 * 1440);
});
