/** Watching what is held ready: the prefixes nearest the end of their standby, however many there are. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Standing } from '../../../../src/allocators/allocator.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createStandbyWatcher } from '../../../../src/services/watchers/standby-watcher.ts';

const holding = (prefixKey: string, left: number, period = ''): Standing => ({
  sequence: sequenceOf(seriesOf(prefixKey), period),
  value: 1n,
  standby: { left: BigInt(left), size: 100n },
});

const setUp = (standings: readonly Standing[], measuredMax = 2) => {
  const events: NumberGeneratorEvent[] = [];
  const watcher = createStandbyWatcher({
    standings: () => standings,
    measuredMax,
    emit: (event) => events.push(event),
  });
  onTestFinished(watcher.close);
  return { watcher, events };
};

test('the prefixes with the smallest share left are told, and the next one stands for the rest', async () => {
  const { watcher, events } = setUp([holding('A', 90), holding('B', 10), holding('C', 50), holding('D', 60)]);
  await watcher.look();
  expect(events).toEqual([
    {
      type: 'standby-measured',
      measures: [
        { prefixKey: 'B', left: 10, leftRatio: 0.1 },
        { prefixKey: 'C', left: 50, leftRatio: 0.5 },
      ],
      other: { prefixKey: 'other', left: 60, leftRatio: 0.6 },
    },
  ]);
});

test('of two periods of a prefix the emptier one counts; what holds nothing is left out', async () => {
  const none = { sequence: sequenceOf(seriesOf('N'), ''), value: 1n };
  const { watcher, events } = setUp([
    none,
    holding('A', 90, '2025'),
    holding('A', 20, '2026'),
    holding('A', 70, '2027'),
  ]);
  await watcher.look();
  expect(events).toMatchObject([{ measures: [{ prefixKey: 'A', left: 20 }], other: undefined }]);
});

test('it looks every 5 s by itself, also at very many, and no more when it is closed', async () => {
  // Others get their turn by the real event loop in between.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { watcher, events } = setUp(Array.from({ length: 12_000 }, (_, index) => holding(`P${index}`, index % 100)));
  for (const looks of [1, 2]) {
    await vi.advanceTimersByTimeAsync(5_000);
    await vi.waitFor(() => expect(events).toHaveLength(looks));
  }
  watcher.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(events).toHaveLength(2);
});
