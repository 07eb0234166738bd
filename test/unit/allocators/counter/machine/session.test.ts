/** A node's session on one sequence: what it asks, what it keeps, what it gives back. */
import { describe, expect, test } from 'vitest';
import type { CallTerms } from '../../../../../src/allocators/allocator.ts';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import { settleKeyedCall } from '../../../../../src/allocators/counter/machine/keyed-call.ts';
import {
  dealInOrder,
  dealStandby,
  giveBack,
  hasReport,
  makeCall,
  makeLeave,
  settleCall,
} from '../../../../../src/allocators/counter/machine/session.ts';
import { topOf } from '../../../../../src/allocators/counter/machine/session-report.ts';
import type { CeilingKeeper } from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  type CounterSession,
  createCounterSession,
  noteRaised,
  openAt,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply, StandbyAdvice } from '../../../../../src/core/counter/counter-call.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

const TERMS: CallTerms = { initialSeq: 0n, limit: VALUE_MAX, standbySize: 5 };
const KEEP: StandbyAdvice = { kind: 'keep' };
const OFFER: StandbyAdvice = { kind: 'offer', segment: { first: 101n, last: 105n, offeredIn: 1 } };

const open = (nextCall?: () => number, ceilingKeeper?: () => CeilingKeeper): CounterSession => {
  let calls = 0;
  return createCounterSession({
    sequence: sequenceOf(seriesOf('INV'), ''),
    node: 'node',
    nextCall: nextCall ?? (() => ++calls),
    ...(ceilingKeeper && { ceilingKeeper }),
  });
};

const taken = (first: bigint, last: bigint, standby: StandbyAdvice = KEEP, returned = false): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned,
  standby,
});

/** A session that has made one call and holds the standby segment 101-105. */
const joined = (): CounterSession => {
  const session = open();
  makeCall(session, 1, TERMS);
  settleCall(session, 1, taken(1n, 1n, OFFER));
  dealInOrder(session, 1, VALUE_MAX);
  return session;
};

describe('a call', () => {
  test('joins first, and then takes', () => {
    const session = open();
    expect(makeCall(session, 3, TERMS)).toMatchObject({
      kind: 'join',
      call: 1,
      count: 3,
      seen: 0n,
      holding: undefined,
    });
    settleCall(session, 1, taken(1n, 3n, OFFER));
    dealInOrder(session, 3, VALUE_MAX);
    expect(makeCall(session, 2, TERMS)).toMatchObject({
      kind: 'take',
      call: 2,
      count: 2,
      seen: 3n,
      holding: { first: 101n, last: 105n, offeredIn: 1 },
      usedInPart: false,
    });
  });

  test('is repeated unchanged until it is settled', () => {
    const session = joined();
    const call = makeCall(session, 2, TERMS);
    dealStandby(session, 1, VALUE_MAX);
    expect(makeCall(session, 50, { ...TERMS, initialSeq: 9n })).toBe(call);
    expect(session.pending).toBe(call);
    settleCall(session, 2, taken(2n, 3n));
    expect(session.pending).toBeUndefined();
  });

  test('stays pending when the stored sequence is corrupt', () => {
    const session = joined();
    const call = makeCall(session, 2, TERMS);
    expect(settleCall(session, 2, { kind: 'corrupt', reason: 'x' })).toEqual({ kind: 'corrupt', reason: 'x' });
    expect(session.pending).toBe(call);
  });

  test('ignores the answer to a settled call', () => {
    const session = joined();
    expect(settleCall(session, 1, taken(1n, 1n))).toEqual({ kind: 'late' });
    makeCall(session, 1, TERMS);
    expect(settleCall(session, 1, taken(1n, 1n))).toEqual({ kind: 'late' });
    expect(dealInOrder(session, 1, VALUE_MAX)).toBeUndefined();
  });

  test('finds out when another process uses its name', () => {
    const session = joined();
    makeCall(session, 1, TERMS);
    expect(settleCall(session, 2, { kind: 'stale', lastCall: 7 })).toEqual({ kind: 'usurped' });
  });

  test.each<CounterReply>([
    {
      kind: 'receipt',
      receipt: { fingerprint: 'f', atMs: 0, series: '', period: '', ranges: [] },
      replayed: false,
      standbyNear: false,
    },
    { kind: 'conflict' },
  ])('that is answered like one with a receipt ($kind) is a broken store', (reply) => {
    const session = joined();
    makeCall(session, 1, TERMS);
    expect(() => settleCall(session, 2, reply)).toThrow(`a numbered call was answered ${reply.kind}`);
  });

  test('of count 0 on a new session fetches a standby', () => {
    const session = open();
    expect(makeCall(session, 0, TERMS)).toMatchObject({ kind: 'join', count: 0 });
    expect(settleCall(session, 1, { kind: 'nothing', standby: OFFER })).toEqual({ kind: 'settled' });
    expect(standbyLeft(session.standby)).toBe(5n);
  });
});

