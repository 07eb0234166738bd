/** The one timer of a node: it rings in time, once, after replies that have arrived, and keeps no process alive. */
import { spawnSync } from 'node:child_process';
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
    vi.useRealTimers();
  });

  test('rings once, when it was set to, and never early', async () => {
    const { alarm, rings } = ringing();
    const startMs = alarm.nowMs();
    alarm.set(startMs + 99.5);
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

  test('lets what has arrived be read before it rings: a stall of this process is no outage', async () => {
    const { alarm, rings } = ringing();
    const order: string[] = [];
    alarm.set(alarm.nowMs() + 10);
    setTimeout(() => setImmediate(() => order.push(`reply, rung: ${rings.length}`)), 9);
    await vi.advanceTimersByTimeAsync(20);
    expect([order, rings.length]).toEqual([['reply, rung: 0'], 1]);
  });
});

test('an alarm that is set keeps no process alive', () => {
  const path = join(import.meta.dirname, '../../../../src/allocators/counter/alarm.ts');
  const script = `import { createAlarm } from ${JSON.stringify(path)}; const alarm = createAlarm(() => {}); alarm.set(alarm.nowMs() + 60_000);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 });
  expect(status).toBe(0);
});
