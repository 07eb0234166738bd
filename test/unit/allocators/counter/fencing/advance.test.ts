/** Advancing by hand: durable where the ceilings are kept before the counter moves, and patient while a sequence is recovered. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AdvanceOptions, advanceSequence } from '../../../../../src/allocators/counter/fencing/advance.ts';
import type { CeilingRaise, CeilingStore } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { AdvanceReply, AdvanceRequest } from '../../../../../src/core/counter/counter-call.ts';
import type { FenceOperations } from '../../../../../src/core/counter/counter-fence.ts';
import type { CounterStore } from '../../../../../src/core/counter/counter-store.ts';
import { StorageTimeoutError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';
import { createMemoryCounterStore } from '../../../../../src/stores/memory/memory-counter-store.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';

const INV = targetOf('INV').sequence;
const ADVANCED: AdvanceReply = { kind: 'advanced', from: 7n, to: 500n };

const setUp = async (epoch = 3n) => {
  const memory = createMemoryCeilingStore({ now: () => 0 });
  const first = { sequence: INV, server: 'run', reported: [], mayJump: false, highest: 0n, window: 100n };
  const begin = async (upTo: bigint): Promise<void> => {
    for (let at = 0n; at < upTo; at += 1n) await memory.recover({ ...first, epoch: at, servedEpoch: at });
  };
  await begin(epoch);
  /** What happened, in order. */
  const order: string[] = [];
  const asked: AdvanceRequest[] = [];
  const raises: CeilingRaise[] = [];
  const replies: (AdvanceReply | Error)[] = [];
  const state = {
    served: epoch,
    recovered: 0,
    left: undefined as bigint | undefined,
    failure: undefined as Error | undefined,
  };
  const ceilings: CeilingStore = {
    ...memory,
    raiseMany: async (made) => {
      order.push('kept');
      raises.push(...made);
      if (state.failure !== undefined) throw state.failure;
      return memory.raiseMany(made);
    },
  };
  const unexpected = async (): Promise<never> => {
    throw new Error('not asked for');
  };
  const fence: FenceOperations = {
    report: unexpected,
    install: unexpected,
    propose: unexpected,
    raiseMany: async (moves) => {
      order.push('in force');
      return moves.map((move) =>
        move.epoch === state.served ? { kind: 'raised', fence: { ...move, wanted: 0n } } : { kind: 'outrun' },
      );
    },
    accountMany: async (sequences) => sequences.map(() => ({ kind: 'unserved' })),
    onRecovery: () => undefined,
  };
  const store: CounterStore = {
    ...createMemoryCounterStore(),
    fence,
    advance: async (request) => {
      order.push('moved');
      asked.push(request);
      const reply = replies.shift() ?? ADVANCED;
      if (reply instanceof Error) throw reply;
      return reply;
    },
  };
  const advance = (parts: Partial<AdvanceOptions> = {}) =>
    advanceSequence({
      target: targetOf('INV', { standbySize: 5 }),
      operation: 'operation-1',
      to: 500n,
      store,
      ceilings,
      keeper: 'elsewhere',
      recover: (left) => {
        state.recovered += 1;
        state.left = left;
      },
      ...parts,
    });
  return { advance, store, memory, begin, order, asked, raises, replies, state };
};

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('with ceilings kept elsewhere', () => {
  test('the epoch is that of the counter store; then the new value is durable, then allowed, and only then the counter moves', async () => {
    const { advance, order, asked, raises, memory } = await setUp();
    expect(await advance()).toEqual(ADVANCED);
    expect(order).toEqual(['in force', 'kept', 'in force', 'moved']);
    expect(raises).toMatchObject([{ base: 500n, ceiling: 10_500n, epoch: 3n }]);
    expect(asked).toEqual([
      {
        sequence: INV,
        operation: 'operation-1',
        to: 500n,
        initialSeq: 0n,
        limit: VALUE_MAX,
        epoch: 3n,
        window: 0,
      },
    ]);
    // However much the counter store forgets: a recovery goes on above it.
    const lost = { sequence: INV, server: 'run2', reported: [], mayJump: false, window: 0n, highest: 0n };
    expect(await memory.recover({ ...lost, epoch: 3n, servedEpoch: 3n })).toMatchObject({ base: 500n });
  });

  test('nothing moves when it could not be made durable', async () => {
    const { advance, asked, state } = await setUp();
    state.failure = new StorageUnavailableError('PostgreSQL away');
    await expect(advance()).rejects.toBe(state.failure);
    expect(asked).toEqual([]);
  });

  test('a sequence that was never counted is opened first', async () => {
    const { advance, begin, state, asked } = await setUp(0n);
    const reply = advance();
    await vi.advanceTimersByTimeAsync(250);
    expect(asked).toEqual([]);
    expect(state.recovered).toBe(3);
    await begin(1n);
    state.served = 1n;
    await vi.advanceTimersByTimeAsync(100);
    expect(await reply).toEqual(ADVANCED);
    expect(asked).toMatchObject([{ epoch: 1n }]);
  });

  test('a sequence whose counter store counts in another epoch is recovered first, and nothing moved before', async () => {
    const { advance, state, asked, raises } = await setUp();
    state.served = 2n;
    const reply = advance();
    await vi.advanceTimersByTimeAsync(0);
    expect([asked, raises]).toEqual([[], []]);
    expect([state.recovered, state.left]).toEqual([1, 3n]);
    state.served = 3n;
    await vi.advanceTimersByTimeAsync(100);
    expect(await reply).toEqual(ADVANCED);
  });

  test('above the limit of the series no ceiling is moved, and the counter store says what is left', async () => {
    const { advance, replies, raises } = await setUp();
    replies.push({ kind: 'exhausted', valuesLeft: 92n });
    const target = targetOf('INV', { limit: 99n });
    expect(await advance({ target, to: 100n })).toEqual({ kind: 'exhausted', valuesLeft: 92n });
    expect(raises).toEqual([]);
  });

  test('the ceiling of a series with a limit stays below the limit', async () => {
    const { advance, raises } = await setUp();
    await advance({ target: targetOf('INV', { limit: 900n }) });
    expect(raises).toMatchObject([{ ceiling: 550n }]);
  });
});

