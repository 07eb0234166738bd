/** What stands between a node's sequences and a store that can lose them: opened, raised, recovered, settled, in the right order. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { blockedError, createFencing } from '../../../../../src/allocators/counter/fencing/fencing.ts';
import { makeCall, settleCall } from '../../../../../src/allocators/counter/machine/session.ts';
import {
  createCounterSession,
  openAt,
  owesReport,
  swear,
} from '../../../../../src/allocators/counter/machine/session-state.ts';
import {
  createSequenceQueue,
  type SequenceQueue,
} from '../../../../../src/allocators/counter/sequence/sequence-queue.ts';
import type { CeilingStore } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { Fence } from '../../../../../src/core/counter/counter-call.ts';
import type { FenceOperations } from '../../../../../src/core/counter/counter-fence.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../../src/core/events/events.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');
const MINUTE_MS = 60_000;

const closings: (() => Promise<unknown>)[] = [];

const setUp = async ({ withCeilings = true, replicas = false } = {}) => {
  const memory = createMemoryCeilingStore({ now: Date.now });
  /** What reached the stores, in order. */
  const order: string[] = [];
  const state = { away: undefined as Error | undefined, epoch: 1n, ceiling: 100n };
  const guarded =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      order.push(name);
      if (state.away !== undefined) throw state.away;
      return call(...args);
    };
  const ceilings: CeilingStore = {
    ...memory,
    register: guarded('register', memory.register),
    read: guarded('read', memory.read),
    raiseMany: guarded('raise', memory.raiseMany),
    recover: guarded('recover', memory.recover),
    leave: guarded('leave', memory.leave),
  };
  const fence = (): Fence => ({ epoch: state.epoch, ceiling: state.ceiling, wanted: 0n });
  const operations: FenceOperations = {
    report: async (reports) => {
      order.push(...reports.map(({ epoch, sworn }) => `report ${epoch}${sworn ? ' sworn' : ''}`));
      return reports.map(() => ({ kind: 'reported', fence: fence() }));
    },
    install: async () => true,
    raiseMany: async (moves) =>
      moves.map((move) => {
        order.push(`in force ${move.ceiling}`);
        if (move.epoch !== state.epoch) return { kind: 'outrun' };
        state.ceiling = move.ceiling;
        return { kind: 'raised', fence: fence() };
      }),
    propose: async () => true,
    accountMany: async (sequences) => sequences.map(() => ({ kind: 'unserved' })),
    onRecovery: () => undefined,
  };
  const events: NumberGeneratorEvent[] = [];
  const ready: SequenceQueue[] = [];
  const troubles: { readonly queue: SequenceQueue; readonly error: unknown }[] = [];
  const keeper = createFencing({
    node: 'node',
    operations,
    ceilings: withCeilings ? ceilings : undefined,
    hasReplicas: () => replicas,
    emit: (event) => events.push(event),
    onReady: (queue) => ready.push(queue),
    onTrouble: (queue, error) => {
      queue.trouble = error;
      troubles.push({ queue, error });
    },
  });
  closings.push(() => keeper.close(true));
  const target = targetOf('INV');
  let calls = 0;
  const newQueue = (): SequenceQueue => {
    const session = createCounterSession({
      sequence: target.sequence,
      node: 'node',
      nextCall: () => ++calls,
      ceilingKeeper: keeper.keeper,
    });
    return createSequenceQueue(session, target);
  };
  /** Counts in `state.epoch`, and has seen everything up to `last`. */
  const count = (queue: SequenceQueue, last: bigint): void => {
    const { call } = makeCall(queue.session, 1, target);
    const range = { first: queue.session.seen + 1n, last };
    settleCall(queue.session, call, {
      kind: 'taken',
      range,
      returned: false,
      standby: { kind: 'keep' },
      fence: fence(),
    });
  };
  /** The ceilings know the sequence in this epoch. */
  const begin = async (upTo = 1n): Promise<void> => {
    const request = {
      sequence: target.sequence,
      server: 'run',
      reported: [],
      mayJump: true,
      highest: 0n,
      window: 100n,
    };
    for (let epoch = 0n; epoch < upTo; epoch += 1n) await memory.recover({ ...request, epoch, servedEpoch: epoch });
    state.epoch = upTo;
  };
  return { keeper, memory, order, state, events, ready, troubles, newQueue, count, begin, target };
};

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(async () => {
  await Promise.all(closings.splice(0).map((close) => close()));
  await vi.advanceTimersByTimeAsync(1_000);
  vi.useRealTimers();
});

