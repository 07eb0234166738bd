/** A sequence is opened when it is met first, prepared, or checked: once, and only as the ceilings know it. */
import { describe, expect, test } from 'vitest';
import { requirePresence } from '../../../../../src/allocators/counter/machine/requests.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });

const AWAY = new StorageUnavailableError('PostgreSQL away');

describe('a new sequence', () => {
  test('is opened in the epoch of the ceilings, which is read only after the node was registered', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.ask(TARGET, 1);
    expect(machine.sequenceOf(TARGET).phase).toBe('opening');
    machine.reply('register', undefined);
    machine.reply('read', [{ epoch: 3n, ceiling: 100n }]);
    expect(machine.asked.map(({ ask }) => ask.do)).toEqual(['register', 'read', 'reserve']);
    expect(machine.take('reserve').calls).toMatchObject([{ epoch: 3n, kind: 'join', window: 0 }]);
  });

  test('of a sequence that the ceilings do not know swears off, and reports before its first call', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.ask(TARGET, 1);
    machine.reply('register', undefined);
    machine.reply('read', [undefined]);
    expect([machine.sequenceOf(TARGET).phase, machine.open('reserve')]).toEqual(['recovering', []]);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 1n, sworn: true }]);
  });

  test('makes no call before it is open, and all who came meanwhile are served in order', () => {
    const machine = machineOn({ keepsCeilings: true });
    const requests = [machine.ask(TARGET, 2), machine.ask(TARGET, 1)];
    machine.reply('register', undefined);
    expect(machine.open('reserve')).toEqual([]);
    machine.reply('read', [FENCE]);
    machine.reply('reserve', [taken(1n, 3n, { fence: FENCE })]);
    expect(requests.map(({ outcome }) => outcome)).toEqual(['1-2', '3-3']);
  });

  test('needs no opening where the counter store keeps everything', () => {
    const machine = machineOn({ isFenced: true });
    machine.ask(TARGET, 1);
    expect([machine.sequenceOf(TARGET).phase, machine.asked.map(({ ask }) => ask.do)]).toEqual([
      'joining',
      ['reserve'],
    ]);
  });

  test('cannot be opened while the ceilings are away: who waits is refused, and the next request tries again', () => {
    const machine = machineOn({ keepsCeilings: true });
    const request = machine.ask(TARGET, 1);
    machine.reply('register', undefined);
    machine.refuse('read', AWAY);
    expect(request.outcome).toBe(AWAY);
    machine.at(4_000);
    expect(machine.open('read')).toEqual([]);
    const next = machine.ask(TARGET, 1);
    machine.reply('read', [FENCE]);
    machine.reply('reserve', [taken(1n, 1n, { fence: FENCE })]);
    expect(next.outcome).toBe('1-1');
  });

  test('that fails for a reason of its own is refused as unavailable, the reason inside', () => {
    const machine = machineOn({ keepsCeilings: true });
    const request = machine.ask(TARGET, 1);
    const reason = new TypeError('a defect');
    machine.refuse('register', reason);
    expect(request.outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE', cause: reason });
  });

  test('shares the trip to the ceilings with others, up to as many as one may carry; the rest wait for its end', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { ceilingsMax: 2 } });
    for (const key of ['A', 'B', 'C']) machine.ask(targetOf(key), 1);
    machine.reply('register', undefined);
    expect(machine.take('read').readers).toHaveLength(2);
    machine.feed({ kind: 'woke' });
    expect(machine.open('read')).toHaveLength(1);
    machine.reply('read', [FENCE, FENCE]);
    expect(machine.take('read').readers).toHaveLength(1);
  });

  test('is read about once, however many come meanwhile', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.begin(targetOf('ORD'));
    for (const count of [1, 2]) machine.ask(TARGET, count);
    machine.reply('read', [FENCE]);
    expect(machine.open('read')).toEqual([]);
  });

  test('counts above the initialSeq it was opened with, also after the config has named a lower one', () => {
    const machine = machineOn();
    machine.ask({ ...TARGET, initialSeq: 50n }, 1);
    machine.reply('reserve', [taken(51n, 51n)]);
    machine.ask({ ...TARGET, initialSeq: 16n }, 1);
    expect(machine.take('reserve').calls).toMatchObject([{ initialSeq: 50n }]);
  });

  test('that is dropped at the end, while the ceilings are asked for its epoch, stays dropped', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.feed({ kind: 'prepare', target: TARGET });
    machine.reply('register', undefined);
    machine.feed({ kind: 'close' });
    machine.reply('read', [FENCE]);
    expect([machine.state.sequences.size, machine.open('reserve'), machine.open('unregister').length]).toEqual([
      0,
      [],
      1,
    ]);
  });

  test('that is one too many for this node is refused, and the others go on', () => {
    const machine = machineOn({ limits: { queuesMax: 1 } });
    machine.begin(TARGET);
    expect(machine.ask(targetOf('B'), 1).outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    expect(machine.askKeyed(targetOf('B'), 1, 'k').outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    machine.feed({ kind: 'prepare', target: targetOf('B') });
    expect([machine.state.sequences.size, machine.ask(TARGET, 1).outcome]).toEqual([1, undefined]);
  });
});

describe('preparing', () => {
  test('takes a standby for a sequence that nobody asked for, and no value', () => {
    const machine = machineOn();
    machine.feed({ kind: 'prepare', target: TARGET });
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0, standbySize: 5 }]);
  });

  test('makes no trip for one that has a standby, nor while the store is away', () => {
    const machine = machineOn();
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    machine.feed({ kind: 'prepare', target: TARGET });
    expect(machine.open('reserve')).toEqual([]);
    machine.ask(TARGET, 9);
    machine.refuse('reserve', AWAY);
    machine.feed({ kind: 'prepare', target: targetOf('NEW') });
    expect(machine.state.sequences.has(targetOf('NEW').name)).toBe(false);
  });
});

describe('checking a sequence', () => {
  test('opens it without taking a value or a standby, so that a recovery it needs runs', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.feed({ kind: 'check', id: TARGET.sequence, target: TARGET });
    machine.reply('register', undefined);
    machine.reply('read', [FENCE]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0, standbySize: 0 }]);
  });

  test('that is in use makes a call, unless one is unsettled', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    machine.feed({ kind: 'check', id: TARGET.sequence, target: undefined });
    expect(machine.take('reserve').calls).toMatchObject([{ count: 0 }]);
    machine.feed({ kind: 'check', id: TARGET.sequence, target: undefined });
    machine.reply('reserve', [nothing()]);
    expect(machine.open('reserve')).toEqual([]);
  });

  test('whose terms are not known makes this node report, where the ceilings know all nodes', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.feed({ kind: 'check', id: TARGET.sequence, target: undefined });
    machine.reply('register', undefined);
    machine.reply('read', [FENCE]);
    expect(machine.open('report')).toHaveLength(1);
  });

  test('tries again what failed when it was opened', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.ask(TARGET, 1);
    machine.refuse('register', AWAY);
    machine.feed({ kind: 'check', id: TARGET.sequence, target: undefined });
    expect(machine.open('register')).toHaveLength(1);
  });

  test('is refused while the store is away, and when the node ends', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    expect(() => requirePresence(machine.state)).not.toThrow();
    machine.ask(TARGET, 1);
    machine.refuse('reserve', AWAY);
    expect(() => requirePresence(machine.state)).toThrow(AWAY);
    const ending = machineOn();
    ending.feed({ kind: 'close' });
    expect(() => requirePresence(ending.state)).toThrow('Stopping.');
  });
});
