/** A node's session when the store was recovered, or may have to be: it swears off old epochs, and reports what it knows. */
import { describe, expect, test } from 'vitest';
import type { CallTerms } from '../../../../../src/allocators/allocator.ts';
import { settleKeyedCall } from '../../../../../src/allocators/counter/machine/keyed-call.ts';
import {
  dealInOrder,
  dealStandby,
  giveBack,
  hasValues,
  makeCall,
  makeLeave,
  settleCall,
} from '../../../../../src/allocators/counter/machine/session.ts';
import { makeReport, settleReport } from '../../../../../src/allocators/counter/machine/session-report.ts';
import {
  type CounterSession,
  createCounterSession,
  owesReport,
  swear,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply, Fence, StandbyAdvice } from '../../../../../src/core/counter/counter-call.ts';
import type { ReportReply } from '../../../../../src/core/counter/counter-fence.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

const TERMS: CallTerms = { initialSeq: 0n, limit: VALUE_MAX, standbySize: 5 };
const KEEP: StandbyAdvice = { kind: 'keep' };
const RECOVERY = { server: 'run2', time: '1795224970000000' };

const fenceOf = (epoch: bigint): Fence => ({ epoch, ceiling: 10_000n, wanted: 0n });
const offer = (first: bigint, offeredIn: number): StandbyAdvice => ({
  kind: 'offer',
  segment: { first, last: first + 4n, offeredIn },
});
const taken = (first: bigint, last: bigint, parts: { standby?: StandbyAdvice; epoch?: bigint } = {}): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby: parts.standby ?? KEEP,
  fence: fenceOf(parts.epoch ?? 5n),
});
const waiting: ReportReply = {
  kind: 'waiting',
  recovery: RECOVERY,
  sinceMs: 0,
  epoch: 5n,
  ceiling: 10_000n,
  highest: 6n,
  reported: [],
  missing: ['node'],
};
const reported = (epoch: bigint): ReportReply => ({ kind: 'reported', fence: fenceOf(epoch) });

const open = (): CounterSession => {
  let calls = 0;
  return createCounterSession({ sequence: sequenceOf(seriesOf('INV'), ''), node: 'node', nextCall: () => ++calls });
};

/** A session that has taken 1, holds the standby segment 101-105, and has made call 2, which is pending. */
const calling = (count = 3): CounterSession => {
  const session = open();
  makeCall(session, 1, TERMS);
  settleCall(session, 1, taken(1n, 1n, { standby: offer(101n, 1) }));
  dealInOrder(session, 1, VALUE_MAX);
  makeCall(session, count, TERMS);
  return session;
};

