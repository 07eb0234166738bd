/** Where a sequence stands, its gap record, and moving it forward by hand. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AdvanceReply, AdvanceRequest } from '../../../../src/core/counter/counter-call.ts';
import type { CounterStore, SequenceState } from '../../../../src/core/counter/counter-store.ts';
import {
  CorruptEntryError,
  PrefixNotRegisteredError,
  SequenceNotForwardError,
  SequenceOverflowError,
} from '../../../../src/core/errors.ts';
import type { Range } from '../../../../src/core/values/range.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../src/core/values/value.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createSequenceService } from '../../../../src/services/sequences/sequence-service.ts';
import { createCapacityWatcher } from '../../../../src/services/watchers/capacity-watcher.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { allocatorOn } from '../../fakes/allocator-on.ts';
import { CALLER } from '../../fakes/caller.ts';
import { configOf } from '../../fakes/config-of.ts';
import { keepingIn } from '../../fakes/emitting.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

const SIGNED = { by: 'alice', requestId: 'r-1' };

const YEARLY = { format: '{year}-{SEQ:3}', reset: 'yearly' };
const NAME = sequenceOf(seriesOf('INV'), '2026');

const setUp = async (input: object = YEARLY, altered: Partial<CounterStore> = {}) => {
  const memory = createMemoryCounterStore();
  const store = { ...memory, ...altered };
  const { allocator, store: held, events, ask } = allocatorOn({}, store);
  held.behave('answer');
  const emit = keepingIn(events);
  const configs = createSwitchablePrefixConfigStore();
  await configs.insert(configOf('INV', input));
  const seriesCache = createSeriesCache(configs, 5, emit);
  const clock = { now: (): number => Date.parse('2026-11-21T12:00:00Z') };
  const capacityWatcher = createCapacityWatcher({
    seriesCache,
    measuredMax: 100,
    standings: allocator.standings,
    clock,
    emit,
  });
  onTestFinished(capacityWatcher.close);
  const service = createSequenceService({ store, seriesCache, allocator, capacityWatcher, clock, emit });
  return {
    service,
    memory,
    events,
    ask,
    targetOf: async () => (await seriesCache.get(seriesOf('INV'))).at(clock.now()).target,
  };
};

/** What the store says of a sequence; whose the ranges ahead are is of no concern here. */
type State = Partial<Pick<SequenceState, 'value' | 'free'>> & { readonly ahead?: readonly Range[] };

/** Reads a sequence of which the store says this. */
const reportOf = async ({ value, free = [], ahead = [] }: State, fields: object = {}) => {
  const inspect = async (): Promise<SequenceState> => ({
    value,
    origin: undefined,
    free,
    ahead: ahead.map((range) => ({ ...range, node: 'n1' })),
    changes: '',
    recovering: false,
  });
  const { service } = await setUp({ format: 'A{SEQ:2}', ...fields }, { inspect });
  return service.read(seriesOf('INV'));
};

