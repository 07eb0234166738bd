/** Snowflake ids in a node: under a lease, never past it, through every step of the clock; leases from the reference store. */
import { describe, expect, test } from 'vitest';
import { createSnowflakeAllocator } from '../../../../src/allocators/snowflake/snowflake-allocator.ts';
import { createWorkerKeeper } from '../../../../src/allocators/snowflake/worker-keeper.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { readSnowflake } from '../../../../src/core/snowflake/snowflake.ts';
import {
  WORKER_BOUND_MS,
  WORKER_USE_MS,
  type WorkerLeaseStore,
} from '../../../../src/core/snowflake/worker-lease-store.ts';
import { createMemoryWorkerLeaseStore } from '../../../../src/stores/memory/memory-worker-lease-store.ts';
import { targetOf, UNRECORDED } from '../../fakes/allocator-on.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');
const TARGET = targetOf('S');
let nodes = 0;

/** A node whose clocks stand still until a test, or a wait, moves them. */
const setUp = (store?: WorkerLeaseStore) => {
  const time = { nowMs: NOON, upMs: 0 };
  const leases = store ?? createMemoryWorkerLeaseStore(() => time.upMs);
  const events: NumberGeneratorEvent[] = [];
  const waits: number[] = [];
  const state = { isAway: false };
  const reachable =
    <Args extends unknown[], Reply>(call: (...args: Args) => Promise<Reply>) =>
    (...args: Args): Promise<Reply> =>
      state.isAway ? Promise.reject(new StorageUnavailableError('Away')) : call(...args);
  nodes += 1;
  const monotonic = (): number => time.upMs;
  const clock = { now: (): number => time.nowMs };
  const emit = (event: NumberGeneratorEvent): number => events.push(event);
  const keeper = createWorkerKeeper({
    leases: {
      acquire: reachable(leases.acquire),
      renew: reachable(leases.renew),
      release: reachable(leases.release),
    },
    dataCentre: 3,
    holder: `node-${nodes}`,
    clock,
    monotonic,
    emit,
  });
  const pass = (ms: number): void => {
    time.nowMs += ms;
    time.upMs += ms;
  };
  const delay = async (ms: number): Promise<void> => {
    waits.push(ms);
    pass(ms);
  };
  const allocator = createSnowflakeAllocator({ keeper, dataCentre: 3, clock, monotonic, delay, emit });
  const take = async (count = 1): Promise<bigint[]> => {
    const { ranges } = await allocator.allocate(TARGET, count, UNRECORDED);
    return ranges.flatMap(({ first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index)),
    );
  };
  const partsOf = async () => {
    const [id = 0n] = await take();
    const parts = readSnowflake(id);
    if (parts === undefined) throw new Error(`${id} is no snowflake`);
    return parts;
  };
  return { time, leases, events, waits, state, keeper, take, partsOf, pass };
};

const typesOf = (events: readonly NumberGeneratorEvent[]): string[] => events.map(({ type }) => type);

