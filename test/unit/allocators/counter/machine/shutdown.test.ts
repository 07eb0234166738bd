/** The end of a node: it leaves every sequence, stores what it knew of them, and only then removes itself from the list of nodes. */
import { describe, expect, test } from 'vitest';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const AWAY = new StorageUnavailableError('away');

const close = (machine: Machine): void => machine.feed({ kind: 'close' });

/** The questions that are asked at the end, in order. */
const askedAfter = (machine: Machine, before: number): string[] =>
  machine.asked.slice(before).map(({ ask }) => (ask.do === 'reserve' ? `${ask.calls[0]?.kind}` : ask.do));

const raise = (machine: Machine): void => {
  machine.respond('account', ({ moves }) => moves.map(() => ({ kind: 'unserved' })));
  machine.respond('raise', ({ raises }) => raises.map(({ ceiling }) => ({ kind: 'raised', ceiling })));
  machine.respond('enforce', ({ ceilings }) =>
    ceilings.map(({ epoch, ceiling }) => ({ kind: 'raised', fence: { epoch, ceiling, wanted: 0n } })),
  );
};

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
