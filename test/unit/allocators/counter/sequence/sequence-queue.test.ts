/** One queue: its line is served in order, counted and refused exactly, and every reply of the store has its consequence. */
import { describe, expect, test } from 'vitest';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import {
  giveBack,
  hasValues,
  makeCall,
  makeLeave,
  takeAllInHand,
} from '../../../../../src/allocators/counter/machine/session.ts';
import { createCounterSession, owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  countWanted,
  createSequenceQueue,
  isTickDue,
  refuseAll,
  type SequenceQueue,
  serveInOrder,
  serveWithoutStore,
  settleQueue,
  touch,
} from '../../../../../src/allocators/counter/sequence/sequence-queue.ts';
import type { CounterReply, StandbyAdvice } from '../../../../../src/core/counter/counter-call.ts';
import { CorruptEntryError, SequenceOverflowError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const KEEP: StandbyAdvice = { kind: 'keep' };
const OFFER: StandbyAdvice = { kind: 'offer', segment: { first: 101n, last: 105n, offeredIn: 1 } };
const NOTHING: CounterReply = { kind: 'nothing', standby: KEEP };

const taken = (first: bigint, last: bigint): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby: KEEP,
});

/** A queue in which requests of these sizes wait, and what became of each. */
const queueWith = (...counts: number[]) => {
  let calls = 0;
  const session = createCounterSession({ sequence: TARGET.sequence, node: 'node', nextCall: () => ++calls });
  const queue = createSequenceQueue(session, TARGET);
  const endings: (string | Error | undefined)[] = counts.map(() => undefined);
  for (const [index, missing] of counts.entries()) {
    queue.waiters.push({
      missing,
      limit: VALUE_MAX,
      ranges: [],
      resolve: ({ ranges, fromStandby }) => {
        endings[index] = ranges.map(({ first, last }) => `${first}-${last}`).join(' ') + (fromStandby ? '*' : '');
      },
      reject: (error) => {
        endings[index] = error as Error;
      },
    });
  }
  /** Makes the next call, and takes this reply in. */
  const settle = (reply: CounterReply) => {
    const { call } = makeCall(session, countWanted(queue, 1_000), TARGET);
    return settleQueue(queue, call, reply);
  };
  return { queue, endings, settle };
};

const missingIn = (queue: SequenceQueue): number[] => queue.waiters.map(({ missing }) => missing);

describe('the next call', () => {
  test.each([
    [[], 10, 0],
    [[3, 4], 10, 7],
    [[3, 4, 5], 10, 7],
    [[3, 9, 1], 10, 3],
    [[12, 1], 10, 12],
    [[5, 5], 10, 10],
  ])('for requests of %j, at most %i values, asks for %i', (counts, valuesMax, expected) => {
    expect(countWanted(queueWith(...counts).queue, valuesMax)).toBe(expected);
  });
});

describe('the line', () => {
  test('is served from its head, and nobody is overtaken', () => {
    const { queue, endings } = queueWith(1, 5, 1);
    giveBack(queue.session, { first: 1n, last: 4n });
    expect(serveInOrder(queue)).toBe(1);
    expect([endings, missingIn(queue)]).toEqual([
      ['1-1', undefined, undefined],
      [2, 1],
    ]);
  });

  test('without the store is served as far as the standby goes, and the others wait on', () => {
    const { queue, endings, settle } = queueWith();
    settle({ kind: 'nothing', standby: OFFER });
    const other = queueWith(2, 9, 3);
    queue.waiters.push(...other.queue.waiters);
    expect(serveWithoutStore(queue)).toBe(2);
    expect([other.endings, endings, missingIn(queue)]).toEqual([['101-102*', undefined, '103-105*'], [], [9]]);
  });

  test('is refused as a whole, and its values stay in their order', () => {
    const { queue, endings } = queueWith(9, 9);
    queue.waiters[0]?.ranges.push({ first: 1n, last: 4n });
    queue.waiters[1]?.ranges.push({ first: 7n, last: 7n });
    const error = new Error('Away');
    expect(refuseAll(queue, error)).toBe(2);
    expect([endings, queue.waiters]).toEqual([[error, error], []]);
    expect(takeAllInHand(queue.session)).toEqual([
      { first: 1n, last: 4n },
      { first: 7n, last: 7n },
    ]);
  });
});

