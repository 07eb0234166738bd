/** Segments: two lessees in turn, refilled in good time, returned at the end; the store is the model of the protocol. */
import { describe, expect, test } from 'vitest';
import type { AllocationTarget } from '../../../../src/allocators/allocator.ts';
import { createCounterAllocator } from '../../../../src/allocators/counter/counter-allocator.ts';
import { createSegmentAllocator } from '../../../../src/allocators/segment/segment-allocator.ts';
import { SequenceOverflowError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import { targetOf, UNRECORDED } from '../../fakes/allocator-on.ts';
import { createHeldCounterStore, turn } from '../../fakes/held-counter-store.ts';

const TARGET = targetOf('S');
const AWAY = new StorageUnavailableError('Away');

const setUp = () => {
  const store = createHeldCounterStore();
  store.behave('answer');
  const clock = { nowMs: 0 };
  let nodes = 0;
  const createLessee = () => {
    nodes += 1;
    return createCounterAllocator({ store, node: `lessee-${nodes}`, emit: () => undefined });
  };
  const allocator = createSegmentAllocator({
    createLessees: () => [createLessee(), createLessee()],
    counter: createLessee(),
    monotonic: () => clock.nowMs,
  });
  const ask = (count = 1, target: AllocationTarget = TARGET): Promise<string> =>
    allocator.allocate(target, count, UNRECORDED).then(
      ({ ranges }) => ranges.map(({ first, last }) => `${first}-${last}`).join(' '),
      (error: Error) => error.name,
    );
  /** What the store would find of the lessees' last calls. */
  const lastCalls = () =>
    [...store.of(TARGET.sequence).served.values()].flatMap(({ reply }) =>
      reply.kind === 'taken' ? [`${reply.range.first}-${reply.range.last}`] : [],
    );
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 5; count += 1) await turn();
  };
  return { store, clock, allocator, ask, lastCalls, settle, lessees: () => nodes };
};

describe('a range', () => {
  test('is leased at the first request, and nothing before', async () => {
    const { store, ask, lessees } = setUp();
    expect([lessees(), store.calls().length]).toEqual([1, 0]);
    expect(await ask()).toBe('1-1');
    expect(lessees()).toBe(3);
    expect(store.calls().map(({ count }) => count)).toEqual([100]);
  });

  test('is dealt out in order without asking the store again, until a tenth is gone', async () => {
    const { store, clock, ask, settle } = setUp();
    for (let value = 1; value <= 9; value += 1) expect(await ask()).toBe(`${value}-${value}`);
    await settle();
    expect(store.calls()).toHaveLength(1);
    clock.nowMs = 1_000;
    expect(await ask()).toBe('10-10');
    await settle();
    // Ten values a second: 150 for fifteen.
    expect(store.calls().map(({ node, count }) => [node, count])).toEqual([
      ['lessee-2', 100],
      ['lessee-3', 150],
    ]);
  });

  test('is followed by the next one in order, and what the node holds is always what the lessees called for last', async () => {
    const { ask, settle, lastCalls } = setUp();
    for (let asked = 0; asked < 40; asked += 1) {
      const [first] = (await ask(25)).split('-');
      await settle();
      const unused = BigInt(first ?? 0) + 25n;
      const known = lastCalls().some((text) => {
        const [from = '0', to = '0'] = text.split('-');
        return BigInt(from) <= unused && unused <= BigInt(to);
      });
      expect({ unused, known, lastCalls: lastCalls() }).toMatchObject({ unused, known: true });
      expect(first).toBe(String(25 * asked + 1));
    }
  });

  test('of a batch that is larger than both ranges is made as large as needed', async () => {
    const { ask } = setUp();
    expect(await ask()).toBe('1-1');
    expect(await ask(10_000)).toBe('2-100 101-10001');
  });

  test('is given to concurrent requests in the order of their arrival, each value once', async () => {
    const { ask } = setUp();
    const asked = await Promise.all(Array.from({ length: 300 }, () => ask()));
    expect(asked).toEqual(Array.from({ length: 300 }, (_, index) => `${index + 1}-${index + 1}`));
  });
});

describe('the store away', () => {
  test('both ranges are issued, then requests are refused at once, and nothing is lost when it is back', async () => {
    const { store, clock, ask, settle } = setUp();
    await ask(9);
    clock.nowMs = 10_000;
    await ask();
    await settle();
    store.behave(AWAY);
    expect(await ask(190)).toBe('11-100 101-200');
    expect(await ask()).toBe('StorageUnavailableError');
    expect(await ask()).toBe('StorageUnavailableError');
    store.behave('answer');
    store.announce();
    await settle();
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect(await ask()).toBe('201-201');
  });

  test('a request that cannot be served wholly is refused, and what it had taken goes to the next one', async () => {
    const { store, clock, ask, settle } = setUp();
    await ask(9);
    clock.nowMs = 10_000;
    await ask();
    await settle();
    store.behave(AWAY);
    expect(await ask(191)).toBe('StorageUnavailableError');
    expect(await ask(190)).toBe('11-100 101-200');
  });
});

describe('the end of a series', () => {
  test('its last values are issued, however few, and then none', async () => {
    const { ask } = setUp();
    const target = targetOf('S', { limit: 130n });
    expect(await ask(100, target)).toBe('1-100');
    expect(await ask(31, target)).toBe('SequenceOverflowError');
    expect(await ask(30, target)).toBe('101-130');
    expect(await ask(1, target)).toBe(SequenceOverflowError.name);
  });

  test('a limit that was lowered below what is in hand is kept', async () => {
    const { ask } = setUp();
    expect(await ask(5)).toBe('1-5');
    expect(await ask(1, targetOf('S', { limit: 5n }))).toBe('SequenceOverflowError');
    expect(await ask(1)).toBe('6-6');
  });
});

describe('giving back', () => {
  test('the rest of each range is returned at the end', async () => {
    const { store, allocator, ask, settle } = setUp();
    await ask(10);
    await settle();
    await allocator.close();
    expect(store.of(TARGET.sequence).free).toEqual([
      { first: 11n, last: 100n },
      { first: 101n, last: 500n },
    ]);
  });
});
