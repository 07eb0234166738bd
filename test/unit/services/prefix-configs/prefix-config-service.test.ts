/** Registering, reading, changing, listing and removing prefix configs, on the memory store. */
import { describe, expect, test } from 'vitest';
import {
  CorruptEntryError,
  InvalidFormatError,
  InvalidLengthError,
  PrefixAlreadyExistsError,
  PrefixNotRegisteredError,
  StorageUnavailableError,
  VersionConflictError,
} from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { PrefixConfigInput } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { seriesOf } from '../../../../src/core/values/sequence-id.ts';
import type { SeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import type { Strategies } from '../../../../src/services/numbers/strategies.ts';
import { createCollisionCheck } from '../../../../src/services/prefix-configs/collision-check.ts';
import { createPrefixConfigService } from '../../../../src/services/prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from '../../../../src/services/prefix-configs/printed-prefixes.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { createMemoryPrefixConfigStore } from '../../../../src/stores/memory/memory-prefix-config-store.ts';
import { CALLER } from '../../fakes/caller.ts';
import { keepingIn } from '../../fakes/emitting.ts';
import { strategiesOf } from '../../fakes/strategies-of.ts';

const inputOf = (format: string, fields: object = {}): PrefixConfigInput =>
  prefixConfigInputSchema.parse({ format, ...fields });

const everything = (): boolean => true;

const clock = { now: (): number => Date.parse('2026-11-21T12:00:00Z') };

const setUp = (served: Partial<Strategies> = {}) => {
  const store = createMemoryPrefixConfigStore();
  const counters = createMemoryCounterStore();
  const events: NumberGeneratorEvent[] = [];
  const forgotten: (string | undefined)[] = [];
  const seriesCache: SeriesCache = {
    get: () => {
      throw new Error('Reading configs is no reason to compile them.');
    },
    forget: (series) => {
      forgotten.push(series?.prefixKey);
    },
    note: ({ prefixKey }) => {
      forgotten.push(prefixKey);
    },
    drop: (series) => {
      forgotten.push(series.prefixKey);
    },
    peek: () => undefined,
    known: () => [],
    close: () => undefined,
  };
  const emit = keepingIn(events);
  const service = createPrefixConfigService({
    store,
    counters,
    collisions: createCollisionCheck({ printed: createPrintedPrefixes(store), random: () => 0 }),
    strategies: strategiesOf(served),
    clock,
    seriesCache,
    emit,
  });
  return { store, counters, events, forgotten, service };
};

describe('registering', () => {
  test('stores the config as version 1, reports it, and drops what the cache may hold', async () => {
    const { service, events, forgotten } = setUp();
    const config = await service.register(
      seriesOf('INV'),
      inputOf('INV-{SEQ:6}', { initialSeq: '18446744073709551614' }),
      CALLER,
    );
    expect(config).toMatchObject({ prefixKey: 'INV', format: 'INV-{SEQ:6}', seqLength: 6, version: 1 });
    expect(await service.read(seriesOf('INV'))).toEqual(config);
    expect(events).toEqual([{ type: 'prefix-config-registered', config, by: 'alice', requestId: 'r-1' }]);
    expect(forgotten).toEqual(['INV']);
  });

  test('a strategy that this process does not serve is refused with the reason, and nothing is stored', async () => {
    const { service, store } = setUp({ gapless: { refusal: 'gapless needs DATABASE_URL' } });
    const refused = service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}', { strategy: 'gapless' }), CALLER);
    await expect(refused).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      params: { problems: [{ path: 'strategy', message: 'gapless needs DATABASE_URL' }] },
    });
    expect(await store.find(['INV'])).toEqual([undefined]);
  });

  test('a key that is taken is refused, even with the same config, and nothing changes', async () => {
    const { service, events } = setUp();
    const first = await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    await expect(service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER)).rejects.toThrow(
      PrefixAlreadyExistsError,
    );
    await expect(service.register(seriesOf('INV'), inputOf('OTHER-{SEQ:4}'), CALLER)).rejects.toThrow(
      PrefixAlreadyExistsError,
    );
    expect(await service.read(seriesOf('INV'))).toEqual(first);
    expect(events).toHaveLength(1);
  });

  test('of many at the same time exactly one wins', async () => {
    const { service, events } = setUp();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => service.register(seriesOf('INV'), inputOf(`I${index}-{SEQ:6}`), CALLER)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(events).toHaveLength(1);
  });

  test.each([
    ['INVALID-2024', InvalidFormatError],
    ['{SEQ}', InvalidFormatError],
    ['{SEQ:0}', InvalidLengthError],
    ["'; DROP TABLE users;--", InvalidFormatError],
  ])('with the format %j nothing is stored and nothing reported', async (format, refusal) => {
    const { service, store, events, forgotten } = setUp();
    await expect(service.register(seriesOf('BAD'), inputOf(format), CALLER)).rejects.toThrow(refusal);
    expect(await store.find(['BAD'])).toEqual([undefined]);
    expect([...events, ...forgotten]).toEqual([]);
  });

  test('on top of a corrupt entry is refused: it may be the trace of a series', async () => {
    const { service, store } = setUp();
    store.preload('INV', 'rubbish');
    await expect(service.register(seriesOf('INV'), inputOf('{SEQ:6}'), CALLER)).rejects.toThrow(
      PrefixAlreadyExistsError,
    );
  });
});

