/** Ceilings are raised well before they are reached, never above a limit, and never in an epoch that is over. */
import { describe, expect, test } from 'vitest';
import { keeperOf } from '../../../../../src/allocators/counter/machine/ceiling.ts';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { type Machine, type MachineOptions, machineOn, offer, taken } from '../../../fakes/machine-on.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');

interface Parts extends MachineOptions {
  readonly ceiling?: bigint;
  readonly wanted?: bigint;
  readonly seen?: bigint;
  readonly limit?: bigint;
  readonly standbySize?: number;
}

const ELSEWHERE = { keepsCeilings: true, limits: { tickMs: 10 ** 9 } };

/** A sequence that counts in epoch 1 up to `ceiling`, of which this node has just been given everything up to `seen`. */
const countingUpTo = (parts: Parts = {}) => {
  const { ceiling = 10_000n, wanted = 0n, seen = 1n, limit = VALUE_MAX, standbySize = 0, ...options } = parts;
  const machine = machineOn({ ...ELSEWHERE, ...options });
  const target = targetOf('INV', { limit, standbySize });
  const sequence = machine.begin(target, { last: seen, fence: { epoch: 1n, ceiling, wanted } });
  return { machine, target, sequence, kept: () => machine.askedOf('raise').flatMap(({ raises }) => raises) };
};

const raise = (machine: Machine): void => {
  machine.respond('account', ({ moves }) => moves.map(() => ({ kind: 'unserved' })));
  machine.respond('raise', ({ raises }) => raises.map(({ ceiling }) => ({ kind: 'raised', ceiling })));
  machine.respond('enforce', ({ ceilings }) =>
    ceilings.map(({ epoch, ceiling }) => ({ kind: 'raised', fence: { epoch, ceiling, wanted: 0n } })),
  );
};

/** Asks for `count` values, which the store serves. */
const count = ({ machine, target, sequence }: ReturnType<typeof countingUpTo>, values: number): void => {
  const { seen, fence } = sequence.session;
  machine.ask(target, values);
  machine.reply('reserve', [taken(seen + 1n, seen + BigInt(values), fence && { fence })]);
};

describe('the ceilings are kept', () => {
  test.each([
    ['elsewhere', { keepsCeilings: true, hasReplicas: true }],
    ['replicas', { isFenced: true, hasReplicas: true }],
    ['store', { isFenced: true, hasReplicas: false }],
  ] as const)('by %s', (expected, options) => {
    expect(keeperOf(machineOn(options).state)).toBe(expected);
  });

  test('by replicas from the moment there are some, and until there are none', () => {
    const machine = machineOn({ isFenced: true });
    machine.feed({ kind: 'replicas', hasReplicas: true });
    expect(keeperOf(machine.state)).toBe('replicas');
    machine.feed({ kind: 'replicas', hasReplicas: false });
    expect(keeperOf(machine.state)).toBe('store');
  });
});

