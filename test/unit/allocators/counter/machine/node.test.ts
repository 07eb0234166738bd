/** The machine as a whole: when it wants to be woken, what a waking does and does not do, and what comes after its end. */
import { describe, expect, test } from 'vitest';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, machineOn, nothing } from '../../../fakes/machine-on.ts';
import { AWAY, away, calling, LIMITS, TARGET } from './away-node.ts';

const CEILINGS_AWAY = new StorageUnavailableError('PostgreSQL away');
const ORD = targetOf('ORD');

/** The ceiling could not be raised: that is tried again after 500 ms. */
const inTrouble = () => {
  const machine = machineOn({ keepsCeilings: true, limits: { ...LIMITS, renewMs: 10 ** 9 } });
  const sequence = machine.begin(TARGET);
  machine.ask(TARGET, 1);
  machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
  machine.refuse('account', CEILINGS_AWAY);
  return { machine, sequence };
};

describe('a waking that comes before its time', () => {
  test('makes no call look slow', () => {
    const { machine, request } = calling();
    machine.at(249);
    machine.feed({ kind: 'woke' });
    expect([machine.state.presence, request.outcome]).toEqual(['present', undefined]);
  });

  test('repeats no call', () => {
    const { machine } = away();
    machine.at(49);
    machine.feed({ kind: 'woke' });
    expect(machine.open('reserve')).toEqual([]);
  });

  test('lets the idle clock stand', () => {
    const machine = machineOn({ limits: { tickMs: 100 } });
    const sequence = machine.begin(TARGET);
    machine.at(99);
    machine.feed({ kind: 'woke' });
    expect([sequence.idleTicks, wakeAtMs(machine.state)]).toEqual([0, 100]);
  });

  test('does not try a ceiling again', () => {
    const { machine } = inTrouble();
    machine.at(499);
    machine.feed({ kind: 'woke' });
    expect(machine.askedOf('account')).toHaveLength(1);
    machine.at(500);
    expect(machine.askedOf('account')).toHaveLength(2);
    // What is under way again is in no list of what is to be tried again.
    expect(machine.state.troubled.size).toBe(0);
  });
});

describe('the machine wants to be woken', () => {
  test('with the next tick of its idle clock, when nothing else is to be done', () => {
    const machine = machineOn({ limits: { tickMs: 100 } });
    expect(wakeAtMs(machine.state)).toBe(100);
    machine.at(100);
    expect(wakeAtMs(machine.state)).toBe(200);
  });

  test('when its very first call has taken long, as any other', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.ask(TARGET, 1);
    expect(wakeAtMs(machine.state)).toBe(250);
    machine.at(250);
    expect(machine.state.presence).toBe('slow');
  });

  test('with the next renewal where the ceilings are kept elsewhere, and not elsewhere', () => {
    const limits = { tickMs: 10 ** 9, renewMs: 700 };
    expect(wakeAtMs(machineOn({ keepsCeilings: true, limits }).state)).toBe(700);
    expect(wakeAtMs(machineOn({ limits }).state)).toBe(10 ** 9);
  });

  test('for a report only once the one that is under way was answered', () => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    machine.begin(TARGET);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    expect([machine.open('report').length, wakeAtMs(machine.state)]).toEqual([1, 10 ** 9]);
    machine.refuse('report', AWAY);
    expect(wakeAtMs(machine.state)).toBe(200);
  });

  test('for an attempt to leave only once the trip under way has ended', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.at(300);
    machine.feed({ kind: 'close' });
    expect([machine.open('reserve').length, wakeAtMs(machine.state)]).toEqual([1, undefined]);
  });

  test('for the earliest of what is to be tried again', () => {
    const { machine } = inTrouble();
    expect(wakeAtMs(machine.state)).toBe(500);
    machine.at(450);
    machine.respond('read', () => [undefined]);
    machine.advance(ORD, 9n);
    expect(wakeAtMs(machine.state)).toBe(500);
    machine.at(500);
    expect(wakeAtMs(machine.state)).toBe(550);
  });
});

describe('a sequence that cannot make calls', () => {
  test('is not idle: it is not given up while it recovers', () => {
    const machine = machineOn({ isFenced: true, limits: { tickMs: 100, idleTicksMax: 2 } });
    const sequence = machine.begin(TARGET);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.at(2_000);
    expect([sequence.phase, sequence.idleTicks]).toEqual(['recovering', 0]);
  });
});

describe('a request that comes after the end', () => {
  test('is refused, whatever it wants, and nothing is asked', () => {
    const machine = machineOn();
    machine.feed({ kind: 'close' });
    const requests = [machine.ask(TARGET, 1), machine.askKeyed(TARGET, 1, 'k'), machine.advance(TARGET, 9n)];
    const refused = expect.objectContaining({ code: 'STORAGE_UNAVAILABLE', message: 'Stopping.' });
    expect(requests.map(({ outcome }) => outcome)).toEqual([refused, refused, refused]);
    expect(machine.asked).toEqual([]);
  });
});

test('the hint that the store can be reached has sequences that recover left out of the trip', () => {
  const machine = machineOn({ isFenced: true, limits: LIMITS });
  machine.begin(TARGET);
  machine.begin(ORD);
  machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
  machine.feed({ kind: 'reachable' });
  expect(machine.take('reserve').calls).toMatchObject([{ sequence: ORD.sequence, count: 0 }]);
  machine.reply('reserve', [nothing({ fence: FENCE })]);
  expect(machine.open('reserve')).toEqual([]);
});
