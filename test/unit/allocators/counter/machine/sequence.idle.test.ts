/** What a sequence does when it is idle, and how it is given up: what is unsettled first, and then all that is in hand. */
import { describe, expect, test } from 'vitest';
import {
  createSequence,
  type Sequence,
  tickIdle,
  touch,
} from '../../../../../src/allocators/counter/machine/sequence.ts';
import { createCounterSession } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { KEEP, machineOn, nothing, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });

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
    expect(tickIdle(create(), LIMITS)).toBe('nothing');
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