describe('reading', () => {
  test('tells the config, the period, the value, the next number and how many are left', async () => {
    const { service, memory } = await setUp({ ...YEARLY, overflow: 'reject' });
    memory.preload(NAME, '41');
    expect(await service.read(seriesOf('INV'))).toEqual({
      config: configOf('INV', { ...YEARLY, overflow: 'reject' }),
      period: '2026',
      value: 41n,
      nextValue: 42n,
      nextNumber: '2026-042',
      valuesLeft: 958n,
      forecast: { valuesPerDay: undefined, widthReachedAtMs: undefined, limitReachedAtMs: undefined },
      standby: undefined,
    });
  });

  test('names the standby of this node', async () => {
    const { service, ask, targetOf } = await setUp();
    await ask(await targetOf(), 1);
    expect((await service.read(seriesOf('INV'))).standby).toMatchObject({ first: 12n, last: 16n, left: 5n });
  });

  test.each([
    ['a fresh one', {}, { initialSeq: 7 }, [7n, 'A08']],
    ['one below a raised initialSeq', { value: 3n }, { initialSeq: 7 }, [7n, 'A08']],
    ['one above initialSeq', { value: 9n }, { initialSeq: 7 }, [9n, 'A10']],
    ['one past its digits', { value: 99n }, {}, [99n, 'A100']],
    ['one with returned values', { value: 9n, free: [{ first: 3n, last: 4n }] }, {}, [9n, 'A03']],
    [
      'one before ranges that are spoken for',
      {
        value: 9n,
        ahead: [
          { first: 10n, last: 12n },
          { first: 13n, last: 13n },
          { first: 20n, last: 22n },
        ],
      },
      {},
      [9n, 'A14'],
    ],
    ['one far before them', { value: 9n, ahead: [{ first: 20n, last: 22n }] }, {}, [9n, 'A10']],
    [
      'one with returned values before them',
      { value: 9n, free: [{ first: 9n, last: 9n }], ahead: [{ first: 10n, last: 12n }] },
      {},
      [9n, 'A09'],
    ],
  ])('of %s tells where it stands and what comes next', async (_which, state, fields, expected) => {
    const { value, nextNumber } = await reportOf(state, fields);
    expect([value, nextNumber]).toEqual(expected);
  });

  test.each([
    ['at its end', { value: 99n }, 0n],
    ['at its end, but for returned values', { value: 99n, free: [{ first: 3n, last: 4n }] }, 2n],
    ['with values spoken for', { value: 90n, ahead: [{ first: 95n, last: 97n }] }, 6n],
    ['with both', { value: 90n, free: [{ first: 3n, last: 4n }], ahead: [{ first: 95n, last: 97n }] }, 8n],
    ['above a lowered limit', { value: 150n }, 0n],
    ['with values spoken for above a lowered limit', { value: 95n, ahead: [{ first: 98n, last: 150n }] }, 2n],
    ['with all that is spoken for above it', { value: 95n, ahead: [{ first: 2006n, last: 3005n }] }, 4n],
    ['with returned values above it', { value: 150n, free: [{ first: 98n, last: 120n }] }, 2n],
  ])('of a limited one %s counts what can still be taken', async (_which, state, expected) => {
    expect((await reportOf(state, { overflow: 'reject' })).valuesLeft).toBe(expected);
  });

  test.each([
    ['it is exhausted', { value: 99n }, undefined],
    ['only its standbys are left', { value: 96n, ahead: [{ first: 97n, last: 99n }] }, undefined],
    ['a value was returned', { value: 99n, free: [{ first: 5n, last: 5n }] }, 'A05'],
  ])('of a limited one when %s: the next number is %s', async (_when, state, expected) => {
    expect((await reportOf(state, { overflow: 'reject' })).nextNumber).toBe(expected);
  });

  test('is exact up to 2^64 - 1', async () => {
    const { nextNumber, valuesLeft } = await reportOf({ value: VALUE_MAX - 1n });
    expect([nextNumber, valuesLeft]).toEqual([`A${VALUE_MAX}`, 1n]);
  });

  test('of a prefix nobody registered is refused, as is a counter that is none', async () => {
    const { service, memory } = await setUp();
    await expect(service.read(seriesOf('UNKNOWN'))).rejects.toThrow(PrefixNotRegisteredError);
    memory.preload(NAME, 'rubbish');
    await expect(service.read(seriesOf('INV'))).rejects.toThrow(CorruptEntryError);
  });
});

