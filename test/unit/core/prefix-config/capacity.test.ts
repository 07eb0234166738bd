/** How much of a series is used, its pace, and when it will be used up. */
import { describe, expect, test } from 'vitest';
import {
  beginPace,
  observe,
  PACE_WINDOW_MS,
  type Pace,
  passOver,
  reachedAtMs,
  usageOf,
  valuesPerMs,
  widthOf,
} from '../../../../src/core/prefix-config/capacity.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const SECOND = 1_000;
const HOUR = 3_600_000;

describe('what is used', () => {
  test.each([
    [2, 99n],
    [19, 10n ** 19n - 1n],
    [20, VALUE_MAX],
  ])('a width of %i digits ends at %s', (seqLength, highest) => {
    expect(widthOf({ seqLength })).toBe(highest);
  });

  test.each([
    ['nothing', 0n, 0n, 'extend', 'width', 0],
    ['the width', 80n, 0n, 'extend', 'width', 80 / 99],
    ['the width beyond a high beginning', 95n, 90n, 'extend', 'width', 5 / 9],
    ['the last value of the width, after which the limit is what comes', 99n, 0n, 'extend', 'limit', 0],
    ['the limit past the width', VALUE_MAX, 0n, 'extend', 'limit', 1],
    ['a limit that is the width', 95n, 0n, 'reject', 'limit', 95 / 99],
    ['a counter below a raised beginning', 5n, 50n, 'extend', 'width', 0],
    ['a beginning above the width', 100n, 99n, 'reject', 'limit', 1],
    ['a beginning at the width, from which nothing was taken', 99n, 99n, 'reject', 'limit', 1],
  ] as const)('of %s', (_what, value, initialSeq, overflow, bound, used) => {
    const usage = usageOf(value, { initialSeq, overflow, seqLength: 2 });
    expect(usage.bound).toBe(bound);
    expect(usage.used).toBeCloseTo(used, 12);
  });
});

describe('the pace', () => {
  const watch = (marks: readonly (readonly [value: bigint, atMs: number])[]): Pace => {
    const [[value, atMs] = [0n, 0], ...later] = marks;
    return later.reduce((pace, [nextValue, nextAt]) => observe(pace, nextValue, nextAt), beginPace(value, atMs));
  };

  test('is what the counter moved by, whoever moved it; nothing before a minute', () => {
    expect(valuesPerMs(watch([[100n, 0]]))).toBeUndefined();
    expect(
      valuesPerMs(
        watch([
          [100n, 0],
          [200n, 59 * SECOND],
        ]),
      ),
    ).toBeUndefined();
    expect(
      valuesPerMs(
        watch([
          [100n, 0],
          [220n, 60 * SECOND],
        ]),
      ),
    ).toBe(0.002);
  });

  test('forgets what is older than a day, and never knows less than half of one', () => {
    let pace = beginPace(0n, 0);
    let value = 0n;
    for (let atMs = HOUR; atMs <= 100 * HOUR; atMs += HOUR) {
      // A thousand an hour in the first two days, ten afterwards.
      value += atMs <= 48 * HOUR ? 1_000n : 10n;
      pace = observe(pace, value, atMs);
      const spanMs = pace.latest.atMs - pace.since.atMs;
      expect(spanMs).toBeLessThanOrEqual(PACE_WINDOW_MS);
      if (atMs >= 24 * HOUR) expect(spanMs).toBeGreaterThanOrEqual(PACE_WINDOW_MS / 2);
      if (atMs === 48 * HOUR) expect(valuesPerMs(pace)).toBeCloseTo(1_000 / HOUR, 9);
      if (atMs >= 73 * HOUR) expect(valuesPerMs(pace)).toBeCloseTo(10 / HOUR, 9);
    }
  });

  test('is not disturbed by a clock that steps back, nor by a reply that comes late', () => {
    const steady = watch([
      [0n, 0],
      [600n, 10 * 60 * SECOND],
    ]);
    expect(observe(steady, 700n, 5 * 60 * SECOND)).toBe(steady);
    expect(observe(steady, 500n, 11 * 60 * SECOND)).toBe(steady);
  });

  test('counts what comes in the same millisecond, and slows down when nothing comes', () => {
    expect(observe(beginPace(0n, 0), 5n, 0).latest).toEqual({ value: 5n, atMs: 0 });
    const marks = [
      [0n, 0],
      [60n, 60 * SECOND],
      [60n, 120 * SECOND],
    ] as const;
    expect(valuesPerMs(watch(marks))).toBe(0.0005);
  });

  test('leaves out what was passed over by hand', () => {
    const pace = passOver(
      watch([
        [0n, 0],
        [60n, 60 * SECOND],
      ]),
      1_000_000n,
    );
    expect(valuesPerMs(observe(pace, 1_000_120n, 120 * SECOND))).toBe(0.001);
  });
});

describe('the date', () => {
  test.each([
    ['the way and the pace say', 0n, 100n, 0.001, 5_000 + 100 * SECOND],
    ['the rest of the way says', 40n, 100n, 0.001, 5_000 + 60 * SECOND],
    ['is a hundred years ahead', 0n, 3_155_760_000_000n, 1, 5_000 + 3_155_760_000_000],
    ['now, when it is reached already', 100n, 100n, 0, 5_000],
    ['none at a standstill', 0n, 100n, 0, undefined],
    ['none in more than a hundred years', 0n, VALUE_MAX, 0.001, undefined],
  ])('is what %s', (_what, value, highest, perMs, expected) => {
    expect(reachedAtMs(value, highest, perMs, 5_000)).toBe(expected);
  });
});
