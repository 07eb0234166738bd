/** Issuing numbers, from prefix key to printed number, on the memory stores. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createCounterAllocator } from '../../../../src/allocators/counter/counter-allocator.ts';
import type { CounterStore } from '../../../../src/core/counter/counter-store.ts';
import {
  CorruptEntryError,
  PrefixNotRegisteredError,
  SequenceOverflowError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { COUNT_MAX, createNumberService, type NumberService } from '../../../../src/services/numbers/number-service.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createTemporaryNumberService } from '../../../../src/services/numbers/temporary-number-service.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { createMemoryTemporaryNumberStore } from '../../../../src/stores/memory/memory-temporary-number-store.ts';
import { configOf } from '../../fakes/config-of.ts';
import { createHeldCounterStore } from '../../fakes/held-counter-store.ts';
import { strategiesOf } from '../../fakes/strategies-of.ts';
import {
  createSwitchablePrefixConfigStore,
  type SwitchablePrefixConfigStore,
} from '../../fakes/switchable-prefix-config-store.ts';

const STANDBY_SIZE = 5;
const REFUSED = { refusal: 'Not served by this process' };

interface Node {
  readonly service: NumberService;
  readonly events: NumberGeneratorEvent[];
  readonly clock: { nowMs: number; readings: number; now(): number };
  /** Its name. */
  readonly node: string;
}

const createNode = (sequences: CounterStore, configs: SwitchablePrefixConfigStore): Node => {
  const events: NumberGeneratorEvent[] = [];
  const clock = {
    nowMs: Date.parse('2026-11-21T12:00:00Z'),
    readings: 0,
    now(): number {
      this.readings += 1;
      return this.nowMs;
    },
  };
  const emit = (event: NumberGeneratorEvent): number => events.push(event);
  const seriesCache = createSeriesCache(configs, STANDBY_SIZE, emit);
  const node = randomBytes(6).toString('hex');
  const allocator = createCounterAllocator({ store: sequences, node, emit });
  const store = createMemoryTemporaryNumberStore();
  const temporaryNumberService = createTemporaryNumberService({ store, seriesCache, allocator, clock, emit, node });
  const service = createNumberService({
    seriesCache,
    strategies: strategiesOf({ counter: { allocator } }, REFUSED),
    isStorePresent: allocator.isStorePresent,
    temporaryNumberService,
    clock,
    emit,
  });
  return { service, events, clock, node };
};

const setUp = async (registered: Readonly<Record<string, object>>) => {
  const sequences = createMemoryCounterStore();
  const configs = createSwitchablePrefixConfigStore();
  for (const [prefixKey, input] of Object.entries(registered)) await configs.insert(configOf(prefixKey, input));
  return { sequences, configs, ...createNode(sequences, configs) };
};

describe('the numbers of the brief', () => {
  test('initial_seq 1000 makes 1001 the first value', async () => {
    const { service } = await setUp({ ORDERS: { format: 'ORDER-{year}-{SEQ:6}', seq_length: 6, initial_seq: 1000 } });
    expect(await service.issue(seriesOf('ORDERS'), 1)).toEqual({ numbers: ['ORDER-2026-001001'], source: 'memory' });
  });

  test('initial_seq 1 makes 2, 3, 4 of three calls', async () => {
    const { service } = await setUp({ A: { format: '{SEQ:1}', initial_seq: 1 } });
    const numbers = [];
    for (let call = 0; call < 3; call += 1) numbers.push(...(await service.issue(seriesOf('A'), 1)).numbers);
    expect(numbers).toEqual(['2', '3', '4']);
  });

  test('two nodes at the same time hand out distinct and consecutive values', async () => {
    const { sequences, configs, service } = await setUp({ A: { format: '{SEQ:1}' } });
    const other = createNode(sequences, configs).service;
    const issued = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? service : other).issue(seriesOf('A'), 1)),
    );
    const values = issued.flatMap(({ numbers }) => numbers.map(Number)).sort((a, b) => a - b);
    expect(values).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('a counter at 2^64 - 1 is a SequenceOverflowError', async () => {
    const { service, sequences } = await setUp({ A: { format: '{SEQ:20}' } });
    sequences.preload(sequenceOf(seriesOf('A'), ''), String(VALUE_MAX));
    await expect(service.issue(seriesOf('A'), 1)).rejects.toThrow(SequenceOverflowError);
  });

  test('a prefix nobody registered is a PrefixNotRegisteredError, and no value is taken for it', async () => {
    const { service, configs } = await setUp({});
    await expect(service.issue(seriesOf('UNKNOWN'), 1)).rejects.toThrow(PrefixNotRegisteredError);
    await configs.insert(configOf('UNKNOWN', { format: '{SEQ:1}' }));
    expect((await service.issue(seriesOf('UNKNOWN'), 1)).numbers).toEqual(['1']);
  });

  test('a store that does not answer in time is a StorageTimeoutError, and the next call after its return is served', async () => {
    const { configs } = await setUp({ A: { format: '{SEQ:1}' } });
    const held = createHeldCounterStore();
    const { service, events } = createNode(held, configs);
    const refused = expect(service.issue(seriesOf('A'), 1)).rejects.toThrow(StorageTimeoutError);
    await setImmediate();
    await held.underWay().fail(new StorageTimeoutError('The store did not answer in time.'));
    await refused;
    expect(events.map(({ type }) => type)).toEqual(['outage-began']);
    held.announce();
    await held.drain();
    const served = service.issue(seriesOf('A'), 1);
    await held.drain();
    expect((await served).numbers).toEqual(['1']);
  });
});