describe('a node', () => {
  test('leases a worker id at its first number, and shows it in the ids', async () => {
    const { partsOf, events } = setUp();
    expect(await partsOf()).toEqual({ issuedAtMs: NOON, dataCentre: 3, worker: 0, sequence: 0 });
    expect(await partsOf()).toMatchObject({ issuedAtMs: NOON, sequence: 1 });
    expect(events).toEqual([{ type: 'worker-lease-taken', dataCentre: 3, worker: 0 }]);
  });

  test('makes a batch of more than a millisecond’s ids by waiting for the clock, all of them rising', async () => {
    const { take, waits } = setUp();
    const ids = await take(3_000);
    expect(new Set(ids).size).toBe(3_000);
    expect(ids).toEqual(ids.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(waits).toEqual([1, 1]);
  });

  test('gives concurrent requests different ids', async () => {
    const { take } = setUp();
    const ids = (await Promise.all(Array.from({ length: 500 }, () => take(7)))).flat();
    expect(new Set(ids).size).toBe(3_500);
  });

  test('beside another one has another worker id', async () => {
    const one = setUp();
    const other = setUp(one.leases);
    expect([(await one.partsOf()).worker, (await other.partsOf()).worker]).toEqual([0, 1]);
  });

  test('that stopped leaves its worker id to the next one, for later times', async () => {
    const one = setUp();
    await one.take();
    await one.keeper.close();
    const next = setUp(one.leases);
    next.pass(1);
    expect(await next.partsOf()).toMatchObject({ worker: 0, issuedAtMs: NOON + 1 });
  });
});

describe('the lease', () => {
  test('not renewed for two thirds of its time stops the node, until it holds one again', async () => {
    const { take, partsOf, pass, state, events } = setUp();
    await take();
    state.isAway = true;
    pass(WORKER_USE_MS - 1);
    expect(await partsOf()).toMatchObject({ worker: 0 });
    pass(1);
    await expect(take()).rejects.toThrow('Away');
    state.isAway = false;
    await expect(take()).rejects.toThrow('Away');
    pass(250);
    expect(await partsOf()).toMatchObject({ worker: 0 });
    expect(typesOf(events)).toEqual(['worker-lease-taken']);
  });

  test('of a node that was stopped past it, and is another’s by now, is not used for a single id more', async () => {
    const one = setUp();
    await one.take();
    one.pass(60_000);
    const other = setUp(one.leases);
    other.pass(60_000);
    const theirs = await other.take(5);
    const [mine = 0n] = await one.take();
    expect(readSnowflake(theirs[0] ?? 0n)).toMatchObject({ worker: 0 });
    expect(readSnowflake(mine)).toMatchObject({ worker: 1 });
    expect(typesOf(one.events)).toEqual(['worker-lease-taken', 'worker-lease-lost', 'worker-lease-taken']);
  });

  test('bounds the times of its ids: a clock set forward past it is renewed for first', async () => {
    const { take, partsOf, time, state, pass } = setUp();
    await take();
    time.nowMs += WORKER_BOUND_MS + 1;
    state.isAway = true;
    await expect(take()).rejects.toThrow('Away');
    state.isAway = false;
    pass(250);
    expect(await partsOf()).toMatchObject({ worker: 0, issuedAtMs: NOON + WORKER_BOUND_MS + 251 });
  });

  test('that cannot be had is a refusal, and the next attempt waits a moment', async () => {
    const none: WorkerLeaseStore = {
      acquire: async () => undefined,
      renew: async () => undefined,
      release: async () => undefined,
    };
    const { take } = setUp(none);
    await expect(take()).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: 'No snowflake worker id is free at the moment.',
    });
  });
});

describe('a clock set back', () => {
  test('by 3 ms is waited for', async () => {
    const { take, partsOf, time, waits, events } = setUp();
    const [before = 0n] = await take();
    time.nowMs -= 3;
    expect(await partsOf()).toMatchObject({ worker: 0, issuedAtMs: NOON, sequence: 1 });
    expect(before).toBeGreaterThan(0n);
    expect(waits).toEqual([3]);
    expect(events.at(-1)).toEqual({ type: 'clock-stepped-back', byMs: 3, handling: 'waited' });
  });

  test('by 200 ms goes on in the last millisecond, and beyond when that is used up', async () => {
    const { take, partsOf, time, waits, events } = setUp();
    await take();
    time.nowMs -= 200;
    const ids = await take(2_000);
    expect(new Set(ids).size).toBe(2_000);
    expect(waits).toEqual([]);
    expect(await partsOf()).toMatchObject({ worker: 0, issuedAtMs: NOON + 1 });
    expect(events.at(-1)).toEqual({ type: 'clock-stepped-back', byMs: 200, handling: 'kept' });
  });

  test.each([3_000, 86_400_000])('by %i ms takes a fresh worker id', async (byMs) => {
    const { take, partsOf, time, events } = setUp();
    const before = await take(5);
    time.nowMs -= byMs;
    expect(await partsOf()).toEqual({ worker: 1, dataCentre: 3, issuedAtMs: NOON - byMs, sequence: 0 });
    expect(before).toHaveLength(5);
    expect(typesOf(events)).toEqual(['worker-lease-taken', 'clock-stepped-back', 'worker-lease-taken']);
  });

  test('with no worker id free, or the store away, is a refusal until it has caught up', async () => {
    const { take, partsOf, time, state, pass } = setUp();
    await take();
    state.isAway = true;
    time.nowMs -= 3_000;
    await expect(take()).rejects.toThrow('Away');
    pass(2_100);
    expect(await partsOf()).toMatchObject({ worker: 0, issuedAtMs: NOON, sequence: 1 });
  });

  test('before a restart takes a worker id that no later time was used under', async () => {
    const one = setUp();
    await one.take();
    await one.keeper.close();
    const next = setUp(one.leases);
    next.time.nowMs -= 60_000;
    expect(await next.partsOf()).toMatchObject({ worker: 1, issuedAtMs: NOON - 60_000 });
  });

  test('to a time before the ids begin is a refusal', async () => {
    const { take, time } = setUp();
    time.nowMs = Date.parse('2026-01-05T00:00:00Z');
    await expect(take()).rejects.toThrow('a time that no snowflake id can carry');
  });
});
