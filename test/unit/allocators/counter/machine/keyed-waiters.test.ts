/** Requests with a receipt: all values or none, never from the hand or the standby, and every answer has its consequence. */
import { describe, expect, test } from 'vitest';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import {
  CorruptEntryError,
  IdempotencyConflictError,
  PeriodClosedError,
  QuotaExceededError,
  SequenceOverflowError,
  StorageUnavailableError,
} from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type MachineOptions, machineOn, nothing, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV', { standbySize: 5 });
const AWAY = new StorageUnavailableError('away');

const receipt = (
  first: bigint,
  last: bigint,
  parts: { replayed?: boolean; standbyNear?: boolean } = {},
): CounterReply => ({
  kind: 'receipt',
  receipt: { fingerprint: 'f', atMs: 0, series: '', period: '', ranges: [{ first, last }] },
  replayed: false,
  standbyNear: false,
  ...parts,
});

/** Has issued 1, and holds the standby 11-15. */
const serving = (options: MachineOptions = {}) => {
  const machine = machineOn(options);
  const sequence = machine.begin(TARGET, { standby: offer(11n, 15n) });
  return { machine, sequence };
};

describe('a request with a receipt', () => {
  test('makes the node known to the store first, by a numbered call that takes nothing', () => {
    const machine = machineOn();
    const request = machine.askKeyed(TARGET, 3, 'k');
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join', count: 0 }]);
    machine.reply('reserve', [nothing({ standby: offer(11n, 15n) })]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'once', count: 3, receipt: { hash: 'k' } }]);
    machine.reply('reserve', [receipt(1n, 3n)]);
    expect(request.outcome).toBe('1-3');
  });

  test('is never served from the hand, nor from the standby while the store is slow or away', () => {
    const { machine, sequence } = serving();
    machine.feed({ kind: 'give-back', target: TARGET, ranges: [{ first: 1n, last: 1n }] });
    const one = machine.askKeyed(TARGET, 1, 'k');
    machine.at(250);
    expect([one.outcome, machine.state.presence]).toEqual([undefined, 'slow']);
    machine.refuse('reserve', AWAY);
    expect([one.outcome, machine.askKeyed(TARGET, 1, 'l').outcome]).toEqual([undefined, AWAY]);
    expect([sequence.session.surplus, sequence.session.standby.next]).toEqual([[{ first: 1n, last: 1n }], 11n]);
  });

  test('waits half a second for a trip that has failed: the next one may find its receipt', () => {
    const { machine } = serving();
    machine.respond('reserve', () => AWAY);
    const refused = machine.askKeyed(TARGET, 1, 'k');
    machine.at(499);
    expect(refused.outcome).toBeUndefined();
    machine.at(1_500);
    expect(refused.outcome).toBe(AWAY);
    const found = serving();
    const request = found.machine.askKeyed(TARGET, 1, 'k');
    found.machine.refuse('reserve', AWAY);
    found.machine.at(50);
    found.machine.reply('reserve', [receipt(2n, 2n, { replayed: true })]);
    expect(request.outcome).toBe('=2-2');
  });

  test('is refused when its time is over, and answered once', () => {
    const { machine, sequence } = serving({ limits: { keyedGraceMs: 150 } });
    machine.respond('reserve', () => AWAY);
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.at(149);
    expect(request.outcome).toBeUndefined();
    machine.at(150);
    expect([request.outcome, sequence.keyed]).toEqual([AWAY, []]);
    machine.at(2_000);
    expect(machine.typesOf()).toEqual(['outage-began', 'store-returned']);
  });

  test('is followed by no call of a sequence that wants no standby', () => {
    const machine = machineOn();
    const target = targetOf('INV');
    machine.begin(target);
    const request = machine.askKeyed(target, 1, 'k');
    machine.reply('reserve', [receipt(2n, 2n, { standbyNear: true })]);
    expect([request.outcome, machine.open('reserve')]).toEqual(['2-2', []]);
  });

  test('waits for its turn behind the numbered calls of others, and is not forgotten', () => {
    const { machine } = serving({ limits: { callEntriesMax: 1 } });
    machine.ask(targetOf('A'), 1);
    machine.ask(targetOf('B'), 1);
    const keyed = machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [taken(1n, 1n)]);
    machine.reply('reserve', [taken(1n, 1n)]);
    machine.reply('reserve', [receipt(2n, 2n)]);
    expect(keyed.outcome).toBe('2-2');
  });

  test('travels beside the numbered call of its sequence, numbered first, and as many as a trip may carry', () => {
    const { machine } = serving({ limits: { callEntriesMax: 3 } });
    machine.ask(targetOf('OTHER'), 1);
    for (const hash of ['a', 'b', 'c']) machine.askKeyed(TARGET, 1, hash);
    machine.ask(TARGET, 2);
    machine.reply('reserve', [taken(1n, 1n)]);
    expect(machine.take('reserve').calls.map(({ kind }) => kind)).toEqual(['take', 'once', 'once']);
    machine.reply('reserve', [taken(2n, 3n), receipt(4n, 4n), receipt(5n, 5n)]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'once', receipt: { hash: 'c' } }]);
  });
});

