/** A node registers before it counts, says again and again that it is there, and knows when others may have given it up. */
import { describe, expect, test } from 'vitest';
import { isLapsed, isRegistered } from '../../../../../src/allocators/counter/machine/registration.ts';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, machineOn, offer, taken } from '../../../fakes/machine-on.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');
const MINUTE_MS = 60_000;
const TARGET = targetOf('INV');
/** The idle clock asks nothing meanwhile. */
const QUIET = { keepsCeilings: true, limits: { tickMs: 10 ** 9 } };

const registered = () => {
  const machine = machineOn(QUIET);
  const sequence = machine.begin(TARGET, { standby: offer(101n, 105n) });
  return { machine, sequence, isLapsed: () => isLapsed(machine.state, machine.nowMs()) };
};

describe('registering', () => {
  test('happens once for all who need it at the same time, and not again for those who come later', () => {
    const machine = machineOn(QUIET);
    for (const key of ['A', 'B', 'C']) machine.ask(targetOf(key), 1);
    expect(machine.open('register')).toHaveLength(1);
    machine.reply('register', undefined);
    machine.ask(targetOf('D'), 1);
    expect(machine.askedOf('register')).toEqual([{ do: 'register', node: 'node' }]);
    expect(machine.events).toEqual([]);
  });

  test('comes before the epoch is read: see the promises of CeilingStore', () => {
    const machine = machineOn(QUIET);
    machine.ask(TARGET, 1);
    expect(machine.open('read')).toEqual([]);
    machine.reply('register', undefined);
    expect(machine.take('read').readers).toMatchObject([{ for: 'open', id: TARGET.sequence }]);
  });

  test('fails for all who wait, is told of once, and is tried again for the next one', () => {
    const machine = machineOn(QUIET);
    const requests = [machine.ask(targetOf('A'), 1), machine.ask(targetOf('B'), 1)];
    machine.refuse('register', AWAY);
    expect(requests.map(({ outcome }) => outcome)).toEqual([AWAY, AWAY]);
    expect(machine.events).toEqual([{ type: 'node-not-registered', error: AWAY }]);
    machine.ask(targetOf('A'), 1);
    expect(machine.open('register')).toHaveLength(1);
  });

  test('that failed for a sequence is made good by a renewal, but only the next request opens the sequence', () => {
    const machine = machineOn(QUIET);
    machine.ask(TARGET, 1);
    machine.refuse('register', AWAY);
    machine.at(20_000);
    machine.reply('register', undefined);
    expect(machine.open('read')).toEqual([]);
    machine.ask(TARGET, 1);
    expect(machine.open('read')).toHaveLength(1);
  });

  test('is not said earlier, whatever else wakes the node', () => {
    const { machine } = registered();
    machine.at(5_000);
    machine.feed({ kind: 'woke' });
    expect(machine.timesOf('register')).toEqual([0]);
  });

  test('is said again every 20 s, and a failure of that does no harm', () => {
    const { machine, isLapsed } = registered();
    let isAway = false;
    machine.respond('register', () => (isAway ? AWAY : undefined));
    machine.at(MINUTE_MS);
    expect(machine.timesOf('register')).toEqual([0, 20_000, 40_000, 60_000]);
    isAway = true;
    machine.at(80_000);
    expect(machine.events).toEqual([{ type: 'node-not-registered', error: AWAY }]);
    isAway = false;
    machine.at(100_000);
    expect([machine.timesOf('register').length, machine.events.length, isLapsed()]).toEqual([6, 1, false]);
    expect(machine.ask(TARGET, 1).outcome).toBeUndefined();
    expect(machine.open('reserve')).toHaveLength(1);
  });

  test('is not asked again while an answer is awaited', () => {
    const { machine } = registered();
    machine.at(5 * MINUTE_MS);
    expect(machine.open('register')).toHaveLength(1);
  });

  test('is nobody’s concern where the ceilings are not kept elsewhere', () => {
    const machine = machineOn({ isFenced: true, limits: QUIET.limits });
    machine.begin(TARGET);
    machine.at(60 * MINUTE_MS);
    expect([machine.askedOf('register'), isRegistered(machine.state, machine.nowMs())]).toEqual([[], true]);
  });
});

