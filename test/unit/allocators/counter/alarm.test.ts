/** The one timer of a node: it rings in time, once, after replies that have arrived, and keeps no process alive. */
import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Alarm, createAlarm } from '../../../../src/allocators/counter/alarm.ts';

const ringing = (): { alarm: Alarm; rings: number[] } => {
  const rings: number[] = [];
  const alarm = createAlarm(() => rings.push(alarm.nowMs()));
  return { alarm, rings };
};

describe('an alarm', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('rings once, when it was set to, and never early', async () => {
    const { alarm, rings } = ringing();
    const startMs = alarm.nowMs();
    const set = vi.spyOn(globalThis, 'setTimeout');
    alarm.set(startMs + 99.5);
    expect(set).toHaveBeenCalledExactlyOnceWith(expect.any(Function), 100);
    await vi.advanceTimersByTimeAsync(99);
    expect(rings).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(rings).toHaveLength(1);
    expect((rings[0] ?? 0) - startMs).toBeGreaterThanOrEqual(99.5);
  });

  test('has one timer at most: an earlier time takes the place of a later one', async () => {
    const { alarm, rings } = ringing();
    const startMs = alarm.nowMs();
    alarm.set(startMs + 500);
    alarm.set(startMs + 100);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(101);
    expect(rings).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rings).toHaveLength(1);
  });

  test('set to a later time rings at the earlier one: that does no harm, and costs nothing', async () => {
    const { alarm, rings } = ringing();
    const startMs = alarm.nowMs();
    alarm.set(startMs + 100);
    alarm.set(startMs + 500);
    await vi.advanceTimersByTimeAsync(101);
    expect(rings).toHaveLength(1);
  });

  test('can be set again when it has rung, to a later time too', async () => {
    const { alarm, rings } = ringing();
    const startMs = alarm.nowMs();
    alarm.set(startMs + 100);
    await vi.advanceTimersByTimeAsync(101);
    alarm.set(startMs + 500);
    await vi.advanceTimersByTimeAsync(400);
    expect(rings).toHaveLength(2);
  });

  test('for a time that has passed rings at once, but not before this turn is over', async () => {
    const { alarm, rings } = ringing();
    alarm.set(alarm.nowMs() - 50);
    expect(rings).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(rings).toHaveLength(1);
  });

  test('set to nothing does not ring, and leaves no timer', async () => {
    const { alarm, rings } = ringing();
    alarm.set(alarm.nowMs() + 100);
    alarm.set(undefined);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rings).toEqual([]);
    alarm.set(alarm.nowMs() + 100);
    await vi.advanceTimersByTimeAsync(101);
    expect(rings).toHaveLength(1);
  });
});

test('what has arrived is read before an alarm rings: a stall of this process is no outage', async () => {
  const order: string[] = [];
  const rung = Promise.withResolvers<void>();
  const alarm = createAlarm(() => {
    order.push('ring');
    rung.resolve();
  });
  stat(import.meta.filename, () => order.push('reply'));
  alarm.set(alarm.nowMs() + 5);
  const endMs = alarm.nowMs() + 100;
  while (alarm.nowMs() < endMs);
  // The alarm does not keep the process alive by itself.
  const keepAlive = setTimeout(() => rung.reject(new Error('it did not ring')), 5_000);
  await rung.promise;
  clearTimeout(keepAlive);
  expect(order).toEqual(['reply', 'ring']);
});

test('an alarm that is set keeps no process alive', () => {
  const path = join(import.meta.dirname, '../../../../src/allocators/counter/alarm.ts');
  const script = `import { createAlarm } from ${JSON.stringify(path)}; const alarm = createAlarm(() => {}); alarm.set(alarm.nowMs() + 60_000);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 });
  expect(status).toBe(0);
});
