/** One sequence that is counted: what its next call asks for, and what every reply of the store leads to. */
import { describe, expect, test } from 'vitest';
import { standbyLeft } from '../../../../../src/allocators/counter/machine/held-standby.ts';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import { CorruptEntryError, PeriodClosedError, SequenceOverflowError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { KEEP, type MachineOptions, machineOn, offer, taken } from '../../../fakes/machine-on.ts';

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

  test('that the sequence is closed is followed by no call when there is nothing to report', () => {
    const { settle, isCallDue, outcomes } = callFor([1]);
    settle({ kind: 'closed', standby: KEEP });
    expect([outcomes(), isCallDue()]).toEqual([[expect.any(PeriodClosedError)], false]);
  });

  test('that the sequence must be recovered has those served whom the standby can serve', () => {
    const machine = machineOn({ isFenced: true });
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    const requests = [machine.ask(TARGET, 2), machine.ask(TARGET, 9)];
    machine.reply('reserve', [{ kind: 'recovering' }]);
    expect(requests.map(({ outcome }) => outcome)).toEqual(['101-102*', undefined]);
  });

  test('that the sequence must be recovered is not told of while it recovers already', () => {
    const machine = machineOn({ keepsCeilings: true });
    const sequence = machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    // Its epoch is being looked up when the reply to an earlier call comes.
    machine.reply('report', [{ kind: 'reported', fence: { epoch: 2n, ceiling: 100n, wanted: 0n } }]);
    machine.reply('reserve', [{ kind: 'recovering' }]);
    expect([sequence.phase, owesReport(sequence.session), machine.events]).toEqual(['recovering', true, []]);
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
