/** Coalescing: one trip under way, everything that waits leaves together, in order, fairly and within limits. */
import { describe, expect, test } from 'vitest';
import type { AllocationTarget } from '../../../../src/allocators/allocator.ts';
import { createCounterAllocator } from '../../../../src/allocators/counter/counter-allocator.ts';
import { COUNTER_LIMITS } from '../../../../src/allocators/counter/machine/counter-limits.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { allocatorOn, targetOf } from '../../fakes/allocator-on.ts';
import type { HeldCounterStore } from '../../fakes/held-counter-store.ts';

/** What the trips asked for: prefix and count per call. */
const askedIn = (store: HeldCounterStore): string[] =>
  store.trips.map(({ calls }) => calls.map(({ sequence, count }) => `${sequence.series.prefixKey}${count}`).join(' '));

describe('a trip', () => {
  test('is made at once when none is under way', () => {
    const { store, ask } = allocatorOn();
    void ask(targetOf('INV'), 3);
    expect(askedIn(store)).toEqual(['INV3']);
  });

  test('carries the node, the sequence and the terms of its series', () => {
    const { store, ask } = allocatorOn();
    const sequence = sequenceOf(seriesOf('INV'), '2026');
    const target = { name: 'INV 2026', sequence, initialSeq: 1000n, limit: 9999n, standbySize: 7 };
    void ask(target, 2);
    expect(store.underWay().calls).toEqual([
      expect.objectContaining({
        node: 'node',
        call: 1,
        kind: 'join',
        count: 2,
        sequence,
        initialSeq: 1000n,
        limit: 9999n,
        standbySize: 7,
      }),
    ]);
  });

  test('is never made while another one is under way', async () => {
    const { store, ask } = allocatorOn();
    const all: Promise<string>[] = [];
    for (let round = 0; round < 10; round += 1) {
      all.push(ask(targetOf('INV'), 1), ask(targetOf(`P${round}`), 1));
      await store.underWay().answer();
    }
    await store.drain();
    expect(await Promise.all(all)).toHaveLength(20);
    expect(store.underWayMax()).toBe(1);
  });

  test('takes everything that came while the last one was under way, one call per sequence', async () => {
    const { store, ask } = allocatorOn();
    const [inv, ord] = [targetOf('INV'), targetOf('ORD')];
    const all = [ask(inv, 1)];
    for (let index = 0; index < 999; index += 1) all.push(ask(index % 3 === 0 ? ord : inv, 2));
    await store.underWay().answer();
    await store.underWay().answer();
    expect(await Promise.all(all)).toHaveLength(1_000);
    expect(askedIn(store)).toEqual(['INV1', 'ORD666 INV1332']);
    expect(store.isIdle()).toBe(true);
  });

  test('comes at once again after an idle time, and the node is known by then', async () => {
    const { store, ask } = allocatorOn();
    const first = ask(targetOf('INV'), 1);
    await store.drain();
    const second = ask(targetOf('INV'), 1);
    await store.underWay().answer();
    expect(await Promise.all([first, second])).toEqual(['1-1', '2-2']);
    expect(store.calls().map(({ kind, call }) => `${kind}${call}`)).toEqual(['join1', 'take2']);
  });

  test('may be caused by who has just been served', async () => {
    const allocator = createCounterAllocator({
      store: createMemoryCounterStore(),
      node: 'node',
      emit: () => undefined,
    });
    const firsts: unknown[] = [];
    for (let index = 0; index < 5; index += 1) {
      const { ranges } = await allocator.allocate(targetOf('INV'), 1);
      firsts.push(ranges[0]?.first);
    }
    expect(firsts).toEqual([1n, 2n, 3n, 4n, 5n]);
  });
});

