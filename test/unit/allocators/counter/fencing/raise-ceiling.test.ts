/** Raising a ceiling: durable first, in force then, and not at all when another epoch has begun. */
import { describe, expect, test } from 'vitest';
import { type RaiseOptions, raiseCeiling } from '../../../../../src/allocators/counter/fencing/raise-ceiling.ts';
import type { CeilingStore, SequenceAccount } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { Fence } from '../../../../../src/core/counter/counter-call.ts';
import type { CeilingMove, FenceOperations } from '../../../../../src/core/counter/counter-fence.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';

const INV = sequenceOf(seriesOf('INV'), '');
const FENCE: Fence = { epoch: 1n, ceiling: 100n, wanted: 0n };

const account = (value: bigint): SequenceAccount => ({ value, changes: 0, gaps: [] });

/** A counter store that serves in `served`, and writes down what it was told, in order. */
const operationsIn = (served: bigint, known?: SequenceAccount) => {
  const told: string[] = [];
  const note = (what: string, { epoch, ceiling }: CeilingMove) => told.push(`${what} ${ceiling} in ${epoch}`);
  const unexpected = async (): Promise<never> => {
    throw new Error('not asked for');
  };
  const operations: FenceOperations = {
    report: unexpected,
    install: unexpected,
    raiseMany: async (moves) =>
      moves.map((move) => {
        note('raise', move);
        const fence = { epoch: move.epoch, ceiling: move.ceiling, wanted: 0n };
        return move.epoch === served ? { kind: 'raised', fence } : { kind: 'outrun' };
      }),
    propose: async (move) => {
      note('propose', move);
      return true;
    },
    accountMany: async (sequences) =>
      sequences.map(() => (known === undefined ? { kind: 'unserved' } : { kind: 'account', account: known })),
    onRecovery: () => undefined,
  };
  return { operations, told };
};

/** Keeps epoch 1 with the ceiling 100. */
const keptCeilings = async (): Promise<CeilingStore> => {
  const ceilings = createMemoryCeilingStore({ now: () => 0 });
  const none = { epoch: 0n, servedEpoch: 0n, highest: 0n, reported: [], mayJump: false };
  await ceilings.recover({ sequence: INV, server: 'run1', window: 100n, ...none });
  return ceilings;
};

/** What a node that recovers next would be told. */
const recoverNext = async (ceilings: CeilingStore, epoch = 1n) => {
  const none = { highest: 0n, window: 0n, reported: [], mayJump: false };
  return ceilings.recover({ sequence: INV, server: 'run2', epoch, servedEpoch: epoch, ...none });
};

const raise = (parts: Pick<RaiseOptions, 'operations'> & Partial<RaiseOptions>) =>
  raiseCeiling({ sequence: INV, fence: FENCE, goal: 200n, base: 0n, ceilings: undefined, ...parts });

describe('with replicas alone', () => {
  test('a ceiling is proposed before it is put in force', async () => {
    const { operations, told } = operationsIn(1n);
    expect(await raise({ operations })).toEqual({
      kind: 'raised',
      fence: { epoch: 1n, ceiling: 200n, wanted: 0n },
    });
    expect(told).toEqual(['propose 200 in 1', 'raise 200 in 1']);
  });

  test('nothing is raised when the store counts in another epoch by now', async () => {
    const { operations } = operationsIn(2n);
    expect(await raise({ operations })).toEqual({ kind: 'superseded', epoch: 1n });
  });

  test('nothing is put in force that could not be proposed', async () => {
    const { operations, told } = operationsIn(1n);
    const propose = async (): Promise<never> => {
      throw new StorageUnavailableError('away');
    };
    await expect(raise({ operations: { ...operations, propose } })).rejects.toThrow(StorageUnavailableError);
    expect(told).toEqual([]);
  });

  test('nothing is put in force that no replica has confirmed', async () => {
    const { operations, told } = operationsIn(1n);
    const propose = async (): Promise<boolean> => false;
    await expect(raise({ operations: { ...operations, propose } })).rejects.toThrow(StorageTimeoutError);
    expect(told).toEqual([]);
  });

  test('a ceiling never lies above 18446744073709551615', async () => {
    const { operations, told } = operationsIn(1n);
    await raise({ operations, goal: VALUE_MAX + 5n });
    expect(told).toEqual([`propose ${VALUE_MAX} in 1`, `raise ${VALUE_MAX} in 1`]);
  });
});

describe('with ceilings kept elsewhere', () => {
  test('a ceiling is kept there, with the account, before it is put in force', async () => {
    const ceilings = await keptCeilings();
    const { operations, told } = operationsIn(1n, account(42n));
    const raised: CeilingStore = {
      ...ceilings,
      raiseMany: async (requests) => {
        expect(told).toEqual([]);
        return ceilings.raiseMany(requests);
      },
    };
    expect(await raise({ operations, ceilings: raised })).toMatchObject({ kind: 'raised', fence: { ceiling: 200n } });
    expect(told).toEqual(['raise 200 in 1']);
    expect(await ceilings.read(INV)).toMatchObject({ epoch: 1n, ceiling: 200n });
    expect(await recoverNext(ceilings)).toMatchObject({ base: 42n, account: account(42n) });
  });

  test.each([
    ['the account', 42n, 42n],
    ['what is passed over for good, when that is higher', 60n, 60n],
  ])('a recovery goes on above %s', async (_title, base, expected) => {
    const ceilings = await keptCeilings();
    const { operations } = operationsIn(1n, account(42n));
    await raise({ operations, ceilings, base: base === 42n ? 0n : base });
    expect(await recoverNext(ceilings)).toMatchObject({ base: expected });
  });

  test('a sequence that is not served has no account, and its ceiling is raised all the same', async () => {
    const ceilings = await keptCeilings();
    const { operations, told } = operationsIn(1n);
    expect(await raise({ operations, ceilings, base: 7n })).toMatchObject({ kind: 'raised' });
    expect(told).toEqual(['raise 200 in 1']);
    expect(await recoverNext(ceilings)).toMatchObject({ base: 7n, account: account(0n) });
  });

  test('nothing is put in force when a later epoch has begun there', async () => {
    const ceilings = await keptCeilings();
    await recoverNext(ceilings);
    const { operations, told } = operationsIn(1n);
    expect(await raise({ operations, ceilings })).toEqual({ kind: 'superseded', epoch: 2n });
    expect(told).toEqual([]);
  });

  test('nothing is put in force when they are older than the counters', async () => {
    const { operations, told } = operationsIn(1n);
    const empty = createMemoryCeilingStore({ now: () => 0 });
    await expect(raise({ operations, ceilings: empty })).rejects.toThrow('PostgreSQL is older than Redis');
    const ceilings = await keptCeilings();
    const fence = { ...FENCE, ceiling: 101n };
    await expect(raise({ operations, ceilings, fence })).rejects.toThrow('PostgreSQL is older than Redis');
    expect(told).toEqual([]);
  });

  test('a ceiling that was kept is not in force when the store counts in another epoch by now', async () => {
    const ceilings = await keptCeilings();
    const { operations } = operationsIn(2n);
    expect(await raise({ operations, ceilings })).toEqual({ kind: 'superseded', epoch: 1n });
    expect(await ceilings.read(INV)).toMatchObject({ ceiling: 200n });
  });
});