describe('changing', () => {
  test('with the current version replaces the config and counts the version up', async () => {
    const { service, events, forgotten } = setUp();
    await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    const { config } = await service.update(seriesOf('INV'), inputOf('INV-{SEQ:8}'), 1, CALLER);
    expect(config).toMatchObject({ format: 'INV-{SEQ:8}', seqLength: 8, version: 2 });
    expect(await service.read(seriesOf('INV'))).toEqual(config);
    const before = { prefixKey: 'INV', ...inputOf('INV-{SEQ:6}'), version: 1 };
    expect(events.at(-1)).toEqual({ type: 'prefix-config-updated', config, before, by: 'alice', requestId: 'r-1' });
    expect(forgotten).toEqual(['INV', 'INV']);
  });

  test('with any version goes on from whatever it is', async () => {
    const { service } = setUp();
    await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    await service.update(seriesOf('INV'), inputOf('INV-{SEQ:7}'), 'any', CALLER);
    expect((await service.update(seriesOf('INV'), inputOf('INV-{SEQ:8}'), 'any', CALLER)).config.version).toBe(3);
  });

  test.each([0, 2, 99])('with version %i, which is not the current one, changes nothing', async (version) => {
    const { service, events } = setUp();
    const before = await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    await expect(service.update(seriesOf('INV'), inputOf('INV-{SEQ:8}'), version, CALLER)).rejects.toThrow(
      VersionConflictError,
    );
    expect(await service.read(seriesOf('INV'))).toEqual(before);
    expect(events).toHaveLength(1);
  });

  test('of one version at the same time succeeds once', async () => {
    const { service } = setUp();
    await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => service.update(seriesOf('INV'), inputOf('INV-{SEQ:8}'), 1, CALLER)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await service.read(seriesOf('INV'))).version).toBe(2);
  });

  test.each([1, 'any'] as const)(
    'an unregistered prefix (version %s) is refused, and does not register it',
    async (version) => {
      const { service, store } = setUp();
      await expect(service.update(seriesOf('INV'), inputOf('{SEQ:6}'), version, CALLER)).rejects.toThrow(
        PrefixNotRegisteredError,
      );
      expect(await store.find(['INV'])).toEqual([undefined]);
    },
  );

  test.each([
    ['INVALID-2024', InvalidFormatError],
    ['{SEQ:21}', InvalidLengthError],
  ])('to the format %s is refused and changes nothing', async (format, refusal) => {
    const { service } = setUp();
    const before = await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    await expect(service.update(seriesOf('INV'), inputOf(format), 1, CALLER)).rejects.toThrow(refusal);
    expect(await service.read(seriesOf('INV'))).toEqual(before);
  });

  test('with any version repairs a corrupt entry', async () => {
    const { service, store } = setUp();
    store.preload('INV', 'rubbish');
    const { config } = await service.update(seriesOf('INV'), inputOf('INV-{SEQ:6}'), 'any', CALLER);
    expect(config.version).toBe(1);
    expect(await service.read(seriesOf('INV'))).toEqual(config);
  });
});

describe('reading', () => {
  test('an unregistered prefix is refused', async () => {
    await expect(setUp().service.read(seriesOf('UNKNOWN'))).rejects.toThrow(PrefixNotRegisteredError);
  });

  test('a corrupt entry is refused and reported with its reason, which the message keeps to itself', async () => {
    const { service, store, events } = setUp();
    store.preload('BAD', '{"format":"{SEQ:4}","seq_length":7}');
    const error = await service.read(seriesOf('BAD')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CorruptEntryError);
    expect((error as Error).message).not.toContain('seq_length');
    expect(events).toEqual([
      { type: 'prefix-config-corrupt', prefixKey: 'BAD', reason: 'seq_length: Differs from the {SEQ:4} of the format' },
    ]);
  });

  test("an operator's preloaded entry is read with its defaults", async () => {
    const { service, store } = setUp();
    store.preload('TEST', '{"format":"TEST-{SEQ:4}"}');
    expect(await service.read(seriesOf('TEST'))).toMatchObject({
      prefixKey: 'TEST',
      seqLength: 4,
      initialSeq: 0n,
      version: 1,
    });
  });
});

