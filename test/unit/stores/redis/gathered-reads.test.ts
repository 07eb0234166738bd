/** Reads made together: one call per turn of the event loop, everybody gets what they asked for, and failures are shared. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { gatherReads } from '../../../../src/stores/redis/gathered-reads.ts';

const setUp = () => {
  const calls: (readonly string[])[] = [];
  let failure: Error | undefined;
  const read = gatherReads(async (keys) => {
    calls.push([...keys]);
    if (failure !== undefined) throw failure;
    return keys.map((key) => (key === 'none' ? null : `of ${key}`));
  });
  const failWith = (error: Error | undefined): void => {
    failure = error;
  };
  return { read, calls, failWith };
};

describe('gathered reads', () => {
  test('of one turn are one call, and each gets its own entries', async () => {
    const { read, calls } = setUp();
    const found = await Promise.all([read(['a']), read(['none', 'b']), read(['a'])]);
    expect(found).toEqual([['of a'], [null, 'of b'], ['of a']]);
    expect(calls).toEqual([['a', 'none', 'b', 'a']]);
  });

  test('asked for while a call is under way are another call', async () => {
    const { read, calls } = setUp();
    const first = read(['a']);
    await setImmediate();
    await Promise.all([first, read(['b'])]);
    expect(calls).toEqual([['a'], ['b']]);
  });

  test('fail together, and the next ones are made anew', async () => {
    const { read, calls, failWith } = setUp();
    failWith(new Error('away'));
    const outcomes = await Promise.allSettled([read(['a']), read(['b'])]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    failWith(undefined);
    expect(await read(['c'])).toEqual(['of c']);
    expect(calls).toEqual([['a', 'b'], ['c']]);
  });

  test('are at most 1,000 keys a call, unless somebody asks for more at once', async () => {
    const { read, calls } = setUp();
    const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);
    await Promise.all([read(many(999)), read(['a', 'b']), read(many(1_500)), read(['c'])]);
    expect(calls.map(({ length }) => length)).toEqual([999, 2, 1_500, 1]);
  });
});
