/** The rule of a counter: consecutive, exact, never past the limit, and an all-or-nothing answer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AdvanceReply, CounterReply } from '../../../../src/core/counter/counter-call.ts';
import { advanceCounter, takeFromCounter } from '../../../../src/core/counter/counter-rule.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';

const INV = sequenceOf(seriesOf('INV'), '');
const standby = { kind: 'keep' } as const;

const move = (stored: bigint | undefined, count: number, { initialSeq = 0n, limit = VALUE_MAX } = {}) =>
  takeFromCounter(stored, { count, initialSeq, limit });

const take = (stored: bigint | undefined, count: number, terms: { initialSeq?: bigint; limit?: bigint } = {}) =>
  move(stored, count, terms).reply;

const taken = (first: bigint, last: bigint): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby,
});
const exhausted = (valuesLeft: bigint): CounterReply => ({ kind: 'exhausted', valuesLeft, standby });

describe('where counting goes on', () => {
  test('a fresh counter starts at 1', () => {
    expect(take(undefined, 1)).toEqual(taken(1n, 1n));
  });

  test('a fresh counter with initialSeq 1000 starts at 1001', () => {
    expect(take(undefined, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter above initialSeq goes on from where it stands', () => {
    expect(take(1005n, 2, { initialSeq: 1000n })).toEqual(taken(1006n, 1007n));
  });

  test('a counter below a raised initialSeq jumps to it', () => {
    expect(take(5n, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter that stands at initialSeq does not repeat it', () => {
    expect(take(1000n, 1, { initialSeq: 1000n })).toEqual(taken(1001n, 1001n));
  });

  test('a counter stored at 0 is a counter, not a missing one', () => {
    expect(take(0n, 1)).toEqual(taken(1n, 1n));
  });
});

describe('where counting ends', () => {
  test('the last value, 2^64 - 1, can be taken', () => {
    expect(take(VALUE_MAX - 1n, 1)).toEqual(taken(VALUE_MAX, VALUE_MAX));
  });

  test('past 2^64 - 1 there is nothing', () => {
    expect(take(VALUE_MAX, 1)).toEqual(exhausted(0n));
  });

  test('a request for more than is left gets nothing, and learns how many are left', () => {
    expect(take(997n, 3, { limit: 999n })).toEqual(exhausted(2n));
    expect(take(997n, 2, { limit: 999n })).toEqual(taken(998n, 999n));
  });

  test('a counter above a lowered limit has nothing left, not a negative number', () => {
    expect(take(1_000n, 1, { limit: 999n })).toEqual(exhausted(0n));
  });

  test('an initialSeq at the limit leaves nothing', () => {
    expect(take(undefined, 1, { initialSeq: 999n, limit: 999n })).toEqual(exhausted(0n));
  });
});

describe('what a call leaves behind', () => {
  test('is the last value taken, where the next call goes on', () => {
    expect(move(7n, 3)).toMatchObject({ value: 10n, jumped: undefined });
    expect(move(undefined, 1, { initialSeq: 1000n })).toMatchObject({ value: 1001n, jumped: undefined });
  });

  test('is a record of what was jumped when initialSeq was raised', () => {
    expect(move(5n, 1, { initialSeq: 1000n })).toMatchObject({ value: 1001n, jumped: { first: 6n, last: 1000n } });
  });

  test('is no record when the counter stands at initialSeq, for nothing was jumped', () => {
    expect(move(1000n, 1, { initialSeq: 1000n })).toMatchObject({ value: 1001n, jumped: undefined });
  });

  test('is nothing when it only reports or was refused', () => {
    const untouched = { value: undefined, jumped: undefined };
    expect(move(5n, 0, { initialSeq: 1000n })).toEqual({ reply: { kind: 'nothing', standby }, ...untouched });
    expect(move(5n, 9, { initialSeq: 10n, limit: 12n })).toEqual({ reply: exhausted(2n), ...untouched });
  });
});

describe('moving a counter forward', () => {
  const advance = (stored: bigint | undefined, to: bigint, { initialSeq = 0n, limit = VALUE_MAX } = {}) =>
    advanceCounter(stored, { sequence: INV, operation: 'op', to, initialSeq, limit, epoch: 0n, window: 0 });
  const refused = (reply: AdvanceReply) => ({ reply, value: undefined, jumped: undefined });

  test('records everything in between', () => {
    expect(advance(5n, 9n)).toEqual({
      reply: { kind: 'advanced', from: 5n, to: 9n },
      value: 9n,
      jumped: { first: 6n, last: 9n },
    });
  });

  test('of a fresh sequence records what lies above initialSeq', () => {
    expect(advance(undefined, 1005n, { initialSeq: 1000n })).toEqual({
      reply: { kind: 'advanced', from: 1000n, to: 1005n },
      value: 1005n,
      jumped: { first: 1001n, last: 1005n },
    });
  });

  test('below a raised initialSeq records that jump too', () => {
    expect(advance(5n, 1005n, { initialSeq: 1000n }).jumped).toEqual({ first: 6n, last: 1005n });
  });

  test.each([
    [9n, 9n],
    [9n, 3n],
  ])('from %s to %s is no move forward', (stored, to) => {
    expect(advance(stored, to)).toEqual(refused({ kind: 'behind', current: stored }));
  });

  test('to initialSeq of a fresh sequence is no move forward', () => {
    expect(advance(undefined, 1000n, { initialSeq: 1000n })).toEqual(refused({ kind: 'behind', current: 1000n }));
  });

  test('to the limit is possible, and above it refused', () => {
    expect(advance(5n, 999n, { limit: 999n }).value).toBe(999n);
    expect(advance(5n, 1000n, { limit: 999n })).toEqual(refused({ kind: 'exhausted', valuesLeft: 994n }));
  });
});

test('whatever is asked: exactly count values, right behind the last one, within the limit; or none at all', () => {
  const value = fc.bigInt(0n, VALUE_MAX);
  const nearTop = fc.bigInt(VALUE_MAX - 50n, VALUE_MAX);
  const small = fc.bigInt(0n, 50n);
  const anywhere = fc.oneof(value, nearTop, small);
  fc.assert(
    fc.property(
      fc.option(anywhere, { nil: undefined }),
      fc.integer({ min: 1, max: 100 }),
      anywhere,
      anywhere,
      (stored, count, initialSeq, limit) => {
        const before = stored !== undefined && stored > initialSeq ? stored : initialSeq;
        const left = limit > before ? limit - before : 0n;
        const expected = left >= BigInt(count) ? taken(before + 1n, before + BigInt(count)) : exhausted(left);
        expect(take(stored, count, { initialSeq, limit })).toEqual(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});
