/** The end of a node: it leaves every sequence, stores what it knew of them, and only then removes itself from the list of nodes. */
import { describe, expect, test } from 'vitest';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const AWAY = new StorageUnavailableError('away');

const close = (machine: Machine): void => machine.feed({ kind: 'close' });

describe('a node that ends', () => {
  test('without any sequence has nothing to do', () => {
    const machine = machineOn();
    close(machine);
    expect([machine.asked, machine.events, machine.endedMs()]).toEqual([[], [], 0]);
  });

  test('leaves every sequence, with all that is in hand', () => {
    const machine = machineOn();
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    machine.begin(targetOf('ORD'));
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 1n }] });
    close(machine);
    expect(machine.take('reserve').calls).toMatchObject([
      { kind: 'leave', returned: [{ first: 1n, last: 1n }], released: [{ first: 101n, used: 0n }], holding: undefined },
      { kind: 'leave' },
    ]);
    machine.reply('reserve', [nothing(), nothing()]);
    expect([machine.endedMs(), machine.events]).toEqual([0, []]);
  });

  test('leaves one that the store never heard of without a trip', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'prepare', target: targetOf('NEW') });
    close(machine);
    machine.reply('reserve', [taken(2n, 2n)]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave', sequence: TARGET.sequence }]);
    machine.reply('reserve', [nothing()]);
    expect([machine.endedMs(), machine.events]).toEqual([0, []]);
  });

  test('ends also when nothing but sequences that the store never heard of is left', () => {
    const machine = machineOn();
    machine.feed({ kind: 'prepare', target: TARGET });
    machine.feed({ kind: 'prepare', target: targetOf('NEW') });
    machine.refuse('reserve', AWAY);
    machine.at(50);
    machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
    expect([...machine.state.sequences.values()].map(({ phase }) => phase)).toEqual(['joining']);
    close(machine);
    expect([machine.endedMs(), machine.open('reserve')]).toEqual([50, []]);
  });

  test('awaits the trip under way first', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    const request = machine.ask(TARGET, 1);
    close(machine);
    expect(machine.open('reserve')).toHaveLength(1);
    machine.reply('reserve', [taken(2n, 2n)]);
    expect([request.outcome, machine.take('reserve').calls[0]?.kind]).toEqual(['2-2', 'leave']);
    expect(machine.endedMs()).toBeUndefined();
  });

  test('tries a few times, with pauses, and tells what could not be given back', () => {
    const machine = machineOn({ limits: { closeAttemptsMax: 3, retryMs: 100 } });
    machine.begin(TARGET);
    machine.respond('reserve', () => AWAY);
    const before = machine.asked.length;
    close(machine);
    machine.at(150);
    expect([machine.timesOf('reserve').slice(before), machine.endedMs()]).toEqual([[0, 100], undefined]);
    machine.at(9_000);
    expect([machine.timesOf('reserve').slice(before), machine.endedMs()]).toEqual([[0, 100, 200], 300]);
    expect(machine.events).toEqual([
      { type: 'outage-began', reason: AWAY },
      { type: 'standby-not-returned', sequences: 1 },
    ]);
  });

  test('succeeds when the store comes back in between', () => {
    const machine = machineOn({ limits: { retryMs: 100 } });
    machine.begin(TARGET);
    machine.respond('reserve', () => AWAY);
    close(machine);
    machine.at(150);
    machine.respond('reserve', () => [nothing()]);
    machine.at(250);
    expect([machine.typesOf(), machine.endedMs()]).toEqual([['outage-began', 'store-returned'], 200]);
  });

  test('refuses who waits still, so that nobody waits for ever', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { closeAttemptsMax: 1 } });
    const requests = [machine.ask(TARGET, 1), machine.askKeyed(TARGET, 1, 'k'), machine.advance(TARGET, 9n)];
    close(machine);
    machine.at(60_000);
    machine.respond('register', () => undefined);
    machine.at(120_000);
    const refused = expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' });
    expect([requests.map(({ outcome }) => outcome), machine.endedMs()]).toEqual([
      [refused, refused, refused],
      expect.any(Number),
    ]);
  });

  test('closes once: a second close changes nothing', () => {
    const machine = machineOn();
    machine.begin(TARGET);
    close(machine);
    close(machine);
    expect(machine.askedOf('reserve')).toHaveLength(2);
    machine.reply('reserve', [nothing()]);
    close(machine);
    expect(machine.asked).toHaveLength(2);
  });

  test('wants no waking any more, and does nothing, whatever comes', () => {
    const machine = machineOn({ keepsCeilings: true });
    close(machine);
    machine.reply('unregister', undefined);
    expect([machine.endedMs(), wakeAtMs(machine.state)]).toEqual([0, undefined]);
    const before = machine.asked.length;
    machine.feed({ kind: 'reachable' });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.at(10 ** 6);
    expect(machine.asked).toHaveLength(before);
  });
});

describe('a recovery under way at the end', () => {
  const recovering = (isWaiting = true) => {
    const machine = machineOn({ isFenced: true });
    machine.begin(TARGET);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    const reply = {
      kind: 'waiting',
      recovery: { server: 'r', time: '1' },
      sinceMs: 0,
      epoch: 1n,
      ceiling: 9n,
    } as const;
    machine.respond('report', ({ reports }) =>
      reports.map(() =>
        isWaiting ? { ...reply, highest: 1n, reported: [], missing: ['other'] } : { kind: 'recovering' },
      ),
    );
    return machine;
  };

  test('is waited for, and the sequence is left then', () => {
    const machine = recovering();
    close(machine);
    machine.at(3_000);
    expect([machine.endedMs(), machine.open('reserve')]).toEqual([undefined, []]);
    machine.respond('report', () => [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    machine.at(3_100);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave', epoch: 2n }]);
    machine.reply('reserve', [nothing({ fence: { ...FENCE, epoch: 2n } })]);
    expect([machine.endedMs(), machine.events]).toEqual([3_100, []]);
  });

  test('is waited for 5 s, and told of as not returned after that and the attempts', () => {
    const machine = recovering();
    close(machine);
    machine.at(4_999);
    expect(machine.endedMs()).toBeUndefined();
    machine.at(9_000);
    expect(machine.events).toEqual([{ type: 'standby-not-returned', sequences: 1 }]);
    expect(machine.endedMs()).toBeGreaterThanOrEqual(5_000);
    expect(machine.endedMs()).toBeLessThanOrEqual(5_500);
    const reports = machine.timesOf('report').length;
    machine.at(20_000);
    expect(machine.timesOf('report')).toHaveLength(reports);
  });

  test('is reported for no more once the attempts are over, even while an account is being stored', () => {
    const machine = machineOn({ keepsCeilings: true });
    machine.begin(TARGET);
    machine.begin(targetOf('ORD'));
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.respond('report', ({ reports }) => reports.map(() => ({ kind: 'recovering' })));
    close(machine);
    machine.reply('reserve', [nothing({ fence: FENCE })]);
    machine.at(9_000);
    expect([machine.open('account').length, machine.endedMs()]).toEqual([1, undefined]);
    expect(machine.timesOf('report').filter((atMs) => atMs > 6_000)).toEqual([]);
  });

  test('that is in trouble is not waited for beyond the attempts', () => {
    const machine = recovering();
    machine.respond('report', () => AWAY);
    machine.at(200);
    close(machine);
    machine.at(9_000);
    expect(machine.endedMs()).toBeLessThanOrEqual(500);
    expect(machine.typesOf()).toEqual(['standby-not-returned']);
  });
});