describe('moving forward', () => {
  test('makes counting go on after the given value, records the gap, and reports who asked why', async () => {
    const { service, events } = await setUp();
    const report = await service.advance(seriesOf('INV'), { to: 40n, reason: 'Paper invoices' }, CALLER);
    expect(report).toMatchObject({ value: 40n, nextNumber: '2026-041' });
    const { items } = await service.listGaps(seriesOf('INV'), undefined, 0n, 10);
    expect(items).toMatchObject([{ range: { first: 1n, last: 40n }, reason: 'advance', node: undefined }]);
    expect(events).toEqual([
      {
        ...SIGNED,
        type: 'sequence-advanced',
        prefixKey: 'INV',
        period: '2026',
        from: undefined,
        to: 40n,
        reason: 'Paper invoices',
      },
    ]);
  });

  test('asks under a fresh name each time, with the terms of the series', async () => {
    const asked: AdvanceRequest[] = [];
    const advance = async (request: AdvanceRequest): Promise<AdvanceReply> => {
      asked.push(request);
      return { kind: 'advanced', from: 0n, to: request.to };
    };
    const { service } = await setUp({ ...YEARLY, overflow: 'reject', initialSeq: 5 }, { advance });
    await service.advance(seriesOf('INV'), { to: 40n, reason: 'one' }, CALLER);
    await service.advance(seriesOf('INV'), { to: 40n, reason: 'two' }, CALLER);
    expect(asked[0]).toMatchObject({ sequence: NAME, to: 40n, initialSeq: 5n, limit: 999n });
    expect(new Set(asked.map(({ operation }) => operation)).size).toBe(2);
    for (const { operation } of asked) expect(operation).toMatch(/^[A-Za-z0-9._-]{2,64}$/);
  });

  test('backwards or not at all is refused, and nothing is reported', async () => {
    const { service, memory, events } = await setUp();
    memory.preload(NAME, '41');
    await expect(service.advance(seriesOf('INV'), { to: 41n, reason: 'same' }, CALLER)).rejects.toThrow(
      SequenceNotForwardError,
    );
    await expect(service.advance(seriesOf('INV'), { to: 3n, reason: 'back' }, CALLER)).rejects.toMatchObject({
      code: 'SEQUENCE_NOT_FORWARD',
      params: { prefixKey: 'INV', current: 41n },
    });
    expect([events, memory.read(NAME)]).toEqual([[], '41']);
  });

  test('above the limit is refused', async () => {
    const { service, memory } = await setUp({ ...YEARLY, overflow: 'reject' });
    await expect(service.advance(seriesOf('INV'), { to: 1_000n, reason: 'far' }, CALLER)).rejects.toThrow(
      SequenceOverflowError,
    );
    expect(memory.read(NAME)).toBeUndefined();
    expect(
      (await service.advance(seriesOf('INV'), { to: 999n, reason: 'to the end' }, CALLER)).nextNumber,
    ).toBeUndefined();
  });

  test('of a counter that is none, or of a prefix nobody registered, is refused', async () => {
    const { service, memory } = await setUp();
    memory.preload(NAME, 'rubbish');
    await expect(service.advance(seriesOf('INV'), { to: 40n, reason: 'why' }, CALLER)).rejects.toThrow(
      CorruptEntryError,
    );
    await expect(service.advance(seriesOf('UNKNOWN'), { to: 40n, reason: 'why' }, CALLER)).rejects.toThrow(
      PrefixNotRegisteredError,
    );
  });
});

describe('the gap record', () => {
  test('is listed page by page, each gap once', async () => {
    const { service } = await setUp({ ...YEARLY, initialSeq: 0 });
    for (const to of [3n, 5n, 9n]) await service.advance(seriesOf('INV'), { to, reason: 'test' }, CALLER);
    const seen: bigint[] = [];
    let after: bigint | undefined = 0n;
    while (after !== undefined) {
      const page: Awaited<ReturnType<typeof service.listGaps>> = await service.listGaps(
        seriesOf('INV'),
        undefined,
        after,
        2,
      );
      seen.push(...page.items.map(({ range }) => range.first));
      after = page.next;
    }
    expect(seen).toEqual([1n, 4n, 6n]);
  });

  test('of a prefix nobody registered is refused', async () => {
    await expect((await setUp()).service.listGaps(seriesOf('UNKNOWN'), undefined, 0n, 10)).rejects.toThrow(
      PrefixNotRegisteredError,
    );
  });
});

describe('a raised initialSeq that no call has caught up with yet', () => {
  const RAISED = { initialSeq: 50, overflow: 'reject' };

  test('leaves out what lies below it: neither values given back, nor segments, are of the values left', async () => {
    const report = await reportOf(
      { value: 9n, free: [{ first: 3n, last: 4n }], ahead: [{ first: 20n, last: 27n }] },
      RAISED,
    );
    expect(report).toMatchObject({ value: 50n, nextValue: 51n, nextNumber: 'A51', valuesLeft: 49n });
  });

  test('goes on behind a segment that lies across it', async () => {
    const report = await reportOf({ value: 9n, ahead: [{ first: 45n, last: 55n }] }, RAISED);
    expect(report).toMatchObject({ value: 50n, nextValue: 56n, valuesLeft: 44n });
  });
});
