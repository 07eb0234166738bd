/** The requests that wait in a sequence: served in order from what is in hand, from the standby when that is enough, or refused whole. */
import { describe, expect, test } from 'vitest';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import { createSequence, type Sequence } from '../../../../../src/allocators/counter/machine/sequence.ts';
import {
  dealInOrder,
  giveBack,
  hasValues,
  makeCall,
  settleCall,
  takeAllInHand,
} from '../../../../../src/allocators/counter/machine/session.ts';
import { createCounterSession } from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  countWaiting,
  countWanted,
  createRequest,
  followFloor,
  refuse,
  refuseAll,
  refuseWhoDoesNotFit,
  serveFromHand,
  serveFromStandby,
  serveInOrder,
  serveWithoutStore,
  type Waiter,
} from '../../../../../src/allocators/counter/machine/waiters.ts';
import { SequenceOverflowError } from '../../../../../src/core/errors.ts';
import type { Range } from '../../../../../src/core/values/range.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { allocationTicket, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });

const waiterFor = (missing: number, parts: { limit?: bigint; isLease?: boolean; lastCall?: number } = {}) => {
  const { lastCall, ...terms } = parts;
  const ticket = allocationTicket();
  return Object.assign(createRequest(ticket, { ...TARGET, ...terms }, missing), { ticket, lastCall });
};

/** It has got these values so far. */
const has = (waiter: Waiter | undefined, range: Range): void => {
  if (waiter !== undefined) waiter.ranges = [range];
};

/** A sequence in which requests of these sizes wait, and a desk that hands over its answers. */
const lineOf = (...counts: number[]) => {
  let calls = 0;
  const session = createCounterSession({ sequence: TARGET.sequence, node: 'node', nextCall: () => ++calls });
  const line: Sequence = createSequence(session, TARGET, 'joining');
  const waiters = counts.map((count) => waiterFor(count));
  line.waiters.push(...waiters);
  const desk = {
    arrived: counts.length,
    answered: 0,
    effects: {
      push: (answer: Parameters<Parameters<typeof refuse>[0]['effects']['push']>[0]): void => {
        if (answer.do === 'serve')
          for (const { ticket, ranges } of answer.waiters) ticket.resolve({ ranges, fromStandby: answer.fromStandby });
        else if (answer.do === 'refuse') answer.ticket.reject(answer.error);
      },
    },
  };
  const outcomes = (): unknown[] => waiters.map(({ ticket }) => ticket.outcome);
  const missing = (): number[] => line.waiters.map((waiter) => waiter.missing);
  return { session, line, desk, waiters, outcomes, missing };
};

/** The same with the values 1-3 in hand, and the standby 11-15. */
const inHand = (...counts: number[]) => {
  const parts = lineOf(...counts);
  makeCall(parts.session, 3, TARGET);
  settleCall(parts.session, 1, taken(1n, 3n, { standby: offer(11n, 15n) }));
  return parts;
};

describe('from the hand', () => {
  test('a request that fits gets its values in order, and the rest stays', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(2);
    expect(serveFromHand(desk, session, waiter)).toBe(true);
    expect(waiter.ticket.outcome).toBe('1-2');
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 3n, last: 3n });
  });

  test('a larger one keeps what there is and goes on waiting', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(5);
    expect(serveFromHand(desk, session, waiter)).toBe(false);
    expect([waiter.missing, waiter.ranges, waiter.ticket.outcome]).toEqual([2, [{ first: 1n, last: 3n }], undefined]);
  });

  test('several ranges are put together', () => {
    const { desk, session } = inHand();
    giveBack(session, { first: 100n, last: 100n });
    const waiter = waiterFor(2);
    expect(serveFromHand(desk, session, waiter)).toBe(true);
    expect(waiter.ticket.outcome).toBe('100-100 1-1');
  });

  test('a lease is content with one range, however short', () => {
    const { desk, session } = inHand();
    giveBack(session, { first: 100n, last: 100n });
    const lease = waiterFor(2, { isLease: true });
    expect(serveFromHand(desk, session, lease)).toBe(true);
    expect(lease.ticket.outcome).toBe('100-100');
  });

  test('nothing above its limit is given to a request', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(3, { limit: 2n });
    expect(serveFromHand(desk, session, waiter)).toBe(false);
    expect(waiter.ranges).toEqual([{ first: 1n, last: 2n }]);
  });
});

