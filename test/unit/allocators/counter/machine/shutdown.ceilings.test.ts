/** The end of a node where the ceilings are kept elsewhere: it is struck out only after all it knew was stored. */
import { describe, expect, test } from 'vitest';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, nothing, taken } from '../../../fakes/machine-on.ts';
import { AWAY, raise } from './counting-node.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const close = (machine: Machine): void => machine.feed({ kind: 'close' });

/** The questions that are asked at the end, in order. */
const askedAfter = (machine: Machine, before: number): string[] =>
  machine.asked.slice(before).map(({ ask }) => (ask.do === 'reserve' ? `${ask.calls[0]?.kind}` : ask.do));

describe('with ceilings kept elsewhere', () => {
  const start = () => {
    const machine = machineOn({ keepsCeilings: true, limits: { tickMs: 10 ** 6 } });
    machine.begin(TARGET, { last: 42n });
    return { machine, before: machine.asked.length };
  };

  test('the node is struck out after the accounts were stored, which say that all it took is passed over', () => {
    const { machine, before } = start();
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(machine.take('raise').raises).toMatchObject([{ base: 42n }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 10_042n }]);
    expect([machine.open('unregister'), machine.endedMs()]).toEqual([[], undefined]);
    machine.reply('enforce', [{ kind: 'raised', fence: FENCE }]);
    expect(machine.take('unregister').node).toBe('node');
    expect(machine.endedMs()).toBeUndefined();
    machine.reply('unregister', undefined);
    expect(askedAfter(machine, before)).toEqual(['leave', 'account', 'raise', 'enforce', 'unregister']);
    expect([machine.endedMs(), machine.events]).toEqual([0, []]);
  });

  test('an account that could not be stored keeps the node on the list, and that is told', () => {
    const { machine } = start();
    machine.respond('account', () => AWAY);
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    expect(machine.askedOf('unregister')).toEqual([]);
    expect([machine.typesOf(), machine.endedMs()]).toEqual([['ceiling-not-raised', 'node-not-struck-out'], 0]);
  });

  test('an account that came too late, when another epoch had begun, keeps the node on the list: it must be missed', () => {
    const { machine } = start();
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'superseded', current: { epoch: 2n, ceiling: 9n } }]);
    expect(machine.askedOf('unregister')).toEqual([]);
    expect([machine.typesOf(), machine.endedMs()]).toEqual([['node-not-struck-out'], 0]);
  });

  test('an account that could not be stored earlier does not, as long as the sequence was not left then', () => {
    const { machine } = start();
    // The idle clock gives it up.
    machine.sequenceOf(TARGET).idleTicks = 720;
    machine.respond('register', () => undefined);
    machine.respond('bury', () => []);
    machine.at(10 ** 6);
    expect(machine.sequenceOf(TARGET).phase).toBe('settling');
    machine.refuse('account', AWAY);
    raise(machine);
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    expect(machine.open('unregister')).toHaveLength(1);
  });

  test('a sequence that could not be left keeps the node on the list', () => {
    const { machine } = start();
    machine.respond('reserve', () => AWAY);
    close(machine);
    machine.at(9_000);
    expect(machine.askedOf('unregister')).toEqual([]);
    expect(machine.typesOf()).toEqual(['outage-began', 'standby-not-returned']);
  });

  test('a store that is away is asked no more once the attempts are over, even while an account is being stored', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { callEntriesMax: 1 } });
    machine.begin(TARGET);
    machine.begin(targetOf('ORD'));
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.respond('reserve', () => AWAY);
    machine.at(9_000);
    const before = machine.askedOf('reserve').length;
    expect([machine.open('account').length, machine.endedMs(), before]).toEqual([1, undefined, 8]);
    machine.at(60_000);
    expect(machine.askedOf('reserve')).toHaveLength(before);
    expect(wakeAtMs(machine.state)).toBeUndefined();
  });

  test('a node that could not be struck out is told of: the next recovery will wait for it', () => {
    const { machine } = start();
    raise(machine);
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.refuse('unregister', AWAY);
    expect([machine.typesOf(), machine.endedMs()]).toEqual([['node-not-struck-out'], 0]);
  });

  test('a renewal that is under way is awaited: it would put the node on the list again', () => {
    const { machine } = start();
    raise(machine);
    machine.at(20_000);
    expect(machine.open('register')).toHaveLength(1);
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    expect(machine.open('unregister')).toEqual([]);
    machine.refuse('register', AWAY);
    expect(machine.open('unregister')).toHaveLength(1);
  });

  test('nothing is renewed any more, and no idle clock ticks', () => {
    const { machine } = start();
    close(machine);
    machine.at(60_000);
    expect([machine.timesOf('register'), machine.open('reserve').length]).toEqual([[0], 1]);
    expect(wakeAtMs(machine.state)).toBeUndefined();
  });

  test('a sequence that could not be opened has nothing to give back', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.ask(TARGET, 1);
    machine.refuse('register', AWAY);
    close(machine);
    expect(machine.state.sequences.size).toBe(0);
    expect(machine.open('unregister')).toHaveLength(1);
  });

  test.each([
    ['a request waits', (machine: Machine) => void machine.ask(TARGET, 1), [{ kind: 'join', count: 1 }]],
    [
      'values came back',
      (machine: Machine) => machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 7n, last: 8n }] }),
      [{ kind: 'join', count: 0, returned: [{ first: 7n, last: 8n }] }],
    ],
  ])('a sequence that is being opened, for which %s, joins before it is left', (_title, open, expected) => {
    const machine = machineOn({ keepsCeilings: true });
    open(machine);
    close(machine);
    machine.reply('register', undefined);
    machine.reply('read', [FENCE]);
    expect(machine.take('reserve').calls).toMatchObject(expected);
    raise(machine);
    machine.respond('reserve', ({ calls }) =>
      calls.map(({ count }) => (count === 0 ? nothing({ fence: FENCE }) : taken(1n, 1n, { fence: FENCE }))),
    );
    machine.at(1_000);
    expect([askedAfter(machine, 3), machine.events]).toEqual([
      ['leave', 'account', 'raise', 'enforce', 'unregister'],
      [],
    ]);
  });

  test('a sequence that cannot be opened at the end, so that nobody waits in it any more, does not keep the node on the list', () => {
    const machine = machineOn({ keepsCeilings: true });
    const request = machine.ask(TARGET, 1);
    close(machine);
    machine.refuse('register', AWAY);
    machine.at(1_000);
    expect([request.outcome, machine.open('unregister').length]).toEqual([AWAY, 1]);
  });

  test('a sequence at its ceiling that cannot be raised ends in time, and nothing is asked any more', () => {
    const { machine } = start();
    machine.ask(TARGET, 1);
    machine.respond('account', () => AWAY);
    machine.reply('reserve', [{ kind: 'ceiling', value: 42n }]);
    close(machine);
    machine.at(9_000);
    expect(machine.typesOf().at(-1)).toBe('standby-not-returned');
    const before = machine.asked.length;
    machine.at(99_000);
    expect([machine.asked.length, machine.endedMs()]).toEqual([before, expect.any(Number)]);
  });
});
