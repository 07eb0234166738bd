/** Garbage is collected when there is more than the bound, and only then. */
import { describe, expect, test } from 'vitest';
import { createGarbageBound } from '../../../src/lib/garbage-bound.ts';

const setUp = (keptAfterwards: number) => {
  const seen = { bytes: 1_000, collections: 0 };
  const collect = (): void => {
    seen.collections += 1;
    seen.bytes = keptAfterwards;
  };
  return { seen, bound: createGarbageBound(100, collect, () => seen.bytes) };
};

describe('the bound', () => {
  test('leaves what is within it to V8', () => {
    const { seen, bound } = setUp(1_000);
    seen.bytes = 1_100;
    bound();
    expect(seen.collections).toBe(0);
  });

  test('is counted from what the last collection left, so that what is in use is not collected again and again', () => {
    const { seen, bound } = setUp(1_050);
    for (const [bytes, collections] of [
      [1_101, 1],
      [1_150, 1],
      [1_151, 2],
    ] as const) {
      seen.bytes = bytes;
      bound();
      expect(seen.collections).toBe(collections);
    }
  });

  test('without --expose-gc leaves all to V8', () => {
    const bytes = [0, 1_000_000];
    expect(createGarbageBound(100, undefined, () => bytes.shift() ?? 0)).not.toThrow();
  });

  test('knows how much V8 has', () => {
    let collections = 0;
    const bound = createGarbageBound(-1, () => {
      collections += 1;
    });
    bound();
    expect(collections).toBe(1);
  });
});
