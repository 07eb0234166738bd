/** Moving a ceiling: durable first, in force then, and not at all when another epoch has begun. */
import { describe, expect, test } from 'vitest';
import type { Sequence } from '../../../../../src/allocators/counter/machine/sequence.ts';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { SequenceAccount } from '../../../../../src/core/ceiling/ceiling-store.ts';
import { CeilingUnconfirmedError, CorruptEntryError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { type MachineOptions, machineOn } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV');
const INV = TARGET.sequence;
const AWAY = new StorageUnavailableError('PostgreSQL away');
const account = (value: bigint): SequenceAccount => ({ value, changes: 0, gaps: [] });
const fenceOf = (ceiling: bigint, epoch = 1n) => ({ epoch, ceiling, wanted: 0n });

/** Has issued 1 under the ceiling 100, and stands before a call that needs 300 more. */
const atCeiling = (options: MachineOptions) => {
  const machine = machineOn({ limits: { ceilingValuesMin: 100 }, ...options });
  machine.begin(TARGET, { fence: fenceOf(1_000n) });
  const sequence: Sequence = machine.sequenceOf(TARGET);
  const request = machine.ask(TARGET, 1_000);
  machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
  return { machine, sequence, request };
};

describe('with ceilings kept elsewhere', () => {
  const start = () => atCeiling({ keepsCeilings: true });

  test('the account is read, the ceiling is kept with it, and only then it is put in force', () => {
    const { machine, sequence } = start();
    expect(machine.take('account').moves.map(({ id }) => id)).toEqual([INV]);
    expect([machine.open('raise'), machine.open('enforce')]).toEqual([[], []]);
    machine.reply('account', [{ kind: 'account', account: account(42n) }]);
    expect(machine.take('raise').raises).toEqual([
      { sequence: INV, epoch: 1n, known: 1_000n, ceiling: 1_101n, base: 42n, account: account(42n) },
    ]);
    expect(machine.open('enforce')).toEqual([]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
    expect(machine.take('enforce').ceilings).toEqual([{ sequence: INV, epoch: 1n, ceiling: 1_101n }]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['at-ceiling', 1_000n]);
    machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_101n) }]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 1_101n]);
    expect(machine.open('propose')).toEqual([]);
  });

  test('a sequence that is not served has no account, and its ceiling is raised all the same', () => {
    const { machine } = start();
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(machine.take('raise').raises).toMatchObject([{ base: 0n, account: undefined, ceiling: 1_101n }]);
  });

  test('nothing is put in force when a later epoch has begun there: the node swears off its own', () => {
    const { machine, sequence } = start();
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'superseded', current: { epoch: 4n, ceiling: 9n } }]);
    expect(machine.open('enforce')).toEqual([]);
    expect([sequence.phase, sequence.session.epoch]).toEqual(['recovering', 4n]);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 4n, sworn: true }]);
  });

  test.each([
    ['nothing', undefined],
    ['an older epoch', { epoch: 0n, ceiling: 3n }],
  ])('nothing is put in force when they are older than the counters, and have %s', (_title, current) => {
    const { machine, sequence, request } = start();
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'behind', current }]);
    expect(machine.open('enforce')).toEqual([]);
    expect(request.outcome).toMatchObject({ message: 'PostgreSQL is older than Redis.' });
    expect(sequence.phase).toBe('at-ceiling');
  });

  test('a ceiling that was kept is not in force when the store counts in another epoch by now: the next call says what is to be done', () => {
    const { machine, sequence } = start();
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([sequence.phase, sequence.session.fence?.ceiling, owesReport(sequence.session)]).toEqual([
      'serving',
      1_000n,
      false,
    ]);
    expect(machine.open('reserve')).toHaveLength(1);
  });

  test.each(['account', 'raise', 'enforce'] as const)(
    'what fails in the step %s ends the move, is told of, and harms nobody but who needs it',
    (failing) => {
      const { machine, sequence, request } = start();
      if (failing !== 'account') machine.reply('account', [{ kind: 'unserved' }]);
      if (failing === 'enforce') machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
      machine.refuse(failing, AWAY);
      expect(request.outcome).toBe(AWAY);
      expect(machine.events).toEqual([{ type: 'ceiling-not-raised', prefixKey: 'INV', error: AWAY }]);
      expect(sequence).toMatchObject({ move: undefined, phase: 'at-ceiling', session: { fence: fenceOf(1_000n) } });
      machine.at(500);
      machine.reply('account', [{ kind: 'unserved' }]);
      machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
      machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_101n) }]);
      expect(sequence.phase).toBe('serving');
    },
  );

  test.each(['account', 'enforce'] as const)('an entry that %s finds corrupt ends the move with its reason', (port) => {
    const { machine, request } = start();
    if (port === 'enforce') {
      machine.reply('account', [{ kind: 'unserved' }]);
      machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
    }
    machine.reply(port, [{ kind: 'corrupt', reason: 'rubbish' }]);
    expect(request.outcome).toBeInstanceOf(CorruptEntryError);
    expect((request.outcome as Error).cause).toBe('rubbish');
    expect(machine.typesOf()).toEqual(['ceiling-not-raised']);
  });

  test('many sequences share a trip of each step, and no more than one may carry', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { ceilingValuesMin: 100, ceilingsMax: 2 } });
    const keys = ['A', 'B', 'C', 'D', 'E'];
    for (const key of keys) machine.begin(targetOf(key), { fence: fenceOf(1_000n) });
    for (const key of keys) machine.ask(targetOf(key), 1_000);
    const refuse = (): void =>
      machine.reply(
        'reserve',
        machine.take('reserve').calls.map(() => ({ kind: 'ceiling', value: 1n })),
      );
    refuse();
    refuse();
    const sizes: number[] = [];
    machine.respond('account', ({ moves }) => {
      sizes.push(moves.length);
      return moves.map(() => ({ kind: 'unserved' }));
    });
    expect(machine.open('raise')).toHaveLength(1);
    expect(sizes).toEqual([1, 2, 2]);
    machine.respond('raise', ({ moves, raises }) => {
      expect(moves.length).toBeLessThanOrEqual(2);
      return raises.map(({ ceiling }) => ({ kind: 'raised', ceiling }));
    });
    machine.respond('enforce', ({ ceilings }) =>
      ceilings.map(({ ceiling }) => ({ kind: 'raised', fence: fenceOf(ceiling) })),
    );
    const served = keys.map((key) => machine.sequenceOf(targetOf(key)).phase);
    expect(served).toEqual(keys.map(() => 'serving'));
  });

  test('one trip of each step is under way at a time, and the next one carries all that wait', () => {
    const machine = machineOn({ keepsCeilings: true, limits: { ceilingValuesMin: 100 } });
    const keys = ['A', 'B', 'C'];
    for (const key of keys) machine.begin(targetOf(key), { fence: fenceOf(1_000n) });
    for (const key of keys) machine.ask(targetOf(key), 1_000);
    const sizes = () => [machine.open('account'), machine.open('raise'), machine.open('enforce')].map(sizesOf);
    const sizesOf = (asks: readonly { readonly moves: readonly unknown[] }[]): number[] =>
      asks.map(({ moves }) => moves.length);
    machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
    machine.reply('reserve', [
      { kind: 'ceiling', value: 1n },
      { kind: 'ceiling', value: 1n },
    ]);
    expect(sizes()).toEqual([[1], [], []]);
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(sizes()).toEqual([[2], [1], []]);
    machine.reply('account', [{ kind: 'unserved' }, { kind: 'unserved' }]);
    expect(sizes()).toEqual([[], [1], []]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
    expect(sizes()).toEqual([[], [2], [1]]);
    machine.reply('raise', [
      { kind: 'raised', ceiling: 1_101n },
      { kind: 'raised', ceiling: 1_101n },
    ]);
    expect(sizes()).toEqual([[], [], [1]]);
    machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_101n) }]);
    expect(sizes()).toEqual([[], [], [2]]);
  });

  test.each([
    ['raise', 'failed: nobody knows whether it is durable', 'at-ceiling', ['ceiling-not-raised']],
    ['enforce', 'not in force: the next call says what is to be done', 'serving', []],
  ] as const)('a move that an answer of %s says nothing of has %s', (port, _title, phase, events) => {
    const { machine, sequence } = start();
    machine.reply('account', []);
    if (port === 'enforce') machine.reply('raise', [{ kind: 'raised', ceiling: 1_101n }]);
    machine.reply(port, []);
    expect([sequence.phase, sequence.session.fence?.ceiling, machine.typesOf()]).toEqual([phase, 1_000n, events]);
  });

  test('two moves of one sequence do not share a trip: an operator’s advance waits for the next', () => {
    const { machine } = start();
    machine.advance(TARGET, 5_000n);
    machine.reply('read', [fenceOf(1_000n)]);
    machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_000n) }]);
    machine.advance(TARGET, 6_000n);
    machine.reply('read', [fenceOf(1_000n)]);
    machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_000n) }]);
    machine.reply('account', [{ kind: 'unserved' }]);
    // The two of the operator waited for the same trip.
    expect(machine.take('account').moves).toHaveLength(1);
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(machine.take('account').moves).toHaveLength(1);
  });
});