describe('many numbers in one call', () => {
  test('are consecutive and in order', async () => {
    const { service } = await setUp({ INV: { format: 'INV-{SEQ:3}' } });
    await service.issue(seriesOf('INV'), 1);
    expect((await service.issue(seriesOf('INV'), 4)).numbers).toEqual(['INV-002', 'INV-003', 'INV-004', 'INV-005']);
  });

  test('can be 10,000', async () => {
    const { service } = await setUp({ INV: { format: '{SEQ:5}' } });
    const { numbers } = await service.issue(seriesOf('INV'), COUNT_MAX);
    expect([numbers.length, new Set(numbers).size, numbers[0], numbers.at(-1)]).toEqual([
      10_000,
      10_000,
      '00001',
      '10000',
    ]);
  });

  test('are none at all when not all of them are left', async () => {
    const { service } = await setUp({ INV: { format: '{SEQ:1}', overflow: 'reject' } });
    await service.issue(seriesOf('INV'), 7);
    await expect(service.issue(seriesOf('INV'), 3)).rejects.toMatchObject({
      code: 'SEQUENCE_OVERFLOW',
      params: { valuesLeft: 2n },
    });
    expect((await service.issue(seriesOf('INV'), 2)).numbers).toEqual(['8', '9']);
  });

  test('stay whole among single requests at the same time', async () => {
    const { service } = await setUp({ INV: { format: '{SEQ:1}' } });
    const all = await Promise.all([1, 3, 1, 5, 2].map((count) => service.issue(seriesOf('INV'), count)));
    expect(all.map(({ numbers }) => numbers.join(' '))).toEqual(['1', '2 3 4', '5', '6 7 8 9 10', '11 12']);
  });
});

describe('the end of a series', () => {
  test('with overflow extend the number grows past its digits', async () => {
    const { service } = await setUp({ INV: { format: 'A{SEQ:2}', initialSeq: 98 } });
    expect((await service.issue(seriesOf('INV'), 3)).numbers).toEqual(['A99', 'A100', 'A101']);
  });

  test('with overflow reject it ends at its digits', async () => {
    const { service } = await setUp({ INV: { format: 'A{SEQ:2}', initialSeq: 98, overflow: 'reject' } });
    expect((await service.issue(seriesOf('INV'), 1)).numbers).toEqual(['A99']);
    await expect(service.issue(seriesOf('INV'), 1)).rejects.toThrow(SequenceOverflowError);
  });

  test('at 2^64 - 1 the last number is exact, and it is the last', async () => {
    const { service } = await setUp({ INV: { format: '{SEQ:20}', initialSeq: '18446744073709551613' } });
    expect((await service.issue(seriesOf('INV'), 2)).numbers).toEqual(['18446744073709551614', '18446744073709551615']);
    await expect(service.issue(seriesOf('INV'), 1)).rejects.toThrow(SequenceOverflowError);
  });
});

