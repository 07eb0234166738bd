/** Once initialSeq was raised nothing at or below it leaves a session: not from hand, not from the standby, not from a call under way. */
import { describe, expect, test } from 'vitest';
import type { CallTerms } from '../../../../../src/allocators/allocator.ts';
import { makeKeyedCall } from '../../../../../src/allocators/counter/machine/keyed-call.ts';
import { createSequence } from '../../../../../src/allocators/counter/machine/sequence.ts';
import {
  dealInOrder,
  dealStandby,
  giveBack,
  hasReport,
  hasValues,
  makeCall,
  makeLeave,
  settleCall,
} from '../../../../../src/allocators/counter/machine/session.ts';
import { initialSeqOf, raiseFloor } from '../../../../../src/allocators/counter/machine/session-floor.ts';
import { makeReport } from '../../../../../src/allocators/counter/machine/session-report.ts';
import {
  type CounterSession,
  createCounterSession,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import { createRequest, followFloor } from '../../../../../src/allocators/counter/machine/waiters.ts';
import type { CounterReply, StandbyAdvice } from '../../../../../src/core/counter/counter-call.ts';
import type { Range } from '../../../../../src/core/values/range.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { allocationTicket } from '../../../fakes/machine-on.ts';

const TERMS: CallTerms = { initialSeq: 0n, limit: VALUE_MAX, standbySize: 5 };
const KEEP: StandbyAdvice = { kind: 'keep' };
const offer = (first: bigint, last: bigint, offeredIn: number): StandbyAdvice => ({
  kind: 'offer',
  segment: { first, last, offeredIn },
});
const taken = (first: bigint, last: bigint, standby: StandbyAdvice = KEEP): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby,
});

/** Has 1-6 in hand, and the standby segment 101-105. */
const holding = (): CounterSession => {
  let calls = 0;
  const session = createCounterSession({
    sequence: sequenceOf(seriesOf('INV'), ''),
    node: 'node',
    nextCall: () => ++calls,
  });
  makeCall(session, 6, TERMS);
  settleCall(session, 1, taken(1n, 6n, offer(101n, 105n, 1)));
  return session;
};

describe('values in hand', () => {
  test('at or below the floor are given back by the next call, the others are dealt', () => {
    const session = holding();
    raiseFloor(session, 4n);
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 5n, last: 6n });
    expect([hasValues(session), hasReport(session)]).toEqual([false, true]);
    expect(makeCall(session, 1, TERMS)).toMatchObject({ returned: [{ first: 1n, last: 4n }], initialSeq: 4n });
    expect(hasReport(session)).toBe(false);
  });

  test.each([
    ['the first of them', 1n, { first: 2n, last: 6n }, { first: 1n, last: 1n }],
    ['the last of them', 6n, undefined, { first: 1n, last: 6n }],
  ])('are given back up to the floor itself: %s', (_title, floor, dealt, returned) => {
    const session = holding();
    raiseFloor(session, floor);
    expect(hasValues(session)).toBe(dealt !== undefined);
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual(dealt);
    expect(makeCall(session, 1, TERMS).returned).toEqual([returned]);
  });

  test('that come back after a raise are not dealt again', () => {
    const session = holding();
    const dealt = dealInOrder(session, 6, VALUE_MAX) as Range;
    raiseFloor(session, 5n);
    giveBack(session, dealt);
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 6n, last: 6n });
    expect(makeLeave(session, TERMS)).toMatchObject({ returned: [{ first: 1n, last: 5n }] });
  });

  test('that come back all at or below the floor are none to deal', () => {
    const session = holding();
    const dealt = dealInOrder(session, 6, VALUE_MAX) as Range;
    raiseFloor(session, 6n);
    giveBack(session, dealt);
    expect([hasValues(session), dealInOrder(session, 9, VALUE_MAX)]).toEqual([false, undefined]);
    expect(makeLeave(session, TERMS)).toMatchObject({ returned: [{ first: 1n, last: 6n }] });
  });

  test('of a call that was under way are given back, and so is the standby it brings', () => {
    const session = holding();
    dealInOrder(session, 6, VALUE_MAX);
    const call = makeCall(session, 3, TERMS);
    raiseFloor(session, 1_000n);
    expect(makeCall(session, 3, { ...TERMS, initialSeq: 1_000n })).toBe(call);
    settleCall(session, 2, taken(7n, 9n, offer(201n, 205n, 2)));
    expect([dealInOrder(session, 3, VALUE_MAX), dealStandby(session, 3, VALUE_MAX)]).toEqual([undefined, undefined]);
    expect(makeCall(session, 3, { ...TERMS, initialSeq: 1_000n })).toMatchObject({
      returned: [{ first: 7n, last: 9n }],
      released: [
        { first: 101n, offeredIn: 1, used: 0n },
        { first: 201n, offeredIn: 2, used: 0n },
      ],
      holding: undefined,
    });
  });

  test('are all taken from a request that waits for more', () => {
    const session = holding();
    const sequence = createSequence(session, targetOf('INV'), 'serving');
    const waiter = createRequest(allocationTicket(), targetOf('INV'), 10);
    sequence.waiters.push({ ...waiter, missing: 4, ranges: [dealInOrder(session, 6, VALUE_MAX) as Range] });
    followFloor(sequence, { ...TERMS, initialSeq: 4n });
    expect(sequence.waiters[0]).toMatchObject({ missing: 8, ranges: [{ first: 5n, last: 6n }] });
    expect(makeCall(session, 8, TERMS)).toMatchObject({ returned: [{ first: 1n, last: 4n }] });
  });
});

describe('the standby', () => {
  test.each([
    ['below', 500n],
    ['at', 105n],
    ['across', 102n],
  ])('that lies %s the floor is given up whole: what was issued of it stays issued', (_where, floor) => {
    const session = holding();
    dealInOrder(session, 6, VALUE_MAX);
    expect(dealStandby(session, 1, VALUE_MAX)).toEqual({ first: 101n, last: 101n });
    raiseFloor(session, floor);
    expect(dealStandby(session, 1, VALUE_MAX)).toBeUndefined();
    expect(makeCall(session, 1, TERMS)).toMatchObject({ released: [{ first: 101n, offeredIn: 1, used: 1n }] });
    expect(makeReport(session, TERMS).taken).toContainEqual({ first: 101n, last: 101n });
  });

  test('that lies above the floor goes on', () => {
    const session = holding();
    raiseFloor(session, 100n);
    expect(dealStandby(session, 2, VALUE_MAX)).toEqual({ first: 101n, last: 102n });
  });
});

describe('the floor', () => {
  test('is never lowered, and an older request travels with it', () => {
    const session = holding();
    expect(raiseFloor(session, 50n)).toBe(true);
    expect([raiseFloor(session, 50n), raiseFloor(session, 20n)]).toEqual([false, false]);
    expect(initialSeqOf(session, TERMS)).toBe(50n);
    expect(makeReport(session, TERMS).initialSeq).toBe(50n);
    const receipt = { hash: 'h', fingerprint: 'f', atMs: 1, series: '{}' };
    expect(makeKeyedCall(session, 1, TERMS, receipt).initialSeq).toBe(50n);
    expect(makeKeyedCall(session, 1, { ...TERMS, initialSeq: 60n }, receipt).initialSeq).toBe(60n);
  });
});
