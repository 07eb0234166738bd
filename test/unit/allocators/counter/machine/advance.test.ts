/** Advancing by hand: durable where the ceilings are kept before the counter moves, and patient while a sequence is recovered. */
import { describe, expect, test } from 'vitest';
import type { AdvanceReply } from '../../../../../src/core/counter/counter-call.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const INV = TARGET.sequence;
const ADVANCED: AdvanceReply = { kind: 'advanced', from: 7n, to: 500n };
const AWAY = new StorageUnavailableError('PostgreSQL away');
const ROW = { epoch: 3n, ceiling: 100n };
const LIMITS = { tickMs: 10 ** 9, renewMs: 10 ** 9 };

/** The ports whose calls move something, in order. */
const order = (machine: Machine): string[] => machine.asked.map(({ ask }) => ask.do);

/** The store of the ceilings and the counter store count in epoch 3. */
const counting = (machine: Machine): void => {
  machine.respond('read', ({ readers }) => readers.map(() => ROW));
  machine.respond('account', ({ moves }) => moves.map(() => ({ kind: 'unserved' })));
  machine.respond('raise', ({ raises }) => raises.map(({ ceiling }) => ({ kind: 'raised', ceiling })));
  machine.respond('enforce', ({ ceilings }) =>
    ceilings.map(({ epoch, ceiling }) => ({ kind: 'raised', fence: { epoch, ceiling, wanted: 0n } })),
  );
};

describe('with ceilings kept elsewhere', () => {
  const start = (): Machine => machineOn({ keepsCeilings: true, limits: LIMITS });

  test('the epoch is that of the counter store; then the new value is durable, then allowed, and only then the counter moves', () => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    expect(machine.take('read').readers).toMatchObject([{ for: 'advance', id: INV }]);
    machine.reply('read', [ROW]);
    expect(machine.take('enforce').ceilings).toEqual([{ sequence: INV, epoch: 3n, ceiling: 100n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: { ...ROW, wanted: 0n } }]);
    machine.reply('account', [{ kind: 'unserved' }]);
    expect(machine.take('raise').raises).toMatchObject([{ base: 500n, ceiling: 10_500n, epoch: 3n, known: 100n }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 10_500n }]);
    expect(machine.take('enforce').ceilings).toEqual([{ sequence: INV, epoch: 3n, ceiling: 10_500n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: { epoch: 3n, ceiling: 10_500n, wanted: 0n } }]);
    expect(machine.take('advance').request).toEqual({
      sequence: INV,
      operation: 'operation-1',
      to: 500n,
      initialSeq: 0n,
      limit: VALUE_MAX,
      epoch: 3n,
      window: 0,
    });
    machine.reply('advance', ADVANCED);
    expect(request.outcome).toEqual(ADVANCED);
    expect(order(machine)).toEqual(['read', 'enforce', 'account', 'raise', 'enforce', 'advance']);
  });

  test.each(['read', 'enforce', 'account', 'raise'] as const)('nothing moves when %s fails', (port) => {
    const machine = start();
    counting(machine);
    machine.respond(port, () => AWAY);
    expect(machine.advance(TARGET, 500n).outcome).toBe(AWAY);
    expect(machine.askedOf('advance')).toEqual([]);
    // It is not tried again.
    const before = machine.asked.length;
    machine.at(9_000);
    expect(machine.asked).toHaveLength(before);
  });

  test('nothing moves when the ceilings are older than the counters', () => {
    const machine = start();
    counting(machine);
    machine.respond('raise', () => [{ kind: 'behind', current: undefined }]);
    expect(machine.advance(TARGET, 500n).outcome).toMatchObject({ message: 'PostgreSQL is older than Redis.' });
    expect(machine.askedOf('advance')).toEqual([]);
  });

  test('a sequence that was never counted is opened first', () => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    machine.reply('read', [undefined]);
    expect([machine.sequenceOf(TARGET).phase, machine.open('register').length]).toEqual(['opening', 1]);
    machine.reply('register', undefined);
    machine.reply('read', [undefined]);
    expect([machine.sequenceOf(TARGET).phase, machine.open('advance')]).toEqual(['recovering', []]);
    counting(machine);
    machine.at(100);
    expect(machine.take('advance').request).toMatchObject({ epoch: 3n });
    machine.reply('advance', ADVANCED);
    expect(request.outcome).toEqual(ADVANCED);
  });

  test('a sequence whose counter store counts in another epoch is recovered first, and nothing moved before', () => {
    const machine = start();
    machine.begin(TARGET, { fence: { ...FENCE, epoch: 2n } });
    machine.advance(TARGET, 500n);
    machine.reply('read', [ROW]);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([machine.askedOf('raise'), machine.askedOf('advance')]).toEqual([[], []]);
    // This node counted in the earlier epoch: it leaves that, and reports.
    expect(machine.sequenceOf(TARGET).phase).toBe('recovering');
    expect(machine.take('report').reports).toMatchObject([{ epoch: 3n, sworn: true }]);
    counting(machine);
    machine.at(100);
    expect(machine.take('advance').request).toMatchObject({ epoch: 3n });
  });

  test('a node that counts in the same epoch makes a call, which tells it what is to be done', () => {
    const machine = start();
    const sequence = machine.begin(TARGET, { fence: { ...FENCE, epoch: 3n } });
    machine.advance(TARGET, 500n);
    machine.reply('read', [ROW]);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([sequence.phase, machine.take('reserve').calls]).toMatchObject(['serving', [{ count: 0 }]]);
  });

  test('a node whose first call is under way goes on with that: it counts in no epoch that it could leave', () => {
    const machine = start();
    machine.ask(TARGET, 1);
    machine.reply('register', undefined);
    machine.reply('read', [{ ...FENCE, epoch: 2n }]);
    machine.advance(TARGET, 500n);
    machine.reply('read', [ROW]);
    machine.reply('enforce', [{ kind: 'outrun' }]);
    expect([machine.sequenceOf(TARGET).phase, machine.open('report')]).toEqual(['joining', []]);
  });

  test('above the limit of the series no ceiling is moved, and the counter store says what is left', () => {
    const machine = start();
    counting(machine);
    const request = machine.advance(targetOf('INV', { limit: 99n }), 100n);
    expect(machine.take('advance').request).toMatchObject({ epoch: 3n, to: 100n });
    machine.reply('advance', { kind: 'exhausted', valuesLeft: 92n });
    expect(request.outcome).toEqual({ kind: 'exhausted', valuesLeft: 92n });
    expect([machine.askedOf('raise'), machine.askedOf('enforce')]).toEqual([[], []]);
  });

  test('up to the limit of the series itself, the new value is durable first', () => {
    const machine = start();
    counting(machine);
    machine.advance(targetOf('INV', { limit: 100n }), 100n);
    expect(machine.askedOf('raise')[0]?.raises).toMatchObject([{ base: 100n }]);
    expect(machine.open('advance')).toHaveLength(1);
  });

  test('the ceiling of a series with a limit stays below the limit', () => {
    const machine = start();
    counting(machine);
    machine.advance(targetOf('INV', { limit: 900n }), 500n);
    expect(machine.askedOf('raise')[0]?.raises).toMatchObject([{ ceiling: 550n }]);
  });
});

