/** Serving one waiting request: from what is in hand in order, from the standby when that is enough, or giving all back. */
import { describe, expect, test, vi } from 'vitest';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import { dealInOrder, giveBack, makeCall, settleCall } from '../../../../../src/allocators/counter/machine/session.ts';
import {
  type CounterSession,
  createCounterSession,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  refuse,
  serveFromHand,
  serveFromStandby,
  type Waiter,
} from '../../../../../src/allocators/counter/sequence/waiter.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

/** A session with the values 1-3 in hand and the standby 11-15. */
const inHand = (): CounterSession => {
  let calls = 0;
  const session = createCounterSession({
    sequence: sequenceOf(seriesOf('INV'), ''),
    node: 'node',
    nextCall: () => ++calls,
  });
  makeCall(session, 3, { initialSeq: 0n, limit: VALUE_MAX, standbySize: 5 });
  const segment = { first: 11n, last: 15n, offeredIn: 1 };
  settleCall(session, 1, {
    kind: 'taken',
    range: { first: 1n, last: 3n },
    returned: false,
    standby: { kind: 'offer', segment },
  });
  return session;
};

const waiterFor = (missing: number, limit = VALUE_MAX) => ({
  missing,
  limit,
  ranges: [],
  resolve: vi.fn<Waiter['resolve']>(),
  reject: vi.fn<Waiter['reject']>(),
});

describe('from the hand', () => {
  test('a request that fits gets its values in order, and the rest stays', () => {
    const session = inHand();
    const waiter = waiterFor(2);
    expect(serveFromHand(session, waiter)).toBe(true);
    expect(waiter.resolve).toHaveBeenCalledExactlyOnceWith({
      ranges: [{ first: 1n, last: 2n }],
      fromStandby: false,
    });
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 3n, last: 3n });
  });

  test('a larger one keeps what there is and goes on waiting', () => {
    const waiter = waiterFor(5);
    expect(serveFromHand(inHand(), waiter)).toBe(false);
    expect([waiter.missing, waiter.ranges]).toEqual([2, [{ first: 1n, last: 3n }]]);
    expect(waiter.resolve).not.toHaveBeenCalled();
  });

  test('several ranges are put together', () => {
    const session = inHand();
    giveBack(session, { first: 100n, last: 100n });
    const waiter = waiterFor(2);
    expect(serveFromHand(session, waiter)).toBe(true);
    expect(waiter.ranges).toEqual([
      { first: 100n, last: 100n },
      { first: 1n, last: 1n },
    ]);
  });

  test('nothing above its limit is given to a request', () => {
    const waiter = waiterFor(3, 2n);
    expect(serveFromHand(inHand(), waiter)).toBe(false);
    expect(waiter.ranges).toEqual([{ first: 1n, last: 2n }]);
  });
});

describe('from the standby', () => {
  test('values in hand go first, and alone when they are enough', () => {
    const session = inHand();
    const waiter = waiterFor(3);
    expect(serveFromStandby(session, waiter)).toBe(true);
    expect(waiter.resolve).toHaveBeenCalledExactlyOnceWith({
      ranges: [{ first: 1n, last: 3n }],
      fromStandby: false,
    });
    expect(standbyLeft(session.standby)).toBe(5n);
  });

  test('a request that needs more gets the rest from the segment, and the allocation says so', () => {
    const session = inHand();
    const waiter = waiterFor(5);
    expect(serveFromStandby(session, waiter)).toBe(true);
    expect(waiter.resolve).toHaveBeenCalledExactlyOnceWith({
      ranges: [
        { first: 1n, last: 3n },
        { first: 11n, last: 12n },
      ],
      fromStandby: true,
    });
    expect(standbyLeft(session.standby)).toBe(3n);
  });

  test('one that it is not enough for leaves the segment untouched for smaller ones', () => {
    const session = inHand();
    expect(serveFromStandby(session, waiterFor(9))).toBe(false);
    expect(standbyLeft(session.standby)).toBe(5n);
    const small = waiterFor(5);
    expect(serveFromStandby(session, small)).toBe(true);
    expect(small.ranges).toEqual([{ first: 11n, last: 15n }]);
  });

  test('a segment above the limit of the request is not used', () => {
    const session = inHand();
    const waiter = waiterFor(4, 10n);
    expect(serveFromStandby(session, waiter)).toBe(false);
    expect([waiter.missing, standbyLeft(session.standby)]).toEqual([1, 5n]);
  });
});

test('a segment of which too few values lie below the limit of a request is left to others whole', () => {
  const session = inHand();
  const waiter = waiterFor(6, 12n);
  expect(serveFromStandby(session, waiter)).toBe(false);
  expect([waiter.missing, standbyLeft(session.standby)]).toEqual([3, 5n]);
});

test('a refused request gives back what it has got, in the same order, and is told why', () => {
  const session = inHand();
  giveBack(session, { first: 100n, last: 100n });
  const waiter = waiterFor(9);
  serveFromHand(session, waiter);
  const error = new Error('No');
  expect(refuse(session, waiter, error)).toBe(4n);
  expect(waiter.reject).toHaveBeenCalledExactlyOnceWith(error);
  expect([
    dealInOrder(session, 9, VALUE_MAX),
    dealInOrder(session, 9, VALUE_MAX),
    dealInOrder(session, 9, VALUE_MAX),
  ]).toEqual([{ first: 100n, last: 100n }, { first: 1n, last: 3n }, undefined]);
});
