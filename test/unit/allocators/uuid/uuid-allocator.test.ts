/** UUIDs of version 7: as the RFC has them, each above the one before, whatever the clock does. */
import { describe, expect, test } from 'vitest';
import { createUuidAllocator } from '../../../../src/allocators/uuid/uuid-allocator.ts';
import { targetOf, UNRECORDED } from '../../fakes/allocator-on.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');
/** 10,000,000 in the long run: docs/development.md. */
const COUNT = Number(process.env['UUID_COUNT'] ?? 100_000);
const BATCH = 10_000;

const setUp = () => {
  const clock = { nowMs: NOON, now: () => clock.nowMs };
  const allocator = createUuidAllocator(clock);
  const take = async (count: number): Promise<bigint[]> =>
    (await allocator.allocate(targetOf('U'), count, UNRECORDED)).ranges.map(({ first }) => first);
  return { clock, take };
};

describe('a UUID', () => {
  test('shows the time, the version and the variant of RFC 9562', async () => {
    const { take } = setUp();
    const [value = 0n] = await take(1);
    const hex = value.toString(16).padStart(32, '0');
    expect(Number.parseInt(hex.slice(0, 12), 16)).toBe(NOON);
    expect(hex[12]).toBe('7');
    expect(hex[16]).toMatch(/[89ab]/);
  });

  test('is above the one before, however fast they are made and wherever the clock is set', async () => {
    const { clock, take } = setUp();
    let last = 0n;
    const steps = [0, 0, 1, 0, -3, 0, -200, 5, -3_000, 0, -86_400_000, 1];
    for (let made = 0, batch = 0; made < COUNT; made += BATCH, batch += 1) {
      clock.nowMs += steps[batch % steps.length] ?? 0;
      for (const value of await take(Math.min(BATCH, COUNT - made))) {
        if (value <= last) throw new Error(`${value.toString(16)} follows ${last.toString(16)}`);
        last = value;
      }
    }
    expect(last).toBeGreaterThan(0n);
  }, 600_000);
});
