/** One sequence that is counted: what its next call asks for, what every reply of the store leads to, and what it does when idle. */
import { describe, expect, test } from 'vitest';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import {
  createSequence,
  type Sequence,
  tickIdle,
  touch,
} from '../../../../../src/allocators/counter/machine/sequence.ts';
import { createCounterSession, owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import { CorruptEntryError, PeriodClosedError, SequenceOverflowError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { KEEP, type MachineOptions, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const OTHER = targetOf('OTHER');

/** A machine that has issued 1, in which a call for requests of these sizes is under way. */
const callFor = (counts: readonly number[], options: MachineOptions = {}) => {
  const machine = machineOn(options);
  machine.begin(TARGET);
  machine.begin(OTHER);
  // While this call is under way, the others gather.
  machine.ask(OTHER, 1);
  const requests = counts.map((count) => machine.ask(TARGET, count));
  if (counts.length === 0) machine.feed({ kind: 'prepare', target: TARGET });
  machine.reply('reserve', [
    taken(2n, 2n, machine.state.isFenced ? { fence: { epoch: 1n, ceiling: 10n ** 6n, wanted: 0n } } : {}),
  ]);
  const outcomes = (): unknown[] => requests.map(({ outcome }) => outcome);
  const call = () => machine.take('reserve').calls[0];
  const settle = (reply: CounterReply): void => machine.reply('reserve', [reply]);
  const isCallDue = (): boolean => machine.open('reserve').length > 0;
  const waiting = (): number[] => machine.sequenceOf(TARGET).waiters.map(({ missing }) => missing);
  return { machine, outcomes, call, settle, isCallDue, waiting };
};

describe('a call', () => {
  test('asks for all that wait, and none is made while one is under way', () => {
    const { machine, call } = callFor([3, 4]);
    expect(call()).toMatchObject({ kind: 'take', count: 7 });
    machine.ask(TARGET, 2);
    expect(machine.open('reserve')).toHaveLength(1);
  });

  test('asks for no more values than one call may, the others come with the next', () => {
    const { call, settle, outcomes } = callFor([3, 9, 1], { limits: { entryValuesMax: 10 } });
    expect(call()?.count).toBe(3);
    settle(taken(2n, 4n));
    expect(call()?.count).toBe(10);
    settle(taken(5n, 14n));
    expect(outcomes()).toEqual(['2-4', '5-13', '14-14']);
  });

  test('carries as many sequences as one trip may, those left over go first in the next one', () => {
    const machine = machineOn({ limits: { callEntriesMax: 2 } });
    for (const key of ['A', 'B', 'C', 'D']) machine.ask(targetOf(key), 1);
    machine.reply('reserve', [taken(1n, 1n)]);
    expect(machine.take('reserve').calls.map(({ sequence }) => sequence.series.prefixKey)).toEqual(['B', 'C']);
    machine.ask(targetOf('B'), 1);
    machine.reply('reserve', [taken(1n, 1n), taken(1n, 1n)]);
    expect(machine.take('reserve').calls.map(({ sequence }) => sequence.series.prefixKey)).toEqual(['D', 'B']);
  });
});

describe('a reply', () => {
  test('that brings enough serves all, and nothing follows', () => {
    const { outcomes, settle, isCallDue } = callFor([1, 2]);
    settle(taken(2n, 4n));
    expect([outcomes(), isCallDue()]).toEqual([['2-2', '3-4'], false]);
  });

  test('that brings less serves those it is enough for, and another call follows', () => {
    const { outcomes, settle, call, isCallDue } = callFor([1, 3]);
    settle(taken(2n, 4n));
    expect([outcomes(), call()?.count]).toEqual([['2-2', undefined], 1]);
    settle(taken(7n, 7n));
    expect([outcomes(), isCallDue()]).toEqual([['2-2', '3-4 7-7'], false]);
  });

  test('that leaves values nobody waits for is followed by a report, three times at most until a request comes', () => {
    const { machine, settle, call, isCallDue } = callFor([]);
    const followed: boolean[] = [];
    for (let value = 2n; value <= 5n; value += 1n) {
      settle(taken(value, value));
      followed.push(isCallDue());
      if (isCallDue()) expect(call()).toMatchObject({ count: 0, returned: [{ first: value, last: value }] });
    }
    expect(followed).toEqual([true, true, true, false]);
    expect(machine.ask(TARGET, 1).outcome).toBe('5-5');
    machine.feed({ kind: 'prepare', target: TARGET });
    settle(taken(6n, 6n));
    expect(isCallDue()).toBe(true);
  });

  test('that nothing is left refuses those who do not fit, and nobody else', () => {
    const { outcomes, settle, waiting, call } = callFor([4, 7, 2, 5]);
    settle({ kind: 'exhausted', valuesLeft: 6n, standby: KEEP });
    const overflow = expect.any(SequenceOverflowError);
    expect([outcomes(), waiting()]).toEqual([
      [undefined, overflow, undefined, overflow],
      [4, 2],
    ]);
    expect(call()?.count).toBe(6);
  });

  test('that nothing is left is followed by no call when everybody was refused', () => {
    const { settle, isCallDue } = callFor([4]);
    settle({ kind: 'exhausted', valuesLeft: 0n, standby: KEEP });
    expect(isCallDue()).toBe(false);
  });

  test('that nothing is left but the own standby refuses nobody yet', () => {
    const machine = machineOn();
    const sequence = machine.begin(TARGET, { standby: offer(101n, 105n) });
    const request = machine.ask(TARGET, 4);
    machine.reply('reserve', [{ kind: 'exhausted', valuesLeft: 0n, standby: { kind: 'recall' } }]);
    expect([request.outcome, standbyLeft(sequence.session.standby)]).toEqual([undefined, 0n]);
    expect(machine.take('reserve').calls).toMatchObject([{ count: 4, released: [{ first: 101n, used: 0n }] }]);
  });

  test('that the sequence is closed refuses all, and the used standby is reported still', () => {
    const machine = machineOn();
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    const slow = machine.ask(TARGET, 9);
    machine.at(250);
    expect(machine.ask(TARGET, 1).outcome).toBe('101-101*');
    machine.reply('reserve', [{ kind: 'closed', standby: KEEP }]);
    expect(slow.outcome).toBeInstanceOf(PeriodClosedError);
    expect(machine.take('reserve').calls).toMatchObject([{ count: 0, usedInPart: true }]);
  });

  test('that the entry is corrupt refuses all, and no call follows', () => {
    const { outcomes, settle, isCallDue } = callFor([1, 2]);
    settle({ kind: 'corrupt', reason: 'rubbish' });
    expect(outcomes()).toEqual([expect.any(CorruptEntryError), expect.any(CorruptEntryError)]);
    expect([(outcomes()[0] as Error).cause, isCallDue()]).toEqual(['rubbish', false]);
  });

  test('to a call that is unsettled comes to the same call: it is repeated unchanged', () => {
    const { machine, settle, call } = callFor([1]);
    const first = call();
    settle({ kind: 'corrupt', reason: 'rubbish' });
    machine.ask(TARGET, 5);
    expect(call()).toBe(first);
  });

  test.each([
    { kind: 'forgotten', sworn: false },
    { kind: 'recovering', sworn: true },
  ] as const)(
    'of the kind $kind stops the calls until the node has reported, and nobody is refused',
    ({ kind, sworn }) => {
      const { machine, outcomes, settle, isCallDue } = callFor([1], { isFenced: true });
      settle({ kind });
      const { phase, session } = machine.sequenceOf(TARGET);
      expect([phase, owesReport(session), outcomes(), isCallDue()]).toEqual(['recovering', true, [undefined], false]);
      expect(machine.take('report').reports).toMatchObject([{ sworn, seen: 1n }]);
      expect(machine.typesOf()).toEqual(['sequence-recovering']);
    },
  );

  test('that the ceiling must be raised stops the calls until it is, and nobody is refused', () => {
    const { machine, outcomes, settle, isCallDue } = callFor([1], { keepsCeilings: true });
    settle({ kind: 'ceiling', value: 9n });
    expect([machine.sequenceOf(TARGET).phase, outcomes(), isCallDue()]).toEqual(['at-ceiling', [undefined], false]);
    expect(machine.open('account')).toHaveLength(1);
  });

  test('that another process has this name ends the session, and who waits moves to the next one', () => {
    const { machine, outcomes, settle, call } = callFor([1]);
    const before = machine.sequenceOf(TARGET);
    settle({ kind: 'stale', lastCall: 9 });
    expect(before.phase).toBe('left');
    expect(call()).toMatchObject({ kind: 'join', count: 1 });
    settle(taken(8n, 8n));
    expect(outcomes()).toEqual(['8-8']);
  });

  test('that another process has this name ends the session, and nothing follows when nobody waits', () => {
    const { machine, settle, isCallDue } = callFor([]);
    settle({ kind: 'stale', lastCall: 9 });
    expect([machine.state.sequences.has(TARGET.name), isCallDue()]).toEqual([false, false]);
  });

  test('to a call that was made before the node swore off its epoch gives nobody a value', () => {
    const { machine, outcomes, settle } = callFor([1], { isFenced: true });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    settle(taken(2n, 2n, { fence: { epoch: 1n, ceiling: 100n, wanted: 0n } }));
    expect([outcomes(), machine.sequenceOf(TARGET).phase]).toEqual([[undefined], 'recovering']);
  });
});

describe('an idle sequence', () => {
  const LIMITS = { idleTicksMax: 20, reportTicksMax: 6 };
  const create = (): Sequence =>
    createSequence(
      createCounterSession({ sequence: TARGET.sequence, node: 'node', nextCall: () => 1 }),
      TARGET,
      'joining',
    );
  const dueTicks = (sequence: Sequence, ticks: number): number[] =>
    Array.from({ length: ticks }, (_, index) => index + 1).filter(() => tickIdle(sequence, LIMITS) === 'report');

  test('is due after 2, 4, 8 … ticks up to a bound, and leaves at its end', () => {
    const sequence = create();
    expect(dueTicks(sequence, 20)).toEqual([2, 4, 8, 14, 20]);
    expect(tickIdle(sequence, LIMITS)).toBe('leave');
    expect(tickIdle(sequence, LIMITS)).toBe('leave');
  });

  test('begins anew with a request', () => {
    const sequence = create();
    dueTicks(sequence, 19);
    Object.assign(sequence, { reports: 3, isStranger: true });
    const target = targetOf('INV', { limit: 9n });
    touch(sequence, target);
    expect([sequence.target, sequence.reports, sequence.isStranger, dueTicks(sequence, 5)]).toEqual([
      target,
      0,
      false,
      [2, 4],
    ]);
  });

  test('reports with the clock of the node, and is left after its time', () => {
    const machine = machineOn({ limits: { idleTicksMax: 5, tickMs: 100 } });
    machine.begin(TARGET);
    machine.respond('reserve', ({ calls }) => calls.map(() => nothing()));
    machine.at(10_000);
    expect(machine.timesOf('reserve')).toEqual([0, 200, 400, 600]);
    expect(machine.askedOf('reserve').at(-1)?.calls).toMatchObject([{ kind: 'leave' }]);
    expect(machine.state.sequences.size).toBe(0);
  });
});

describe('a sequence that is given up', () => {
  /** It leaves because the node is closing; `isSettled`: no call was unsettled before. */
  const leaving = (isSettled: boolean) => {
    const machine = machineOn({ isFenced: true });
    machine.begin(TARGET);
    const request = machine.ask(TARGET, 1);
    if (isSettled) machine.reply('reserve', [taken(2n, 2n, { fence: { epoch: 1n, ceiling: 100n, wanted: 0n } })]);
    else machine.refuse('reserve', new Error('lost'));
    machine.feed({ kind: 'close' });
    return { machine, request };
  };

  test('is over with the reply to its last call', () => {
    const { machine } = leaving(true);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
    machine.reply('reserve', [nothing()]);
    expect([machine.state.sequences.size, machine.endedMs()]).toEqual([0, 0]);
  });

  test.each<CounterReply>([
    taken(2n, 2n),
    nothing(),
    { kind: 'exhausted', valuesLeft: 0n, standby: KEEP },
    { kind: 'closed', standby: KEEP },
  ])('first settles what is unsettled, answered $kind, and leaves then', (reply) => {
    const { machine } = leaving(false);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'take' }]);
    machine.reply('reserve', [reply]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
  });

  test('is recovered first when the store demands it', () => {
    const { machine } = leaving(false);
    machine.reply('reserve', [{ kind: 'forgotten' }]);
    expect(machine.sequenceOf(TARGET).phase).toBe('recovering');
    machine.reply('report', [{ kind: 'reported', fence: { epoch: 1n, ceiling: 100n, wanted: 0n } }]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'take', reissued: true }]);
  });

  test('is over when its entry is corrupt: there is nobody to give anything back to', () => {
    const { machine } = leaving(true);
    machine.reply('reserve', [{ kind: 'corrupt', reason: 'rubbish' }]);
    expect([machine.state.sequences.size, machine.endedMs()]).toEqual([0, 0]);
  });
});