describe('from the standby', () => {
  test('values in hand go first, and alone when they are enough', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(3);
    expect(serveFromStandby(desk, session, waiter)).toBe(true);
    expect(waiter.ticket.outcome).toBe('1-3');
    expect(standbyLeft(session.standby)).toBe(5n);
  });

  test('a request that needs more gets the rest from the segment, and the allocation says so', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(5);
    expect(serveFromStandby(desk, session, waiter)).toBe(true);
    expect(waiter.ticket.outcome).toBe('1-3 11-12*');
    expect(standbyLeft(session.standby)).toBe(3n);
  });

  test('one that it is not enough for leaves the segment untouched for smaller ones', () => {
    const { desk, session } = inHand();
    expect(serveFromStandby(desk, session, waiterFor(9))).toBe(false);
    expect(standbyLeft(session.standby)).toBe(5n);
    const small = waiterFor(5);
    expect(serveFromStandby(desk, session, small)).toBe(true);
    expect(small.ticket.outcome).toBe('11-15*');
  });

  test('a segment above the limit of the request is not used', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(4, { limit: 10n });
    expect(serveFromStandby(desk, session, waiter)).toBe(false);
    expect([waiter.missing, standbyLeft(session.standby)]).toEqual([1, 5n]);
  });

  test('a segment of which too few values lie below the limit of a request is left to others whole', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(6, { limit: 12n });
    expect(serveFromStandby(desk, session, waiter)).toBe(false);
    expect([waiter.missing, standbyLeft(session.standby)]).toEqual([3, 5n]);
  });

  test('nothing is given to a request whose sequence may be closed at any time', () => {
    const { desk, session } = inHand();
    const waiter = waiterFor(1, { lastCall: 0 });
    expect(serveFromStandby(desk, session, waiter)).toBe(false);
    expect([waiter.ticket.outcome, hasValues(session), standbyLeft(session.standby)]).toEqual([undefined, true, 5n]);
  });
});

describe('a refused request', () => {
  test('gives back what it has got, in the same order, and is told why', () => {
    const { desk, session } = inHand();
    giveBack(session, { first: 100n, last: 100n });
    const waiter = waiterFor(9);
    serveFromHand(desk, session, waiter);
    const error = new Error('No');
    expect(refuse(desk, session, waiter, error)).toBe(4n);
    expect(waiter.ticket.outcome).toBe(error);
    expect(takeAllInHand(session)).toEqual([
      { first: 100n, last: 100n },
      { first: 1n, last: 3n },
    ]);
  });
});

describe('the next call', () => {
  test.each([
    [[], 10, 0],
    [[3, 4], 10, 7],
    [[3, 4, 5], 10, 7],
    [[3, 9, 1], 10, 3],
    [[12, 1], 10, 12],
    [[5, 5], 10, 10],
  ])('for requests of %j, at most %i values, asks for %i', (counts, valuesMax, expected) => {
    expect(countWanted(lineOf(...counts).line, valuesMax)).toBe(expected);
  });
});

