/** Idle sequences, prepared ones, values given back, and the end: what is in hand is reported, and in the end all given back. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { type AllocatorParts, allocatorOn, targetOf } from '../../fakes/allocator-on.ts';

const TICK_MS = 1_000;
const AWAY = new StorageUnavailableError('Away');
const INV = targetOf('INV', { standbySize: 5 });
const NAME = INV.sequence;

beforeEach(() => {
  // Without setImmediate, with which an alarm lets replies be read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A node that has taken value 1 and holds the standby 12-16, on a store that answers at once. */
const setUp = async (limits: object = {}): Promise<AllocatorParts> => {
  const parts = allocatorOn({ tickMs: TICK_MS, ...limits });
  parts.store.behave('answer');
  expect(await parts.ask(INV, 1)).toBe('1-1');
  await vi.advanceTimersByTimeAsync(0);
  return parts;
};

const kindsOf = ({ store }: AllocatorParts): string[] => store.calls().map(({ kind, count }) => `${kind}${count}`);

describe('an idle sequence', () => {
  test('reports after 2, 4, 8 … ticks, and at last every 12', async () => {
    const parts = await setUp();
    const reports: number[] = [];
    for (let tick = 1; tick <= 52; tick += 1) {
      const before = parts.store.trips.length;
      await vi.advanceTimersByTimeAsync(TICK_MS);
      if (parts.store.trips.length > before) reports.push(tick);
    }
    expect(reports).toEqual([2, 4, 8, 16, 28, 40, 52]);
    expect(new Set(kindsOf(parts).slice(1))).toEqual(new Set(['take0']));
  });

  test('does not report while requests come', async () => {
    const { store, ask } = await setUp();
    const before = store.trips.length;
    for (let tick = 0; tick < 10; tick += 1) {
      await ask(INV, 1);
      await vi.advanceTimersByTimeAsync(TICK_MS);
    }
    expect(store.trips).toHaveLength(before + 10);
  });

  test('follows the counter with its standby', async () => {
    const { store, allocator } = await setUp();
    const [segment] = store.of(NAME).ahead;
    store.of(NAME).value = 500n;
    store.of(NAME).ahead.length = 0;
    await vi.advanceTimersByTimeAsync(4 * TICK_MS);
    expect(segment?.first).toBe(12n);
    expect(allocator.standbyOf(INV)?.first).toBeGreaterThan(500n);
  });

  test('does nothing while the store is away', async () => {
    const { store, ask } = await setUp({ retryMs: 10 ** 6, retryMaxMs: 10 ** 6 });
    store.behave(AWAY);
    await ask(INV, 9);
    const before = store.trips.length;
    await vi.advanceTimersByTimeAsync(50 * TICK_MS);
    expect(store.trips).toHaveLength(before);
  });

  test('is given up after its time, with all it holds, and begins anew with the next request', async () => {
    const parts = await setUp({ idleTicksMax: 5 });
    const { store, allocator, ask } = parts;
    await vi.advanceTimersByTimeAsync(6 * TICK_MS);
    expect(store.calls().at(-1)).toMatchObject({
      kind: 'leave',
      holding: undefined,
      released: [{ first: 12n, offeredIn: 1, used: 0n }],
    });
    expect([allocator.hasStandby(), allocator.standbyOf(INV)]).toEqual([false, undefined]);
    expect(store.of(NAME).ahead).toEqual([]);
    const before = store.trips.length;
    await vi.advanceTimersByTimeAsync(50 * TICK_MS);
    expect(store.trips).toHaveLength(before);
    expect(await ask(INV, 1)).toBe('2-2');
    const { call, kind } = store.calls().at(-1) ?? {};
    expect([kind, call]).toEqual(['join', before + 1]);
  });

  test('that never reached the store is given up without a trip, and begins anew with the next request', async () => {
    const { store, ask } = await setUp({ idleTicksMax: 1 });
    store.behave(AWAY);
    await ask(INV, 9);
    expect(await ask(targetOf('OTHER'), 1)).toContain('Away');
    store.behave('answer');
    await vi.advanceTimersByTimeAsync(5 * TICK_MS);
    expect(store.calls().map(({ sequence }) => sequence.series.prefixKey)).not.toContain('OTHER');
    expect(await ask(targetOf('OTHER'), 1)).toBe('1-1');
  });
});

