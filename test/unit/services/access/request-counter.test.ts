/** Requests are counted without waiting for anybody, and added up over the nodes within a tenth of a second. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RequestCountStore } from '../../../../src/core/access/request-count-store.ts';
import { createRequestCounter, type RequestCounter } from '../../../../src/services/access/request-counter.ts';

let nowMs: number;
let away: boolean;
let calls: number[];
let events: string[];
let counters: RequestCounter[];

/** What Redis does, on the clock of the test. */
const createStore = (): RequestCountStore => {
  const windows = new Map<string, { total: number; endsMs: number }>();
  return {
    add: async (clients) => {
      calls.push(clients.length);
      if (away) throw new Error('away');
      return clients.map(({ name, count }) => {
        const known = windows.get(name);
        const window = known === undefined || known.endsMs <= nowMs ? { total: 0, endsMs: nowMs + 1_000 } : known;
        window.total += count;
        windows.set(name, window);
        return { total: window.total, leftMs: window.endsMs - nowMs };
      });
    },
  };
};

const createNodes = (count: number): RequestCounter[] => {
  const store = createStore();
  const emit = ({ type }: { type: string }): void => {
    events.push(type);
  };
  counters = Array.from({ length: count }, () => createRequestCounter({ store, monotonic: () => nowMs, emit }));
  return counters;
};

/** Lets time go on, and the nodes tell each other. */
const later = async (ms: number): Promise<void> => {
  nowMs += ms;
  await vi.advanceTimersByTimeAsync(ms);
};

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  away = false;
  calls = [];
  events = [];
});

afterEach(async () => {
  for (const counter of counters) await counter.close();
  vi.useRealTimers();
});

describe('one node', () => {
  test('counts each client for itself, anew a second after his first request', async () => {
    const [node] = createNodes(1);
    expect([1, 2, 3].map(() => node?.count('a').current)).toEqual([1, 2, 3]);
    expect(node?.count('b').current).toBe(1);
    nowMs += 999;
    expect(node?.count('a')).toEqual({ current: 4, ttl: 1 });
    nowMs += 1;
    expect(node?.count('a').current).toBe(1);
  });

  test('asks the store every 100 ms, only about those who asked, in calls of a thousand', async () => {
    const [node] = createNodes(1);
    for (let client = 0; client < 2_500; client += 1) node?.count(String(client));
    await later(100);
    expect(calls).toEqual([1_000, 1_000, 500]);
    await later(1_000);
    expect(calls).toHaveLength(3);
  });

  test('forgets the oldest beyond ten thousand clients', () => {
    const [node] = createNodes(1);
    for (let client = 0; client <= 10_000; client += 1) node?.count(String(client));
    expect(node?.count('10000').current).toBe(2);
    expect(node?.count('0').current).toBe(1);
  });
});

describe('several nodes', () => {
  test('know of each other’s requests after 100 ms', async () => {
    const [one, two] = createNodes(2);
    for (let request = 0; request < 5; request += 1) one?.count('a');
    expect(two?.count('a').current).toBe(1);
    await later(100);
    await later(100);
    two?.count('a');
    await later(100);
    expect(two?.count('a').current).toBe(8);
  });

  test('begin a new second together', async () => {
    const [one, two] = createNodes(2);
    one?.count('a');
    await later(100);
    await later(500);
    two?.count('a');
    await later(100);
    await later(300);
    // The window is the store's: it began with the first request of all.
    expect(two?.count('a').current).toBe(3);
    await later(100);
    expect(two?.count('a').current).toBe(1);
  });

  test('count alone while the store is away, say so once, and add up again when it is back', async () => {
    const [one, two] = createNodes(2);
    away = true;
    one?.count('a');
    two?.count('a');
    await later(100);
    expect(one?.count('a').current).toBe(2);
    await later(100);
    expect(events).toEqual(['request-counts-not-shared', 'request-counts-not-shared']);
    away = false;
    await later(100);
    two?.count('a');
    await later(100);
    expect(two?.count('a').current).toBe(5);
  });
});
