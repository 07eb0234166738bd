/** Who is refused by the allocator and who is not: the bounded line, errors of the store, the end of a sequence. */
import { describe, expect, test } from 'vitest';
import { createCounterAllocator } from '../../../../src/allocators/counter/counter-allocator.ts';
import type { CounterReply } from '../../../../src/core/counter/counter-call.ts';
import { SequenceOverflowError, StorageTimeoutError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { allocatorOn, targetOf } from '../../fakes/allocator-on.ts';
import { turn } from '../../fakes/held-counter-store.ts';

const INV = sequenceOf(seriesOf('INV'), '');
const FULL = 'StorageUnavailableError: Too many requests are waiting for the store.';
const taken = (first: bigint, last: bigint): CounterReply => ({
  kind: 'taken',
  range: { first, last },
  returned: false,
  standby: { kind: 'keep' },
});

describe('the waiting line', () => {
  test('is bounded: who comes when it is full is refused at once, and the others are served', async () => {
    const { store, ask } = allocatorOn({ waitingMax: 4 });
    const served = [1, 1, 1, 1].map((count) => ask(targetOf('INV'), count));
    expect(await Promise.all(['INV', 'OTHER'].map((key) => ask(targetOf(key), 1)))).toEqual([FULL, FULL]);
    await store.drain();
    expect(await Promise.all(served)).toEqual(['1-1', '2-2', '3-3', '4-4']);
  });

  test('has room again when requests were served', async () => {
    const { store, ask } = allocatorOn({ waitingMax: 1 });
    const all = [ask(targetOf('INV'), 1), ask(targetOf('INV'), 1)];
    await store.drain();
    all.push(ask(targetOf('INV'), 1));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1-1', FULL, '2-2']);
  });

  test.each(['answered', 'failed', 'exhausted', 'corrupt', 'usurped'])(
    'counts right after many trips that were %s',
    async (ending) => {
      const { store, ask } = allocatorOn({ waitingMax: 3 });
      for (let round = 0; round < 5; round += 1) {
        const target = targetOf(`P${round}`, { limit: ending === 'exhausted' ? 2n : VALUE_MAX });
        const all = Promise.all([1, 1, 1].map((count) => ask(target, count)));
        if (ending === 'failed') await store.underWay().fail(new StorageTimeoutError('Late'));
        if (ending === 'corrupt') await store.underWay().answerWith([{ kind: 'corrupt', reason: 'not a value' }]);
        if (ending === 'usurped') await store.underWay().answerWith([{ kind: 'stale', lastCall: 9 }]);
        await store.drain();
        expect(await all).not.toContain(FULL);
        store.announce();
        await store.drain();
      }
      const last = Promise.all([1, 1, 1, 1].map((count) => ask(targetOf('LAST'), count)));
      await store.drain();
      expect(await last).toEqual(['1-1', '2-2', '3-3', FULL]);
    },
  );

  test('of sequences is bounded too', async () => {
    const { store, ask } = allocatorOn({ queuesMax: 2 });
    const all = ['A', 'B', 'C', 'A'].map((key) => ask(targetOf(key), 1));
    await store.drain();
    const refused = 'StorageUnavailableError: Too many sequences are in use.';
    expect(await Promise.all(all)).toEqual(['1-1', '1-1', refused, '2-2']);
  });
});

describe('an error of the store', () => {
  test('reaches everyone who waits without a standby, of every series, as it is', async () => {
    const { store, allocator } = allocatorOn();
    const all = ['A', 'B', 'B', 'C'].map((key) => allocator.allocate(targetOf(key), 1));
    const refusals = Promise.all(all.map((one) => one.catch((reason: unknown) => reason)));
    const error = new StorageTimeoutError('Late');
    await store.underWay().fail(error);
    expect(await refusals).toEqual([error, error, error, error]);
  });

  test('which answers incompletely leaves nobody waiting', async () => {
    const { store, ask } = allocatorOn();
    const all = [ask(targetOf('A'), 1), ask(targetOf('B'), 1), ask(targetOf('C'), 1)];
    await store.underWay().answer();
    await store.underWay().answerWith([taken(1n, 1n)]);
    const refused = 'StorageUnavailableError: The store answered incompletely.';
    expect(await Promise.all(all)).toEqual(['1-1', refused, refused]);
  });

  test('thrown instead of rejected is an error like any other', async () => {
    const thrown = new StorageUnavailableError('Closed');
    const reserve = (): never => {
      throw thrown;
    };
    const store = { ...createMemoryCounterStore(), reserve };
    const allocator = createCounterAllocator({ store, node: 'node', emit: () => undefined });
    await expect(allocator.allocate(targetOf('INV'), 1)).rejects.toBe(thrown);
    await expect(allocator.allocate(targetOf('INV'), 1)).rejects.toBe(thrown);
  });

  test('that is none of ours is told to those who come later as an outage', async () => {
    const { store, allocator, ask } = allocatorOn();
    const first = ask(targetOf('INV'), 1);
    await store.underWay().fail(new TypeError('boom'));
    await first;
    const refusal = await allocator.allocate(targetOf('INV'), 1).catch((reason: unknown) => reason);
    expect(refusal).toBeInstanceOf(StorageUnavailableError);
    expect((refusal as Error).cause).toEqual(new TypeError('boom'));
  });

  test('nobody waits for is not an unhandled rejection of the allocator itself', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const { store, ask } = allocatorOn();
    const refused = ask(targetOf('INV'), 1);
    await store.underWay().fail(new StorageUnavailableError('Away'));
    await refused;
    await turn();
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});

describe('at the end of a sequence', () => {
  test('those who fit are served in order, and the others learn how many were left', async () => {
    const { store, ask } = allocatorOn();
    const target = targetOf('INV', { limit: 10n });
    const all = [4, 3, 5, 2, 2].map((count) => ask(target, count));
    await store.drain();
    const refused = 'SequenceOverflowError: SEQUENCE_OVERFLOW prefixKey=INV valuesLeft=6';
    expect(await Promise.all(all)).toEqual(['1-4', '5-7', refused, '8-9', refused]);
    expect(store.calls().map(({ count }) => count)).toEqual([4, 12, 5]);
  });

  test('those who try again go before those who came later', async () => {
    const { store, ask } = allocatorOn();
    const target = targetOf('INV', { limit: 4n });
    const all = [1, 2, 9].map((count) => ask(target, count));
    await store.underWay().answer();
    all.push(ask(target, 1));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1-1', '2-3', expect.stringContaining(SequenceOverflowError.name), '4-4']);
  });

  test('past it everybody is refused, trip after trip', async () => {
    const { store, ask } = allocatorOn();
    store.of(INV).value = VALUE_MAX;
    const all = [1, 1, 1].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    const refused = 'SequenceOverflowError: SEQUENCE_OVERFLOW prefixKey=INV valuesLeft=0';
    expect(await Promise.all(all)).toEqual([refused, refused, refused]);
    expect(store.isIdle()).toBe(true);
  });

  test('of one series the others go on', async () => {
    const { store, ask } = allocatorOn();
    const [full, free] = [targetOf('FULL', { limit: 1n }), targetOf('FREE')];
    const all = [full, free, full, free].map((target) => ask(target, 1));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1-1', '1-1', expect.stringContaining('SequenceOverflowError'), '2-2']);
  });

  test('what a refused one had got in part is given back, and serves the next', async () => {
    const { store, ask } = allocatorOn();
    const target = targetOf('INV', { limit: 5n });
    const large = ask(target, 5);
    await store.underWay().answerWith([taken(1n, 2n)]);
    await store.underWay().answerWith([{ kind: 'exhausted', valuesLeft: 2n, standby: { kind: 'keep' } }]);
    expect(await large).toContain('valuesLeft=2');
    expect(await ask(target, 2)).toBe('1-2');
    expect(store.trips).toHaveLength(2);
  });

  test('what a refused one had got in part makes room for who came later', async () => {
    const { store, ask } = allocatorOn();
    const opening = ask(targetOf('OTHER'), 1);
    const all = [8, 4].map((count) => ask(targetOf('INV', { limit: 12n }), count));
    await store.underWay().answer();
    await store.underWay().answerWith([taken(1n, 3n)]);
    await store.underWay().answerWith([{ kind: 'exhausted', valuesLeft: 2n, standby: { kind: 'keep' } }]);
    await store.underWay().answerWith([taken(11n, 11n)]);
    expect(await Promise.all(all)).toEqual([expect.stringContaining(SequenceOverflowError.name), '1-3 11-11']);
    expect(await opening).toBe('1-1');
  });

  test('a request whose limit the counter has passed meanwhile is refused, and who came later is served', async () => {
    const { store, ask } = allocatorOn();
    store.of(INV).value = 9n;
    const opening = ask(targetOf('OTHER'), 1);
    const all = [targetOf('INV', { limit: 9n }), targetOf('INV')].map((target) => ask(target, 1));
    for (let answers = 0; answers < 20 && !store.isIdle(); answers += 1) await store.underWay().answer();
    expect(store.isIdle()).toBe(true);
    expect(await Promise.all(all)).toEqual([expect.stringContaining(SequenceOverflowError.name), '10-10']);
    expect([await opening, store.of(INV).free]).toEqual(['1-1', [{ first: 11n, last: 11n }]]);
  });

  test('the standby of this node is taken up before anybody is refused', async () => {
    const { store, allocator, ask } = allocatorOn();
    const target = targetOf('INV', { limit: 16n, standbySize: 5 });
    void ask(target, 1);
    await store.drain();
    expect(allocator.standbyOf(target)?.last).toBe(16n);
    const all = [8, 7, 1].map((count) => ask(target, count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['2-9', '10-16', expect.stringContaining(SequenceOverflowError.name)]);
  });
});