describe('preparing', () => {
  test('a sequence that nobody asked for has a standby taken for it, and no value', async () => {
    const { store, allocator } = await setUp();
    const next = { ...INV, name: 'INV 2027', sequence: sequenceOf(seriesOf('INV'), '2027') };
    allocator.prepare(next);
    await vi.advanceTimersByTimeAsync(0);
    expect(store.calls().at(-1)).toMatchObject({ kind: 'join', count: 0, sequence: { period: '2027' } });
    expect(allocator.standbyOf(next)).toMatchObject({ first: 11n, last: 15n, left: 5n });
    expect(store.of(next.sequence).value).toBe(0n);
  });

  test('one that has a standby makes no trip', async () => {
    const { store, allocator } = await setUp();
    const before = store.trips.length;
    allocator.prepare(INV);
    expect(store.trips).toHaveLength(before);
  });

  test('one too many for this node makes no trip, and throws nothing', async () => {
    const { store, allocator } = await setUp({ queuesMax: 1 });
    const before = store.trips.length;
    allocator.prepare(targetOf('NEXT', { standbySize: 5 }));
    expect([store.trips.length, allocator.standbyOf(targetOf('NEXT'))]).toEqual([before, undefined]);
  });

  test('one while the store is away makes no trip, and succeeds afterwards', async () => {
    const { store, allocator, ask } = await setUp();
    store.behave(AWAY);
    await ask(INV, 9);
    const before = store.trips.length;
    allocator.prepare(targetOf('NEXT', { standbySize: 5 }));
    expect(store.trips).toHaveLength(before);
    store.behave('answer');
    await vi.advanceTimersByTimeAsync(TICK_MS);
    allocator.prepare(targetOf('NEXT', { standbySize: 5 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(allocator.standbyOf(targetOf('NEXT'))?.left).toBe(5n);
  });
});

describe('values given back', () => {
  test('serve the next request without a trip', async () => {
    const { store, allocator, ask } = await setUp();
    const allocation = await allocator.allocate(INV, 3);
    allocator.giveBack(INV, allocation);
    const before = store.trips.length;
    expect(await ask(INV, 2)).toBe('2-3');
    expect(store.trips).toHaveLength(before);
    expect(await ask(INV, 2)).toBe('4-4 5-5');
  });

  test('go to who waits already, not to who comes later', async () => {
    const { store, allocator, ask } = await setUp();
    const allocation = await allocator.allocate(INV, 3);
    await vi.advanceTimersByTimeAsync(0);
    store.behave('hold');
    const waiting = ask(INV, 5);
    allocator.giveBack(INV, allocation);
    const later = ask(INV, 1);
    await store.drain();
    expect(await Promise.all([waiting, later])).toEqual(['2-4 5-6', '7-7']);
  });

  test('that nobody asks for return to the store with the next report, for any node', async () => {
    const { store, allocator } = await setUp();
    allocator.giveBack(INV, await allocator.allocate(INV, 3));
    await vi.advanceTimersByTimeAsync(2 * TICK_MS);
    expect(store.of(NAME).free).toEqual([{ first: 2n, last: 4n }]);
  });
});

describe('at the end', () => {
  test('everything in hand is given back: values, unused standby, and what was used of it', async () => {
    const { store, allocator, events, ask } = await setUp();
    store.behave(AWAY);
    expect(await ask(INV, 2)).toBe('12-13*');
    store.behave('answer');
    await allocator.close();
    expect(store.calls().at(-1)).toMatchObject({ kind: 'leave', holding: undefined });
    const { free, ahead } = store.of(NAME);
    expect(free).toEqual([{ first: 2n, last: 3n }]);
    expect(ahead).toEqual([{ first: 12n, last: 13n, holder: undefined }]);
    expect(events.map(({ type }) => type)).toEqual(['outage-began', 'store-returned']);
  });

  test('the trip under way is awaited first, and repeated when it failed', async () => {
    const { store, allocator, ask } = await setUp();
    store.behave('hold');
    const one = ask(INV, 1);
    const closing = allocator.close();
    store.behave('answer');
    await store.underWay().answer();
    await closing;
    expect(await one).toBe('2-2');
    expect(store.calls().at(-1)?.kind).toBe('leave');
  });

  test('it is tried a few times, with pauses, and what could not be given back is told', async () => {
    const { store, allocator, events, ask } = await setUp({ closeAttemptsMax: 3, retryMs: 100 });
    store.behave(AWAY);
    await ask(INV, 9);
    const before = store.trips.length;
    let isClosed = false;
    const closing = allocator.close().then(() => {
      isClosed = true;
    });
    await vi.advanceTimersByTimeAsync(150);
    expect([store.trips.length - before, isClosed, vi.getTimerCount()]).toEqual([2, false, 1]);
    await vi.advanceTimersByTimeAsync(150);
    await closing;
    expect(store.trips).toHaveLength(before + 3);
    expect(events).toEqual([
      { type: 'outage-began', reason: AWAY },
      { type: 'standby-not-returned', sequences: 1 },
    ]);
  });

  test('it succeeds when the store comes back in between', async () => {
    const { store, allocator, events } = await setUp({ closeAttemptsMax: 5, retryMs: 100 });
    store.behave(AWAY);
    const closing = allocator.close();
    await vi.advanceTimersByTimeAsync(150);
    store.behave('answer');
    await vi.advanceTimersByTimeAsync(100);
    await closing;
    expect(events.map(({ type }) => type)).toEqual(['outage-began', 'store-returned']);
    expect(store.of(NAME).ahead).toEqual([]);
  });

  test('a sequence that the store cannot use does not hold it up', async () => {
    const { store, allocator, events } = await setUp();
    store.of(NAME).corrupt = 'not a value';
    await allocator.close();
    expect(events).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a store that has forgotten the node is told what it holds, and left', async () => {
    const { store, allocator } = await setUp();
    store.of(NAME).served.clear();
    const closed = allocator.close();
    await vi.advanceTimersByTimeAsync(TICK_MS);
    await closed;
    expect(store.calls().map(({ kind }) => kind)).toEqual(['join', 'leave', 'leave']);
    expect(store.reports).toHaveLength(1);
    expect(store.of(NAME).ahead).toEqual([]);
  });

  test('no timer is left, and nothing is done any more', async () => {
    const { store, allocator } = await setUp();
    await allocator.close();
    const before = store.trips.length;
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(100 * TICK_MS);
    expect(store.trips).toHaveLength(before);
  });

  test('without any sequence there is nothing to do', async () => {
    const { store, allocator, events } = allocatorOn();
    await allocator.close();
    expect([store.trips, events]).toEqual([[], []]);
  });
});
