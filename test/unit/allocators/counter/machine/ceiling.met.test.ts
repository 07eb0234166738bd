/** A call that meets the ceiling is repeated once that is raised; a sequence is settled before it is left, and never in an epoch that is over. */
import { describe, expect, test } from 'vitest';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { machineOn, offer, taken } from '../../../fakes/machine-on.ts';
import { AWAY, countingUpTo, ELSEWHERE, type Parts, raise } from './counting-node.ts';

describe('at the ceiling', () => {
  /** A call for `values` is refused at `value`. */
  const atCeiling = (values: number, value: bigint, parts: Parts = {}) => {
    const counting = countingUpTo({ ceiling: 1_000_000n, ...parts });
    const request = counting.machine.ask(counting.target, values);
    counting.machine.reply('reserve', [{ kind: 'ceiling', value }]);
    return { ...counting, request };
  };

  test('room is made for all the values the call asks for, those of requests with a receipt, and the window above them', () => {
    const { machine, target, sequence } = countingUpTo({ ceiling: 1_000_000n });
    machine.ask(target, 500);
    machine.askKeyed(target, 40, 'k');
    machine.reply('reserve', [{ kind: 'ceiling', value: 9_990n }]);
    raise(machine);
    expect(sequence.session.fence?.ceiling).toBe(20_530n);
  });

  test('the call is repeated unchanged once the ceiling is in force, and who waits is served', () => {
    const { machine, request } = atCeiling(3, 1n);
    const [first] = machine.askedOf('reserve').at(-1)?.calls ?? [];
    raise(machine);
    expect(machine.take('reserve').calls).toEqual([first]);
    machine.reply('reserve', [taken(2n, 4n)]);
    expect(request.outcome).toBe('2-4');
  });

  test('it is tried again every half second while that cannot be done, and no longer when it could', () => {
    const { machine, request, sequence } = atCeiling(3, 1n);
    machine.respond('account', () => AWAY);
    machine.at(1_400);
    expect(machine.timesOf('account')).toEqual([0, 500, 1_000]);
    expect([request.outcome, sequence.phase, sequence.trouble]).toEqual([AWAY, 'at-ceiling', AWAY]);
    raise(machine);
    machine.at(1_500);
    expect([sequence.phase, sequence.trouble]).toEqual(['serving', undefined]);
    machine.respond('reserve', () => [taken(2n, 4n)]);
    machine.at(9_000);
    expect(machine.timesOf('account')).toEqual([0, 500, 1_000, 1_500]);
  });

  test('a request meanwhile is served from the standby, or waits; once there is trouble it is refused', () => {
    const machine = machineOn(ELSEWHERE);
    const target = targetOf('INV', { standbySize: 5 });
    const fence = { epoch: 1n, ceiling: 1_000_000n, wanted: 0n };
    machine.begin(target, { fence, standby: offer(101n, 105n) });
    const first = machine.ask(target, 2);
    machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
    const large = machine.ask(target, 9);
    expect([first.outcome, machine.ask(target, 1).outcome, large.outcome]).toEqual(['101-102*', '103-103*', undefined]);
    machine.refuse('account', AWAY);
    expect([large.outcome, machine.ask(target, 2).outcome, machine.ask(target, 1).outcome]).toEqual([
      AWAY,
      '104-105*',
      AWAY,
    ]);
  });

  test('a fast sequence gets what it takes in ten seconds', () => {
    const { machine, target, kept } = countingUpTo({ seen: 1_000n, ceiling: 1_000n + 10n ** 6n });
    raise(machine);
    machine.at(1_000);
    machine.ask(target, 1);
    machine.reply('reserve', [{ kind: 'ceiling', value: 1_000n }]);
    machine.reply('reserve', [taken(1_001n, 1_001n)]);
    machine.ask(target, 7_999);
    machine.at(1_500);
    machine.reply('reserve', [taken(1_002n, 9_000n)]);
    expect(kept().map(({ ceiling }) => ceiling)).toEqual([11_001n, 9_000n + 160_000n]);
  });

  test('a slow one keeps the smallest window', () => {
    const { machine, target, kept } = atCeiling(1, 1_000n, { seen: 1_000n });
    raise(machine);
    machine.reply('reserve', [taken(1_001n, 1_001n)]);
    machine.ask(target, 99);
    machine.reply('reserve', [taken(1_002n, 1_100n)]);
    machine.respond('register', () => undefined);
    machine.at(60_000);
    machine.ask(target, 1);
    machine.reply('reserve', [{ kind: 'ceiling', value: 1_100n }]);
    expect(kept().at(-1)?.ceiling).toBe(11_101n);
  });

  test('the highest of the ceilings that are wanted while one is moved is moved next', () => {
    const parts = countingUpTo({ seen: 9_000n });
    const { machine, target, sequence } = parts;
    machine.ask(target, 2_000);
    machine.reply('reserve', [{ kind: 'ceiling', value: 9_500n }]);
    expect(machine.askedOf('account')).toHaveLength(1);
    raise(machine);
    // The second one begins where the first has ended.
    expect(parts.kept()).toMatchObject([
      { known: 10_000n, ceiling: 19_000n },
      { known: 19_000n, ceiling: 21_500n },
    ]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 21_500n]);
  });
});

