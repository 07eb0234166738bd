/** Issuing while the store is away, by the `outage` of the series: the standby, then temporary numbers or an error. */
import { describe, expect, test } from 'vitest';
import { StorageTimeoutError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createNumberService } from '../../../../src/services/numbers/number-service.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createTemporaryNumberService } from '../../../../src/services/numbers/temporary-number-service.ts';
import { createMemoryTemporaryNumberStore } from '../../../../src/stores/memory/memory-temporary-number-store.ts';
import { allocatorOn } from '../../fakes/allocator-on.ts';
import { configOf } from '../../fakes/config-of.ts';
import { turn } from '../../fakes/held-counter-store.ts';
import { strategiesOf } from '../../fakes/strategies-of.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

const AWAY = new StorageUnavailableError('Away');

/** A node that has issued number 1 of INV and holds five more as a standby. */
const setUp = async (outage: string, limits: object = {}) => {
  const { store, allocator, events } = allocatorOn(limits);
  const emit = (event: (typeof events)[number]): number => events.push(event);
  const configs = createSwitchablePrefixConfigStore();
  await configs.insert(configOf('INV', { format: 'INV-{year}-{SEQ:3}', outage }));
  const seriesCache = createSeriesCache(configs, 5, emit);
  const clock = { now: (): number => Date.parse('2026-11-21T12:00:00Z') };
  const temporaryNumberService = createTemporaryNumberService({
    store: createMemoryTemporaryNumberStore(),
    seriesCache,
    allocator,
    clock,
    emit,
    node: 'node',
  });
  const service = createNumberService({
    seriesCache,
    strategies: strategiesOf({}, { allocator }),
    isStorePresent: allocator.isStorePresent,
    temporaryNumberService,
    clock,
    emit,
  });
  store.behave('answer');
  expect(await service.issue(seriesOf('INV'), 1)).toEqual({ numbers: ['INV-2026-001'], source: 'memory' });
  await turn();
  events.length = 0;
  return { store, events, clock, configs, issue: (count: number) => service.issue(seriesOf('INV'), count) };
};

describe('with outage standby', () => {
  test('numbers come from the standby, and name it as their source', async () => {
    const { store, issue, events } = await setUp('standby');
    store.behave(AWAY);
    expect(await issue(2)).toEqual({ numbers: ['INV-2026-012', 'INV-2026-013'], source: 'standby' });
    expect(events.at(-1)).toMatchObject({ type: 'numbers-issued', count: 2, source: 'standby' });
  });

  test('afterwards the request is refused with the error of the store, and nothing is reported as issued', async () => {
    const { store, issue, events } = await setUp('standby');
    store.behave(AWAY);
    await expect(issue(6)).rejects.toBe(AWAY);
    expect(events.map(({ type }) => type)).toEqual(['outage-began']);
    expect((await issue(5)).source).toBe('standby');
    await expect(issue(1)).rejects.toBe(AWAY);
  });

  test('the numbers are served also when the config cannot be read again', async () => {
    const { store, configs, issue } = await setUp('standby');
    store.behave(AWAY);
    configs.failWith(AWAY);
    configs.announce(undefined);
    expect((await issue(1)).numbers).toEqual(['INV-2026-012']);
  });
});

describe('with outage reject', () => {
  test('there is no standby: the request is refused at once', async () => {
    const { store, issue } = await setUp('reject');
    store.behave(AWAY);
    await expect(issue(1)).rejects.toBe(AWAY);
  });
});

describe('with outage temporary', () => {
  test('the standby goes first, then temporary numbers of the node and the moment', async () => {
    const { store, issue, clock, events } = await setUp('temporary');
    store.behave(new StorageTimeoutError('Late'));
    expect((await issue(5)).source).toBe('standby');
    const stem = `TMP-INV-node-${clock.now()}`;
    expect(await issue(2)).toEqual({ numbers: [`${stem}-1`, `${stem}-2`], source: 'temporary' });
    expect(await issue(1)).toEqual({ numbers: [`${stem}-3`], source: 'temporary' });
    expect(events.at(-1)).toMatchObject({ type: 'numbers-issued', count: 1, source: 'temporary' });
  });

  test('a full waiting line before a store that answers is no reason for temporary numbers', async () => {
    const { store, issue } = await setUp('temporary', { waitingMax: 1 });
    store.behave('hold');
    const waiting = issue(1);
    await expect(issue(1)).rejects.toThrow('Too many requests are waiting');
    await store.underWay().answer();
    expect((await waiting).source).toBe('memory');
  });

  test('an exhausted or corrupt series is no reason either', async () => {
    const { store, issue } = await setUp('temporary');
    store.of(sequenceOf(seriesOf('INV'), '')).corrupt = 'not a value';
    await expect(issue(1)).rejects.toMatchObject({ code: 'INTERNAL', params: { kind: 'entry', prefixKey: 'INV' } });
  });

  test('after the return numbers are real again', async () => {
    const { store, issue } = await setUp('temporary');
    store.behave(AWAY);
    expect((await issue(9)).source).toBe('temporary');
    store.behave('answer');
    store.announce();
    await store.drain();
    await turn();
    const { numbers, source } = await issue(1);
    expect([source, numbers]).toEqual(['memory', ['INV-2026-002']]);
  });
});
