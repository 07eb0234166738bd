/** Whether the counter store is there: what begins and ends with an outage, and what a slow store changes. */
import { describe, expect, test } from 'vitest';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { refusalOf, troubleOf } from '../../../../../src/allocators/counter/machine/presence.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';
import { AWAY, away, calling, LIMITS, TARGET } from './away-node.ts';

describe('a call that takes long', () => {
  test('is waited for 250 ms; then the standby serves who waits and who comes', () => {
    const { machine, request } = calling();
    machine.at(249);
    expect([request.outcome, machine.state.presence]).toEqual([undefined, 'present']);
    machine.at(250);
    expect([request.outcome, machine.state.presence]).toEqual(['101-102*', 'slow']);
    expect(machine.ask(TARGET, 1).outcome).toBe('103-103*');
  });

  test('keeps a request waiting that needs more than the standby has, and is no outage', () => {
    const { machine } = calling();
    machine.at(250);
    const large = machine.ask(TARGET, 9);
    machine.at(60_000);
    expect([large.outcome, machine.events]).toEqual([undefined, []]);
    machine.reply('reserve', [taken(2n, 3n)]);
    expect(machine.state.presence).toBe('present');
    machine.reply('reserve', [taken(4n, 10n)]);
    expect(large.outcome).toBe('2-3 4-10');
  });

  test('is not waited for again: the machine wants no waking for it', () => {
    const { machine } = calling();
    machine.at(250);
    expect(wakeAtMs(machine.state)).toBe(10 ** 9);
  });
});

describe('a call that fails', () => {
  test('begins an outage, told of once: who waits is served from the standby or refused', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    const requests = [machine.ask(TARGET, 2), machine.ask(TARGET, 9)];
    machine.refuse('reserve', AWAY);
    machine.at(50);
    machine.refuse('reserve', AWAY);
    expect(requests.map(({ outcome }) => outcome)).toEqual(['101-102*', AWAY]);
    expect(machine.events).toEqual([{ type: 'outage-began', reason: AWAY }]);
  });

  test('is the same as one that is answered incompletely', () => {
    const { machine } = calling();
    machine.reply('reserve', []);
    expect(machine.events).toMatchObject([
      { type: 'outage-began', reason: { message: expect.stringMatching(/incompl/) } },
    ]);
  });

  test('has later requests refused at once, once the standby is used up', () => {
    const { machine } = away();
    expect([machine.ask(TARGET, 3).outcome, machine.ask(TARGET, 1).outcome]).toEqual(['103-105*', AWAY]);
    expect(machine.ask(targetOf('NEW'), 1).outcome).toBe(AWAY);
    expect(machine.open('reserve')).toEqual([]);
  });

  test('for a reason of its own refuses as unavailable, the reason inside', () => {
    const { machine } = calling();
    const reason = new TypeError('a defect');
    machine.refuse('reserve', reason);
    expect(refusalOf(machine.state)).toMatchObject({ code: 'STORAGE_UNAVAILABLE', cause: reason });
  });

  test('is repeated unchanged after 50, 100, 200 … ms, at last every second, until the store answers', () => {
    const { machine } = away();
    const call = machine.askedOf('reserve').at(-1)?.calls[0];
    machine.respond('reserve', () => AWAY);
    machine.at(4_000);
    expect(machine.timesOf('reserve').slice(1)).toEqual([0, 50, 150, 350, 750, 1_550, 2_550, 3_550]);
    for (const { calls } of machine.askedOf('reserve').slice(1)) expect(calls).toEqual([call]);
    machine.respond('reserve', undefined);
    machine.at(4_550);
    machine.reply('reserve', [taken(2n, 3n)]);
    expect([machine.typesOf(), machine.state.presence]).toEqual([['outage-began', 'store-returned'], 'present']);
  });

  test('begins anew with 50 ms after the store was back', () => {
    const { machine } = away();
    machine.respond('reserve', () => AWAY);
    machine.at(1_000);
    machine.respond('reserve', ({ calls }) => calls.map(() => nothing()));
    machine.at(2_000);
    machine.respond('reserve', undefined);
    machine.ask(TARGET, 9);
    machine.refuse('reserve', AWAY);
    machine.at(2_050);
    expect(machine.timesOf('reserve').at(-1)).toBe(2_050);
  });

  test('reports what was used of the standby with the first call that is answered', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET, { standby: offer(101n, 105n) });
    machine.begin(targetOf('ORD'));
    machine.ask(targetOf('ORD'), 1);
    machine.refuse('reserve', AWAY);
    expect(machine.ask(TARGET, 1).outcome).toBe('101-101*');
    machine.at(50);
    expect(machine.take('reserve').calls).toMatchObject([
      { sequence: { series: { prefixKey: 'INV' } }, count: 0, usedInPart: true },
      { sequence: { series: { prefixKey: 'ORD' } }, count: 1 },
    ]);
  });

  test('leaves nothing to repeat when nothing is unsettled: the store counts as present', () => {
    const { machine } = away();
    machine.state.sequences.clear();
    machine.at(50);
    expect([machine.state.presence, machine.typesOf()]).toEqual(['present', ['outage-began', 'store-returned']]);
  });
});

