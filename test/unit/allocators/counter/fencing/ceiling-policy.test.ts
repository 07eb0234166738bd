/** Ceilings are raised well before they are reached, never above a limit, and never in an epoch that is over. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCeilingPolicy } from '../../../../../src/allocators/counter/fencing/ceiling-policy.ts';
import { dealInOrder, makeCall, settleCall } from '../../../../../src/allocators/counter/machine/session.ts';
import { makeReport } from '../../../../../src/allocators/counter/machine/session-report.ts';
import type { CeilingKeeper } from '../../../../../src/allocators/counter/machine/session-state.ts';
import { createCounterSession, owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  createSequenceQueue,
  type SequenceQueue,
} from '../../../../../src/allocators/counter/sequence/sequence-queue.ts';
import type { CeilingRaise, CeilingStore } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { Fence } from '../../../../../src/core/counter/counter-call.ts';
import type { CeilingMove, FenceOperations } from '../../../../../src/core/counter/counter-fence.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../../src/core/events/events.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';

const INV = targetOf('INV').sequence;
const RECOVERY = { sequence: INV, server: 'run', reported: [], mayJump: false, highest: 0n } as const;

interface Parts {
  readonly ceiling?: bigint;
  readonly wanted?: bigint;
  readonly seen?: bigint;
  readonly limit?: bigint;
  readonly standbySize?: number;
  readonly keeper?: CeilingKeeper;
  /** Without a store for ceilings. */
  readonly alone?: boolean;
}

