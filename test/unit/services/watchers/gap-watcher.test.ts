/** Watching the gap records: counted by prefix, and never in the way of anything else. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Standing } from '../../../../src/allocators/allocator.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { type SequenceId, sequenceKeyOf, sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createGapWatcher } from '../../../../src/services/watchers/gap-watcher.ts';

const standing = (prefixKey: string, period = ''): Standing => ({
  sequence: sequenceOf(seriesOf(prefixKey), period),
  value: 1n,
});

const setUp = (standings: readonly Standing[], countGaps: (sequence: SequenceId) => Promise<number>) => {
  const events: NumberGeneratorEvent[] = [];
  const emit = (event: NumberGeneratorEvent): unknown => events.push(event);
  const watcher = createGapWatcher({ store: { countGaps }, standings: () => standings, measuredMax: 2, emit });
  onTestFinished(watcher.close);
  return { watcher, events };
};

test('the prefixes with most gaps are told, all periods together, and the sum of the rest', async () => {
  const counts: Record<string, number> = { 'A 2025': 1, 'A 2026': 4, 'B ': 9, 'C ': 2, 'D ': 3 };
  const standings = [standing('A', '2025'), standing('A', '2026'), standing('B'), standing('C'), standing('D')];
  const { watcher, events } = setUp(standings, async (sequence) => counts[sequenceKeyOf(sequence)] ?? 0);
  await watcher.look();
  expect(events).toEqual([
    {
      type: 'gaps-measured',
      measures: [
        { prefixKey: 'B', entries: 9 },
        { prefixKey: 'A', entries: 5 },
      ],
      other: { prefixKey: 'other', entries: 5 },
    },
  ]);
});

test('ten thousand sequences are asked about in a look, 500 at once, and no more', async () => {
  let [asked, underWay, most] = [0, 0, 0];
  const many = Array.from({ length: 10_100 }, (_, index) => standing(`P${index}`));
  const { watcher, events } = setUp(many, async () => {
    asked += 1;
    underWay += 1;
    most = Math.max(most, underWay);
    await Promise.resolve();
    underWay -= 1;
    return 1;
  });
  await watcher.look();
  expect([asked, most]).toEqual([10_000, 500]);
  expect(events).toMatchObject([{ other: { entries: 9_998 } }]);
});

test('while the store is away the last figures stay, and it looks again 15 s later', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let isAway = true;
  const { events, watcher } = setUp([standing('A')], async () => {
    if (isAway) throw new StorageUnavailableError('Away');
    return 3;
  });
  await vi.advanceTimersByTimeAsync(15_000);
  expect(events).toEqual([]);
  isAway = false;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(events).toEqual([{ type: 'gaps-measured', measures: [{ prefixKey: 'A', entries: 3 }], other: undefined }]);
  watcher.close();
  await vi.advanceTimersByTimeAsync(300_000);
  expect(events).toHaveLength(1);
});