describe('a registration', () => {
  test('is there once it was made, and not while it could not be made', () => {
    const machine = machineOn(QUIET);
    machine.ask(TARGET, 1);
    machine.refuse('register', AWAY);
    expect(isRegistered(machine.state, 0)).toBe(false);
    machine.ask(TARGET, 1);
    machine.reply('register', undefined);
    expect(isRegistered(machine.state, 0)).toBe(true);
  });

  test('that was never made has not lapsed', () => {
    const machine = machineOn(QUIET);
    machine.respond('register', () => AWAY);
    machine.at(40 * MINUTE_MS);
    expect(isLapsed(machine.state, machine.nowMs())).toBe(false);
  });

  test('holds as long as it is renewed', () => {
    const { machine, isLapsed } = registered();
    machine.respond('register', () => undefined);
    machine.respond('bury', () => []);
    machine.at(120 * MINUTE_MS);
    expect(isLapsed()).toBe(false);
  });

  test('has lapsed 30 minutes after the last time it could be renewed, long before others strike the node out', () => {
    const { machine, isLapsed } = registered();
    machine.respond('register', () => AWAY);
    machine.at(30 * MINUTE_MS);
    expect(isLapsed()).toBe(false);
    machine.at(30 * MINUTE_MS + 1);
    expect([isLapsed(), isRegistered(machine.state, machine.nowMs())]).toEqual([true, false]);
  });

  test('that has lapsed must be made anew: until then no sequence is opened', () => {
    const { machine } = registered();
    machine.respond('register', () => AWAY);
    machine.at(31 * MINUTE_MS);
    expect(machine.ask(targetOf('NEW'), 1).outcome).toBe(AWAY);
    machine.respond('register', undefined);
    machine.ask(targetOf('NEW'), 1);
    expect(machine.open('read')).toEqual([]);
    machine.reply('register', undefined);
    expect(machine.open('read')).toHaveLength(1);
  });
});

describe('silent nodes', () => {
  test('are looked for every ten minutes, and those of an hour are struck out and named', () => {
    const { machine } = registered();
    machine.respond('register', () => undefined);
    machine.respond('bury', () => []);
    machine.at(9 * MINUTE_MS);
    expect(machine.askedOf('bury')).toEqual([]);
    machine.at(60 * MINUTE_MS);
    expect(machine.timesOf('bury').map((atMs) => atMs / MINUTE_MS)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(machine.events).toEqual([]);
    machine.respond('bury', () => ['dead-a', 'dead-b']);
    machine.at(70 * MINUTE_MS);
    expect(machine.events).toEqual([{ type: 'nodes-buried', nodes: ['dead-a', 'dead-b'] }]);
  });

  test('that cannot be looked for are looked for ten minutes later', () => {
    const { machine } = registered();
    machine.respond('register', () => undefined);
    machine.respond('bury', () => AWAY);
    machine.at(20 * MINUTE_MS);
    expect([machine.askedOf('bury').length, machine.events]).toEqual([2, []]);
  });
});

describe('after 30 minutes without having been heard of', () => {
  const lapsed = () => {
    const parts = registered();
    parts.machine.respond('register', () => AWAY);
    parts.machine.at(31 * MINUTE_MS);
    parts.machine.respond('register', undefined);
    return parts;
  };

  test('a sequence swears off its epoch with the next reply, and reports once the node is registered again', () => {
    const { machine, sequence } = lapsed();
    const request = machine.ask(TARGET, 1);
    machine.reply('reserve', [taken(2n, 2n, { fence: FENCE })]);
    expect([request.outcome, sequence.phase, owesReport(sequence.session)]).toEqual(['2-2', 're-entering', true]);
    expect([machine.open('register').length, machine.open('report')]).toEqual([1, []]);
    machine.reply('register', undefined);
    expect(sequence.phase).toBe('recovering');
    expect(machine.take('report').reports).toMatchObject([{ epoch: 2n, sworn: true, seen: 2n }]);
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    machine.reply('read', [{ epoch: 2n, ceiling: 1_000_000n }]);
    expect([sequence.phase, machine.take('reserve').calls]).toMatchObject(['serving', [{ epoch: 2n }]]);
  });

  test('a sequence reports only once the node is registered again, also when its ceiling is seen to be of a later epoch', () => {
    const machine = machineOn(QUIET);
    const fence = { ...FENCE, ceiling: 100n };
    const sequence = machine.begin(TARGET, { fence });
    machine.respond('register', () => AWAY);
    machine.at(31 * MINUTE_MS);
    machine.respond('register', undefined);
    machine.ask(TARGET, 1);
    machine.reply('reserve', [taken(2n, 2n, { fence })]);
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'superseded', current: { epoch: 5n, ceiling: 9n } }]);
    expect([sequence.phase, machine.open('report'), machine.open('register').length]).toEqual(['re-entering', [], 1]);
  });

  test('a sequence that cannot be registered again stays as it is, serves its standby, and is tried again until it can', () => {
    const { machine, sequence } = lapsed();
    machine.ask(TARGET, 1);
    const startMs = machine.nowMs();
    machine.respond('register', () => AWAY);
    machine.reply('reserve', [taken(2n, 2n, { fence: FENCE })]);
    machine.at(startMs + 2_000);
    // Beside those that renew.
    const tried = machine
      .timesOf('register')
      .filter((atMs) => atMs >= startMs)
      .map((atMs) => atMs - startMs);
    expect(tried).toEqual(expect.arrayContaining([0, 500, 1_000, 1_500, 2_000]));
    expect([sequence.phase, sequence.trouble]).toEqual(['re-entering', AWAY]);
    expect([machine.ask(TARGET, 5).outcome, machine.ask(TARGET, 1).outcome]).toEqual(['101-105*', AWAY]);
    expect(machine.events.at(-1)).toMatchObject({ type: 'node-not-registered' });
    machine.respond('register', () => undefined);
    machine.at(startMs + 2_500);
    expect([sequence.phase, machine.open('report').length]).toEqual(['recovering', 1]);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 2n }]);
  });
});
