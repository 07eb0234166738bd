/** A node registers before it counts, says again and again that it is there, and knows when others may have given it up. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createNodeRegistration,
  type NodeRegistration,
} from '../../../../../src/allocators/counter/fencing/node-registration.ts';
import type { CeilingStore } from '../../../../../src/core/ceiling/ceiling-store.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../../src/core/events/events.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');
const MINUTE_MS = 60_000;

let registration: NodeRegistration;
let state: { away: boolean; registered: number; left: string[]; buried: number; nodes: string[] };
let events: NumberGeneratorEvent[];
let memory: CeilingStore;

beforeEach(() => {
  vi.useFakeTimers();
  state = { away: false, registered: 0, left: [], buried: 0, nodes: [] };
  events = [];
  memory = createMemoryCeilingStore({ now: Date.now });
  const answer = async (): Promise<void> => {
    await Promise.resolve();
    if (state.away) throw AWAY;
  };
  const ceilings: CeilingStore = {
    ...memory,
    register: async (node) => {
      state.registered += 1;
      await answer();
      await memory.register(node);
    },
    leave: async (node) => {
      await answer();
      state.left.push(node);
    },
    bury: async () => {
      state.buried += 1;
      await answer();
      return memory.bury();
    },
  };
  registration = createNodeRegistration(ceilings, 'node', (event) => events.push(event));
});

afterEach(() => {
  registration.close();
  vi.useRealTimers();
});

describe('registering', () => {
  test('happens once for all who need it at the same time, and not again for those who come later', async () => {
    await Promise.all([registration.ensure(), registration.ensure(), registration.ensure()]);
    await registration.ensure();
    expect(state.registered).toBe(1);
    expect(events).toEqual([]);
  });

  test('fails for all who wait, is told of once, and is tried again for the next one', async () => {
    state.away = true;
    const all = await Promise.allSettled([registration.ensure(), registration.ensure()]);
    expect(all).toEqual([
      { status: 'rejected', reason: AWAY },
      { status: 'rejected', reason: AWAY },
    ]);
    expect(state.registered).toBe(1);
    expect(events).toEqual([{ type: 'node-not-registered', error: AWAY }]);
    state.away = false;
    await registration.ensure();
    expect(state.registered).toBe(2);
  });

  test('is said again every 20 s, and a failure of that does no harm', async () => {
    await registration.ensure();
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(state.registered).toBe(4);
    state.away = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(events).toEqual([{ type: 'node-not-registered', error: AWAY }]);
    state.away = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(state.registered).toBe(6);
    expect(events).toHaveLength(1);
  });

  test('ends with close', async () => {
    await registration.ensure();
    registration.close();
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
    expect(state.registered).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a registration', () => {
  test('is there once it was made, and not while it could not be made', async () => {
    state.away = true;
    await expect(registration.ensure()).rejects.toBe(AWAY);
    expect(registration.isRegistered()).toBe(false);
    state.away = false;
    await registration.ensure();
    expect(registration.isRegistered()).toBe(true);
  });

  test('that was never made has not lapsed', async () => {
    state.away = true;
    await vi.advanceTimersByTimeAsync(40 * MINUTE_MS);
    expect(registration.isLapsed()).toBe(false);
  });

  test('holds as long as it is renewed', async () => {
    await registration.ensure();
    await vi.advanceTimersByTimeAsync(120 * MINUTE_MS);
    expect(registration.isLapsed()).toBe(false);
  });

  test('has lapsed 30 minutes after the last time it could be renewed, long before others strike the node out', async () => {
    await registration.ensure();
    state.away = true;
    await vi.advanceTimersByTimeAsync(30 * MINUTE_MS);
    expect(registration.isLapsed()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(registration.isLapsed()).toBe(true);
    expect(await memory.bury()).toEqual([]);
  });

  test('that has lapsed must be made anew: until then nobody is let through', async () => {
    await registration.ensure();
    state.away = true;
    await vi.advanceTimersByTimeAsync(31 * MINUTE_MS);
    await expect(registration.ensure()).rejects.toBe(AWAY);
    state.away = false;
    await registration.ensure();
    expect(registration.isLapsed()).toBe(false);
  });
});

describe('silent nodes', () => {
  test('are looked for every ten minutes, and those of an hour are struck out and named', async () => {
    await memory.register('dead-b');
    await memory.register('dead-a');
    await registration.ensure();
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(state.buried).toBe(0);
    await vi.advanceTimersByTimeAsync(51 * MINUTE_MS);
    expect(state.buried).toBe(6);
    expect(events).toEqual([]);
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
    expect(events).toEqual([{ type: 'nodes-buried', nodes: ['dead-a', 'dead-b'] }]);
  });
});

describe('leaving', () => {
  test('strikes this node out', async () => {
    await registration.ensure();
    await registration.leave();
    expect(state.left).toEqual(['node']);
  });

  test('throws when it could not be done', async () => {
    state.away = true;
    await expect(registration.leave()).rejects.toBe(AWAY);
  });
});
