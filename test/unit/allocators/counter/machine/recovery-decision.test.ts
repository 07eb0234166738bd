/** When a recovery ends, and where counting goes on then: exactly, or above the ceiling. */
import { describe, expect, test } from 'vitest';
import {
  behindError,
  decideAlone,
  installGranted,
  isTurnOf,
  questionOf,
  type RecoveryTerms,
  recoveryRequest,
  type WaitingReply,
} from '../../../../../src/allocators/counter/machine/recovery-decision.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

const INV = sequenceOf(seriesOf('INV'), '2026');
const RECOVERY = { server: 'run2', time: '1795224970000000' };
const TERMS: RecoveryTerms = {
  sequence: INV,
  initialSeq: 0n,
  limit: VALUE_MAX,
  window: 10_000,
  isStranger: false,
  livingPatienceMs: 7_000,
};

const waiting = (parts: Partial<WaitingReply> = {}): WaitingReply => ({
  kind: 'waiting',
  recovery: RECOVERY,
  sinceMs: 0,
  epoch: 0n,
  ceiling: 0n,
  highest: 0n,
  reported: ['node-a'],
  missing: [],
  ...parts,
});

describe('where nobody but the counter store keeps the ceiling', () => {
  const known = { epoch: 5n, ceiling: 900n, highest: 42n };
  const decide = (parts: Partial<WaitingReply>, terms: Partial<RecoveryTerms> = {}) =>
    decideAlone(waiting(parts), { ...TERMS, ...terms });

  test('waits a second for nodes nobody has heard of, though all others have reported', () => {
    expect(decide({ ...known, sinceMs: 999 })).toBeUndefined();
  });

  test('goes on exactly when all have reported: the store makes the epoch, the ceiling stays above the old one', () => {
    expect(decide({ ...known, sinceMs: 1_000 }, { initialSeq: 7n })).toEqual({
      sequence: INV,
      recovery: RECOVERY,
      epoch: 0n,
      ceiling: 10_900n,
      base: 0n,
      jumpTo: undefined,
      account: undefined,
      initialSeq: 7n,
      limit: VALUE_MAX,
      window: 10_000,
    });
  });

  test('waits three seconds for a node that was heard of lately, and then jumps above the ceiling', () => {
    const missing = { ...known, missing: ['node-b'] };
    expect(decide({ ...missing, sinceMs: 2_999 })).toBeUndefined();
    expect(decide({ ...missing, sinceMs: 3_000 })).toMatchObject({ jumpTo: 900n, ceiling: 10_900n });
  });

  test('puts the ceiling above the highest value when the state knows none as high', () => {
    expect(decide({ highest: 5_000n, sinceMs: 1_000 })).toMatchObject({ ceiling: 15_000n, jumpTo: undefined });
    expect(decide({ ...known, highest: 5_000n, sinceMs: 1_000 })).toMatchObject({ ceiling: 15_000n });
  });

  test('jumps even when all have reported, if a sequence that was counted has lost its ceiling with its state', () => {
    const lost = { epoch: 5n, ceiling: 0n, highest: 5_000n };
    expect(decide({ ...lost, sinceMs: 999 })).toBeUndefined();
    expect(decide({ ...lost, sinceMs: 1_000 })).toMatchObject({ jumpTo: 15_000n, ceiling: 25_000n });
    expect(decide({ ...lost, missing: ['node-b'], sinceMs: 3_000 })).toMatchObject({
      jumpTo: 15_000n,
      ceiling: 25_000n,
    });
  });

  test('takes a smaller window where less is left, and stays below 18446744073709551615', () => {
    expect(decide({ highest: 100n, sinceMs: 1_000 }, { limit: 180n })).toMatchObject({ ceiling: 110n, window: 10 });
    const high = { ceiling: VALUE_MAX, highest: VALUE_MAX - 1n, sinceMs: 1_000 };
    expect(decide(high)).toMatchObject({ ceiling: VALUE_MAX, window: 0 });
  });
});

