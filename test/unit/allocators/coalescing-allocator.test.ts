/** Coalescing: one call under way, everything that waits leaves together, in order, fairly, bounded, and nobody is lost. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  type AllocationTarget,
  COALESCING_LIMITS,
  createCoalescingAllocator,
} from '../../../src/allocators/coalescing-allocator.ts';
import {
  CorruptEntryError,
  SequenceOverflowError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../../../src/core/errors.ts';
import type { Range } from '../../../src/core/range.ts';
import { VALUE_MAX } from '../../../src/core/value.ts';
import { createMemorySequenceStore } from '../../../src/stores/memory/memory-sequence-store.ts';
import { createHeldSequenceStore, type HeldSequenceStore } from '../fakes/held-sequence-store.ts';

const targetOf = (prefixKey: string, limit = VALUE_MAX, initialSeq = 0n): AllocationTarget => ({
  sequence: { prefixKey, period: '' },
  initialSeq,
  limit,
});

const allocatorOn = (store: HeldSequenceStore, limits: Partial<typeof COALESCING_LIMITS> = {}) =>
  createCoalescingAllocator(store, { ...COALESCING_LIMITS, ...limits });

/** What a call asked for: prefix and count per entry. */
const askedIn = (store: HeldSequenceStore): [string, number][][] =>
  store.calls.map(({ requests }) => requests.map(({ sequence, count }) => [sequence.prefixKey, count]));

const rangesOf = (ranges: readonly Range[]): [bigint, bigint][] => ranges.map(({ first, last }) => [first, last]);

describe('a call', () => {
  test('is sent at once when none is under way', () => {
    const store = createHeldSequenceStore();
    void allocatorOn(store).allocate(targetOf('INV'), 3);
    expect(askedIn(store)).toEqual([[['INV', 3]]]);
  });

  test('carries the sequence, the start and the limit of its series', () => {
    const store = createHeldSequenceStore();
    const sequence = { prefixKey: 'INV', period: '2026' };
    void allocatorOn(store).allocate({ sequence, initialSeq: 1000n, limit: 9999n }, 2);
    expect(store.underWay().requests).toEqual([{ sequence, initialSeq: 1000n, limit: 9999n, count: 2 }]);
  });

  test('is never sent while another one is under way', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const target = targetOf('INV');
    const all: Promise<Range>[] = [];
    for (let round = 0; round < 10; round += 1) {
      all.push(allocator.allocate(target, 1), allocator.allocate(targetOf(`P${round}`), 1));
      await store.underWay().answer();
    }
    while (!store.isIdle()) await store.underWay().answer();
    expect(await Promise.all(all)).toHaveLength(20);
    expect(store.underWayMax()).toBe(1);
  });

  test('takes everything that came while the last one was under way, one entry per series', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const [inv, ord] = [targetOf('INV'), targetOf('ORD')];
    const all = [allocator.allocate(inv, 1)];
    for (let index = 0; index < 999; index += 1) all.push(allocator.allocate(index % 3 === 0 ? ord : inv, 2));
    await store.underWay().answer();
    await store.underWay().answer();
    expect(await Promise.all(all)).toHaveLength(1_000);
    expect(askedIn(store)).toEqual([
      [['INV', 1]],
      [
        ['ORD', 666],
        ['INV', 1_332],
      ],
    ]);
    expect(store.isIdle()).toBe(true);
  });

  test('comes at once again after an idle time', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const first = allocator.allocate(targetOf('INV'), 1);
    await store.underWay().answer();
    expect(store.isIdle()).toBe(true);
    const second = allocator.allocate(targetOf('INV'), 1);
    await store.underWay().answer();
    expect(rangesOf(await Promise.all([first, second]))).toEqual([
      [1n, 1n],
      [2n, 2n],
    ]);
  });

  test('may be caused by who has just been served', async () => {
    const allocator = createCoalescingAllocator(createMemorySequenceStore());
    const target = targetOf('INV');
    const firsts: bigint[] = [];
    for (let index = 0; index < 5; index += 1) firsts.push((await allocator.allocate(target, 1)).first);
    expect(firsts).toEqual([1n, 2n, 3n, 4n, 5n]);
  });
});