describe('after a reply', () => {
  test('nothing is raised while half of the window is left', () => {
    const { machine } = countingUpTo({ seen: 5_000n });
    expect(machine.open('account')).toEqual([]);
  });

  test('a whole window above the counter is wanted as soon as less is left, and in force it is wanted no more', () => {
    const parts = countingUpTo({ seen: 5_001n });
    raise(parts.machine);
    expect(parts.kept()).toMatchObject([{ epoch: 1n, known: 10_000n, ceiling: 15_001n, base: 0n }]);
    expect(parts.sequence.session.fence?.ceiling).toBe(15_001n);
    count(parts, 1);
    expect(parts.kept()).toHaveLength(1);
  });

  test('raises for a standby that did not fit below the ceiling, though much is left', () => {
    const { machine, kept } = countingUpTo({ seen: 10n, wanted: 12_000n });
    raise(machine);
    expect(kept()).toMatchObject([{ ceiling: 22_000n }]);
  });

  test('gives large standbys a larger window', () => {
    const { machine, kept } = countingUpTo({ seen: 9_000n, standbySize: 10_000 });
    raise(machine);
    expect(kept()).toMatchObject([{ ceiling: 169_000n }]);
  });

  test('raises once at a time', () => {
    const parts = countingUpTo({ seen: 9_000n });
    count(parts, 1);
    expect([parts.machine.askedOf('account').length, parts.sequence.move !== undefined]).toEqual([1, true]);
    raise(parts.machine);
    expect([parts.sequence.move, parts.sequence.session.fence?.ceiling]).toEqual([undefined, 19_000n]);
  });

  test('leaves it to a store that keeps its ceilings itself', () => {
    const { machine } = countingUpTo({ seen: 9_999n, keepsCeilings: false, isFenced: true });
    expect([machine.open('account'), machine.open('propose'), machine.open('enforce')]).toEqual([[], [], []]);
  });

  test('with replicas proposes the ceiling to them before it is in force', () => {
    const { machine } = countingUpTo({ seen: 9_999n, keepsCeilings: false, isFenced: true, hasReplicas: true });
    expect([machine.take('propose').ceiling.ceiling, machine.open('enforce')]).toEqual([19_999n, []]);
  });

  test('does not put in force what no replica confirmed, and tells of it', () => {
    const options = { seen: 9_999n, keepsCeilings: false, isFenced: true, hasReplicas: true };
    const { machine, sequence } = countingUpTo(options);
    machine.reply('propose', false);
    expect([machine.open('enforce'), machine.typesOf()]).toEqual([[], ['ceiling-not-raised']]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 10_000n]);
  });

  test('does nothing for a sequence the store has not told its ceiling of', () => {
    const machine = machineOn(ELSEWHERE);
    const target = targetOf('INV');
    machine.ask(target, 1);
    machine.reply('register', undefined);
    machine.reply('read', [{ epoch: 1n, ceiling: 100n }]);
    machine.reply('reserve', [taken(1n, 1n)]);
    expect([machine.open('account'), machine.sequenceOf(target).move]).toEqual([[], undefined]);
  });

  test('tells when the ceiling could not be raised, harms nobody, and the next reply tries again', () => {
    const parts = countingUpTo({ seen: 9_000n });
    const { machine, sequence, kept } = parts;
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.refuse('raise', AWAY);
    expect(machine.events).toEqual([{ type: 'ceiling-not-raised', prefixKey: 'INV', error: AWAY }]);
    expect(sequence).toMatchObject({ move: undefined, phase: 'serving', session: { fence: { ceiling: 10_000n } } });
    raise(machine);
    count(parts, 1);
    expect([kept().length, sequence.session.fence?.ceiling]).toEqual([2, 19_001n]);
  });
});

describe('a series with a limit', () => {
  test('keeps seven eighths of what is left above the ceiling, so that a jump does not use it up', () => {
    const { machine, kept } = countingUpTo({ seen: 4_000n, limit: 8_000n, ceiling: 4_100n });
    raise(machine);
    expect(kept()).toMatchObject([{ ceiling: 4_500n }]);
  });

  test('is not raised all the time: half of the smaller window counts', () => {
    const { machine } = countingUpTo({ seen: 4_000n, limit: 8_000n, ceiling: 4_250n });
    expect(machine.open('account')).toEqual([]);
  });

  test('is not raised when the ceiling lies at the limit', () => {
    const { machine } = countingUpTo({ seen: 999n, limit: 1_000n, ceiling: 1_000n, wanted: 2_000n });
    expect(machine.open('account')).toEqual([]);
  });

  test.each([
    [1, 7_950n],
    [45, 7_950n],
    [50, 7_950n],
    [4_000, 4_000n],
  ])('never has a ceiling above its limit, for a call of %d values at %d neither', (values, seen) => {
    const { machine, target, kept } = countingUpTo({ seen, limit: 8_000n, ceiling: 8_000n });
    machine.ask(target, values);
    machine.reply('reserve', [{ kind: 'ceiling', value: seen }]);
    raise(machine);
    const [{ ceiling = 0n } = {}] = kept();
    expect(ceiling).toBeGreaterThanOrEqual(seen + BigInt(values));
    expect(ceiling).toBeLessThanOrEqual(8_000n);
  });
});

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
    const { machine, target, kept } = atCeiling(1, 1_000n, { seen: 1_000n, ceiling: 1_000n + 10n ** 6n });
    raise(machine);
    machine.reply('reserve', [taken(1_001n, 1_001n)]);
    machine.ask(target, 7_999);
    machine.at(500);
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
    expect(parts.kept().map(({ ceiling }) => ceiling)).toEqual([19_000n, 21_500n]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 21_500n]);
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