describe('where the ceilings are kept elsewhere, their store', () => {
  const served = { epoch: 1n, ceiling: 12_000n, highest: 130n };

  test('is asked with all that the counter store and the reports know, and decides', () => {
    const reply = waiting({ ...served, reported: ['node-a', 'node-b'], sworn: 2n });
    expect(recoveryRequest(reply, { epoch: 1n, ceiling: 12_000n }, { ...TERMS, initialSeq: 7n })).toEqual({
      sequence: INV,
      epoch: 1n,
      servedEpoch: 1n,
      server: 'run2',
      origin: 7n,
      reported: ['node-a', 'node-b'],
      sworn: 2n,
      highest: 130n,
      window: 10_000n,
      mayJump: false,
      mayJumpRecent: false,
      mayJumpUnsworn: false,
    });
  });

  test('is asked about the window that fits below the limit', () => {
    const reply = waiting({ highest: 100n });
    expect(recoveryRequest(reply, undefined, { ...TERMS, limit: 180n })).toMatchObject({ epoch: 0n, window: 10n });
  });

  test.each([
    [2_999, false, false],
    [3_000, true, false],
    [6_999, true, false],
    [7_000, true, true],
  ])(
    'after %i ms may jump for a silent node: %j; for one heard of lately, or that has not sworn off: %j',
    (sinceMs, mayJump, mayJumpRecent) => {
      const request = recoveryRequest(waiting({ ...served, sinceMs }), { epoch: 1n, ceiling: 1n }, TERMS);
      expect(request).toMatchObject({ mayJump, mayJumpRecent, mayJumpUnsworn: mayJumpRecent });
    },
  );

  test('has granted an end: it is installed as it was granted, for this recovery and no other', () => {
    const account = { value: 120n, changes: 1, gaps: [] };
    const granted = {
      ...{ epoch: 3n, grantedSince: 2n, ceiling: 12_000n, base: 100n },
      ...{ jumpTo: undefined, account, origin: 7n },
    } as const;
    expect(installGranted(waiting(served), { kind: 'granted', ...granted }, { ...TERMS, limit: 99_999n })).toEqual({
      sequence: INV,
      recovery: RECOVERY,
      ...granted,
      initialSeq: 0n,
      limit: 99_999n,
      window: 0,
    });
  });

  test('is left the first contact by a node that was asked for a number: one that only listens does not know where the sequence begins', () => {
    expect(recoveryRequest(waiting(), undefined, { ...TERMS, isStranger: true })).toBeUndefined();
    const row = { epoch: 1n, ceiling: 10n };
    expect(recoveryRequest(waiting(), row, { ...TERMS, isStranger: true })).toMatchObject({ epoch: 1n });
  });

  test.each([
    ['has an older epoch', { epoch: 1n, ceiling: 10_000n }, /^INV \(2026\): epoch 1, ceiling 10000 .* npm run repair$/],
    [
      'has nothing of a sequence that was counted',
      undefined,
      /^INV \(2026\): epoch none, ceiling none .* npm run repair$/,
    ],
  ])('that %s is an error that says how to repair it', (_title, stored, cause) => {
    const error = behindError(INV, stored);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ message: 'PostgreSQL is older than Redis.' });
    expect((error.cause as Error).message).toMatch(cause);
  });
});

describe('the turn', () => {
  test('comes to the nodes that have reported in the order of their names, one every 500 ms', () => {
    const turnsAt = (sinceMs: number): string[] =>
      ['a', 'b', 'c', 'silent'].filter((node) => isTurnOf(node, waiting({ reported: ['c', 'a', 'b'], sinceMs }), true));
    expect([0, 499, 500, 999, 1_000].map(turnsAt)).toEqual([['a'], ['a'], ['a', 'b'], ['a', 'b'], ['a', 'b', 'c']]);
  });

  test('is that of every node that has reported where nobody keeps the ceilings elsewhere', () => {
    const reply = waiting({ reported: ['a', 'b'] });
    expect(['a', 'b', 'silent'].map((node) => isTurnOf(node, reply, false))).toEqual([true, true, false]);
  });
});

describe('a question', () => {
  const asked = waiting({ reported: ['a', 'b'], sworn: 2n, sinceMs: 100 });

  test.each<[string, Partial<WaitingReply>]>([
    ['another recovery', { recovery: { ...RECOVERY, time: '1795224970000001' } }],
    ['another server', { recovery: { ...RECOVERY, server: 'run3' } }],
    ['another node that has reported', { reported: ['a', 'b', 'c'] }],
    ['another epoch that was sworn off', { sworn: 3n }],
    ['the time after which it may jump', { sinceMs: 3_000 }],
    ['the time after which it may jump though not all have sworn off', { sinceMs: 7_000 }],
  ])('is new with %s', (_title, parts) => {
    const before = parts.sinceMs === 7_000 ? { ...asked, sinceMs: 6_999 } : asked;
    expect(questionOf({ ...before, ...parts }, 7_000)).not.toBe(questionOf(before, 7_000));
  });

  test('is the same as long as only time passes, and in whatever order the nodes are named', () => {
    expect(questionOf({ ...asked, sinceMs: 2_999, reported: ['b', 'a'] }, 7_000)).toBe(questionOf(asked, 7_000));
  });
});