describe('a node the store has forgotten', () => {
  test('makes no call before it has reported, and keeps the one that is pending', () => {
    const session = calling();
    const { pending } = session;
    expect(settleCall(session, 2, { kind: 'forgotten' })).toEqual({ kind: 'report' });
    expect(owesReport(session)).toBe(true);
    expect(session.pending).toBe(pending);
    expect(() => makeCall(session, 1, TERMS)).toThrow('owes a report');
    expect(() => makeLeave(session, TERMS)).toThrow('owes a report');
  });

  test('says what it was given, without swearing anything off', () => {
    const session = calling();
    settleCall(session, 2, { kind: 'forgotten' });
    expect(makeReport(session, { ...TERMS, initialSeq: 4n })).toEqual({
      sequence: sequenceOf(seriesOf('INV'), ''),
      node: 'node',
      settled: 1,
      settledEpoch: 5n,
      pending: 2,
      epoch: 5n,
      sworn: false,
      recovery: undefined,
      seen: 1n,
      holding: { first: 101n, last: 105n, offeredIn: 1 },
      top: 105n,
      last: { first: 1n, last: 1n },
      taken: [{ first: 1n, last: 1n }],
      brief: false,
      initialSeq: 4n,
      window: 10_000,
    });
  });

  test('says what its last numbered call brought, which it may give back yet, until it has given some of it back', () => {
    const session = open();
    const lastOf = () => makeReport(session, TERMS).last;
    expect(lastOf()).toBeUndefined();
    makeCall(session, 4, TERMS);
    settleCall(session, 1, taken(1n, 4n));
    dealInOrder(session, 4, VALUE_MAX);
    expect(lastOf()).toEqual({ first: 1n, last: 4n });
    // A receipt is no numbered call, nor is one that brings nothing.
    const receipt = { fingerprint: 'f', atMs: 1, period: '', ranges: [{ first: 5n, last: 6n }], series: '{}' };
    const keyed = { kind: 'receipt', receipt, replayed: false, standbyNear: false, fence: fenceOf(5n) } as const;
    settleKeyedCall(session, keyed);
    makeCall(session, 0, TERMS);
    settleCall(session, 2, { kind: 'nothing', standby: KEEP, fence: fenceOf(5n) });
    expect(makeReport(session, TERMS)).toMatchObject({
      last: { first: 1n, last: 4n },
      taken: [{ first: 1n, last: 6n }],
    });
    giveBack(session, { first: 2n, last: 3n });
    makeCall(session, 0, TERMS);
    expect(lastOf()).toBeUndefined();
    settleCall(session, 3, { kind: 'nothing', standby: KEEP, fence: fenceOf(5n) });
    expect(lastOf()).toBeUndefined();
    makeCall(session, 1, TERMS);
    settleCall(session, 4, taken(2n, 2n));
    expect(lastOf()).toEqual({ first: 2n, last: 2n });
  });

  test('repeats its pending call under the same number in the new epoch once it is known again', () => {
    const session = calling();
    settleCall(session, 2, { kind: 'forgotten' });
    expect(settleReport(session, reported(6n))).toBe(true);
    expect(owesReport(session)).toBe(false);
    expect(makeCall(session, 9, TERMS)).toMatchObject({ call: 2, kind: 'take', count: 3, epoch: 6n, reissued: true });
    settleCall(session, 2, taken(7n, 9n, { epoch: 6n }));
    dealInOrder(session, 3, VALUE_MAX);
    expect(makeCall(session, 1, TERMS)).toMatchObject({ call: 3, epoch: 6n, reissued: false });
  });

  test('dates its last settled call to the epoch in which the store took note of it', () => {
    const session = calling();
    settleCall(session, 2, { kind: 'recovering' });
    expect(makeReport(session, TERMS)).toMatchObject({ settled: 1, settledEpoch: 5n, epoch: 6n });
    settleReport(session, reported(8n));
    swear(session);
    expect(makeReport(session, TERMS)).toMatchObject({ settled: 1, settledEpoch: 8n, epoch: 9n });
    const fresh = open();
    swear(fresh);
    settleReport(fresh, reported(8n));
    swear(fresh);
    expect(makeReport(fresh, TERMS)).toMatchObject({ settled: 0, settledEpoch: 0n, epoch: 9n });
  });

  test('swears off the epoch when the store says that it is recovering', () => {
    const session = calling();
    settleCall(session, 2, { kind: 'forgotten' });
    expect(settleReport(session, { kind: 'recovering' })).toBe(false);
    expect(makeReport(session, TERMS)).toMatchObject({ sworn: true, epoch: 6n });
  });
});