describe('who keeps the ceilings', () => {
  test.each([
    [{ withCeilings: true, replicas: true }, 'elsewhere'],
    [{ withCeilings: false, replicas: true }, 'replicas'],
    [{ withCeilings: false, replicas: false }, 'store'],
  ])('%j: %s', async (parts, expected) => {
    expect((await setUp(parts)).keeper.keeper()).toBe(expected);
  });
});

describe('a new queue', () => {
  test('is opened in the epoch of the ceilings, which is read only after the node was registered', async () => {
    const { keeper, order, ready, newQueue, begin, target } = await setUp();
    await begin(3n);
    const queue = newQueue();
    keeper.open(queue);
    expect(queue.blocked).toBe('opening');
    await settle();
    expect(order).toEqual(['register', 'read']);
    expect(ready).toEqual([queue]);
    expect(queue.blocked).toBeUndefined();
    expect(makeCall(queue.session, 1, target)).toMatchObject({ epoch: 3n, kind: 'join' });
  });

  test('registers the node once for all', async () => {
    const { keeper, order, newQueue, begin } = await setUp();
    await begin();
    for (let index = 0; index < 3; index += 1) keeper.open(newQueue());
    await settle();
    keeper.open(newQueue());
    await settle();
    expect(order.filter((what) => what === 'register')).toHaveLength(1);
  });

  test('of a sequence that the ceilings do not know swears off, and reports before its first call', async () => {
    const { keeper, order, newQueue } = await setUp();
    const queue = newQueue();
    keeper.open(queue);
    await settle();
    expect(order.slice(0, 3)).toEqual(['register', 'read', 'report 1 sworn']);
  });

  test('that is opened because a recovery waits for this node reports for the next epoch', async () => {
    const { keeper, order, newQueue, begin } = await setUp();
    await begin(3n);
    keeper.open(newQueue(), true);
    await settle();
    expect(order).toContain('report 4 sworn');
  });

  test('cannot be opened while the ceilings are away: that is told, once', async () => {
    const { keeper, troubles, ready, newQueue, state } = await setUp();
    state.away = AWAY;
    const queue = newQueue();
    keeper.open(queue);
    await settle(1_000);
    expect(troubles).toEqual([{ queue, error: AWAY }]);
    expect(ready).toEqual([]);
  });

  test('needs no opening where the counter store keeps everything', async () => {
    const { keeper, order, newQueue } = await setUp({ withCeilings: false });
    const queue = newQueue();
    keeper.open(queue);
    await settle();
    expect(queue.blocked).toBeUndefined();
    expect(order).toEqual([]);
  });
});

describe('a queue at its ceiling', () => {
  test('is ready when the ceiling was raised durably', async () => {
    const { keeper, order, ready, newQueue, count, begin } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 100n);
    keeper.unblock(queue, { by: 'ceiling', value: 100n });
    expect(queue.blocked).toBe('ceiling');
    await settle();
    expect(order).toEqual(['raise', 'in force 10100']);
    expect(ready).toEqual([queue]);
    expect(queue.blocked).toBeUndefined();
  });

  test('is tried again every half second while that cannot be done, and no longer when it could', async () => {
    const { keeper, order, ready, troubles, newQueue, count, begin, state } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 100n);
    state.away = AWAY;
    keeper.unblock(queue, { by: 'ceiling', value: 100n });
    await settle(1_400);
    expect(troubles).toHaveLength(3);
    expect(queue).toMatchObject({ blocked: 'ceiling', trouble: AWAY });
    state.away = undefined;
    await settle(500);
    expect(ready).toEqual([queue]);
    expect(queue.trouble).toBeUndefined();
    const trips = order.length;
    await settle(5_000);
    expect(order).toHaveLength(trips);
  });

  test('is not tried any more after close', async () => {
    const { keeper, order, newQueue, count, begin, state } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 100n);
    state.away = AWAY;
    keeper.unblock(queue, { by: 'ceiling', value: 100n });
    await settle(600);
    await keeper.close(false);
    const trips = order.length;
    await settle(5_000);
    expect(order).toHaveLength(trips);
  });

  test('is not tried any more either when a trial was under way at the close', async () => {
    const { keeper, order, newQueue, count, begin, state } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 100n);
    state.away = AWAY;
    keeper.unblock(queue, { by: 'ceiling', value: 100n });
    // The trial ends only after this.
    await keeper.close(false);
    const trips = order.length;
    await settle(5_000);
    expect(order).toHaveLength(trips);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('whose epoch is over reports for the next one instead', async () => {
    const { keeper, order, ready, newQueue, count, begin, state } = await setUp();
    await begin(2n);
    state.epoch = 1n;
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 100n);
    state.epoch = 2n;
    keeper.unblock(queue, { by: 'ceiling', value: 100n });
    await settle();
    expect(order).toContain('report 2 sworn');
    await settle(100);
    expect(ready).toEqual([queue]);
  });
});

