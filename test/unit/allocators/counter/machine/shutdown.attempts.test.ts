/** The attempts of a node that ends to leave its sequences: how many there are, when, and what they wait for. */
import { describe, expect, test } from 'vitest';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, nothing, taken } from '../../../fakes/machine-on.ts';
import { raise } from './counting-node.ts';

const TARGET = targetOf('INV');
const ORD = targetOf('ORD');
const AWAY = new StorageUnavailableError('away');
const ATTEMPTS = { closeAttemptsMax: 3, retryMs: 100 };

const close = (machine: Machine): void => machine.feed({ kind: 'close' });

describe('the attempts', () => {
  test('are no more when the node is closed again meanwhile', () => {
    const machine = machineOn({ limits: ATTEMPTS });
    machine.begin(TARGET);
    machine.respond('reserve', () => AWAY);
    close(machine);
    machine.at(150);
    close(machine);
    machine.at(9_000);
    expect([machine.timesOf('reserve').slice(1), machine.endedMs()]).toEqual([[0, 100, 200], 300]);
  });

  test('begin after the trip that was under way, and are no fewer when that fails', () => {
    const machine = machineOn({ limits: ATTEMPTS });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    close(machine);
    machine.respond('reserve', () => AWAY);
    machine.at(9_000);
    expect([machine.timesOf('reserve').slice(2), machine.endedMs()]).toEqual([[0, 100, 200], 300]);
  });

  test('are made with a pause after a request with a key that still waited was answered', () => {
    const machine = machineOn({ limits: { ...ATTEMPTS, patienceMs: 10 ** 6 } });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    close(machine);
    machine.reply('reserve', [taken(2n, 2n)]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
    machine.reply('reserve', [nothing()]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join' }]);
    machine.reply('reserve', [nothing()]);
    machine.at(180);
    const receipt = { fingerprint: 'f', atMs: 0, series: '', period: '', ranges: [{ first: 3n, last: 3n }] };
    machine.reply('reserve', [{ kind: 'receipt', receipt, replayed: false, standbyNear: false }]);
    expect([keyed.outcome, machine.open('reserve')]).toEqual(['3-3', []]);
    machine.at(280);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
    machine.reply('reserve', [nothing()]);
    expect([machine.endedMs(), machine.typesOf()]).toEqual([280, []]);
  });
});

describe('a recovery under way at the end', () => {
  const recovering = (): Machine => {
    const machine = machineOn({ isFenced: true });
    machine.begin(TARGET);
    machine.begin(ORD);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.respond('report', ({ reports }) => reports.map(() => ({ kind: 'recovering' })));
    return machine;
  };

  test('counts as no attempt for 5 s, to the millisecond', () => {
    const machine = recovering();
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.at(9_000);
    expect(machine.endedMs()).toBe(5_250);
  });

  test('is waited for, although another sequence cannot be left', () => {
    const machine = recovering();
    machine.respond('reserve', () => AWAY);
    close(machine);
    machine.at(4_999);
    expect(machine.endedMs()).toBeUndefined();
    machine.at(9_000);
    expect(machine.events.at(-1)).toEqual({ type: 'standby-not-returned', sequences: 2 });
  });
});

describe('a sequence that is being opened at the end', () => {
  test('is dropped at once, also while a trip is under way: it does not begin to report', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'prepare', target: ORD });
    close(machine);
    machine.reply('read', [undefined]);
    expect([machine.open('report'), machine.state.sequences.has(ORD.name)]).toEqual([[], false]);
  });

  test('joins before it is left when a request with a key waits in it', () => {
    const machine = machineOn({ keepsCeilings: true });
    raise(machine);
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    close(machine);
    machine.reply('register', undefined);
    machine.reply('read', [FENCE]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0 }]);
    expect([keyed.outcome, machine.endedMs()]).toEqual([undefined, undefined]);
  });
});
