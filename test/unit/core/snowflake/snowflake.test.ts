/** Snowflake ids: their parts, and what each reading of the clock allows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  composeSnowflake,
  KEEP_MAX_MS,
  nextSnowflakes,
  readSnowflake,
  SEQUENCE_MAX,
  SNOWFLAKE_MIN,
  type SnowflakeMoment,
  WAIT_MAX_MS,
} from '../../../../src/core/snowflake/snowflake.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');

describe('the parts of an id', () => {
  test('are 42 bits of clock, 3 of data centre, 8 of worker, 10 of sequence', () => {
    const id = composeSnowflake({ issuedAtMs: NOON, dataCentre: 5, worker: 170, sequence: 1_023 });
    const clock = BigInt(NOON - Date.parse('2026-01-01T00:00:00Z'));
    expect(id).toBe(clock * 2n ** 21n + 5n * 2n ** 18n + 170n * 2n ** 10n + 1_023n);
    expect(readSnowflake(id)).toEqual({ issuedAtMs: NOON, dataCentre: 5, worker: 170, sequence: 1_023 });
  });

  test('come back as they were composed, and ids are ordered as their times', () => {
    const parts = fc.record({
      issuedAtMs: fc.integer({ min: Date.parse('2026-03-01T00:00:00Z'), max: Date.parse('2165-01-01T00:00:00Z') }),
      dataCentre: fc.integer({ min: 0, max: 7 }),
      worker: fc.integer({ min: 0, max: 255 }),
      sequence: fc.integer({ min: 0, max: SEQUENCE_MAX }),
    });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(readSnowflake(composeSnowflake(a))).toEqual(a);
        if (a.issuedAtMs < b.issuedAtMs) expect(composeSnowflake(a)).toBeLessThan(composeSnowflake(b));
        expect(composeSnowflake(a)).toBeLessThan(2n ** 63n);
      }),
    );
  });

  test.each([0n, 123_456n, SNOWFLAKE_MIN - 1n, 2n ** 63n, 2n ** 64n - 1n])('%s has none', (value) => {
    expect(readSnowflake(value)).toBeUndefined();
  });
});

describe('a clock that goes forward', () => {
  test('begins each millisecond at sequence 0, with up to 1,024 ids', () => {
    const last = { atMs: NOON, sequence: 17 };
    expect(nextSnowflakes(last, NOON + 1, 5)).toEqual({ kind: 'use', atMs: NOON + 1, sequence: 0, count: 5 });
    expect(nextSnowflakes(last, NOON + 1, 5_000)).toMatchObject({ count: 1_024 });
  });

  test('goes on within the millisecond, and is waited for when that is used up', () => {
    expect(nextSnowflakes({ atMs: NOON, sequence: 17 }, NOON, 2_000)).toEqual({
      kind: 'use',
      atMs: NOON,
      sequence: 18,
      count: 1_006,
    });
    expect(nextSnowflakes({ atMs: NOON, sequence: SEQUENCE_MAX }, NOON, 1)).toEqual({ kind: 'wait', forMs: 1 });
  });
});

describe('a clock that steps back', () => {
  const last = { atMs: NOON, sequence: 17 };

  test.each([1, WAIT_MAX_MS])('by %i ms is waited for', (byMs) => {
    expect(nextSnowflakes(last, NOON - byMs, 1)).toEqual({ kind: 'wait', forMs: byMs });
  });

  test.each([WAIT_MAX_MS + 1, 200, KEEP_MAX_MS])('by %i ms keeps the last millisecond', (byMs) => {
    expect(nextSnowflakes(last, NOON - byMs, 1)).toEqual({ kind: 'use', atMs: NOON, sequence: 18, count: 1 });
  });

  test('goes on to the next millisecond when the kept one is used up, but never more than a second ahead', () => {
    const full = { atMs: NOON, sequence: SEQUENCE_MAX };
    expect(nextSnowflakes(full, NOON - 200, 3)).toEqual({ kind: 'use', atMs: NOON + 1, sequence: 0, count: 3 });
    expect(nextSnowflakes(full, NOON - KEEP_MAX_MS, 3)).toEqual({ kind: 'wait', forMs: 1 });
  });

  test.each([KEEP_MAX_MS + 1, 3_000, 86_400_000])('by %i ms asks for another worker id', (byMs) => {
    expect(nextSnowflakes(last, NOON - byMs, 1)).toEqual({ kind: 'stepped', byMs });
  });
});

describe('a clock that no id can show', () => {
  test.each(['2026-01-01', '2026-02-20', '1970-01-01', '2165-06-01'])('%s makes none', (date) => {
    expect(nextSnowflakes({ atMs: 0, sequence: 0 }, Date.parse(date), 1)).toEqual({ kind: 'unusable' });
  });

  const EPOCH = Date.parse('2026-01-01T00:00:00Z');
  const idAt = (nowMs: number): bigint | undefined => {
    const step = nextSnowflakes({ atMs: 0, sequence: 0 }, nowMs, 1);
    return step.kind === 'use'
      ? composeSnowflake({ issuedAtMs: step.atMs, dataCentre: 0, worker: 0, sequence: step.sequence })
      : undefined;
  };

  test('makes none up to the last millisecond that could make one below the least id, and then the least', () => {
    const first = EPOCH + 4_768_371_583;
    expect(idAt(first - 1)).toBeUndefined();
    const id = idAt(first) ?? 0n;
    expect(id).toBeGreaterThanOrEqual(SNOWFLAKE_MIN);
    expect(id - 2n ** 21n).toBeLessThan(SNOWFLAKE_MIN);
    expect(readSnowflake(SNOWFLAKE_MIN)).toBeDefined();
  });

  test('makes them up to the last millisecond of 42 bits, and none later', () => {
    const last = EPOCH + 2 ** 42 - 1;
    expect(readSnowflake(idAt(last) ?? 0n)).toMatchObject({ issuedAtMs: last });
    expect(idAt(last + 1)).toBeUndefined();
  });
});

test('whatever the clock does, ids of one worker rise', () => {
  const steps = fc.array(
    fc.record({ byMs: fc.integer({ min: -1_500, max: 50 }), wanted: fc.integer({ min: 1, max: 3_000 }) }),
    {
      minLength: 1,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(steps, (readings) => {
      let last: SnowflakeMoment = { atMs: 0, sequence: SEQUENCE_MAX };
      let nowMs = NOON;
      for (const { byMs, wanted } of readings) {
        nowMs += byMs;
        const step = nextSnowflakes(last, nowMs, wanted);
        if (step.kind !== 'use') continue;
        const rises = step.atMs > last.atMs || (step.atMs === last.atMs && step.sequence > last.sequence);
        expect({ rises, last, step }).toMatchObject({ rises: true });
        last = { atMs: step.atMs, sequence: step.sequence + step.count - 1 };
        expect(last.sequence).toBeLessThanOrEqual(SEQUENCE_MAX);
        expect(last.atMs - nowMs).toBeLessThanOrEqual(KEEP_MAX_MS);
      }
    }),
  );
});