describe('listing', () => {
  const registerAll = async (keys: readonly string[]) => {
    const { service, ...rest } = setUp();
    for (const key of keys) await service.register(seriesOf(key), inputOf('{prefix}-{SEQ:4}'), CALLER);
    return { service, ...rest };
  };

  test('goes through all keys in their order, page by page, each once', async () => {
    const { service } = await registerAll(['b', 'C', 'a', 'A-1', 'A', 'Z', '0']);
    const keys: string[] = [];
    let after: string | undefined = '';
    while (after !== undefined) {
      const page: Awaited<ReturnType<typeof service.list>> = await service.list(after, 3, everything);
      keys.push(...page.items.map(({ prefixKey }) => prefixKey));
      after = page.next;
    }
    expect(keys).toEqual(['0', 'A', 'A-1', 'C', 'Z', 'a', 'b']);
  });

  test('of nothing is one empty page', async () => {
    expect(await setUp().service.list('', 10, everything)).toEqual({ items: [], next: undefined });
  });

  test('ends with a page that is not full', async () => {
    const { service } = await registerAll(['A', 'B', 'C']);
    expect((await service.list('', 4, everything)).next).toBeUndefined();
    expect((await service.list('', 2, everything)).next).toBe('B');
    expect((await service.list('B', 2, everything)).next).toBeUndefined();
  });

  test('leaves out what the caller may not see: neither the length nor the end of a page tells of it', async () => {
    const { service } = await registerAll(['A', 'B', 'C', 'D']);
    const visible = (key: string): boolean => key !== 'B' && key !== 'D';
    const page = await service.list('', 2, visible);
    expect(page.items.map(({ prefixKey }) => prefixKey)).toEqual(['A', 'C']);
    expect(page.next).toBeUndefined();
  });

  test('leaves out corrupt entries and reports them', async () => {
    const { service, store, events } = await registerAll(['A', 'C']);
    store.preload('B', 'rubbish');
    const page = await service.list('', 10, everything);
    expect(page.items.map(({ prefixKey }) => prefixKey)).toEqual(['A', 'C']);
    expect(events.at(-1)).toEqual({ type: 'prefix-config-corrupt', prefixKey: 'B', reason: 'Not valid JSON' });
  });

  test('goes on behind a corrupt entry', async () => {
    const { service, store } = await registerAll(['A', 'C', 'D']);
    store.preload('B', 'rubbish');
    const page = await service.list('', 2, everything);
    expect(page.items.map(({ prefixKey }) => prefixKey)).toEqual(['A', 'C']);
    expect((await service.list(page.next ?? '', 2, everything)).items.map(({ prefixKey }) => prefixKey)).toEqual(['D']);
  });
});

describe('removing', () => {
  test('takes the config away, reports it, and frees the key', async () => {
    const { service, events, forgotten } = setUp();
    await service.register(seriesOf('INV'), inputOf('INV-{SEQ:6}'), CALLER);
    await service.remove(seriesOf('INV'), 'any', { ...CALLER, reason: 'Closed' });
    await expect(service.read(seriesOf('INV'))).rejects.toThrow(PrefixNotRegisteredError);
    const before = { prefixKey: 'INV', ...inputOf('INV-{SEQ:6}'), version: 1 };
    expect(events.at(-1)).toEqual({
      ...{ type: 'prefix-config-removed', prefixKey: 'INV', before, reason: 'Closed' },
      ...{ by: 'alice', requestId: 'r-1' },
    });
    expect(forgotten).toEqual(['INV', 'INV']);
    expect((await service.register(seriesOf('INV'), inputOf('NEW-{SEQ:6}'), CALLER)).version).toBe(2);
  });

  test('an unregistered prefix is refused and not reported', async () => {
    const { service, events } = setUp();
    await expect(service.remove(seriesOf('UNKNOWN'), 'any', CALLER)).rejects.toThrow(PrefixNotRegisteredError);
    expect(events).toEqual([]);
  });

  test('a corrupt entry is possible', async () => {
    const { service, store } = setUp();
    store.preload('BAD', 'rubbish');
    await service.remove(seriesOf('BAD'), 'any', CALLER);
    expect(await store.find(['BAD'])).toEqual([undefined]);
  });
});

test('a failing store is passed on by every call, and nothing is reported', async () => {
  const events: NumberGeneratorEvent[] = [];
  const failure = new StorageUnavailableError('Away');
  const away = async (): Promise<never> => {
    throw failure;
  };
  const store = {
    find: away,
    histories: away,
    list: away,
    keys: away,
    changesSince: away,
    change: away,
    insert: away,
    replace: away,
    remove: away,
    onChange: () => undefined,
  };
  const service = createPrefixConfigService({
    store,
    collisions: createCollisionCheck({ printed: createPrintedPrefixes(store), random: () => 0 }),
    counters: createMemoryCounterStore(),
    strategies: strategiesOf(),
    clock,
    seriesCache: {
      get: away,
      forget: () => undefined,
      note: () => undefined,
      drop: () => undefined,
      peek: () => undefined,
      known: () => [],
      close: () => undefined,
    },
    emit: keepingIn(events),
  });
  const input = inputOf('{prefix}-{SEQ:4}');
  await expect(service.register(seriesOf('A'), input, CALLER)).rejects.toBe(failure);
  await expect(service.update(seriesOf('A'), input, 1, CALLER)).rejects.toBe(failure);
  await expect(service.read(seriesOf('A'))).rejects.toBe(failure);
  await expect(service.list('', 1, everything)).rejects.toBe(failure);
  await expect(service.remove(seriesOf('A'), 'any', CALLER)).rejects.toBe(failure);
  expect(events).toEqual([]);
});
