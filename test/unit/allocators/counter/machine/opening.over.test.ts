/** Values that come back, and a session that is over: what waits and what is in hand moves on. */
import { describe, expect, test } from 'vitest';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, machineOn, nothing, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });

describe('values that come back', () => {
  test('serve the next request without a trip, in their order', () => {
    const machine = machineOn();
    machine.begin(TARGET, { last: 5n });
    const ranges = [
      { first: 1n, last: 2n },
      { first: 4n, last: 4n },
    ];
    machine.feed({ kind: 'give-back', target: TARGET, ranges });
    expect(machine.ask(TARGET, 3).outcome).toBe('1-2 4-4');
    expect(machine.open('reserve')).toEqual([]);
  });

  test('serve no request whose initialSeq was raised above them', () => {
    const machine = machineOn();
    machine.begin(TARGET, { last: 5n });
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 5n }] });
    expect(machine.ask({ ...TARGET, initialSeq: 3n }, 1).outcome).toBe('4-4');
  });

  test('go to a request that waits already, not to one that comes later', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    const early = machine.ask(TARGET, 1);
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 1n }] });
    const late = machine.ask(TARGET, 1);
    machine.reply('reserve', [taken(2n, 2n)]);
    expect([early.outcome, late.outcome]).toEqual(['1-1', '2-2']);
  });

  test('to a sequence that was left are kept, even if that makes one too many, and given back with its next call', () => {
    const machine = machineOn({ limits: { queuesMax: 0 } });
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 7n, last: 8n }] });
    expect(machine.sequenceOf(TARGET).session.surplus).toEqual([{ first: 7n, last: 8n }]);
    machine.feed({ kind: 'close' });
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', returned: [{ first: 7n, last: 8n }] }]);
  });

  test('to a sequence that is opened for them count as a request would: the node is no stranger to it', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { queuesMax: 0 } });
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 7n, last: 8n }] });
    machine.reply('register', undefined);
    machine.reply('read', [FENCE]);
    expect([machine.open('report'), machine.take('reserve').calls]).toMatchObject([[], [{ kind: 'join' }]]);
  });
});

describe('a session that is over', () => {
  test('hands over who waits and what came back meanwhile to the next one: nothing is lost', () => {
    const machine = machineOn({ limits: { tickMs: 100, idleTicksMax: 1 } });
    const before = machine.begin(TARGET);
    machine.at(200);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
    const request = machine.ask(TARGET, 3);
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 1n }] });
    machine.reply('reserve', [nothing()]);
    expect([before.phase, machine.sequenceOf(TARGET) === before]).toEqual(['left', false]);
    // What is in hand goes to the head of the line.
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 2, seen: 0n }]);
    machine.reply('reserve', [taken(2n, 3n)]);
    expect([request.outcome, keyed.outcome]).toEqual(['1-1 2-3', undefined]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'once' }]);
  });

  test('hands over how far initialSeq was raised, though a request that was held up since says less', () => {
    const machine = machineOn({ limits: { tickMs: 100, idleTicksMax: 1 } });
    machine.begin(TARGET);
    machine.at(200);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
    machine.ask({ ...TARGET, initialSeq: 34n }, 1);
    machine.ask(TARGET, 1);
    machine.reply('reserve', [nothing()]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 2, initialSeq: 34n }]);
  });

  test('hands over keyed requests that wait alone', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    machine.feed({ kind: 'prepare', target: TARGET });
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0 }]);
    machine.reply('reserve', [nothing()]);
    expect([keyed.outcome, machine.take('reserve').calls[0]?.kind]).toEqual([undefined, 'once']);
  });

  test.each<CounterReply>([{ kind: 'recovering' }, { kind: 'ceiling', value: 9n }])(
    'takes no notice of what the same trip brings for it, answered $kind',
    (reply) => {
      const machine = machineOn({ isFenced: true });
      machine.begin(TARGET);
      machine.begin(targetOf('ORD'));
      machine.ask(targetOf('ORD'), 1);
      machine.ask(TARGET, 1);
      const keyed = machine.askKeyed(TARGET, 1, 'k');
      machine.reply('reserve', [taken(2n, 2n, { fence: FENCE })]);
      machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }, reply]);
      expect([keyed.outcome, machine.events, machine.sequenceOf(TARGET).phase]).toEqual([undefined, [], 'joining']);
    },
  );

  describe('where the ceilings are kept elsewhere', () => {
    const NOTHING: readonly unknown[] = [0n, []];
    /** Left after it was given 1 to 42; its last account is on its way. */
    const leave = () => {
      const machine = machineOn({ keepsCeilings: true });
      machine.begin(TARGET, { last: 42n });
      machine.feed({ kind: 'prepare', target: TARGET });
      machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
      expect(machine.state.sequences.size).toBe(0);
      return machine;
    };
    /** What the next session knows of what was given. */
    const known = (machine: ReturnType<typeof machineOn>): readonly unknown[] => {
      machine.ask(TARGET, 1);
      const { seen, history } = machine.sequenceOf(TARGET).session;
      return [seen, history.ranges];
    };

    test.each<[string, (machine: ReturnType<typeof machineOn>) => void]>([
      ['is on its way', () => undefined],
      ['could not be read', (machine) => machine.refuse('account', new Error('away'))],
      [
        'was superseded',
        (machine) => {
          machine.reply('account', [{ kind: 'unserved' }]);
          machine.reply('raise', [{ kind: 'superseded', current: { epoch: 9n, ceiling: 9n } }]);
        },
      ],
    ])('leaves the next one what it was given, to report it, while its last account %s', (_what, answer) => {
      const machine = leave();
      answer(machine);
      expect(known(machine)).toEqual([42n, [{ first: 1n, last: 42n }]]);
      expect(machine.state.unstored.size).toBe(0);
    });

    test('leaves the next one nothing once its last account is stored', () => {
      const machine = leave();
      machine.reply('account', [{ kind: 'unserved' }]);
      machine.reply('raise', [{ kind: 'raised', ceiling: 10_042n }]);
      machine.reply('enforce', [{ kind: 'raised', fence: FENCE }]);
      expect([machine.state.unstored.size, known(machine)]).toEqual([0, NOTHING]);
    });
  });

  test('is in no line any more', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.feed({ kind: 'prepare', target: TARGET });
    expect(machine.state.registration.waiting.size).toBe(1);
    machine.feed({ kind: 'close' });
    expect(machine.state.registration.waiting.size).toBe(0);
  });

  test('goes on with higher call numbers in the next one', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    const { call } = machine.take('reserve').calls[0] ?? { call: Number.NaN };
    machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
    expect(machine.take('reserve').calls[0]?.call).toBeGreaterThan(call);
  });

  test('stores its account, and the next one begins meanwhile', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.begin(TARGET, { last: 42n });
    const request = machine.ask(TARGET, 1);
    machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
    expect([machine.open('account').length, machine.open('read').length]).toEqual([1, 1]);
    machine.reply('read', [FENCE]);
    machine.reply('reserve', [taken(43n, 43n, { fence: FENCE })]);
    expect(request.outcome).toBe('43-43');
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(machine.take('raise').raises).toMatchObject([{ base: 42n }]);
  });

  test('takes no part in anything that was under way for it', () => {
    const machine = machineOn({ keepsCeilings: true });
    const before = machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    // Its epoch is being looked up when the reply to an earlier call ends the session.
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    expect(before.phase).toBe('recovering');
    machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
    expect([before.phase, machine.state.recovery.sequences.has(before), machine.state.due.has(before)]).toEqual([
      'left',
      false,
      false,
    ]);
  });
});