describe('a queue that must be recovered', () => {
  test('tells of it, reports, and is ready when it is served', async () => {
    const { keeper, order, ready, events, newQueue, count, begin } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 5n);
    swear(queue.session);
    keeper.unblock(queue, { by: 'recovery' });
    expect(queue.blocked).toBe('recovery');
    expect(events).toEqual([{ type: 'sequence-recovering', prefixKey: 'INV', period: '' }]);
    // Served in an epoch that this node has sworn off: not yet.
    await settle(100);
    expect(ready).toEqual([]);
    expect(order).toContain('report 2 sworn');
    await begin(2n);
    await settle(100);
    expect(ready).toEqual([queue]);
  });

  test('because its ceiling cannot be raised any more is blocked at once: a call of it would be refused by its session', async () => {
    const { keeper, order, ready, newQueue, count, begin, state, memory, target } = await setUp();
    await begin();
    const queue = newQueue();
    keeper.open(queue);
    await settle();
    count(queue, 5n);
    const later = { server: 'run2', reported: [], highest: 5n, window: 100n, mayJump: true };
    await memory.recover({ sequence: target.sequence, epoch: 1n, servedEpoch: 1n, ...later });
    state.epoch = 2n;
    order.length = 0;
    keeper.look(queue);
    while (!owesReport(queue.session)) await Promise.resolve();
    expect(queue.blocked).toBe('recovery');
    await settle(100);
    expect(order).toContain('report 2 sworn');
    expect(ready.at(-1)).toBe(queue);
    expect(queue.blocked).toBeUndefined();
  });

  test('joins a recovery that it was told of, but only once', async () => {
    const { keeper, order, newQueue, count, begin } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 5n);
    keeper.join(queue);
    expect(queue.blocked).toBe('recovery');
    keeper.join(queue);
    await settle(100);
    expect(new Set(order.filter((what) => what.startsWith('report')))).toEqual(new Set(['report 2 sworn']));
  });

  test('whose opening is under way is left alone', async () => {
    const { keeper, newQueue } = await setUp();
    const queue = newQueue();
    keeper.open(queue);
    keeper.join(queue);
    expect(queue.blocked).toBe('opening');
  });
});

describe('after 30 minutes without having been heard of', () => {
  test('a queue swears off its epoch with the next reply, and reports once the node is registered again', async () => {
    const { keeper, order, ready, newQueue, count, begin, state, memory } = await setUp();
    await begin();
    const queue = newQueue();
    keeper.open(queue);
    await settle();
    count(queue, 5n);
    keeper.look(queue);
    expect(queue.blocked).toBeUndefined();
    state.away = AWAY;
    await settle(31 * MINUTE_MS);
    state.away = undefined;
    // Meanwhile others have recovered the sequence without it.
    await begin(1n);
    await memory.recover({
      sequence: queue.target.sequence,
      epoch: 1n,
      servedEpoch: 1n,
      server: 'run2',
      reported: [],
      highest: 5n,
      window: 100n,
      mayJump: true,
    });
    state.epoch = 2n;
    order.length = 0;
    keeper.look(queue);
    expect(owesReport(queue.session)).toBe(true);
    expect(queue.blocked).toBeDefined();
    await settle(100);
    expect(order.slice(0, 2)).toEqual(['register', 'report 2 sworn']);
    expect(ready.at(-1)).toBe(queue);
    expect(queue.blocked).toBeUndefined();
  });
});