describe('a sequence that', () => {
  test.each([
    ['is being recovered', { kind: 'recovering' }],
    ['stands at its ceiling', { kind: 'ceiling', value: 7n }],
  ] as const)('%s is tried again under the same name, until it is served', async (_title, refused) => {
    const { advance, replies, asked, state } = await setUp();
    replies.push(refused, refused);
    const reply = advance();
    await vi.advanceTimersByTimeAsync(250);
    expect(await reply).toEqual(ADVANCED);
    expect(asked.map(({ operation }) => operation)).toEqual(['operation-1', 'operation-1', 'operation-1']);
    expect(state.recovered).toBe(2);
  });

  test('is not served within 5 s is refused, and not tried any more', async () => {
    const { advance, replies, asked } = await setUp();
    for (let index = 0; index < 100; index += 1) replies.push({ kind: 'recovering' });
    const reply = expect(advance()).rejects.toThrow(StorageUnavailableError);
    await vi.advanceTimersByTimeAsync(4_900);
    const before = asked.length;
    expect(before).toBeGreaterThan(40);
    await vi.advanceTimersByTimeAsync(200);
    await reply;
    const after = asked.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(after);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    { kind: 'behind', current: 900n },
    { kind: 'corrupt', reason: 'the counter is not a value' },
    { kind: 'exhausted', valuesLeft: 3n },
  ] as const)('answers $kind is not asked again', async (answer) => {
    const { advance, replies, asked, state } = await setUp();
    replies.push(answer);
    expect(await advance()).toEqual(answer);
    expect(asked).toHaveLength(1);
    expect(state.recovered).toBe(0);
  });

  test('fails passes its error on: whether it moved is unknown', async () => {
    const { advance, replies } = await setUp();
    const error = new StorageTimeoutError('no answer');
    replies.push(error);
    await expect(advance()).rejects.toBe(error);
  });
});

describe('without a store for ceilings', () => {
  test('the counter store raises the ceiling itself', async () => {
    const { advance, asked, order } = await setUp();
    await advance({ ceilings: undefined, keeper: 'store' });
    expect(asked).toMatchObject([{ epoch: 0n, window: 10_000 }]);
    expect(order).toEqual(['moved']);
  });

  test('a store that loses nothing is asked at once', async () => {
    const { advance, store, asked } = await setUp();
    const { fence: _, ...plain } = store;
    await advance({ store: plain, keeper: 'store' });
    expect(asked).toMatchObject([{ epoch: 0n }]);
  });
});
