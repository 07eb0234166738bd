/** Work on a store that is repeated: once at a time, after a wait when it failed, and not after the end. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRetriedWork } from '../../../src/allocators/retried-work.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const start = () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const work = createRetriedWork(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  }, 100);
  return { runs, work };
};

test('a caller that asks during a run gets its end, and the next one a run of its own', async () => {
  const { runs, work } = start();
  const both = [work.run(), work.run()];
  expect(runs).toHaveLength(1);
  runs[0]?.resolve();
  await Promise.all(both);
  void work.run();
  expect(runs).toHaveLength(2);
});

test('a run that fails resolves, and is followed by another one after the wait', async () => {
  const { runs, work } = start();
  const first = work.run();
  runs[0]?.reject(new Error('away'));
  await first;
  await vi.advanceTimersByTimeAsync(99);
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toHaveLength(2);
});

test('after the end, which waits for the run under way, only a caller runs it', async () => {
  const { runs, work } = start();
  void work.run();
  let ended = false;
  const end = work.close().then(() => {
    ended = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toBe(false);
  runs[0]?.reject(new Error('away'));
  await end;
  work.runLater();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs).toHaveLength(1);
  void work.run();
  expect(runs).toHaveLength(2);
});