describe('values are dealt out', () => {
  test('in the order of arrival, without a hole between neighbours', async () => {
    const { store, ask } = allocatorOn();
    const target = targetOf('INV', { initialSeq: 1000n });
    const all = [1, 2, 1, 5, 3].map((count) => ask(target, count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1001-1001', '1002-1003', '1004-1004', '1005-1009', '1010-1012']);
  });

  test('exactly above 2^53', async () => {
    const { store, ask } = allocatorOn();
    const target = targetOf('INV', { initialSeq: VALUE_MAX - 4n });
    const all = [1, 1, 2].map((count) => ask(target, count));
    await store.drain();
    expect(await Promise.all(all)).toEqual([
      `${VALUE_MAX - 3n}-${VALUE_MAX - 3n}`,
      `${VALUE_MAX - 2n}-${VALUE_MAX - 2n}`,
      `${VALUE_MAX - 1n}-${VALUE_MAX}`,
    ]);
  });

  test('without mixing series that wait together', async () => {
    const { store, ask } = allocatorOn();
    store.behave('answer');
    const targets = ['A', 'B', 'C'].map((key) => targetOf(key));
    const all = Array.from({ length: 30 }, (_, index) => ask(targets[index % 3] as AllocationTarget, 1));
    const expected = Array.from({ length: 30 }, (_, index) => Math.floor(index / 3) + 1).map((n) => `${n}-${n}`);
    expect(await Promise.all(all)).toEqual(expected);
  });

  test('without repeating when the same sequence comes as two targets, as after a changed config', async () => {
    const { store, ask } = allocatorOn();
    const all = [targetOf('INV'), targetOf('INV'), targetOf('INV', { limit: 999n })].map((target) => ask(target, 2));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1-2', '3-4', '5-6']);
    expect(store.calls().at(-1)?.limit).toBe(999n);
  });
});

describe('a store that brings less than was asked for', () => {
  test('is asked for the rest, and who waits keeps what it has got', async () => {
    const { store, ask } = allocatorOn();
    const one = ask(targetOf('INV'), 5);
    await store
      .underWay()
      .answerWith([{ kind: 'taken', range: { first: 7n, last: 8n }, returned: false, standby: { kind: 'keep' } }]);
    expect(askedIn(store)).toEqual(['INV5', 'INV3']);
    await store
      .underWay()
      .answerWith([{ kind: 'taken', range: { first: 20n, last: 22n }, returned: false, standby: { kind: 'keep' } }]);
    expect(await one).toBe('7-8 20-22');
  });

  test('hands out returned values of another node first, then goes on counting', async () => {
    const { store, ask } = allocatorOn();
    store.of(sequenceOf(seriesOf('INV'), '')).value = 9n;
    store.of(sequenceOf(seriesOf('INV'), '')).free.push({ first: 3n, last: 4n });
    const all = [1, 2, 1].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['3-3', '4-4 10-10', '11-11']);
  });
});

describe('limits of a trip', () => {
  test('more series than fit wait for the next trips, the oldest first', async () => {
    const { store, ask } = allocatorOn({ callEntriesMax: 2 });
    for (const key of ['A', 'B', 'C', 'D', 'E', 'F']) void ask(targetOf(key), 1);
    await store.drain();
    expect(askedIn(store)).toEqual(['A1', 'B1 C1', 'D1 E1', 'F1']);
  });

  test('more values than fit are taken in several trips, the order stays', async () => {
    const { store, ask } = allocatorOn({ entryValuesMax: 5 });
    const all = [1, 3, 2, 2, 1, 5].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    expect(askedIn(store)).toEqual(['INV1', 'INV5', 'INV3', 'INV5']);
    expect(await Promise.all(all)).toEqual(['1-1', '2-4', '5-6', '7-8', '9-9', '10-14']);
  });

  test('a request larger than a call allows goes alone instead of waiting for ever', async () => {
    const { store, ask } = allocatorOn({ entryValuesMax: 5 });
    const all = [1, 8, 1].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    expect(askedIn(store)).toEqual(['INV1', 'INV8', 'INV1']);
    expect(await Promise.all(all)).toEqual(['1-1', '2-9', '10-10']);
  });

  test('a long line of one series does not starve the others', async () => {
    const { store, ask } = allocatorOn({ callEntriesMax: 1, entryValuesMax: 1 });
    for (let index = 0; index < 5; index += 1) void ask(targetOf('LONG'), 1);
    void ask(targetOf('SHORT'), 1);
    await store.drain();
    expect(askedIn(store)).toEqual(['LONG1', 'LONG1', 'SHORT1', 'LONG1', 'LONG1', 'LONG1']);
  });

  test('the usual ones hold the largest request that a client may send', () => {
    expect(COUNTER_LIMITS.entryValuesMax).toBeGreaterThanOrEqual(10_000);
  });

  test('a batch that reaches the unused standby of this node releases it first, so that its values are consecutive', async () => {
    const { store, allocator, ask } = allocatorOn();
    const target = targetOf('INV', { standbySize: 5 });
    const first = ask(target, 1);
    await store.drain();
    expect(allocator.standbyOf(target)).toMatchObject({ first: 12n, last: 16n });
    const batch = ask(target, 15);
    expect(store.underWay().calls[0]).toMatchObject({
      holding: undefined,
      released: [{ first: 12n, offeredIn: 1, used: 0n }],
    });
    await store.drain();
    expect(await Promise.all([first, batch])).toEqual(['1-1', '2-16']);
    expect(allocator.standbyOf(target)?.first).toBeGreaterThan(16n);
  });

  test('a batch that stays below the standby keeps it', async () => {
    const { store, allocator, ask } = allocatorOn();
    const target = targetOf('INV', { standbySize: 5 });
    void ask(target, 1);
    await store.drain();
    void ask(target, 10);
    expect(store.underWay().calls[0]).toMatchObject({ holding: { first: 12n, offeredIn: 1 }, released: [] });
    await store.drain();
    expect(allocator.standbyOf(target)).toMatchObject({ first: 12n, last: 16n, left: 5n });
  });
});
