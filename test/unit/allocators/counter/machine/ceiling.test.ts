/** Ceilings are raised well before they are reached, and never above a limit. */
import { describe, expect, test } from 'vitest';
import { keeperOf } from '../../../../../src/allocators/counter/machine/ceiling.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { machineOn, nothing, taken } from '../../../fakes/machine-on.ts';
import { AWAY, count, countingUpTo, ELSEWHERE, raise } from './counting-node.ts';

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
    expect(kept()).toMatchObject([{ ceiling: 84_536n }]);
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

  test('does not take for its pace the way from 0 to where others have counted', () => {
    const machine = machineOn(ELSEWHERE);
    const target = targetOf('INV');
    const fence = { epoch: 1n, ceiling: 100n, wanted: 0n };
    machine.feed({ kind: 'check', id: target.sequence, target });
    machine.reply('register', undefined);
    machine.reply('read', [fence]);
    raise(machine);
    machine.reply('reserve', [nothing({ fence })]);
    machine.at(1_000);
    machine.ask(target, 1);
    machine.reply('reserve', [taken(9_500n, 9_500n, { fence: { ...fence, ceiling: 10_000n } })]);
    const ceilings = machine.askedOf('raise').flatMap(({ raises }) => raises.map(({ ceiling }) => ceiling));
    expect(ceilings).toEqual([10_000n, 19_500n]);
  });

  /** The ceilings that were asked for when 9,500 and then `next` were given, `afterMs` later. */
  const ceilingsOf = (next: bigint, more: { readonly epoch?: bigint; readonly count?: number } = {}): unknown => {
    const { epoch = 1n, count: asked = 1 } = more;
    const { machine, target, kept } = countingUpTo({ seen: 9_500n });
    raise(machine);
    machine.at(1_000);
    machine.ask(target, asked);
    const fence = { epoch, ceiling: next + 10n, wanted: 0n };
    machine.reply('reserve', [taken(next - BigInt(asked - 1), next, { fence })]);
    raise(machine);
    return kept()
      .map(({ ceiling }) => ceiling)
      .at(-1);
  };

  test('goes by what was taken: a batch of 5,000 in a second makes room for ten seconds of them', () => {
    expect(ceilingsOf(14_500n, { count: 5_000 })).toBe(64_500n);
  });

  test('does not take for its pace what an advance passed over: it was asked for one value', () => {
    expect(ceilingsOf(9_000_000n)).toBe(9_010_000n);
  });

  test('does not take for its pace what a recovery passed over', () => {
    expect(ceilingsOf(14_500n, { count: 5_000, epoch: 2n })).toBe(24_500n);
  });

  test('begins nothing for a sequence that recovers, though an earlier call is answered', () => {
    const { machine, target, sequence } = countingUpTo({ seen: 9_000n });
    machine.refuse('account', AWAY);
    machine.ask(target, 1);
    machine.feed({ kind: 'recovery-began', id: target.sequence });
    machine.reply('reserve', [taken(9_001n, 9_001n)]);
    expect([sequence.phase, machine.open('account')]).toEqual(['recovering', []]);
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

  test.each([500n, 4_000n, 14_000n])(
    'that was lowered to %d, where the counter is already, still has it raised for a call that meets it',
    (limit) => {
      const { machine, target, kept } = countingUpTo({ seen: 4_000n, ceiling: 4_000n });
      raise(machine);
      machine.ask({ ...target, limit }, 5);
      machine.reply('reserve', [{ kind: 'ceiling', value: 14_000n }]);
      expect(kept().at(-1)?.ceiling).toBe(14_005n);
    },
  );

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
