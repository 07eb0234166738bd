/** Sessions that end or begin anew: a corrupt sequence, a forgetful store, a name used twice, requests while a queue is left. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CorruptEntryError } from '../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { allocatorOn, targetOf } from '../../fakes/allocator-on.ts';
import { turn } from '../../fakes/held-counter-store.ts';

const INV = sequenceOf(seriesOf('INV'), '');

beforeEach(() => {
  // Without setImmediate, with which an alarm lets replies be read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a sequence that cannot be used', () => {
  test('refuses its waiters and leaves the neighbours alone', async () => {
    const { store, allocator, ask } = allocatorOn();
    store.of(sequenceOf(seriesOf('BAD'), '')).corrupt = 'not a value';
    const all = ['GOOD', 'BAD', 'BAD', 'GOOD'].map((key) => ask(targetOf(key), 2));
    await store.drain();
    const refused = expect.stringContaining(`${CorruptEntryError.name}: INTERNAL kind=entry prefixKey=BAD`);
    expect(await Promise.all(all)).toEqual(['1-2', refused, refused, '3-4']);
    expect(allocator.isStorePresent()).toBe(true);
  });

  test('is served by the next request after it was corrected, without a hole', async () => {
    const { store, ask } = allocatorOn();
    store.of(INV).corrupt = 'not a value';
    const refused = ask(targetOf('INV'), 2);
    await store.drain();
    expect(await refused).toContain(CorruptEntryError.name);
    store.of(INV).corrupt = undefined;
    const served = [1, 2].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    expect(await Promise.all(served)).toEqual(['1-1', '2-2 3-3']);
  });
});

describe('a store that', () => {
  test('does not know the node any more is told what it was given, and nobody is refused', async () => {
    const { store, ask } = allocatorOn();
    void ask(targetOf('INV'), 1);
    await store.drain();
    store.of(INV).served.clear();
    const all = [1, 2].map((count) => ask(targetOf('INV'), count));
    await store.drain();
    expect(await Promise.all(all)).toEqual(['2-2', '3-4']);
    expect(store.calls().map(({ kind, count }) => `${kind}${count}`)).toEqual(['join1', 'take1', 'take1', 'take2']);
    expect(store.reports).toMatchObject([{ sworn: false, settled: 1, seen: 1n }]);
  });

  test('knows a later call of this name makes the node begin anew, and nobody is refused', async () => {
    const { store, ask } = allocatorOn();
    const one = ask(targetOf('INV'), 2);
    await store.underWay().answerWith([{ kind: 'stale', lastCall: 1 }]);
    await store.drain();
    expect(await one).toBe('1-2');
    expect(store.calls().map(({ kind, call }) => `${kind}${call}`)).toEqual(['join1', 'join2']);
  });

  test('knows a later call of this name does so also when more requests wait, with one call per trip', async () => {
    const { store, ask } = allocatorOn();
    const all = [1, 2].map((count) => ask(targetOf('INV'), count));
    await store.underWay().answerWith([{ kind: 'stale', lastCall: 1 }]);
    expect(store.underWay().calls).toHaveLength(1);
    await store.drain();
    expect(await Promise.all(all)).toEqual(['1-1', '2-3']);
  });

  test('knows a later call of an idle node makes it forget its standby, and nothing else', async () => {
    const { store, allocator, ask } = allocatorOn();
    const target = targetOf('INV', { standbySize: 5 });
    const first = ask(target, 1);
    await store.drain();
    void ask(target, 1).catch(() => undefined);
    await store.underWay().answerWith([{ kind: 'stale', lastCall: 99 }]);
    expect(allocator.standbyOf(target)).toBeUndefined();
    expect(await first).toBe('1-1');
  });
});

describe('while an idle sequence is left', () => {
  /** A node that has taken 1-3, is idle since, and is just giving everything back. */
  const leaving = async () => {
    const parts = allocatorOn({ tickMs: 1_000, idleTicksMax: 3 });
    parts.store.behave('answer');
    const allocation = await parts.allocator.allocate(targetOf('INV', { standbySize: 5 }), 3);
    await vi.advanceTimersByTimeAsync(3_000);
    parts.store.behave('hold');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(parts.store.underWay().calls[0]?.kind).toBe('leave');
    return { ...parts, allocation };
  };

  test('a request is served by the next call, and so are others afterwards', async () => {
    const { store, ask } = await leaving();
    const all = [ask(targetOf('INV'), 1), ask(targetOf('OTHER'), 1)];
    await store.drain();
    expect(await Promise.all(all)).toEqual(['4-4', '1-1']);
    expect(store.calls().at(-1)?.kind).toBe('join');
    const last = ask(targetOf('INV'), 1);
    await store.drain();
    expect(await last).toBe('5-5');
  });

  test('a request is refused when that fails, and the sequence left when the store is back', async () => {
    const { store, allocator, ask } = await leaving();
    const one = ask(targetOf('INV'), 1);
    await store.underWay().fail(new Error('Away'));
    expect(await one).toContain('Away');
    store.announce();
    await store.drain();
    expect([store.of(INV).ahead, allocator.hasStandby()]).toEqual([[], false]);
  });

  test('the idle clock and a preparation do not disturb it', async () => {
    const { store, allocator } = await leaving();
    await vi.advanceTimersByTimeAsync(2_000);
    allocator.prepare(targetOf('INV', { standbySize: 5 }));
    await store.drain();
    expect(store.isIdle()).toBe(true);
    allocator.prepare(targetOf('INV', { standbySize: 5 }));
    await store.drain();
    await turn();
    expect(allocator.standbyOf(targetOf('INV'))?.left).toBe(5n);
  });

  test('values that are given back are not lost with it', async () => {
    const { store, allocator, allocation, ask } = await leaving();
    allocator.giveBack(targetOf('INV'), allocation);
    await store.drain();
    const one = ask(targetOf('INV'), 4);
    await store.drain();
    expect(await one).toBe('1-3 4-4');
  });
});