describe('a sequence that', () => {
  const start = (): Machine => machineOn({ isFenced: true, limits: LIMITS });

  test.each([
    ['is being recovered', { kind: 'recovering' }],
    ['stands at its ceiling', { kind: 'ceiling', value: 7n }],
  ] as const)('%s is tried again under the same name, until it is served', (_title, refused) => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    machine.reply('advance', refused);
    // This node makes a call for it, and so opens it or has it recovered.
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0 }]);
    machine.at(99);
    expect(machine.open('advance')).toEqual([]);
    machine.at(100);
    machine.reply('advance', refused);
    machine.at(200);
    machine.reply('advance', ADVANCED);
    expect(request.outcome).toEqual(ADVANCED);
    expect(machine.askedOf('advance').map(({ request: { operation } }) => operation)).toEqual(
      Array.from({ length: 3 }, () => 'operation-1'),
    );
  });

  test('this node counts in has it make a call, in the epoch in which it counts', () => {
    const machine = start();
    const sequence = machine.begin(TARGET);
    machine.advance(TARGET, 500n);
    machine.reply('advance', { kind: 'recovering' });
    expect([sequence.phase, machine.take('reserve').calls]).toMatchObject(['serving', [{ count: 0, epoch: 1n }]]);
  });

  test('has not answered yet is not asked again, however often the machine is woken', () => {
    const machine = start();
    machine.advance(TARGET, 500n);
    machine.feed({ kind: 'woke' });
    machine.feed({ kind: 'woke' });
    expect(machine.askedOf('advance')).toHaveLength(1);
  });

  test('was advanced is answered for once, also when the node ends', () => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    machine.reply('advance', ADVANCED);
    machine.feed({ kind: 'close' });
    expect([request.outcome, machine.endedMs()]).toEqual([ADVANCED, 0]);
  });

  test('is not served within 5 s is refused, and not tried any more', () => {
    const machine = start();
    machine.respond('advance', () => ({ kind: 'recovering' }));
    const request = machine.advance(TARGET, 500n);
    machine.at(4_900);
    expect([machine.timesOf('advance').length, request.outcome]).toEqual([50, undefined]);
    machine.at(5_000);
    expect(request.outcome).toBeInstanceOf(StorageUnavailableError);
    machine.at(10_000);
    expect([machine.timesOf('advance').length, machine.state.advances.size]).toEqual([50, 0]);
  });

  test.each<AdvanceReply>([
    { kind: 'behind', current: 900n },
    { kind: 'corrupt', reason: 'the counter is not a value' },
    { kind: 'exhausted', valuesLeft: 3n },
    { kind: 'closed' },
  ])('answers $kind is not asked again', (answer) => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    machine.reply('advance', answer);
    machine.at(9_000);
    expect([request.outcome, machine.askedOf('advance').length, machine.state.sequences.size]).toEqual([answer, 1, 0]);
  });

  test('fails passes its error on: whether it moved is unknown', () => {
    const machine = start();
    const request = machine.advance(TARGET, 500n);
    const error = new StorageTimeoutError('no answer');
    machine.refuse('advance', error);
    machine.at(9_000);
    expect([request.outcome, machine.askedOf('advance').length]).toEqual([error, 1]);
  });

  test('has no room on this node is tried again all the same: another one may recover it', () => {
    const machine = machineOn({ isFenced: true, limits: { ...LIMITS, queuesMax: 0 } });
    const request = machine.advance(TARGET, 500n);
    machine.reply('advance', { kind: 'recovering' });
    machine.at(100);
    machine.reply('advance', ADVANCED);
    expect(request.outcome).toEqual(ADVANCED);
  });
});

describe('without a store for ceilings', () => {
  test('the counter store raises the ceiling itself', () => {
    const machine = machineOn({ isFenced: true });
    machine.advance(TARGET, 500n);
    expect(machine.take('advance').request).toMatchObject({ epoch: 0n, window: 10_000 });
    expect(order(machine)).toEqual(['advance']);
  });

  test('a store that loses nothing is asked at once', () => {
    const machine = machineOn();
    machine.advance(TARGET, 500n);
    expect(machine.take('advance').request).toMatchObject({ epoch: 0n });
  });
});