describe('a queue that cannot be registered again', () => {
  test('stays as it is, and is tried again until it can', async () => {
    const { keeper, ready, troubles, newQueue, count, begin, state, events } = await setUp();
    await begin();
    const queue = newQueue();
    keeper.open(queue);
    await settle();
    count(queue, 5n);
    state.away = AWAY;
    await settle(31 * MINUTE_MS);
    keeper.look(queue);
    await settle(2_000);
    expect(troubles.length).toBeGreaterThan(2);
    expect(queue.blocked).toBe('recovery');
    expect(ready).toEqual([queue]);
    expect(events.at(-1)).toMatchObject({ type: 'node-not-registered' });
    state.away = undefined;
    state.epoch = 2n;
    await begin(2n);
    await settle(1_000);
    expect(ready).toEqual([queue, queue]);
    expect(queue).toMatchObject({ blocked: undefined, trouble: undefined });
  });
});

describe('closing', () => {
  test('strikes the node out after the accounts were settled', async () => {
    const { keeper, order, newQueue, count, begin, memory } = await setUp();
    await begin();
    await memory.register('node');
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 42n);
    const settled = keeper.settle(queue, true);
    expect(await keeper.close(true)).toBe(true);
    expect(await settled).toBe(true);
    expect(order.indexOf('raise')).toBeLessThan(order.indexOf('leave'));
    // Whoever recovers next waits for nobody, and goes on above all this node took.
    const request = { sequence: queue.target.sequence, server: 'run2', reported: [], highest: 0n, window: 0n };
    expect(await memory.recover({ ...request, epoch: 1n, servedEpoch: 1n, mayJump: false })).toMatchObject({
      kind: 'granted',
      base: 42n,
      jumpTo: undefined,
    });
  });

  test('does not strike it out when a queue could not be left', async () => {
    const { keeper, order } = await setUp();
    expect(await keeper.close(false)).toBe(false);
    expect(order).not.toContain('leave');
  });

  test('does not strike it out when an account could not be settled, and says so', async () => {
    const { keeper, order, newQueue, count, begin, state } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 42n);
    state.away = AWAY;
    expect(await keeper.settle(queue, true)).toBe(false);
    state.away = undefined;
    expect(await keeper.close(true)).toBe(false);
    expect(order).not.toContain('leave');
  });

  test('strikes it out although an account could not be written down earlier, as long as the queue was not left', async () => {
    const { keeper, order, newQueue, count, begin, state } = await setUp();
    await begin();
    const queue = newQueue();
    openAt(queue.session, 1n);
    count(queue, 42n);
    state.away = AWAY;
    expect(await keeper.settle(queue, false)).toBe(false);
    state.away = undefined;
    expect(await keeper.settle(queue, true)).toBe(true);
    expect(await keeper.close(true)).toBe(true);
    expect(order.at(-1)).toBe('leave');
  });

  test('says when the node could not be struck out', async () => {
    const { keeper, state } = await setUp();
    state.away = AWAY;
    expect(await keeper.close(true)).toBe(false);
  });

  test('has nothing to strike out where nobody registers nodes', async () => {
    const { keeper, order, newQueue } = await setUp({ withCeilings: false });
    expect(await keeper.settle(newQueue(), true)).toBe(true);
    expect(await keeper.close(true)).toBe(true);
    expect(await keeper.close(false)).toBe(false);
    expect(order).toEqual([]);
  });
});

describe('the reason why a queue cannot serve', () => {
  test('is its trouble, else that it is being recovered', async () => {
    const { newQueue } = await setUp();
    const queue = newQueue();
    expect(blockedError(queue)).toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: 'The sequence is being recovered.',
    });
    queue.trouble = AWAY;
    expect(blockedError(queue)).toBe(AWAY);
  });
});