describe('values in hand', () => {
  test('are dealt in order, and kept when nobody asks', () => {
    const session = joined();
    makeCall(session, 5, TERMS);
    settleCall(session, 2, taken(2n, 6n));
    expect(dealInOrder(session, 2, VALUE_MAX)).toEqual({ first: 2n, last: 3n });
    expect(hasReport(session)).toBe(true);
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 4n, last: 6n });
    expect(dealInOrder(session, 1, VALUE_MAX)).toBeUndefined();
    expect(hasReport(session)).toBe(false);
  });

  test('are dealt again when they were given back', () => {
    const session = joined();
    giveBack(session, { first: 1n, last: 1n });
    expect(dealInOrder(session, 5, VALUE_MAX)).toEqual({ first: 1n, last: 1n });
  });

  test('are not dealt above the limit, but returned by the next call', () => {
    const session = joined();
    makeCall(session, 5, TERMS);
    settleCall(session, 2, taken(2n, 6n));
    expect(dealInOrder(session, 9, 3n)).toEqual({ first: 2n, last: 3n });
    expect(dealInOrder(session, 9, 3n)).toBeUndefined();
    expect(makeCall(session, 1, TERMS).returned).toEqual([{ first: 4n, last: 6n }]);
    expect(dealInOrder(session, 1, VALUE_MAX)).toBeUndefined();
  });

  test('are dealt up to the limit itself', () => {
    const session = joined();
    makeCall(session, 2, TERMS);
    settleCall(session, 2, taken(2n, 3n));
    expect(dealInOrder(session, 1, 2n)).toEqual({ first: 2n, last: 2n });
    expect(dealInOrder(session, 9, 3n)).toEqual({ first: 3n, last: 3n });
  });

  test('do not count as seen when another node had returned them', () => {
    const session = joined();
    makeCall(session, 1, TERMS);
    settleCall(session, 2, taken(77n, 77n, KEEP, true));
    dealInOrder(session, 1, VALUE_MAX);
    expect(makeCall(session, 1, TERMS).seen).toBe(1n);
  });
});

describe('a session', () => {
  test('has the store raise the ceiling itself, unless others keep it', () => {
    expect(makeCall(open(), 1, { ...TERMS, standbySize: 1_000 }).window).toBe(16_000);
    expect(
      makeCall(
        open(undefined, () => 'elsewhere'),
        1,
        TERMS,
      ).window,
    ).toBe(0);
  });

  test('has the store raise only the first ceiling itself where replicas confirm it, as long as they do', () => {
    let keeper: CeilingKeeper = 'replicas';
    const session = open(undefined, () => keeper);
    for (const [index, window] of [10_000, 0, 10_000].entries()) {
      if (index === 2) keeper = 'store';
      const { call, window: asked } = makeCall(session, 1, TERMS);
      expect(asked).toBe(window);
      settleCall(session, call, taken(BigInt(call), BigInt(call)));
      dealInOrder(session, 1, VALUE_MAX);
    }
  });

  test('takes in a ceiling that it has raised, but only in its own epoch', () => {
    const session = open();
    openAt(session, 5n);
    noteRaised(session, { epoch: 5n, ceiling: 300n, wanted: 0n });
    noteRaised(session, { epoch: 4n, ceiling: 200n, wanted: 0n });
    expect(session.fence).toEqual({ epoch: 5n, ceiling: 300n, wanted: 0n });
  });

  test('counts in the epoch it was opened with, and then in that of the replies', () => {
    const session = open();
    openAt(session, 7n);
    openAt(session, 3n);
    expect(makeCall(session, 1, TERMS)).toMatchObject({ kind: 'join', epoch: 7n, reissued: false });
    const fence = { epoch: 8n, ceiling: 100n, wanted: 0n };
    settleCall(session, 1, { ...taken(1n, 1n), fence });
    expect(session.fence).toEqual(fence);
    dealInOrder(session, 1, VALUE_MAX);
    expect(makeCall(session, 1, TERMS).epoch).toBe(8n);
  });

  test('knows the highest value it was given in order, and at all', () => {
    const session = joined();
    expect([session.seen, topOf(session)]).toEqual([1n, 105n]);
    makeCall(session, 1, TERMS);
    settleCall(session, 2, taken(400n, 410n, KEEP, true));
    expect([session.seen, topOf(session)]).toEqual([1n, 410n]);
  });

  test('has seen what a receipt names, also when the answer to an earlier call comes after it', () => {
    const session = joined();
    makeCall(session, 2, TERMS);
    const receipt = { fingerprint: 'f', atMs: 0, series: '', period: '', ranges: [{ first: 6n, last: 8n }] };
    settleKeyedCall(session, { kind: 'receipt', receipt, replayed: false, standbyNear: false });
    settleCall(session, 2, taken(2n, 3n));
    expect(session.seen).toBe(8n);
  });
});