describe('values are dealt out', () => {
  test('in the order of arrival, without a hole between neighbours', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const target = targetOf('INV', VALUE_MAX, 1000n);
    const all = [1, 2, 1, 5, 3].map((count) => allocator.allocate(target, count));
    await store.underWay().answer();
    await store.underWay().answer();
    expect(rangesOf(await Promise.all(all))).toEqual([
      [1001n, 1001n],
      [1002n, 1003n],
      [1004n, 1004n],
      [1005n, 1009n],
      [1010n, 1012n],
    ]);
  });

  test('exactly above 2^53', async () => {
    const store = createHeldSequenceStore();
    store.preload({ prefixKey: 'INV', period: '' }, String(VALUE_MAX - 4n));
    const allocator = allocatorOn(store);
    const target = targetOf('INV');
    const all = [1, 1, 2].map((count) => allocator.allocate(target, count));
    await store.underWay().answer();
    await store.underWay().answer();
    expect(rangesOf(await Promise.all(all))).toEqual([
      [VALUE_MAX - 3n, VALUE_MAX - 3n],
      [VALUE_MAX - 2n, VALUE_MAX - 2n],
      [VALUE_MAX - 1n, VALUE_MAX],
    ]);
  });

  test('without mixing series that wait together', async () => {
    const allocator = createCoalescingAllocator(createMemorySequenceStore());
    const targets = ['A', 'B', 'C'].map((key) => targetOf(key));
    const all = Array.from({ length: 30 }, (_, index) => allocator.allocate(targets[index % 3] as AllocationTarget, 1));
    const firsts = (await Promise.all(all)).map(({ first }) => first);
    expect(firsts).toEqual(Array.from({ length: 30 }, (_, index) => BigInt(Math.floor(index / 3)) + 1n));
  });

  test('without repeating when the same sequence comes as two targets, as after a changed config', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const all = [targetOf('INV'), targetOf('INV'), targetOf('INV', 999n)].map((target) =>
      allocator.allocate(target, 2),
    );
    await store.underWay().answer();
    await store.underWay().answer();
    expect(rangesOf(await Promise.all(all))).toEqual([
      [1n, 2n],
      [3n, 4n],
      [5n, 6n],
    ]);
  });
});

describe('limits of a call', () => {
  test('more series than fit wait for the next calls, the oldest first', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { callEntriesMax: 2 });
    for (const key of ['A', 'B', 'C', 'D', 'E', 'F']) void allocator.allocate(targetOf(key), 1);
    while (!store.isIdle()) await store.underWay().answer();
    expect(askedIn(store).map((call) => call.map(([key]) => key).join(''))).toEqual(['A', 'BC', 'DE', 'F']);
  });

  test('more values than fit are taken in several calls, the order stays', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { entryValuesMax: 5 });
    const target = targetOf('INV');
    const all = [1, 3, 2, 2, 1, 5].map((count) => allocator.allocate(target, count));
    while (!store.isIdle()) await store.underWay().answer();
    expect(askedIn(store)).toEqual([[['INV', 1]], [['INV', 5]], [['INV', 3]], [['INV', 5]]]);
    expect((await Promise.all(all)).map(({ first }) => first)).toEqual([1n, 2n, 5n, 7n, 9n, 10n]);
  });

  test('a request larger than a call allows goes alone instead of waiting for ever', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { entryValuesMax: 5 });
    const target = targetOf('INV');
    const all = [1, 8, 1].map((count) => allocator.allocate(target, count));
    while (!store.isIdle()) await store.underWay().answer();
    expect(askedIn(store)).toEqual([[['INV', 1]], [['INV', 8]], [['INV', 1]]]);
    expect((await Promise.all(all)).map(({ first }) => first)).toEqual([1n, 2n, 10n]);
  });

  test('a long line of one series does not starve the others', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { callEntriesMax: 1, entryValuesMax: 1 });
    const [long, short] = [targetOf('LONG'), targetOf('SHORT')];
    for (let index = 0; index < 5; index += 1) void allocator.allocate(long, 1);
    void allocator.allocate(short, 1);
    while (!store.isIdle()) await store.underWay().answer();
    const keys = askedIn(store).map((call) => call[0]?.[0]);
    expect(keys).toEqual(['LONG', 'LONG', 'SHORT', 'LONG', 'LONG', 'LONG']);
  });

  test('the usual ones hold the largest request that a client may send', () => {
    expect(COALESCING_LIMITS.entryValuesMax).toBeGreaterThanOrEqual(10_000);
  });
});

