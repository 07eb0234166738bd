/** While the counter store counts as away: what is tried again and what is not, and what ends it. */
import { describe, expect, test } from 'vitest';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, offer } from '../../../fakes/machine-on.ts';
import { AWAY, away, LIMITS, TARGET } from './away-node.ts';

describe('while the store is away', () => {
  test('a call that takes long makes it no better: who comes is refused at once', () => {
    const { machine } = away();
    machine.ask(TARGET, 3);
    machine.at(400);
    machine.feed({ kind: 'woke' });
    expect([machine.open('reserve').length, machine.state.presence]).toEqual([1, 'away']);
    expect(machine.ask(TARGET, 1).outcome).toBe(AWAY);
  });

  test('a keyed request that came while the call was under way is not sent before the next attempt', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET);
    machine.ask(TARGET, 9);
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    machine.refuse('reserve', AWAY);
    expect([keyed.outcome, machine.open('reserve')]).toEqual([undefined, []]);
    machine.at(50);
    expect(machine.take('reserve').calls.map(({ kind }) => kind)).toEqual(['take', 'once']);
  });

  test('the next attempt of a keyed request is no answer yet: the store counts as away until one comes', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET);
    machine.askKeyed(TARGET, 1, 'k');
    machine.refuse('reserve', AWAY);
    machine.at(50);
    expect([machine.open('reserve').length, machine.state.presence, machine.typesOf()]).toEqual([
      1,
      'away',
      ['outage-began'],
    ]);
  });

  test('a keyed request of a sequence that the store does not know yet has it joined by the next attempt', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.askKeyed(targetOf('NEW'), 1, 'k');
    machine.refuse('reserve', AWAY);
    machine.at(50);
    expect(machine.take('reserve').calls.map(({ kind }) => kind)).toEqual(['take', 'join']);
  });
});

describe('what cannot be done about a sequence', () => {
  test('has those served who wait, as far as the standby goes, and the others refused', () => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    const requests = [machine.ask(TARGET, 2), machine.ask(TARGET, 9)];
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.refuse('report', AWAY);
    expect(requests.map(({ outcome }) => outcome)).toEqual(['101-102*', AWAY]);
  });

  test('is not tried again for its own sake when a request or a report will do that', () => {
    const machine = machineOn({ keepsCeilings: true, limits: LIMITS });
    machine.ask(TARGET, 1);
    machine.refuse('register', AWAY);
    expect([machine.sequenceOf(TARGET).trouble, machine.state.troubled.size]).toEqual([AWAY, 0]);
  });

  test('is not tried again at the end of the node', () => {
    const machine = machineOn({ keepsCeilings: true, limits: LIMITS });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
    machine.feed({ kind: 'close' });
    machine.refuse('account', AWAY);
    expect([machine.sequenceOf(TARGET).trouble, machine.state.troubled.size]).toEqual([AWAY, 0]);
  });
});

describe('a store that answers about a sequence while the counter store counts as away', () => {
  const recovering = (): Machine => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    machine.begin(TARGET);
    machine.begin(targetOf('ORD'));
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.ask(targetOf('ORD'), 1);
    machine.refuse('reserve', AWAY);
    return machine;
  };

  test('ends the outage when the sequence is served again', () => {
    const machine = recovering();
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    expect([machine.state.presence, machine.typesOf()]).toEqual(['present', ['outage-began', 'store-returned']]);
    expect(machine.open('reserve')).toHaveLength(1);
  });

  test('does not make it quicker: what is served from the standby meanwhile goes on so', () => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    machine.begin(targetOf('ORD'));
    machine.feed({ kind: 'recovery-began', id: targetOf('ORD').sequence });
    machine.ask(TARGET, 1);
    machine.at(250);
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    expect([machine.sequenceOf(targetOf('ORD')).phase, machine.state.presence]).toEqual(['serving', 'slow']);
  });

  test('is not waited for when only sequences that make no calls have something to say', () => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    machine.begin(TARGET);
    machine.begin(targetOf('ORD'));
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.refuse('reserve', AWAY);
    machine.at(50);
    expect([machine.open('reserve'), machine.typesOf()]).toEqual([[], ['outage-began', 'store-returned']]);
  });

  test('is not called for that sequence before it is served again', () => {
    const machine = recovering();
    machine.respond('reserve', () => AWAY);
    machine.at(1_000);
    for (const { calls } of machine.askedOf('reserve').slice(2))
      expect(calls.map(({ sequence }) => sequence.series.prefixKey)).toEqual(['ORD']);
  });
});

describe('the idle clock', () => {
  test('stands still while the store is away', () => {
    const machine = machineOn({ limits: { tickMs: 100, retryMs: 10 ** 6, retryMaxMs: 10 ** 6 } });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.refuse('reserve', AWAY);
    machine.at(10_000);
    expect(machine.sequenceOf(TARGET).idleTicks).toBe(0);
  });
});