describe('the date', () => {
  test('of one request is read from the clock once, when the request comes', async () => {
    const { configs } = await setUp({ INV: { format: '{year}-{SEQ:1}' } });
    const held = createHeldCounterStore();
    const { service, clock } = createNode(held, configs);
    clock.nowMs = Date.parse('2026-12-31T23:59:59.999Z');
    const issuing = service.issue(seriesOf('INV'), 3);
    await setImmediate();
    clock.nowMs += 1;
    await held.underWay().answer();
    expect((await issuing).numbers).toEqual(['2026-1', '2026-2', '2026-3']);
    expect(clock.readings).toBe(1);
  });

  test('of the next request is the new one, and counting goes on', async () => {
    const { service, clock } = await setUp({ INV: { format: '{year}-{SEQ:1}' } });
    clock.nowMs = Date.parse('2026-12-31T23:59:59.999Z');
    const before = await service.issue(seriesOf('INV'), 1);
    clock.nowMs += 1;
    const after = await service.issue(seriesOf('INV'), 1);
    expect([before.numbers, after.numbers]).toEqual([['2026-1'], ['2027-2']]);
  });

  test('is that of the time zone of the series', async () => {
    const { service, clock } = await setUp({
      A: { format: '{day}-{SEQ:1}', timeZone: 'Pacific/Kiritimati' },
      B: { format: '{day}-{SEQ:1}', timeZone: 'Pacific/Pago_Pago' },
    });
    clock.nowMs = Date.parse('2026-11-21T10:30:00Z');
    expect([(await service.issue(seriesOf('A'), 1)).numbers, (await service.issue(seriesOf('B'), 1)).numbers]).toEqual([
      ['22-1'],
      ['20-1'],
    ]);
  });
});

describe('prefixes', () => {
  test('count independently', async () => {
    const { service } = await setUp({ A: { format: 'A-{SEQ:4}' }, B: { format: 'B-{SEQ:4}' } });
    const issued = await Promise.all(['A', 'A', 'B', 'A', 'B'].map((key) => service.issue(seriesOf(key), 1)));
    expect(issued.flatMap(({ numbers }) => numbers)).toEqual(['A-0001', 'A-0002', 'B-0001', 'A-0003', 'B-0002']);
  });

  test('with a corrupt config are refused, and the others served', async () => {
    const { service, configs } = await setUp({ GOOD: { format: '{SEQ:1}' } });
    configs.preload('BAD', '{"format":"BAD-{SEQ}"}');
    await expect(service.issue(seriesOf('BAD'), 1)).rejects.toThrow(CorruptEntryError);
    expect((await service.issue(seriesOf('GOOD'), 1)).numbers).toEqual(['1']);
  });

  test('whose config cannot be read are refused with the error of the store', async () => {
    const { service, configs } = await setUp({ A: { format: '{SEQ:1}' } });
    configs.failWith(new StorageUnavailableError('Away'));
    await expect(service.issue(seriesOf('A'), 1)).rejects.toThrow(StorageUnavailableError);
    configs.failWith(undefined);
    expect((await service.issue(seriesOf('A'), 1)).numbers).toEqual(['1']);
  });
});

test('a prefix whose strategy this process does not serve, but another one has registered, is refused with the reason', async () => {
  const { service, events } = await setUp({ A: { format: 'A{SEQ:3}', strategy: 'gapless' } });
  const refused = service.issue(seriesOf('A'), 1);
  await expect(refused).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE', message: REFUSED.refusal });
  expect(events).toEqual([]);
});

describe('the fact that numbers were issued', () => {
  test('is reported once per request, with count and source', async () => {
    const { service, events } = await setUp({ INV: { format: '{SEQ:1}' } });
    await service.issue(seriesOf('INV'), 5);
    await service.issue(seriesOf('INV'), 1);
    expect(events).toEqual([
      { type: 'numbers-issued', prefixKey: 'INV', strategy: 'counter', count: 5, source: 'memory' },
      { type: 'numbers-issued', prefixKey: 'INV', strategy: 'counter', count: 1, source: 'memory' },
    ]);
  });

  test('is not reported when there were none', async () => {
    const { service, events } = await setUp({ INV: { format: '{SEQ:1}', initialSeq: 8, overflow: 'reject' } });
    await expect(service.issue(seriesOf('INV'), 2)).rejects.toThrow(SequenceOverflowError);
    await expect(service.issue(seriesOf('UNKNOWN'), 1)).rejects.toThrow(PrefixNotRegisteredError);
    expect(events).toEqual([]);
  });
});