describe('its key', () => {
  test('is claimed first, and no value is taken before', () => {
    const { machine } = serving({ claimsKeys: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    expect(machine.open('reserve')).toEqual([]);
    expect(machine.take('claim').waiter.receipt.hash).toBe('k');
    machine.reply('claim', true);
    machine.reply('reserve', [receipt(2n, 2n)]);
    expect(request.outcome).toBe('2-2');
  });

  test.each([
    ['is another request’s', false, IdempotencyConflictError],
    ['is one too many for its client', { retryAfterMs: 9 }, QuotaExceededError],
  ] as const)('that %s refuses the request', (_title, claimed, error) => {
    const { machine } = serving({ claimsKeys: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.reply('claim', claimed);
    expect([request.outcome, machine.open('reserve')]).toEqual([expect.any(error), []]);
  });

  test('that cannot be claimed refuses the request with what the store said', () => {
    const { machine } = serving({ claimsKeys: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.refuse('claim', AWAY);
    expect(request.outcome).toBe(AWAY);
  });

  test('that was claimed while the store went away refuses the request', () => {
    const { machine } = serving({ claimsKeys: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.ask(TARGET, 9);
    machine.refuse('reserve', AWAY);
    machine.reply('claim', true);
    expect(request.outcome).toBe(AWAY);
  });
});

describe('an answer', () => {
  test.each<[CounterReply, unknown]>([
    [{ kind: 'conflict' }, expect.any(IdempotencyConflictError)],
    [{ kind: 'closed', standby: { kind: 'keep' } }, expect.any(PeriodClosedError)],
    [{ kind: 'corrupt', reason: 'rubbish' }, expect.any(CorruptEntryError)],
  ])('of %j refuses that request, and the others go on', (reply, expected) => {
    const { machine } = serving();
    machine.ask(targetOf('OTHER'), 1);
    const one = machine.askKeyed(TARGET, 1, 'a');
    const other = machine.askKeyed(TARGET, 1, 'b');
    machine.reply('reserve', [taken(1n, 1n)]);
    machine.reply('reserve', [reply, receipt(2n, 2n)]);
    expect([one.outcome, other.outcome]).toEqual([expected, '2-2']);
    expect(machine.open('reserve')).toEqual([]);
  });

  test('that too few are left gives up the standby once to make room, and then refuses', () => {
    const { machine } = serving();
    const request = machine.askKeyed(TARGET, 3, 'k');
    const exhausted: CounterReply = { kind: 'exhausted', valuesLeft: 2n, standby: { kind: 'keep' } };
    machine.reply('reserve', [exhausted]);
    expect(machine.take('reserve').calls).toMatchObject([
      { kind: 'take', count: 0, released: [{ first: 11n, used: 0n }], standbySize: 0 },
      { kind: 'once', count: 3 },
    ]);
    // A new standby that comes all the same is not given up for it again.
    machine.reply('reserve', [nothing({ standby: offer(21n, 25n, 9) }), exhausted]);
    expect(request.outcome).toBeInstanceOf(SequenceOverflowError);
    expect(machine.open('reserve')).toEqual([]);
  });

  test('that too few are left asks for no ceiling, and the sequence goes on serving', () => {
    const { machine, sequence } = serving({ keepsCeilings: true });
    machine.askKeyed(TARGET, 3, 'k');
    machine.reply('reserve', [{ kind: 'exhausted', valuesLeft: 2n, standby: { kind: 'keep' } }]);
    expect([sequence.phase, machine.open('account'), machine.open('reserve').length]).toEqual(['serving', [], 1]);
  });

  test('that the counter has come near the standby is followed by a call, so that the store looks at it', () => {
    const { machine } = serving();
    machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [receipt(2n, 2n, { standbyNear: true })]);
    expect(machine.take('reserve').calls).toMatchObject([{ kind: 'take', count: 0 }]);
  });

  test('that the ceiling must be raised keeps the request waiting until it is', () => {
    const { machine, sequence } = serving({ keepsCeilings: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [{ kind: 'ceiling', value: 1n }]);
    expect([sequence.phase, request.outcome]).toEqual(['at-ceiling', undefined]);
    machine.reply('account', [{ kind: 'unserved' }]);
    machine.reply('raise', [{ kind: 'raised', ceiling: 2_000_000n }]);
    machine.reply('enforce', [{ kind: 'raised', fence: { ...FENCE, ceiling: 2_000_000n } }]);
    expect(machine.take('reserve').calls.at(-1)).toMatchObject({ kind: 'once', receipt: { hash: 'k' } });
  });

  test('that the sequence must be recovered keeps the request waiting, and it is asked again afterwards', () => {
    const { machine, sequence } = serving({ isFenced: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [{ kind: 'forgotten' }]);
    expect([sequence.phase, request.outcome]).toEqual(['recovering', undefined]);
    machine.reply('report', [{ kind: 'reported', fence: FENCE }]);
    expect(machine.take('reserve').calls.at(-1)).toMatchObject({ kind: 'once', receipt: { hash: 'k' } });
  });

  test('that the sequence must be recovered is told of once, however many calls of it are answered so', () => {
    const { machine } = serving({ isFenced: true });
    machine.ask(targetOf('OTHER'), 1);
    machine.ask(TARGET, 1);
    for (const hash of ['a', 'b']) machine.askKeyed(TARGET, 1, hash);
    machine.reply('reserve', [taken(1n, 1n, { fence: FENCE })]);
    machine.reply('reserve', [{ kind: 'recovering' }, { kind: 'recovering' }, { kind: 'recovering' }]);
    expect(machine.typesOf()).toEqual(['sequence-recovering']);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 2n }]);
  });

  test('to a request that was refused meanwhile is learnt from, and answers nobody', () => {
    const { machine, sequence } = serving({ isFenced: true });
    const request = machine.askKeyed(TARGET, 1, 'k');
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.refuse('report', AWAY);
    expect(request.outcome).toBe(AWAY);
    machine.at(200);
    const fence = { ...FENCE, epoch: 2n };
    machine.reply('report', [{ kind: 'reported', fence }]);
    machine.reply('reserve', [{ ...receipt(40n, 40n), fence }]);
    expect(sequence.session.seen).toBe(40n);
  });
});

test('a request that would reach the standby has it given up first, and values stay consecutive', () => {
  const { machine } = serving();
  machine.askKeyed(TARGET, 10, 'k');
  expect(machine.take('reserve').calls).toMatchObject([
    { kind: 'take', count: 0, released: [{ first: 11n, offeredIn: 1, used: 0n }], standbySize: 0 },
    { kind: 'once', count: 10 },
  ]);
});

test('a session that ends hands its requests to the next one', () => {
  const { machine } = serving();
  const request = machine.askKeyed(TARGET, 1, 'k');
  machine.ask(TARGET, 1);
  machine.reply('reserve', [receipt(2n, 2n)]);
  expect(request.outcome).toBe('2-2');
  const late = machine.askKeyed(TARGET, 1, 'l');
  machine.reply('reserve', [{ kind: 'stale', lastCall: 9 }]);
  expect(machine.take('reserve').calls).toMatchObject([{ kind: 'join' }]);
  machine.reply('reserve', [taken(3n, 3n)]);
  machine.reply('reserve', [receipt(4n, 4n)]);
  expect(late.outcome).toBe('4-4');
});