/** A queue that counts in epoch 1 up to `ceiling`, was given everything up to `seen`; and a raiser. */
const setUp = async (parts: Parts = {}) => {
  const { ceiling = 10_000n, wanted = 0n, seen = 1n, limit = VALUE_MAX, standbySize = 0, keeper = 'elsewhere' } = parts;
  const target = targetOf('INV', { limit, standbySize });
  let calls = 0;
  const session = createCounterSession({ sequence: INV, node: 'node', nextCall: () => ++calls });
  const queue = createSequenceQueue(session, target);
  let fence: Fence = { epoch: 1n, ceiling, wanted };
  /** The store gives this node everything up to `last`. */
  const seeUpTo = (last: bigint): void => {
    const { call } = makeCall(session, 1, target);
    const range = { first: session.seen + 1n, last };
    settleCall(session, call, { kind: 'taken', range, returned: false, standby: { kind: 'keep' }, fence });
    dealInOrder(session, Number(last - range.first) + 1, VALUE_MAX);
  };
  seeUpTo(seen);

  const memory = createMemoryCeilingStore({ now: () => 0 });
  await memory.recover({ ...RECOVERY, epoch: 0n, servedEpoch: 0n, window: ceiling });
  const kept: CeilingRaise[] = [];
  const inForce: CeilingMove[] = [];
  const proposed: CeilingMove[] = [];
  const state = {
    failure: undefined as Error | undefined,
    held: undefined as Promise<void> | undefined,
    over: false,
    confirmed: true,
  };
  const ceilings: CeilingStore = {
    ...memory,
    raiseMany: async (raises) => {
      kept.push(...raises);
      await state.held;
      if (state.failure !== undefined) throw state.failure;
      return memory.raiseMany(raises);
    },
  };
  const unexpected = async (): Promise<never> => {
    throw new Error('not asked for');
  };
  const operations: FenceOperations = {
    report: unexpected,
    install: unexpected,
    raiseMany: async (moves) => {
      inForce.push(...moves);
      return moves.map((move) => {
        if (state.over) return { kind: 'outrun' };
        fence = { epoch: 1n, ceiling: move.ceiling, wanted: 0n };
        return { kind: 'raised', fence };
      });
    },
    propose: async (move) => {
      proposed.push(move);
      return state.confirmed;
    },
    accountMany: async (sequences) => sequences.map(() => ({ kind: 'unserved' })),
    onRecovery: () => undefined,
  };
  const events: NumberGeneratorEvent[] = [];
  const swornOff: { readonly queue: SequenceQueue; readonly needsReport: boolean }[] = [];
  const raiser = createCeilingPolicy({
    operations,
    ceilings: parts.alone ? undefined : ceilings,
    keeper: () => keeper,
    emit: (event) => events.push(event),
    onSworn: (sworn) => {
      swornOff.push({ queue: sworn, needsReport: owesReport(sworn.session) });
    },
  });
  /** Looks, and lets what follows happen. */
  const look = async (at: SequenceQueue = queue): Promise<void> => {
    raiser.look(at);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { queue, raiser, look, seeUpTo, memory, kept, inForce, proposed, events, swornOff, state };
};

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('looking', () => {
  test('raises nothing while half of the window is left', async () => {
    const { look, kept } = await setUp({ seen: 5_000n });
    await look();
    expect(kept).toEqual([]);
  });

  test('raises to a whole window above the counter as soon as less is left, durable first', async () => {
    const { look, queue, kept, inForce, memory } = await setUp({ seen: 5_001n });
    await look();
    expect(kept).toMatchObject([{ epoch: 1n, known: 10_000n, ceiling: 15_001n, base: 0n }]);
    expect(inForce).toMatchObject([{ sequence: INV, epoch: 1n, ceiling: 15_001n }]);
    expect(await memory.read(INV)).toEqual({ epoch: 1n, ceiling: 15_001n });
    expect(queue.session.fence).toMatchObject({ ceiling: 15_001n });
    await look();
    expect(kept).toHaveLength(1);
  });

  test('raises for a standby that did not fit below the ceiling, though much is left', async () => {
    const { look, kept } = await setUp({ seen: 10n, wanted: 12_000n });
    await look();
    expect(kept).toMatchObject([{ ceiling: 22_000n }]);
  });

  test('gives large standbys a larger window', async () => {
    const { look, kept } = await setUp({ seen: 9_000n, standbySize: 10_000 });
    await look();
    expect(kept).toMatchObject([{ ceiling: 169_000n }]);
  });

  test('raises once at a time', async () => {
    const { look, kept, state, queue } = await setUp({ seen: 9_000n });
    const { promise, resolve } = Promise.withResolvers<void>();
    state.held = promise;
    await look();
    await look();
    expect(kept).toHaveLength(1);
    expect(queue.raising).toBe(true);
    resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(queue.raising).toBe(false);
    expect(queue.session.fence?.ceiling).toBe(19_000n);
  });

  test('leaves it to a store that keeps its ceilings itself', async () => {
    const { look, kept, proposed, inForce } = await setUp({ seen: 9_999n, keeper: 'store', alone: true });
    await look();
    expect([kept, proposed, inForce]).toEqual([[], [], []]);
  });

  test('with replicas proposes the ceiling to them before it is in force', async () => {
    const { look, kept, proposed, inForce } = await setUp({ seen: 9_999n, keeper: 'replicas', alone: true });
    await look();
    expect(kept).toEqual([]);
    expect(proposed).toMatchObject([{ epoch: 1n, ceiling: 19_999n }]);
    expect(inForce).toMatchObject([{ epoch: 1n, ceiling: 19_999n }]);
  });

  test('does not put in force what no replica confirmed, and tells of it', async () => {
    const { look, queue, proposed, inForce, events, state } = await setUp({
      seen: 9_999n,
      keeper: 'replicas',
      alone: true,
    });
    state.confirmed = false;
    await look();
    expect(proposed).toHaveLength(1);
    expect(inForce).toEqual([]);
    expect(events).toMatchObject([{ type: 'ceiling-not-raised', prefixKey: 'INV' }]);
    expect(queue.session.fence?.ceiling).toBe(10_000n);
  });

  test('does nothing for a sequence the store has not told its ceiling of', async () => {
    const { raiser, kept } = await setUp();
    const target = targetOf('NEW');
    const session = createCounterSession({ sequence: target.sequence, node: 'node', nextCall: () => 1 });
    const queue = createSequenceQueue(session, target);
    raiser.look(queue);
    await raiser.raise(queue, 5n);
    expect(kept).toEqual([]);
    expect(queue.raising).toBe(false);
  });

  test('tells when the ceiling could not be raised, harms nobody, and the next look tries again', async () => {
    const { look, queue, events, kept, state } = await setUp({ seen: 9_000n });
    state.failure = new StorageUnavailableError('PostgreSQL away');
    await look();
    expect(events).toEqual([{ type: 'ceiling-not-raised', prefixKey: 'INV', error: state.failure }]);
    expect(queue).toMatchObject({ raising: false, blocked: undefined });
    expect(queue.session.fence?.ceiling).toBe(10_000n);
    state.failure = undefined;
    await look();
    expect(kept).toHaveLength(2);
    expect(queue.session.fence?.ceiling).toBe(19_000n);
  });
});

describe('a series with a limit', () => {
  test('keeps seven eighths of what is left above the ceiling, so that a jump does not use it up', async () => {
    const { look, kept } = await setUp({ seen: 4_000n, limit: 8_000n, ceiling: 4_100n });
    await look();
    expect(kept).toMatchObject([{ ceiling: 4_500n }]);
  });

  test('is not raised all the time: half of the smaller window counts', async () => {
    const { look, kept } = await setUp({ seen: 4_000n, limit: 8_000n, ceiling: 4_250n });
    await look();
    expect(kept).toEqual([]);
  });

  test('is not raised when the ceiling lies at the limit', async () => {
    const { look, kept } = await setUp({ seen: 999n, limit: 1_000n, ceiling: 1_000n, wanted: 2_000n });
    await look();
    expect(kept).toEqual([]);
  });

  test.each([
    [1, 7_950n],
    [45, 7_950n],
    [50, 7_950n],
    [4_000, 4_000n],
  ])('never has a ceiling above its limit, for a call of %d values at %d neither', async (count, seen) => {
    const { raiser, queue, kept } = await setUp({ seen, limit: 8_000n, ceiling: seen });
    makeCall(queue.session, count, queue.target);
    await raiser.raise(queue, seen);
    const [{ ceiling = 0n } = {}] = kept;
    expect(ceiling).toBeGreaterThanOrEqual(seen + BigInt(count));
    expect(ceiling).toBeLessThanOrEqual(8_000n);
  });
});

describe('raising for a call', () => {
  test('makes room for all the values it asks for, and the window above them', async () => {
    const { raiser, queue, inForce } = await setUp({ seen: 9_990n });
    makeCall(queue.session, 500, queue.target);
    await raiser.raise(queue, 9_990n);
    expect(inForce).toMatchObject([{ ceiling: 20_490n }]);
  });

  test('throws what the store of the ceilings throws, and tells of it', async () => {
    const { raiser, queue, events, state } = await setUp();
    state.failure = new StorageUnavailableError('PostgreSQL away');
    await expect(raiser.raise(queue, 1n)).rejects.toBe(state.failure);
    expect(events).toMatchObject([{ type: 'ceiling-not-raised' }]);
    expect(queue.raising).toBe(false);
  });

  test('a fast sequence gets what it takes in ten seconds', async () => {
    const { raiser, queue, seeUpTo, kept } = await setUp({ seen: 1_000n });
    await raiser.raise(queue, 1_000n);
    seeUpTo(9_000n);
    await vi.advanceTimersByTimeAsync(500);
    await raiser.raise(queue, 9_000n);
    expect(kept.map(({ ceiling }) => ceiling)).toEqual([11_000n, 9_000n + 160_000n]);
  });

  test('a slow one keeps the smallest window', async () => {
    const { raiser, queue, seeUpTo, kept } = await setUp({ seen: 1_000n });
    await raiser.raise(queue, 1_000n);
    seeUpTo(1_100n);
    await vi.advanceTimersByTimeAsync(60_000);
    await raiser.raise(queue, 1_100n);
    expect(kept.at(-1)?.ceiling).toBe(11_100n);
  });
});

describe('a later epoch', () => {
  test('in the store of the ceilings: the node swears off its own and owes a report for that one', async () => {
    const { look, queue, memory, inForce, swornOff } = await setUp({ seen: 9_000n });
    await memory.recover({ ...RECOVERY, epoch: 1n, servedEpoch: 1n, window: 0n });
    await memory.recover({ ...RECOVERY, epoch: 2n, servedEpoch: 2n, window: 0n });
    await look();
    expect(inForce).toEqual([]);
    expect(owesReport(queue.session)).toBe(true);
    expect(makeReport(queue.session, queue.target)).toMatchObject({ epoch: 3n, sworn: true });
    expect(swornOff).toEqual([{ queue, needsReport: true }]);
  });

  test('in the counter store alone: the next reply says what is to be done', async () => {
    const { look, queue, state, swornOff } = await setUp({ seen: 9_000n });
    state.over = true;
    await look();
    expect(owesReport(queue.session)).toBe(false);
    expect(swornOff).toEqual([]);
    expect(queue.session.fence?.ceiling).toBe(10_000n);
  });
});

describe('settling', () => {
  test('writes down that all this node ever took is passed over for good', async () => {
    const { raiser, queue, kept, memory } = await setUp({ seen: 77n });
    await raiser.settle(queue);
    expect(kept).toMatchObject([{ base: 77n }]);
    expect(await memory.recover({ ...RECOVERY, epoch: 1n, servedEpoch: 1n, window: 0n })).toMatchObject({ base: 77n });
  });

  test('is not needed where the counter store keeps everything', async () => {
    const { raiser, queue, proposed, inForce } = await setUp({ keeper: 'replicas', alone: true });
    await raiser.settle(queue);
    expect([proposed, inForce]).toEqual([[], []]);
  });
});