describe('a node that has sworn off an epoch', () => {
  const sworn = (): CounterSession => {
    const session = calling();
    settleCall(session, 2, { kind: 'recovering' });
    return session;
  };

  test('asks for the next one, and swears once only', () => {
    const session = sworn();
    expect(makeReport(session, TERMS)).toMatchObject({ sworn: true, epoch: 6n, recovery: undefined });
    swear(session);
    expect(settleReport(session, { kind: 'recovering' })).toBe(false);
    expect(makeReport(session, TERMS).epoch).toBe(6n);
  });

  test('ignores the answers to earlier calls', () => {
    const session = sworn();
    expect(settleCall(session, 2, taken(2n, 4n))).toEqual({ kind: 'late' });
    expect(settleCall(session, 2, { kind: 'forgotten' })).toEqual({ kind: 'late' });
    expect(hasValues(session)).toBe(false);
    expect(makeReport(session, TERMS)).toMatchObject({ settled: 1, seen: 1n, taken: [{ first: 1n, last: 1n }] });
  });

  test('goes on serving from its standby, which its report names as a whole', () => {
    const session = sworn();
    expect(dealStandby(session, 2, VALUE_MAX)).toEqual({ first: 101n, last: 102n });
    expect(makeReport(session, TERMS)).toMatchObject({
      holding: { first: 101n, last: 105n },
      taken: [{ first: 1n, last: 1n }],
    });
  });

  test('names the recovery as soon as it has heard of it', () => {
    const session = sworn();
    expect(settleReport(session, waiting)).toBe(false);
    expect(makeReport(session, TERMS).recovery).toEqual(RECOVERY);
    expect(owesReport(session)).toBe(true);
  });

  test('says only that it is still there once its report was taken down, as long as it is for that recovery', () => {
    const session = sworn();
    settleReport(session, waiting);
    expect(makeReport(session, TERMS).brief).toBe(false);
    settleReport(session, { ...waiting, reported: ['other', 'node'] });
    expect(makeReport(session, TERMS)).toMatchObject({ brief: true, recovery: RECOVERY });
    settleReport(session, { ...waiting, recovery: { ...RECOVERY }, reported: ['node'] });
    expect(makeReport(session, TERMS).brief).toBe(true);
    settleReport(session, { ...waiting, recovery: { server: 'run3', time: '1795224999000000' } });
    expect(makeReport(session, TERMS).brief).toBe(false);
  });

  test('swears off a later epoch as soon as it hears of one, and reports anew', () => {
    const session = sworn();
    settleReport(session, { ...waiting, epoch: 5n, reported: ['node'] });
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 6n, brief: true });
    settleReport(session, { ...waiting, epoch: 6n, reported: ['node', 'other'] });
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 7n, brief: false, sworn: true });
    swear(session, 9n);
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 10n });
    swear(session, 4n);
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 10n });
    expect(settleReport(session, reported(7n))).toBe(false);
    expect(settleReport(session, reported(10n))).toBe(true);
  });

  test('says everything again after swearing off more, though the answer to its report before that comes late', () => {
    const session = sworn();
    settleReport(session, waiting);
    makeReport(session, TERMS);
    swear(session, 6n);
    settleReport(session, { ...waiting, reported: ['node', 'other'], sworn: 6n });
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 7n, brief: false });
    // Nor does it tell whose report it is that says less.
    settleReport(session, { ...waiting, epoch: 6n, reported: ['node', 'other'], sworn: 6n });
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 7n, brief: false });
    settleReport(session, { ...waiting, epoch: 6n, reported: ['node', 'other'], sworn: 7n });
    expect(makeReport(session, TERMS)).toMatchObject({ epoch: 7n, brief: true });
  });

  test('says everything once more when the store does not have its report any longer', () => {
    const session = sworn();
    settleReport(session, waiting);
    settleReport(session, { ...waiting, reported: ['node'] });
    settleReport(session, { kind: 'recovering' });
    expect(makeReport(session, TERMS)).toMatchObject({ brief: false, epoch: 6n, recovery: RECOVERY });
    settleReport(session, { ...waiting, reported: ['node'] });
    settleReport(session, reported(6n));
    swear(session);
    expect(makeReport(session, TERMS)).toMatchObject({ brief: false, epoch: 7n });
  });

  test.each<[string, ReportReply]>([
    ['is corrupt', { kind: 'corrupt', reason: 'x' }],
    ['still serves the old epoch', reported(5n)],
    ['waits for others', waiting],
  ])('goes on reporting while the store %s', (_title, reply) => {
    const session = sworn();
    expect(settleReport(session, reply)).toBe(false);
    expect(owesReport(session)).toBe(true);
  });

  test('ignores an answer from the old epoch also after it has reported', () => {
    const session = sworn();
    settleReport(session, reported(6n));
    expect(settleCall(session, 2, taken(2n, 4n))).toEqual({ kind: 'again' });
    expect(hasValues(session)).toBe(false);
    expect(session.pending).toMatchObject({ call: 2, epoch: 6n, reissued: true });
    expect(session.fence).toEqual(fenceOf(6n));
    settleCall(session, 2, taken(7n, 9n, { epoch: 6n }));
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 7n, last: 9n });
  });

  test('counts in an epoch that came about without it', () => {
    const session = sworn();
    settleReport(session, reported(9n));
    expect(makeCall(session, 1, TERMS)).toMatchObject({ call: 2, epoch: 9n, reissued: true });
  });

  test('before its first call joins nobody: it reports, and takes', () => {
    const session = open();
    swear(session);
    expect(makeReport(session, TERMS)).toMatchObject({ settled: 0, epoch: 1n, sworn: true, seen: 0n, taken: [] });
    expect(settleReport(session, reported(1n))).toBe(true);
    expect(makeCall(session, 1, TERMS)).toMatchObject({ kind: 'take', call: 1, epoch: 1n, reissued: false });
  });
});

