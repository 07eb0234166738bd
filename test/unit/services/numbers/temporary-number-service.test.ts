/** Temporary numbers: unique stand-ins, kept until the store has them, replaced once by a real number. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AllocationTarget } from '../../../../src/allocators/allocator.ts';
import type { TemporaryNumber, TemporaryNumberStore } from '../../../../src/core/counter/temporary-number-store.ts';
import {
  NotFoundError,
  PrefixNotRegisteredError,
  QuotaExceededError,
  StorageUnavailableError,
} from '../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createTemporaryNumberService, KEPT_MAX } from '../../../../src/services/numbers/temporary-number-service.ts';
import { createMemoryTemporaryNumberStore } from '../../../../src/stores/memory/memory-temporary-number-store.ts';
import { allocatorOn } from '../../fakes/allocator-on.ts';
import { CALLER } from '../../fakes/caller.ts';
import { configOf } from '../../fakes/config-of.ts';
import { keepingIn } from '../../fakes/emitting.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

const SIGNED = { by: 'alice', requestId: 'r-1' };

const AT = Date.parse('2026-12-31T23:59:59.999Z');

const setUp = async (altered: Partial<TemporaryNumberStore> = {}) => {
  const memory = createMemoryTemporaryNumberStore();
  const added: number[] = [];
  const add = (numbers: readonly TemporaryNumber[]): Promise<void> => {
    added.push(numbers.length);
    return memory.add(numbers);
  };
  const store = { ...memory, add, ...altered };
  const { store: counters, allocator, events, ask } = allocatorOn();
  counters.behave('answer');
  const emit = keepingIn(events);
  const configs = createSwitchablePrefixConfigStore();
  await configs.insert(configOf('INV', { format: '{year}-{SEQ:3}', reset: 'yearly', outage: 'temporary' }));
  const seriesCache = createSeriesCache(configs, 0, emit);
  const service = createTemporaryNumberService({
    store,
    seriesCache,
    allocator,
    clock: { now: () => AT },
    emit,
    node: 'n0de',
  });
  const targets = async (): Promise<AllocationTarget> => (await seriesCache.get(seriesOf('INV'))).at(AT).target;
  return { service, added, events, configs, counters, ask, targets };
};

const AWAY = new StorageUnavailableError('Away');
const everything = (): boolean => true;

afterEach(() => {
  vi.useRealTimers();
});

describe('issuing', () => {
  test('names prefix, node and moment, and counts on through all of them', async () => {
    const { service } = await setUp();
    expect(service.issue('INV', 2, AT, undefined)).toEqual([`TMP-INV-n0de-${AT}-1`, `TMP-INV-n0de-${AT}-2`]);
    expect(service.issue('ORD', 1, AT + 1, undefined)).toEqual([`TMP-ORD-n0de-${AT + 1}-3`]);
  });

  test('reports each of them', async () => {
    const { service, events } = await setUp();
    const numbers = service.issue('INV', 2, AT, undefined);
    expect(events).toEqual(numbers.map((number) => ({ type: 'temporary-number-issued', prefixKey: 'INV', number })));
  });

  test('a prefix has no more than are left for all others, and is refused as a whole', async () => {
    const { service, events } = await setUp();
    service.issue('INV', KEPT_MAX / 2 - 1, AT, undefined);
    expect(() => service.issue('INV', 2, AT, undefined)).toThrow(QuotaExceededError);
    expect(service.issue('INV', 1, AT, undefined)).toHaveLength(1);
    expect(events).toHaveLength(KEPT_MAX / 2);
    expect(() => service.issue('INV', 1, AT, undefined)).toThrow(QuotaExceededError);
    // Whoever comes anew is served, however many came before.
    for (let prefix = 0, left = KEPT_MAX / 2; left > 1; prefix += 1, left -= Math.floor(left / 2)) {
      service.issue(`P${prefix}`, Math.floor(left / 2), AT, undefined);
      expect(service.issue(`NEW${prefix}`, 0, AT, undefined)).toEqual([]);
    }
  });

  test('a caller has no more than are left for all others, in whatever prefixes', async () => {
    const { service } = await setUp();
    for (let prefix = 0; prefix < 5; prefix += 1) service.issue(`P${prefix}`, KEPT_MAX / 10, AT, 'address 192.0.2.1');
    expect(() => service.issue('INV', 1, AT, 'address 192.0.2.1')).toThrow(QuotaExceededError);
    expect(service.issue('INV', 1, AT, 'address 192.0.2.2')).toHaveLength(1);
  });
});

describe('handing over', () => {
  test('gives the store all of them, in portions, once', async () => {
    const { service, added } = await setUp();
    service.issue('INV', 2_500, AT, undefined);
    await service.handOver();
    await service.handOver();
    expect(added).toEqual([1_000, 1_000, 500]);
    const { items } = await service.list('', 10_000, everything);
    expect(items).toHaveLength(2_500);
    expect(items[0]).toEqual({
      number: `TMP-INV-n0de-${AT}-1`,
      prefixKey: 'INV',
      issuedAtMs: AT,
      resolvedNumber: undefined,
    });
  });

  test('makes room for new ones', async () => {
    const { service } = await setUp();
    service.issue('INV', KEPT_MAX / 2, AT, undefined);
    await service.handOver();
    expect(service.issue('INV', 1, AT, undefined)).toHaveLength(1);
  });

  /** A store that fails with the second portion, and as often as this afterwards. */
  const failing = (failures: number) => {
    const memory = createMemoryTemporaryNumberStore();
    let portions = 0;
    const add = async (numbers: readonly TemporaryNumber[]): Promise<void> => {
      portions += 1;
      if (portions >= 2 && portions < 2 + failures) throw AWAY;
      await memory.add(numbers);
    };
    return { ...memory, add };
  };

  test('that fails is told, keeps what could not be given, and is tried again in 5 s until it succeeds', async () => {
    vi.useFakeTimers();
    const { service, events } = await setUp(failing(3));
    const others = vi.getTimerCount();
    const countHanded = async (): Promise<number> => (await service.list('', 10_000, everything)).items.length;
    service.issue('INV', 1_500, AT, undefined);
    events.length = 0;
    await service.handOver();
    expect([await countHanded(), events]).toEqual([1_000, [{ type: 'hand-over-failed', error: AWAY }]]);
    await vi.advanceTimersByTimeAsync(14_999);
    expect([await countHanded(), events.length]).toEqual([1_000, 3]);
    await vi.advanceTimersByTimeAsync(1);
    expect([await countHanded(), events.length, vi.getTimerCount()]).toEqual([1_500, 3, others]);
  });

  test('for the last time plans no other attempt when it fails', async () => {
    vi.useFakeTimers();
    const { service, events } = await setUp(failing(3));
    const others = vi.getTimerCount();
    service.issue('INV', 1_500, AT, undefined);
    await service.handOver();
    expect(vi.getTimerCount()).toBe(others + 1);
    events.length = 0;
    await service.close();
    expect([events, vi.getTimerCount()]).toEqual([[{ type: 'hand-over-failed', error: AWAY }], others]);
  });

  test('twice at once plans one other attempt', async () => {
    vi.useFakeTimers();
    const { service } = await setUp(failing(9));
    const others = vi.getTimerCount();
    service.issue('INV', 1_500, AT, undefined);
    await Promise.all([service.handOver(), service.handOver()]);
    expect(vi.getTimerCount()).toBe(others + 1);
  });

  test('by hand makes the planned attempt needless', async () => {
    vi.useFakeTimers();
    const { service } = await setUp(failing(1));
    const others = vi.getTimerCount();
    service.issue('INV', 1_500, AT, undefined);
    await service.handOver();
    expect(vi.getTimerCount()).toBe(others + 1);
    await service.handOver();
    expect(vi.getTimerCount()).toBe(others);
  });
});