describe('the line', () => {
  test('is served from its head, and nobody is overtaken', () => {
    const { desk, line, session, outcomes, missing } = lineOf(1, 5, 1);
    giveBack(session, { first: 1n, last: 4n });
    serveInOrder(desk, line);
    expect([outcomes(), missing(), countWaiting(desk)]).toEqual([['1-1', undefined, undefined], [2, 1], 2]);
  });

  test('refuses a request whose limit lies below the values in hand, so that it holds up nobody', () => {
    const { desk, line, session, outcomes } = lineOf(1);
    const low = waiterFor(1, { limit: 5n });
    line.waiters.unshift(low);
    giveBack(session, { first: 7n, last: 7n });
    serveInOrder(desk, line);
    expect([low.ticket.outcome, outcomes()]).toEqual([expect.any(SequenceOverflowError), ['7-7']]);
  });

  test('gives a request whose sequence may be closed nothing of a call made before it came', () => {
    const { desk, line, session } = inHand();
    const late = waiterFor(1, { lastCall: 1 });
    line.waiters.push(late);
    serveInOrder(desk, line);
    expect(late.ticket.outcome).toBeUndefined();
    const { call } = makeCall(session, 1, TARGET);
    settleCall(session, call, taken(4n, 4n));
    serveInOrder(desk, line);
    expect(late.ticket.outcome).toBe('4-4');
  });

  test('without the store is served as far as the standby goes, and the others wait on', () => {
    const { desk, line, session, outcomes, missing } = inHand(2, 9, 3);
    takeAllInHand(session);
    serveWithoutStore(desk, line);
    expect([outcomes(), missing(), countWaiting(desk)]).toEqual([['11-12*', undefined, '13-15*'], [9], 1]);
  });

  test('is refused as a whole, and its values stay in their order', () => {
    const { desk, line, session, waiters, outcomes } = lineOf(9, 9);
    has(waiters[0], { first: 1n, last: 4n });
    has(waiters[1], { first: 7n, last: 7n });
    const error = new Error('Away');
    refuseAll(desk, line, error);
    expect([outcomes(), line.waiters, countWaiting(desk)]).toEqual([[error, error], [], 0]);
    expect(takeAllInHand(session)).toEqual([
      { first: 1n, last: 4n },
      { first: 7n, last: 7n },
    ]);
  });

  test('when little is left refuses those who do not fit, and what they had got is left for the next', () => {
    const { desk, line, waiters, outcomes, missing } = lineOf(4, 7, 4, 1);
    has(waiters[1], { first: 1n, last: 2n });
    refuseWhoDoesNotFit(desk, line, 6n);
    expect(outcomes()).toEqual([undefined, expect.any(SequenceOverflowError), undefined, expect.any(Error)]);
    expect(missing()).toEqual([4, 4]);
  });
});

describe('a raised initialSeq', () => {
  test('takes from a request that waits for more what it has got below it', () => {
    const { desk, line, session } = inHand(5);
    serveInOrder(desk, line);
    followFloor(line, { ...TARGET, initialSeq: 2n });
    expect(line.waiters).toMatchObject([{ missing: 4, ranges: [{ first: 3n, last: 3n }] }]);
    expect(makeCall(session, 4, TARGET)).toMatchObject({ returned: [{ first: 1n, last: 2n }] });
  });

  test('above all that a request has got takes it whole', () => {
    const { desk, line, session } = inHand(5);
    serveInOrder(desk, line);
    followFloor(line, { ...TARGET, initialSeq: 3n });
    expect(line.waiters).toMatchObject([{ missing: 5, ranges: [] }]);
    expect(makeCall(session, 5, TARGET)).toMatchObject({ returned: [{ first: 1n, last: 3n }] });
  });

  test('lower than an earlier one changes nothing', () => {
    const { desk, line } = inHand(5);
    serveInOrder(desk, line);
    followFloor(line, { ...TARGET, initialSeq: 0n });
    expect(line.waiters).toMatchObject([{ missing: 2, ranges: [{ first: 1n, last: 3n }] }]);
  });
});

test('what is still in hand is taken out in order, and nothing stays', () => {
  const { session } = lineOf();
  giveBack(session, { first: 7n, last: 3_000_000n });
  giveBack(session, { first: 1n, last: 2n });
  const [low, ...others] = takeAllInHand(session);
  expect([low, others, hasValues(session)]).toEqual([
    { first: 1n, last: 2n },
    [{ first: 7n, last: 3_000_000n }],
    false,
  ]);
  expect(takeAllInHand(session)).toEqual([]);
});