describe('the waiting line', () => {
  test('is bounded: who comes when it is full is refused at once, and the others are served', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { waitingMax: 3 });
    const target = targetOf('INV');
    const underWay = allocator.allocate(target, 1);
    const waiting = [1, 1, 1].map((count) => allocator.allocate(target, count));
    await expect(allocator.allocate(target, 1)).rejects.toThrow(StorageUnavailableError);
    await expect(allocator.allocate(targetOf('OTHER'), 1)).rejects.toThrow('Too many requests are waiting');
    await store.underWay().answer();
    await store.underWay().answer();
    expect((await Promise.all([underWay, ...waiting])).map(({ last }) => last)).toEqual([1n, 2n, 3n, 4n]);
  });

  test('has room again when a call has left', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store, { waitingMax: 1 });
    const target = targetOf('INV');
    const all = [allocator.allocate(target, 1), allocator.allocate(target, 1)];
    await expect(allocator.allocate(target, 1)).rejects.toThrow(StorageUnavailableError);
    await store.underWay().answer();
    all.push(allocator.allocate(target, 1));
    await store.underWay().answer();
    await store.underWay().answer();
    expect((await Promise.all(all)).map(({ last }) => last)).toEqual([1n, 2n, 3n]);
  });

  test.each(['answered', 'failed', 'exhausted'] as const)(
    'counts right after many calls that were %s',
    async (ending) => {
      const store = createHeldSequenceStore();
      const allocator = allocatorOn(store, { waitingMax: 2 });
      const settled: Promise<unknown>[] = [];
      const send = (target: AllocationTarget): void => {
        settled.push(allocator.allocate(target, 1).catch((error: unknown) => error));
      };
      for (let round = 0; round < 5; round += 1) {
        const target = targetOf(`P${round}`, ending === 'exhausted' ? 2n : VALUE_MAX);
        for (let index = 0; index < 3; index += 1) send(target);
        while (!store.isIdle()) {
          if (ending === 'failed') await store.underWay().fail(new StorageTimeoutError('Late'));
          else await store.underWay().answer();
        }
      }
      const results = await Promise.all(settled);
      // Refused for want of room would be a StorageUnavailableError.
      expect(results.filter((result) => result instanceof StorageUnavailableError)).toEqual([]);
      // And still there is room for two, not for more.
      const last = Promise.allSettled([1, 1, 1, 1].map((count) => allocator.allocate(targetOf('LAST'), count)));
      while (!store.isIdle()) await store.underWay().answer();
      expect((await last).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    },
  );
});