describe('listing', () => {
  test('goes through all of them page by page, each once', async () => {
    const { service } = await setUp();
    service.issue('INV', 5, AT, undefined);
    await service.handOver();
    const seen: string[] = [];
    let after: string | undefined = '';
    while (after !== undefined) {
      const page: Awaited<ReturnType<typeof service.list>> = await service.list(after, 2, everything);
      seen.push(...page.items.map(({ number }) => number));
      after = page.next;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => `TMP-INV-n0de-${AT}-${n}`));
  });

  test('leaves out what the caller may not see', async () => {
    const { service } = await setUp();
    for (const prefixKey of ['A', 'B', 'A', 'B']) service.issue(prefixKey, 1, AT, undefined);
    await service.handOver();
    const page = await service.list('', 2, (prefixKey) => prefixKey === 'B');
    expect([page.items.map(({ prefixKey }) => prefixKey), page.next]).toEqual([['B', 'B'], undefined]);
  });
});

describe('resolving', () => {
  const handedOver = async (altered: Partial<TemporaryNumberStore> = {}) => {
    const parts = await setUp(altered);
    const [number = ''] = parts.service.issue('INV', 1, AT, undefined);
    await parts.service.handOver();
    parts.events.length = 0;
    return { ...parts, number };
  };

  test('issues the next real number of the period in which the document was made, and reports the pair', async () => {
    const { service, number, events } = await handedOver();
    const resolved = await service.resolve(number, CALLER);
    expect(resolved).toEqual({ number, prefixKey: 'INV', issuedAtMs: AT, resolvedNumber: '2026-001' });
    expect(await service.find(number)).toEqual(resolved);
    expect(events).toEqual([
      { type: 'temporary-number-resolved', ...SIGNED, prefixKey: 'INV', number, resolvedNumber: '2026-001' },
    ]);
  });

  test('again gives the same number, and takes no other value', async () => {
    const { service, number, counters, events } = await handedOver();
    const first = await service.resolve(number, CALLER);
    expect(await service.resolve(number, CALLER)).toEqual(first);
    expect(counters.of(sequenceOf(seriesOf('INV'), '2026')).value).toBe(1n);
    expect(events).toHaveLength(1);
  });

  test('at the same time gives all the same number, and the other values go back', async () => {
    const { service, number, events, ask, targets } = await handedOver();
    const all = await Promise.all(Array.from({ length: 5 }, () => service.resolve(number, CALLER)));
    expect(new Set(all.map(({ resolvedNumber }) => resolvedNumber))).toEqual(new Set(['2026-001']));
    expect(events).toHaveLength(1);
    expect((await ask(await targets(), 4)).split(' ').toSorted()).toEqual(['2-2', '3-3', '4-4', '5-5']);
  });

  test('when another node was faster gives its number, and the own value goes back, once', async () => {
    const memory = createMemoryTemporaryNumberStore();
    const resolve = async (name: string): Promise<boolean> => {
      await memory.resolve(name, '2026-777');
      return false;
    };
    const { service, number, events, ask, targets } = await handedOver({ ...memory, resolve });
    const both = await Promise.all([service.resolve(number, CALLER), service.resolve(number, CALLER)]);
    expect(both.map(({ resolvedNumber }) => resolvedNumber)).toEqual(['2026-777', '2026-777']);
    const values = (await ask(await targets(), 3)).split(' ');
    expect([events, values.toSorted()]).toEqual([[], ['1-1', '2-2', '3-3']]);
  });

  test('is reported also when the store fails right afterwards', async () => {
    const memory = createMemoryTemporaryNumberStore();
    let failure: Error | undefined;
    const find = async (name: string) => {
      if (failure !== undefined) throw failure;
      return memory.find(name);
    };
    const resolve = async (name: string, resolvedNumber: string): Promise<boolean> => {
      const isFirst = await memory.resolve(name, resolvedNumber);
      if (isFirst) failure = AWAY;
      return isFirst;
    };
    const { service, number, events } = await handedOver({ ...memory, find, resolve });
    await expect(service.resolve(number, CALLER)).rejects.toBe(AWAY);
    expect(events).toMatchObject([{ type: 'temporary-number-resolved', resolvedNumber: '2026-001' }]);
    failure = undefined;
    expect((await service.resolve(number, CALLER)).resolvedNumber).toBe('2026-001');
    expect(events).toHaveLength(1);
  });

  test.each([
    ['did nothing', false],
    ['did it', true],
  ])('that the store did not confirm (it %s) ends with the same value when it is repeated', async (_what, isDone) => {
    const memory = createMemoryTemporaryNumberStore();
    let attempts = 0;
    const resolve = async (name: string, resolvedNumber: string): Promise<boolean> => {
      attempts += 1;
      const isFirst = attempts > 1 || isDone ? await memory.resolve(name, resolvedNumber) : false;
      if (attempts === 1) throw AWAY;
      return isFirst;
    };
    const { service, number, counters } = await handedOver({ ...memory, resolve });
    await expect(service.resolve(number, CALLER)).rejects.toBe(AWAY);
    expect((await service.resolve(number, CALLER)).resolvedNumber).toBe('2026-001');
    expect((await service.resolve(number, CALLER)).resolvedNumber).toBe('2026-001');
    expect(counters.of(sequenceOf(seriesOf('INV'), '2026')).value).toBe(1n);
  });

  test.each(['find', 'resolve'] as const)('%s: a number nobody has handed over is not found', async (method) => {
    const { service } = await setUp();
    const [number = ''] = service.issue('INV', 1, AT, undefined);
    await expect(service[method](number, CALLER)).rejects.toThrow(NotFoundError);
    await expect(service[method]('TMP-NONE', CALLER)).rejects.toMatchObject({
      params: { kind: 'temporary-number', number: 'TMP-NONE' },
    });
  });

  test('takes no value when the prefix is not registered any more', async () => {
    const { service, number, configs, counters } = await handedOver();
    await configs.remove('INV');
    await expect(service.resolve(number, CALLER)).rejects.toThrow(PrefixNotRegisteredError);
    expect(counters.trips).toEqual([]);
  });
});