describe('a reply', () => {
  test('that brings enough serves all, and nothing follows', () => {
    const { endings, settle } = queueWith(1, 2);
    expect(settle(taken(1n, 3n))).toEqual({ done: 2, again: false, over: false });
    expect(endings).toEqual(['1-1', '2-3']);
  });

  test('that brings less serves those it is enough for, and another call follows', () => {
    const { endings, settle } = queueWith(1, 3);
    expect(settle(taken(1n, 3n))).toEqual({ done: 1, again: true, over: false });
    expect(settle(taken(7n, 7n))).toEqual({ done: 1, again: false, over: false });
    expect(endings).toEqual(['1-1', '2-3 7-7']);
  });

  test('that leaves values nobody waits for is followed by a report, three times at most until a request comes', () => {
    const { queue, settle } = queueWith();
    const progress = [1n, 2n, 3n, 4n, 5n].map((value) => settle(taken(value, value)).again);
    expect(progress).toEqual([true, true, true, false, false]);
    queue.reports = 0;
    expect(settle(taken(6n, 6n)).again).toBe(true);
  });

  test('that nothing is left refuses who does not fit, and nobody else', () => {
    const { endings, queue, settle } = queueWith(4, 7, 2, 5);
    const progress = settle({ kind: 'exhausted', valuesLeft: 6n, standby: KEEP });
    expect(progress).toEqual({ done: 2, again: true, over: false });
    expect(endings).toEqual([
      undefined,
      expect.any(SequenceOverflowError),
      undefined,
      expect.any(SequenceOverflowError),
    ]);
    expect(missingIn(queue)).toEqual([4, 2]);
  });

  test('that nothing is left is followed by no call when everybody was refused', () => {
    const { settle } = queueWith(4);
    const progress = settle({ kind: 'exhausted', valuesLeft: 0n, standby: KEEP });
    expect(progress).toEqual({ done: 1, again: false, over: false });
  });

  test('that nothing is left but the own standby refuses nobody yet', () => {
    const { queue, settle } = queueWith();
    settle({ kind: 'nothing', standby: OFFER });
    queue.waiters.push(...queueWith(4).queue.waiters);
    const progress = settle({ kind: 'exhausted', valuesLeft: 0n, standby: { kind: 'recall' } });
    expect(progress).toEqual({ done: 0, again: true, over: false });
    expect([missingIn(queue), standbyLeft(queue.session.standby)]).toEqual([[4], 0n]);
  });

  test('that the entry is corrupt refuses all, and no call follows', () => {
    const { endings, settle } = queueWith(1, 2);
    expect(settle({ kind: 'corrupt', reason: 'rubbish' })).toEqual({ done: 2, again: false, over: false });
    expect(endings).toEqual([expect.any(CorruptEntryError), expect.any(CorruptEntryError)]);
    expect((endings[0] as Error).cause).toBe('rubbish');
  });

  test.each([{ kind: 'forgotten' }, { kind: 'recovering' }] as const)(
    'of the kind $kind blocks the queue until the node has reported, and nobody is refused',
    (reply) => {
      const { queue, endings, settle } = queueWith(1);
      expect(settle(reply)).toEqual({ done: 0, again: false, over: false, blocked: { by: 'recovery' } });
      expect(owesReport(queue.session)).toBe(true);
      expect(endings).toEqual([undefined]);
    },
  );

  test('that the ceiling must be raised blocks the queue, and nobody is refused', () => {
    const { endings, settle } = queueWith(1);
    const blocked = { by: 'ceiling', value: 9n };
    expect(settle({ kind: 'ceiling', value: 9n })).toEqual({ done: 0, again: false, over: false, blocked });
    expect(settle(taken(10n, 10n))).toEqual({ done: 1, again: false, over: false });
    expect(endings).toEqual(['10-10']);
  });

  test.each([
    [[], false],
    [[1], true],
  ])('that another process has this name ends the session (waiting: %j)', (counts, again) => {
    expect(queueWith(...counts).settle({ kind: 'stale', lastCall: 9 })).toEqual({ done: 0, again, over: true });
  });

  test('to an earlier call changes nothing', () => {
    const { queue, endings } = queueWith(1);
    expect(settleQueue(queue, 99, taken(1n, 1n))).toEqual({ done: 0, again: true, over: false });
    expect(endings).toEqual([undefined]);
  });
});

describe('an idle queue', () => {
  const LIMITS = { idleTicksMax: 20, reportTicksMax: 6 };
  const dueTicks = (queue: SequenceQueue, ticks: number): number[] =>
    Array.from({ length: ticks }, (_, index) => index + 1).filter(() => isTickDue(queue, LIMITS));

  test('is due after 2, 4, 8 … ticks up to a bound, and from its end on with every tick', () => {
    const { queue } = queueWith();
    expect(dueTicks(queue, 20)).toEqual([2, 4, 8, 14, 20]);
    expect(queue.leaving).toBe(false);
    expect(isTickDue(queue, LIMITS)).toBe(true);
    expect(queue.leaving).toBe(true);
  });

  test('begins anew with a request', () => {
    const { queue } = queueWith();
    dueTicks(queue, 19);
    queue.reports = 3;
    const target = targetOf('INV', { limit: 9n });
    touch(queue, target);
    expect([queue.target, queue.reports, dueTicks(queue, 5), queue.leaving]).toEqual([target, 0, [2, 4], false]);
  });
});

test('what is still in hand of a queue that is over is taken out of it, in order', () => {
  const { queue } = queueWith();
  giveBack(queue.session, { first: 7n, last: 3_000_000n });
  giveBack(queue.session, { first: 1n, last: 2n });
  const values = takeAllInHand(queue.session);
  expect(values[0]).toEqual({ first: 1n, last: 2n });
  expect([values.slice(1), hasValues(queue.session)]).toEqual([[{ first: 7n, last: 3_000_000n }], false]);
  expect(takeAllInHand(queue.session)).toEqual([]);
});

describe('a queue that is given up', () => {
  const leaving = (...counts: number[]) => {
    const parts = queueWith();
    parts.settle(NOTHING);
    parts.queue.leaving = true;
    parts.queue.waiters.push(...queueWith(...counts).queue.waiters);
    return parts;
  };

  test.each([
    [[], false],
    [[1], true],
  ])('is over with the reply to its last call (waiting: %j)', (counts, again) => {
    const { queue } = leaving(...counts);
    const call = makeLeave(queue.session, TARGET)?.call ?? 0;
    expect(settleQueue(queue, call, NOTHING)).toEqual({ done: 0, again, over: true });
  });

  test('first settles what is unsettled, whatever the answer', () => {
    expect(leaving().settle(NOTHING)).toEqual({ done: 0, again: true, over: false });
    expect(leaving().settle({ kind: 'exhausted', valuesLeft: 0n, standby: KEEP })).toMatchObject({ again: true });
    expect(leaving().settle({ kind: 'forgotten' })).toMatchObject({ blocked: { by: 'recovery' }, over: false });
  });

  test('is over when its entry is corrupt: there is nobody to give anything back to', () => {
    expect(leaving().settle({ kind: 'corrupt', reason: 'rubbish' })).toEqual({ done: 0, again: false, over: true });
  });
});
