/** What becomes of a request when it comes: served, refused, or in a line. */
import { describe, expect, test } from 'vitest';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { type Machine, machineOn } from '../../../fakes/machine-on.ts';
import { away, TARGET } from './away-node.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');

/** The ceiling must be raised before anything can be served. */
const atCeiling = (): Machine => {
  const machine = machineOn({ keepsCeilings: true, limits: { tickMs: 10 ** 9 } });
  machine.begin(TARGET);
  machine.ask(TARGET, 1);
  machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
  return machine;
};

describe('a request whose sequence may be closed at any time', () => {
  test('is given nothing that is in hand: its values come with a call of its own', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 1n }] });
    const request = machine.ask({ ...TARGET, isEnding: true }, 1);
    expect(request.outcome).toBeUndefined();
    expect(machine.take('reserve').calls).toMatchObject([{ count: 1, returned: [{ first: 1n, last: 1n }] }]);
  });
});

describe('a keyed request', () => {
  test('counts as a request: its sequence is not idle, and its terms are the latest', () => {
    const machine = machineOn({ limits: { tickMs: 100 } });
    const sequence = machine.begin(TARGET);
    machine.at(100);
    expect(sequence.idleTicks).toBe(1);
    const target = targetOf('INV', { limit: 900n });
    machine.askKeyed(target, 1, 'k');
    expect([sequence.idleTicks, sequence.target]).toEqual([0, target]);
  });

  test('of a sequence at its ceiling waits until that is raised', () => {
    const machine = atCeiling();
    expect(machine.askKeyed(TARGET, 1, 'k').outcome).toBeUndefined();
  });

  test('of a sequence whose ceiling cannot be raised is refused with the reason', () => {
    const machine = atCeiling();
    machine.refuse('account', AWAY);
    expect(machine.askKeyed(TARGET, 1, 'k').outcome).toBe(AWAY);
  });

  test('is refused while the store is away, and its key is not claimed', () => {
    const machine = machineOn({ claimsKeys: true });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.refuse('reserve', AWAY);
    expect([machine.askKeyed(TARGET, 1, 'k').outcome, machine.open('claim')]).toEqual([AWAY, []]);
  });

  test('opens no sequence while the store is away', () => {
    const { machine } = away();
    machine.askKeyed(targetOf('NEW'), 1, 'k');
    expect(machine.state.sequences.has(targetOf('NEW').name)).toBe(false);
  });

  test('may wait while no more requests wait than may', () => {
    const machine = machineOn({ limits: { waitingMax: 1 } });
    machine.begin(TARGET);
    expect(machine.askKeyed(TARGET, 1, 'k').outcome).toBeUndefined();
    expect(machine.askKeyed(TARGET, 1, 'l').outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });
});

describe('checking a sequence that this node does not know', () => {
  test('has it joined, without a value or a standby, where the counter store keeps everything', () => {
    const machine = machineOn();
    machine.feed({ kind: 'check', id: TARGET.sequence, target: TARGET });
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0, standbySize: 0 }]);
  });

  test('does nothing when too many are in use', () => {
    const machine = machineOn({ limits: { queuesMax: 1 } });
    machine.begin(targetOf('ORD'));
    machine.feed({ kind: 'check', id: TARGET.sequence, target: TARGET });
    expect([machine.open('reserve'), machine.state.sequences.size]).toEqual([[], 1]);
  });
});
