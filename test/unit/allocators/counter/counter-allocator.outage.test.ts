/** An outage of the store: the standby serves at once, what it cannot serve is refused, and the return is found by itself. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StorageTimeoutError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import { type AllocatorParts, allocatorOn, targetOf } from '../../fakes/allocator-on.ts';

const AWAY = new StorageUnavailableError('Away');
const REFUSED = 'StorageUnavailableError: Away';
const INV = targetOf('INV', { standbySize: 5 });

beforeEach(() => {
  // Without setImmediate, with which an alarm lets replies be read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A node that has taken value 1 and holds the standby 12-16; the idle clock is out of the way. */
const withStandby = async (limits: object = {}): Promise<AllocatorParts> => {
  const parts = allocatorOn({ tickMs: 1_000_000, ...limits });
  const first = parts.ask(INV, 1);
  await parts.store.drain();
  expect([await first, parts.allocator.standbyOf(INV)?.first]).toEqual(['1-1', 12n]);
  return parts;
};

/** The same node after a trip for one value that failed. */
const inOutage = async (limits: object = {}): Promise<AllocatorParts> => {
  const parts = await withStandby(limits);
  void parts.ask(INV, 1);
  await parts.store.underWay().fail(AWAY);
  return parts;
};

describe('when a trip fails', () => {
  test('who waits is served from the standby at once, in order of arrival', async () => {
    const { store, ask } = await withStandby();
    const all = [1, 2, 1].map((count) => ask(INV, count));
    await store.underWay().fail(AWAY);
    expect(await Promise.all(all)).toEqual(['12-12*', '13-14*', '15-15*']);
  });

  test("what the standby is not enough for is refused with the store's error, and smaller ones are served", async () => {
    const { store, ask } = await withStandby();
    const all = [3, 4, 2, 1].map((count) => ask(INV, count));
    await store.underWay().fail(AWAY);
    expect(await Promise.all(all)).toEqual(['12-14*', REFUSED, '15-16*', REFUSED]);
  });

  test('the outage is told once, with its reason, however long it lasts', async () => {
    const { store, events } = await inOutage();
    store.behave(new StorageTimeoutError('Late'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events).toEqual([{ type: 'outage-began', reason: AWAY }]);
  });

  test('a series without a standby is refused, and the others are served', async () => {
    const { store, ask } = await withStandby();
    const all = [ask(targetOf('NONE'), 1), ask(INV, 1)];
    await store.underWay().fail(AWAY);
    expect(await Promise.all(all)).toEqual([REFUSED, '12-12*']);
  });
});

describe('while the store is away', () => {
  test('requests wait for nothing: served from the standby or refused with the last error of the store', async () => {
    const { store, ask } = await inOutage();
    expect(await ask(INV, 3)).toBe('13-15*');
    expect(await ask(INV, 2)).toBe(REFUSED);
    expect(await ask(INV, 1)).toBe('16-16*');
    expect(await ask(INV, 1)).toBe(REFUSED);
    expect(await ask(targetOf('NEW'), 1)).toBe(REFUSED);
    expect(store.isIdle()).toBe(true);
  });

  test('it is known, and whether a standby is left', async () => {
    const { store, allocator, ask } = await withStandby();
    expect([allocator.isStorePresent(), allocator.hasStandby()]).toEqual([true, true]);
    const all = ask(INV, 5);
    await store.underWay().fail(AWAY);
    expect(await all).toBe('12-16*');
    expect([allocator.isStorePresent(), allocator.hasStandby()]).toEqual([false, false]);
    expect(allocator.standbyOf(INV)).toMatchObject({ first: 12n, last: 16n, left: 0n });
  });

  test('the standby never gives a value above the limit of the request', async () => {
    const { ask } = await inOutage();
    expect(await ask({ ...INV, limit: 12n }, 1)).toBe(REFUSED);
    expect(await ask({ ...INV, limit: 13n }, 1)).toBe('13-13*');
  });

  test('a request that comes during an attempt to reach it is served from the standby too', async () => {
    const { store, ask } = await inOutage();
    store.announce();
    expect(store.isIdle()).toBe(false);
    expect(await ask(INV, 1)).toBe('13-13*');
    await store.drain();
    expect(await Promise.all([ask(INV, 1), store.drain()])).toEqual(['2-2', undefined]);
  });
});

describe('the store is tried again', () => {
  test('by the timer, each time after twice the time, up to a bound', async () => {
    const { store } = await inOutage({ retryMs: 50, retryMaxMs: 400 });
    store.behave(AWAY);
    const attempts: number[] = [];
    let before = store.trips.length;
    for (let passedMs = 10; passedMs <= 1_600; passedMs += 10) {
      await vi.advanceTimersByTimeAsync(10);
      if (store.trips.length > before) attempts.push(passedMs);
      before = store.trips.length;
    }
    expect(attempts).toEqual([50, 150, 350, 750, 1_150, 1_550]);
  });

  test('after a short time again when it was back in between', async () => {
    const { store, ask } = await inOutage({ retryMs: 50, retryMaxMs: 400 });
    store.behave(AWAY);
    await vi.advanceTimersByTimeAsync(1_000);
    store.behave('answer');
    await vi.advanceTimersByTimeAsync(400);
    store.behave('hold');
    void ask(INV, 7);
    await store.underWay().fail(AWAY);
    const before = store.trips.length;
    await vi.advanceTimersByTimeAsync(49);
    expect(store.trips).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(store.trips).toHaveLength(before + 1);
  });

  test('at once when it says that it can be reached', async () => {
    const { store, allocator, events } = await inOutage();
    store.behave('answer');
    const before = store.trips.length;
    store.announce();
    expect(store.trips).toHaveLength(before + 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(allocator.isStorePresent()).toBe(true);
    expect(events.map(({ type }) => type)).toEqual(['outage-began', 'store-returned']);
    // Present or not: it may be another server than before, so every sequence looks.
    const after = store.trips.length;
    store.announce();
    expect(store.trips).toHaveLength(after + 1);
  });

  test('by one attempt at a time, whatever it announces', async () => {
    const { store } = await inOutage();
    for (let times = 0; times < 5; times += 1) store.announce();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([store.underWayMax(), store.isIdle()]).toEqual([1, false]);
    await store.underWay().fail(AWAY);
    expect(store.isIdle()).toBe(true);
  });

  test('with the unsettled call unchanged, whose values are not taken twice', async () => {
    const { store, ask } = await withStandby();
    const one = ask(INV, 2);
    const [unsettled] = store.underWay().calls;
    await store.underWay().loseAnswer(new StorageTimeoutError('Late'));
    expect(await one).toBe('12-13*');
    store.announce();
    expect(store.underWay().calls).toEqual([unsettled]);
    await store.drain();
    const all = [2, 1].map((count) => ask(INV, count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['2-3', '4-4']);
  });

  test('with every sequence that has something to say, and no other', async () => {
    const { store, ask } = await withStandby();
    const [ord, idle] = [targetOf('ORD', { standbySize: 5 }), targetOf('IDLE', { standbySize: 5 })];
    void ask(ord, 1);
    await store.drain();
    void ask(idle, 1);
    await store.drain();
    void ask(INV, 1);
    const late = ask(targetOf('LATE'), 1);
    await store.underWay().fail(AWAY);
    expect(await late).toBe(REFUSED);
    expect(await ask(ord, 1)).toBe('12-12*');
    store.announce();
    expect(store.underWay().calls.map(({ sequence }) => sequence.series.prefixKey)).toEqual(['INV', 'ORD']);
  });
});

describe('after the return', () => {
  test('the used standby is reported, and a new one held; no number is missing', async () => {
    const { store, allocator, ask } = await inOutage();
    expect(await ask(INV, 1)).toBe('13-13*');
    store.announce();
    await store.drain();
    const segment = allocator.standbyOf(INV);
    expect(segment).toMatchObject({ left: 5n });
    expect(segment?.first).toBeGreaterThan(16n);
    expect(store.calls().at(-1)?.released).toEqual([{ first: 12n, offeredIn: 1, used: 2n }]);
    const all = [1, 9, 3, 2].map((count) => ask(INV, count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['2-2', '3-11', '14-16', '17-18']);
  });

  test('a report that settles nothing is repeated three times, not for ever', async () => {
    const { store } = await inOutage();
    store.announce();
    await store.underWay().answer();
    const before = store.trips.length;
    for (let answers = 0; answers < 20 && !store.isIdle(); answers += 1) {
      await store.underWay().answerWith([{ kind: 'nothing', standby: { kind: 'keep' } }]);
    }
    expect([store.isIdle(), store.trips.length - before]).toEqual([true, 2]);
  });

  test('requests travel again', async () => {
    const { store, ask } = await inOutage();
    store.announce();
    await store.drain();
    const one = ask(INV, 2);
    expect(store.isIdle()).toBe(false);
    await store.drain();
    expect(await one).toBe('2-2 3-3');
  });
});

describe('a trip that takes long', () => {
  test('is waited for patiently; then the standby serves, and who it is not enough for waits on', async () => {
    const { store, allocator, events, ask } = await withStandby({ patienceMs: 250 });
    const all = [2, 4, 1].map((count) => ask(INV, count));
    await vi.advanceTimersByTimeAsync(249);
    expect(allocator.standbyOf(INV)?.left).toBe(5n);
    // And one turn of the event loop more, which takes 1 ms of this clock.
    await vi.advanceTimersByTimeAsync(2);
    expect(allocator.standbyOf(INV)?.left).toBe(2n);
    expect(await ask(INV, 1)).toBe('15-15*');
    await store.drain();
    expect(await Promise.all(all)).toEqual(['12-13*', '2-3 4-5', '14-14*']);
    expect([allocator.isStorePresent(), events]).toEqual([true, []]);
  });

  test('because this process was held up is none: the answer that lay waiting is read before the standby serves', async () => {
    const { store, allocator, ask } = await withStandby({ patienceMs: 250 });
    const first = ask(INV, 1);
    vi.advanceTimersByTime(250); // the timers fire before anything is read
    await store.drain();
    expect(await first).toBe('2-2');
    await vi.advanceTimersByTimeAsync(1);
    expect(allocator.standbyOf(INV)?.left).toBe(5n);
  });

  test('and then answers leaves no trace: the next request waits for the store again', async () => {
    const { store, ask } = await withStandby({ patienceMs: 250 });
    const first = ask(INV, 1);
    await vi.advanceTimersByTimeAsync(251);
    await store.drain();
    const second = ask(INV, 1);
    expect(store.isIdle()).toBe(false);
    await store.drain();
    expect(await Promise.all([first, second])).toEqual(['12-12*', '2-2']);
  });

  test('and then fails is an outage', async () => {
    const { store, events, ask } = await withStandby({ patienceMs: 250 });
    const all = [1, 9].map((count) => ask(INV, count));
    await vi.advanceTimersByTimeAsync(250);
    await store.underWay().fail(AWAY);
    expect(await Promise.all(all)).toEqual(['12-12*', REFUSED]);
    expect(events).toEqual([{ type: 'outage-began', reason: AWAY }]);
  });
});