describe('the standby', () => {
  test('is reported as used, and released when another one is offered', () => {
    const session = joined();
    makeCall(session, 1, TERMS);
    expect(dealStandby(session, 2, VALUE_MAX)).toEqual({ first: 101n, last: 102n });
    expect(standbyLeft(session.standby)).toBe(3n);
    settleCall(session, 2, taken(2n, 2n));
    dealInOrder(session, 1, VALUE_MAX);
    expect(makeCall(session, 0, TERMS)).toMatchObject({ usedInPart: true, released: [] });
    settleCall(session, 3, {
      kind: 'nothing',
      standby: { kind: 'offer', segment: { first: 201n, last: 205n, offeredIn: 3 } },
    });
    expect(session.standby.segment).toEqual({ first: 201n, last: 205n, offeredIn: 3 });
    expect(hasReport(session)).toBe(true);
    expect(makeCall(session, 0, TERMS)).toMatchObject({
      usedInPart: false,
      released: [{ first: 101n, offeredIn: 1, used: 2n }],
    });
  });

  test('is given up at the word of a sequence that is closed', () => {
    const session = joined();
    makeCall(session, 1, TERMS);
    expect(settleCall(session, 2, { kind: 'closed', standby: { kind: 'recall' } })).toEqual({ kind: 'closed' });
    expect(dealStandby(session, 1, VALUE_MAX)).toBeUndefined();
    expect(makeCall(session, 1, TERMS)).toMatchObject({ holding: undefined, released: [{ first: 101n, used: 0n }] });
  });

  test('is given up before a sequence counts as exhausted', () => {
    const session = joined();
    makeCall(session, 3, TERMS);
    const recalled: CounterReply = { kind: 'exhausted', valuesLeft: 0n, standby: { kind: 'recall' } };
    expect(settleCall(session, 2, recalled)).toEqual({ kind: 'again' });
    expect(makeCall(session, 3, TERMS)).toMatchObject({ holding: undefined, released: [{ first: 101n, used: 0n }] });
    expect(settleCall(session, 3, { kind: 'exhausted', valuesLeft: 2n, standby: KEEP })).toEqual({
      kind: 'exhausted',
      valuesLeft: 2n,
    });
  });
});

describe('a large call', () => {
  test('releases the unused standby exactly when it would reach it', () => {
    expect(makeCall(joined(), 99, TERMS)).toMatchObject({ released: [], holding: { first: 101n } });
    expect(makeCall(joined(), 100, TERMS)).toMatchObject({ released: [{ first: 101n, used: 0n }], holding: undefined });
  });

  test('keeps a standby that is used in part: what is left of it may be needed', () => {
    const session = joined();
    dealStandby(session, 1, VALUE_MAX);
    expect(makeCall(session, 200, TERMS)).toMatchObject({ released: [], usedInPart: true, holding: { first: 101n } });
  });
});

describe('leaving', () => {
  test('returns everything, and deals nothing afterwards', () => {
    const session = joined();
    makeCall(session, 3, TERMS);
    dealStandby(session, 1, VALUE_MAX);
    expect(makeLeave(session, TERMS)).toBe(session.pending);
    settleCall(session, 2, taken(2n, 4n));
    expect(makeLeave(session, TERMS)).toMatchObject({
      kind: 'leave',
      count: 0,
      holding: undefined,
      released: [{ first: 101n, offeredIn: 1, used: 1n }],
      returned: [{ first: 2n, last: 4n }],
    });
    expect(dealInOrder(session, 1, VALUE_MAX)).toBeUndefined();
    expect(dealStandby(session, 1, VALUE_MAX)).toBeUndefined();
    expect(settleCall(session, 3, { kind: 'nothing', standby: KEEP })).toEqual({ kind: 'left' });
    expect(() => makeCall(session, 1, TERMS)).toThrow('left');
  });

  test('needs no call when the store never heard of the session', () => {
    expect(makeLeave(open(), TERMS)).toBeUndefined();
  });
});

describe('call numbers', () => {
  test('come from one source for all sessions of a process', () => {
    let calls = 40;
    const nextCall = () => ++calls;
    expect(makeCall(open(nextCall), 1, TERMS).call).toBe(41);
    expect(makeCall(open(nextCall), 1, TERMS).call).toBe(42);
  });
});

describe('a node', () => {
  test.each(['', 'n', 'a b', 'a@b', 'a:b'])('is not called "%s"', (node) => {
    const sequence = sequenceOf(seriesOf('INV'), '');
    expect(() => createCounterSession({ sequence, node, nextCall: () => 1 })).toThrow('no name');
  });
});