describe('an error of the store', () => {
  test('rejects exactly those whose call it was', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const target = targetOf('INV');
    const failed = allocator.allocate(target, 1);
    const served = allocator.allocate(target, 1);
    const error = new StorageTimeoutError('The store did not answer in time.');
    const [refusal] = await Promise.all([failed.catch((reason: unknown) => reason), store.underWay().fail(error)]);
    await store.underWay().answer();
    expect(refusal).toBe(error);
    expect(await served).toEqual({ first: 1n, last: 1n });
  });

  test('reaches everyone in the call, of every series', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const opening = allocator.allocate(targetOf('A'), 1);
    const all = ['A', 'B', 'B', 'C'].map((key) => allocator.allocate(targetOf(key), 1));
    const refusals = Promise.all(all.map((one) => one.catch((reason: unknown) => reason)));
    await store.underWay().answer();
    const error = new StorageUnavailableError('Away');
    await store.underWay().fail(error);
    expect(await opening).toEqual({ first: 1n, last: 1n });
    expect(await refusals).toEqual([error, error, error, error]);
  });

  test('thrown instead of rejected is an error like any other', async () => {
    const thrown = new StorageUnavailableError('Closed');
    const store = {
      ...createMemorySequenceStore(),
      reserve: () => {
        throw thrown;
      },
    };
    const allocator = createCoalescingAllocator(store);
    await expect(allocator.allocate(targetOf('INV'), 1)).rejects.toBe(thrown);
    await expect(allocator.allocate(targetOf('INV'), 1)).rejects.toBe(thrown);
  });

  test('of one entry rejects its waiters and leaves the neighbours alone', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const [bad, good] = [targetOf('BAD'), targetOf('GOOD')];
    const opening = allocator.allocate(good, 1);
    const spoilt = [1, 2].map((count) => allocator.allocate(bad, count).catch((reason: unknown) => reason));
    const served = allocator.allocate(good, 2);
    const error = new CorruptEntryError('BAD', 'not a value');
    await store.underWay().answer();
    await store.underWay().answerWith([
      { kind: 'failed', error },
      { kind: 'taken', range: { first: 2n, last: 3n } },
    ]);
    expect(await opening).toEqual({ first: 1n, last: 1n });
    expect(await Promise.all(spoilt)).toEqual([error, error]);
    expect(await served).toEqual({ first: 2n, last: 3n });
  });

  test('who answers with too few outcomes leaves nobody waiting', async () => {
    const store = createHeldSequenceStore();
    const refused = allocatorOn(store).allocate(targetOf('INV'), 1);
    const refusal = refused.catch((reason: unknown) => reason);
    await store.underWay().answerWith([]);
    expect(await refusal).toBeInstanceOf(StorageUnavailableError);
  });

  test('nobody waits for is not an unhandled rejection of the allocator itself', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const store = createHeldSequenceStore();
    const refused = expect(allocatorOn(store).allocate(targetOf('INV'), 1)).rejects.toThrow('Away');
    await store.underWay().fail(new StorageUnavailableError('Away'));
    await refused;
    await setImmediate();
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});

describe('at the end of a sequence', () => {
  const outcomesOf = (all: readonly Promise<Range>[]): Promise<(bigint | string)[]> =>
    Promise.all(
      all.map((one) =>
        one.then(
          ({ first }) => first,
          (error: Error) => `${error.name}: ${error.message}`,
        ),
      ),
    );

  test('those who fit are served in order, and the others learn how many were left', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const target = targetOf('INV', 10n);
    const all = [4, 3, 5, 2, 2].map((count) => allocator.allocate(target, count));
    const outcomes = outcomesOf(all);
    while (!store.isIdle()) await store.underWay().answer();
    const refused = 'SequenceOverflowError: The sequence "INV" has only 6 values left, fewer than asked for.';
    expect(await outcomes).toEqual([1n, 5n, refused, 8n, refused]);
    expect(askedIn(store)).toEqual([[['INV', 4]], [['INV', 12]], [['INV', 5]]]);
  });

  test('those who try again go before those who came later', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const target = targetOf('INV', 4n);
    const all = [1, 2, 9].map((count) => allocator.allocate(target, count));
    await store.underWay().answer();
    all.push(allocator.allocate(target, 1));
    const outcomes = outcomesOf(all);
    while (!store.isIdle()) await store.underWay().answer();
    expect(await outcomes).toEqual([1n, 2n, expect.stringContaining('SequenceOverflowError'), 4n]);
  });

  test('past it everybody is refused, call after call', async () => {
    const store = createHeldSequenceStore();
    store.preload({ prefixKey: 'INV', period: '' }, String(VALUE_MAX));
    const allocator = allocatorOn(store);
    const target = targetOf('INV');
    const all = [1, 1, 1].map((count) => allocator.allocate(target, count));
    const outcomes = outcomesOf(all);
    while (!store.isIdle()) await store.underWay().answer();
    const refused = 'SequenceOverflowError: The sequence "INV" has no values left.';
    expect(await outcomes).toEqual([refused, refused, refused]);
    await store.checkHealth();
  });

  test('of one series the others go on', async () => {
    const store = createHeldSequenceStore();
    const allocator = allocatorOn(store);
    const [full, free] = [targetOf('FULL', 1n), targetOf('FREE')];
    const all = [full, free, full, free].map((target) => allocator.allocate(target, 1));
    const outcomes = outcomesOf(all);
    while (!store.isIdle()) await store.underWay().answer();
    expect(await outcomes).toEqual([1n, 1n, expect.stringContaining(SequenceOverflowError.name), 2n]);
  });
});
