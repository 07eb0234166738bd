/** Entries with a receipt: what they say to the store, and what the node keeps of their answers for a recovery. */
import { describe, expect, test } from 'vitest';
import { makeKeyedCall, settleKeyedCall } from '../../../../../src/allocators/counter/machine/keyed-call.ts';
import { createCounterSession } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { CounterReply } from '../../../../../src/core/counter/counter-call.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn, offer, taken } from '../../../fakes/machine-on.ts';

const TARGET = targetOf('INV');
const DRAFT = { hash: 'k', fingerprint: 'f', atMs: 0, series: '' };

interface Parts {
  readonly replayed?: boolean;
  readonly period?: string;
  readonly epoch?: bigint;
}

const receipt = (first: bigint, last: bigint, parts: Parts = {}): CounterReply => {
  const { replayed = false, period = '', epoch = 1n } = parts;
  return {
    kind: 'receipt',
    receipt: { fingerprint: 'f', atMs: 0, series: '', period, ranges: [{ first, last }] },
    replayed,
    standbyNear: false,
    fence: { ...FENCE, epoch },
  };
};

/** Has issued 1-5. */
const serving = (): Machine => {
  const machine = machineOn({ isFenced: true, limits: { tickMs: 10 ** 9 } });
  machine.begin(TARGET, { last: 5n });
  return machine;
};

/** What the node reports once a recovery has begun. */
const reported = (machine: Machine) => {
  machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
  return machine.take('report').reports[0];
};

const answered = (...replies: readonly CounterReply[]): Machine => {
  const machine = serving();
  for (const reply of replies) {
    machine.askKeyed(TARGET, 1, 'k');
    machine.reply('reserve', [reply]);
  }
  return machine;
};

describe('an entry', () => {
  test('says nothing of values in hand or of the standby, and is no repetition', () => {
    const machine = serving();
    machine.askKeyed(TARGET, 3, 'k');
    expect(machine.take('reserve').calls).toEqual([
      {
        sequence: TARGET.sequence,
        node: 'node',
        call: 0,
        kind: 'once',
        count: 3,
        initialSeq: 0n,
        limit: TARGET.limit,
        standbySize: 0,
        epoch: 1n,
        window: 10_000,
        reissued: false,
        holding: undefined,
        usedInPart: false,
        released: [],
        returned: [],
        seen: 5n,
        receipt: DRAFT,
      },
    ]);
  });

  test('is not made before the store knows the node', () => {
    const session = createCounterSession({ sequence: TARGET.sequence, node: 'node', nextCall: () => 1 });
    expect(() => makeKeyedCall(session, 1, TARGET, DRAFT)).toThrow('does not know this session');
  });

  test.each([taken(1n, 1n), { kind: 'nothing', standby: { kind: 'keep' } }, { kind: 'stale', lastCall: 9 }] as const)(
    'that is answered like a numbered call ($kind) is a broken store',
    (reply) => {
      expect(() => settleKeyedCall(serving().sequenceOf(TARGET).session, reply)).toThrow(
        `a once was answered ${reply.kind}`,
      );
    },
  );
});

describe('the answer to an entry', () => {
  test('counts its values as given, but not those of a receipt that was found', () => {
    const givenAfter = (...replies: readonly CounterReply[]) => answered(...replies).sequenceOf(TARGET).session.given;
    expect(givenAfter(receipt(6n, 8n))).toBe(8);
    expect(givenAfter(receipt(6n, 8n), receipt(6n, 8n, { replayed: true }))).toBe(8);
  });

  test.each([
    ['when a standby is near', true, true, true, true],
    ['when values were taken and none is held', false, false, false, true],
    ['not when one is held', false, false, true, false],
    ['not when nothing was taken', false, true, false, false],
  ])('has the store look at the standby %s', (_when, standbyNear, replayed, isHeld, standbyDue) => {
    const machine = machineOn({ isFenced: true });
    const { session } = machine.begin(TARGET, isHeld ? { standby: offer(101n, 105n) } : {});
    const reply = { ...receipt(2n, 2n, { replayed }), standbyNear } as CounterReply;
    expect(settleKeyedCall(session, reply)).toMatchObject({ kind: 'settled', replayed, standbyDue });
  });
});

describe('after a recovery has begun, the node reports', () => {
  test('the values of a receipt as its own', () => {
    expect(reported(answered(receipt(6n, 8n)))).toMatchObject({ seen: 8n, top: 8n, taken: [{ first: 1n, last: 8n }] });
  });

  test('also those of a receipt that was found: the reply that issued them may have been lost', () => {
    expect(reported(answered(receipt(7n, 8n, { replayed: true })))).toMatchObject({
      seen: 8n,
      taken: [
        { first: 1n, last: 5n },
        { first: 7n, last: 8n },
      ],
    });
  });

  test('values once, however often their receipt was found', () => {
    const again = receipt(7n, 8n, { replayed: true });
    expect(reported(answered(receipt(7n, 8n), again, again))?.taken).toEqual([
      { first: 1n, last: 5n },
      { first: 7n, last: 8n },
    ]);
  });

  test('the highest value it has seen, also when a receipt of lower ones was found since', () => {
    expect(reported(answered(receipt(6n, 8n), receipt(2n, 3n, { replayed: true })))?.seen).toBe(8n);
  });

  test('nothing of a receipt from another period, whose values are not of this sequence', () => {
    expect(reported(answered(receipt(70n, 80n, { replayed: true, period: '2025' })))).toMatchObject({
      seen: 5n,
      top: 5n,
      taken: [{ first: 1n, last: 5n }],
    });
  });
});

describe('a recovery', () => {
  test('that began while the entry was under way makes its answer void: nobody is served by it, and it is made again', () => {
    const machine = serving();
    const request = machine.askKeyed(TARGET, 1, 'k');
    expect(reported(machine)).toMatchObject({ seen: 5n });
    machine.reply('reserve', [receipt(6n, 6n, { epoch: 2n })]);
    expect([request.outcome, machine.sequenceOf(TARGET).session.seen]).toEqual([undefined, 5n]);
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    machine.reply(
      'reserve',
      machine
        .take('reserve')
        .calls.map(({ kind }) =>
          kind === 'once' ? receipt(6n, 6n, { epoch: 2n }) : { kind: 'nothing', standby: { kind: 'keep' } },
        ),
    );
    expect(request.outcome).toBe('6-6');
  });

  test('that the store tells of has the node swear off the epoch, and report', () => {
    const machine = answered({ kind: 'recovering' });
    expect(machine.sequenceOf(TARGET).phase).toBe('recovering');
    expect(machine.take('report').reports).toMatchObject([{ sworn: true, epoch: 2n }]);
  });
});