describe('with replicas alone', () => {
  const start = () => atCeiling({ isFenced: true, hasReplicas: true });

  test('a ceiling is proposed before it is put in force', () => {
    const { machine, sequence } = start();
    expect(machine.take('propose').ceiling).toEqual({ sequence: INV, epoch: 1n, ceiling: 1_101n });
    expect([machine.open('enforce'), machine.open('account')]).toEqual([[], []]);
    machine.reply('propose', true);
    expect(machine.take('enforce').ceilings).toEqual([{ sequence: INV, epoch: 1n, ceiling: 1_101n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: fenceOf(1_101n) }]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 1_101n]);
  });

  test('nothing is raised when the store counts in another epoch by now', () => {
    const { machine, sequence } = start();
    machine.reply('propose', true);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([sequence.phase, sequence.session.fence?.ceiling]).toEqual(['serving', 1_000n]);
  });

  test.each([
    ['could not be proposed', undefined, AWAY],
    ['no replica has confirmed', false, expect.any(CeilingUnconfirmedError)],
  ])('nothing is put in force that %s', (_title, isConfirmed, expected) => {
    const { machine, request } = start();
    if (isConfirmed === undefined) machine.refuse('propose', AWAY);
    else machine.reply('propose', isConfirmed);
    expect([machine.open('enforce'), request.outcome]).toEqual([[], expected]);
    expect(machine.events).toMatchObject([{ type: 'ceiling-not-raised', error: expected }]);
  });

  test('a ceiling never lies above 18446744073709551615', () => {
    const machine = machineOn({ isFenced: true, hasReplicas: true });
    machine.begin(TARGET, { fence: fenceOf(VALUE_MAX - 10n) });
    machine.ask(TARGET, 20);
    machine.reply('reserve', [{ kind: 'ceiling', value: VALUE_MAX - 10n }]);
    expect(machine.take('propose').ceiling.ceiling).toBe(VALUE_MAX);
    machine.reply('propose', true);
    expect(machine.take('enforce').ceilings).toMatchObject([{ ceiling: VALUE_MAX }]);
  });
});