describe('a report', () => {
  test('names what was issued of a standby that was given up, and what is in hand, but nothing that was given back', () => {
    const session = calling(5);
    dealStandby(session, 2, VALUE_MAX);
    settleCall(session, 2, taken(2n, 6n, { standby: offer(201n, 2) }));
    dealInOrder(session, 2, VALUE_MAX);
    makeCall(session, 1, TERMS);
    settleCall(session, 3, taken(7n, 9n));
    makeCall(session, 0, TERMS);
    settleCall(session, 4, { kind: 'recovering' });
    expect(makeReport(session, TERMS)).toMatchObject({
      settled: 3,
      seen: 9n,
      holding: { first: 201n, last: 205n, offeredIn: 2 },
      taken: [
        { first: 1n, last: 1n },
        { first: 101n, last: 102n },
        { first: 2n, last: 3n },
      ],
    });
  });

  test('names values in hand that are not given back yet', () => {
    const session = calling();
    settleCall(session, 2, taken(2n, 4n));
    dealInOrder(session, 1, VALUE_MAX);
    swear(session);
    expect(makeReport(session, TERMS).taken).toEqual([{ first: 1n, last: 4n }]);
    expect(dealInOrder(session, 9, VALUE_MAX)).toEqual({ first: 3n, last: 4n });
  });

  test('is owed to nobody by a session that counts, or has left', () => {
    const session = calling();
    expect(settleReport(session, waiting)).toBe(true);
    expect(makeReport(session, TERMS).recovery).toBeUndefined();
    settleCall(session, 2, taken(2n, 4n));
    makeLeave(session, TERMS);
    settleCall(session, 3, { kind: 'nothing', standby: KEEP, fence: fenceOf(5n) });
    swear(session);
    expect(owesReport(session)).toBe(false);
  });
});

describe('a call that meets the ceiling', () => {
  test('stays pending, to be repeated unchanged when the ceiling was raised', () => {
    const session = calling();
    const { pending } = session;
    expect(settleCall(session, 2, { kind: 'ceiling', value: 6n })).toEqual({ kind: 'ceiling', value: 6n });
    expect(makeCall(session, 1, TERMS)).toBe(pending);
  });

  test('tells which ceiling a standby would need', () => {
    const session = calling();
    settleCall(session, 2, { kind: 'nothing', standby: KEEP, fence: { epoch: 5n, ceiling: 100n, wanted: 140n } });
    expect(session.fence).toEqual({ epoch: 5n, ceiling: 100n, wanted: 140n });
  });
});