describe('of two ceilings that are wanted while one is moved', () => {
  test.each([
    [9_500n, 9_200n],
    [9_200n, 9_500n],
  ])('the higher one is moved next: for calls that were refused at %d and %d', (one, other) => {
    const { machine, target, kept } = countingUpTo({ seen: 9_000n });
    machine.ask(target, 1);
    for (const hash of ['a', 'b']) machine.askKeyed(target, 1, hash);
    machine.reply('reserve', [taken(9_001n, 9_001n)]);
    machine.reply('reserve', [
      { kind: 'ceiling', value: one },
      { kind: 'ceiling', value: other },
    ]);
    raise(machine);
    expect(kept().map(({ ceiling }) => ceiling)).toEqual([19_000n, 19_502n]);
  });

  test('the one of an account says what it is for: all up to its value is passed over', () => {
    const { machine, target, sequence, kept } = countingUpTo({
      seen: 9_000n,
      limits: { tickMs: 100, idleTicksMax: 1 },
    });
    machine.ask(target, 1);
    machine.at(200);
    expect([sequence.phase, machine.open('account').length]).toEqual(['settling', 1]);
    machine.reply('reserve', [{ kind: 'ceiling', value: 9_500n }]);
    raise(machine);
    expect(kept()).toMatchObject([{ base: 0n }, { base: 9_000n, ceiling: 19_501n }]);
  });
});

describe('a later epoch', () => {
  test('in the store of the ceilings: the node swears off its own and owes a report for that one', () => {
    const { machine, sequence } = countingUpTo({ seen: 9_000n });
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'superseded', current: { epoch: 3n, ceiling: 9n } }]);
    expect(machine.open('enforce')).toEqual([]);
    expect([sequence.phase, owesReport(sequence.session)]).toEqual(['recovering', true]);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 3n, sworn: true }]);
  });

  test('in the store of the ceilings: while that is moved the sequence makes no call, which its session would refuse', () => {
    const { machine, target } = countingUpTo({ seen: 9_000n });
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'superseded', current: { epoch: 3n, ceiling: 9n } }]);
    const request = machine.ask(target, 1);
    machine.at(400);
    expect([machine.open('reserve'), request.outcome]).toEqual([[], undefined]);
  });

  test('in the counter store alone: the next reply says what is to be done', () => {
    const { machine, sequence } = countingUpTo({ seen: 9_000n });
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 19_000n }]);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([sequence.phase, owesReport(sequence.session)]).toEqual(['serving', false]);
    expect(sequence.session.fence?.ceiling).toBe(10_000n);
  });
});

describe('settling', () => {
  const idle = (options: Parts) => {
    const parts = countingUpTo({ ...options, limits: { tickMs: 100, idleTicksMax: 1 } });
    parts.machine.at(200);
    return parts;
  };

  test('writes down that all this node ever took is passed over for good, before the sequence is left', () => {
    const { machine, sequence } = idle({ seen: 77n });
    expect([sequence.phase, machine.open('reserve')]).toEqual(['settling', []]);
    machine.reply('account', [{ kind: 'account', account: { value: 60n, changes: 3, gaps: [] } }]);
    expect(machine.take('raise').raises).toMatchObject([{ base: 77n, account: { value: 60n } }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 10_077n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: { epoch: 1n, ceiling: 10_077n, wanted: 0n } }]);
    expect([sequence.phase, machine.take('reserve').calls]).toMatchObject(['leaving', [{ kind: 'leave' }]]);
  });

  test('that fails keeps the sequence, and it is tried again at the next tick', () => {
    const { machine, sequence } = idle({ seen: 77n });
    machine.refuse('account', AWAY);
    expect([sequence.phase, machine.open('account')]).toEqual(['serving', []]);
    machine.at(300);
    expect([sequence.phase, machine.open('account').length]).toEqual(['settling', 1]);
  });

  test('that ends while a trip fails has the sequence left by the next attempt', () => {
    const { machine, sequence } = idle({ seen: 77n });
    const other = targetOf('OTHER');
    machine.respond('read', ({ readers }) => readers.map(() => ({ epoch: 1n, ceiling: 10_000n })));
    machine.ask(other, 1);
    machine.reply('account', [{ kind: 'account', account: { value: 60n, changes: 3, gaps: [] } }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 10_077n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: { epoch: 1n, ceiling: 10_077n, wanted: 0n } }]);
    expect([sequence.phase, machine.open('reserve').length]).toEqual(['leaving', 1]);
    machine.refuse('reserve', AWAY);
    machine.at(machine.nowMs() + 50);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }, { kind: 'join' }]);
  });

  test('that takes long is waited for: the sequence is not left before', () => {
    const { machine, sequence } = idle({ seen: 77n });
    machine.at(1_000);
    expect([sequence.phase, machine.askedOf('account').length, machine.open('reserve')]).toEqual(['settling', 1, []]);
  });

  test('is for a sequence that is served: one that the store does not know yet joins first', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { tickMs: 100, idleTicksMax: 1 } });
    const target = targetOf('INV');
    machine.ask(target, 1);
    machine.reply('register', undefined);
    machine.reply('read', [{ epoch: 1n, ceiling: 100n }]);
    machine.at(300);
    expect([machine.open('account'), machine.open('reserve').length]).toEqual([[], 1]);
  });

  test('is given up for a request that comes meanwhile', () => {
    const { machine, sequence, target } = idle({ seen: 77n });
    machine.ask(target, 1);
    raise(machine);
    expect([sequence.phase, machine.take('reserve').calls]).toMatchObject(['serving', [{ kind: 'take', count: 1 }]]);
  });

  test('is not needed where the counter store keeps everything', () => {
    const { machine } = idle({ keepsCeilings: false, isFenced: true, hasReplicas: true });
    expect([machine.open('propose'), machine.open('account')]).toEqual([[], []]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'leave' }]);
  });
});