describe('the hint that the store can be reached again', () => {
  test('has the call repeated at once', () => {
    const { machine } = away();
    machine.at(20);
    machine.feed({ kind: 'reachable' });
    expect(machine.timesOf('reserve').at(-1)).toBe(20);
  });

  test('does nothing while a call is under way, or where nothing can be lost', () => {
    const { machine } = calling();
    machine.feed({ kind: 'reachable' });
    machine.reply('reserve', [taken(2n, 3n)]);
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 2n, last: 2n }] });
    machine.feed({ kind: 'reachable' });
    expect(machine.askedOf('reserve')).toHaveLength(2);
  });

  test('does nothing while the call is being repeated', () => {
    const machine = machineOn({ limits: LIMITS });
    machine.begin(TARGET);
    machine.ask(TARGET, 2);
    machine.refuse('reserve', AWAY);
    machine.at(50);
    machine.feed({ kind: 'reachable' });
    expect(machine.state.presence).toBe('away');
    machine.reply('reserve', [nothing()]);
    expect([machine.open('reserve'), machine.askedOf('reserve').length]).toEqual([[], 3]);
  });

  test('makes every sequence call where the store can lose its state, those with something to say first', () => {
    const machine = machineOn({ isFenced: true, limits: LIMITS });
    for (const key of ['A', 'B', 'C']) machine.begin(targetOf(key));
    machine.ask(targetOf('B'), 1);
    machine.refuse('reserve', AWAY);
    machine.feed({ kind: 'reachable' });
    const keysOf = (): string[] => machine.take('reserve').calls.map(({ sequence }) => sequence.series.prefixKey);
    expect(keysOf()).toEqual(['B']);
    machine.reply('reserve', [taken(2n, 2n, { fence: FENCE })]);
    expect(keysOf()).toEqual(['A', 'B', 'C']);
  });
});

describe('more requests than may wait', () => {
  test('are refused, and those that wait are served', () => {
    const machine = machineOn({ limits: { ...LIMITS, waitingMax: 2 } });
    machine.begin(TARGET);
    const requests = [machine.ask(TARGET, 1), machine.ask(TARGET, 1), machine.ask(TARGET, 1)];
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    const refused = expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' });
    expect([requests.map(({ outcome }) => outcome), keyed.outcome]).toEqual([[undefined, undefined, refused], refused]);
    machine.reply('reserve', [taken(2n, 2n)]);
    machine.reply('reserve', [taken(3n, 3n)]);
    expect(requests.map(({ outcome }) => outcome)).toEqual(['2-2', '3-3', refused]);
    expect(machine.ask(TARGET, 1).outcome).toBeUndefined();
  });
});

test('the reason why a sequence cannot serve is its trouble, else that it is being recovered', () => {
  const machine = machineOn();
  const sequence = machine.begin(TARGET);
  expect(troubleOf(sequence)).toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
    message: 'The sequence is being recovered.',
  });
  sequence.trouble = AWAY;
  expect(troubleOf(sequence)).toBe(AWAY);
});
