/** A prefix keeps the reset it has counted with: another one would count anew and print numbers of this period again. */
import { describe, expect, test } from 'vitest';
import { CorruptEntryError, ValidationError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { PrefixConfigInput } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createCollisionCheck } from '../../../../src/services/prefix-configs/collision-check.ts';
import { createPrefixConfigService } from '../../../../src/services/prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from '../../../../src/services/prefix-configs/printed-prefixes.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { createMemoryPrefixConfigStore } from '../../../../src/stores/memory/memory-prefix-config-store.ts';
import { CALLER } from '../../fakes/caller.ts';
import { strategiesOf } from '../../fakes/strategies-of.ts';

const inputOf = (format: string, fields: object = {}): PrefixConfigInput =>
  prefixConfigInputSchema.parse({ format, ...fields });

const setUp = () => {
  const store = createMemoryPrefixConfigStore();
  const counters = createMemoryCounterStore();
  const events: NumberGeneratorEvent[] = [];
  const emit = (event: NumberGeneratorEvent): number => events.push(event);
  const clock = { now: (): number => Date.parse('2026-11-21T12:00:00Z') };
  const seriesCache = createSeriesCache(store, 0, emit);
  const service = createPrefixConfigService({
    store,
    counters,
    collisions: createCollisionCheck({ printed: createPrintedPrefixes(store), random: () => 0 }),
    strategies: strategiesOf(),
    clock,
    seriesCache,
    emit,
  });
  return { store, counters, events, service };
};

describe('the reset of a prefix that has counted', () => {
  const FORMAT = '{year}{month}{day}{fiscalYear}-{SEQ:6}';
  const PERIODS = { never: '', yearly: '2026', monthly: '2026-11', daily: '2026-11-21', 'fiscal-yearly': 'fy2026' };
  const RESETS = Object.entries(PERIODS);

  test.each(RESETS)('%s can be kept, and no other taken', async (kept, period) => {
    const { service, counters, store, events } = setUp();
    await service.register(seriesOf('INV'), inputOf(FORMAT, { reset: kept }), CALLER);
    counters.preload(sequenceOf(seriesOf('INV'), period), '7');
    expect(
      (await service.update(seriesOf('INV'), inputOf(`A${FORMAT}`, { reset: kept }), 'any', CALLER)).config.version,
    ).toBe(2);
    for (const [reset] of RESETS.filter(([other]) => other !== kept)) {
      const changing = service.update(seriesOf('INV'), inputOf(FORMAT, { reset }), 'any', CALLER);
      await expect(changing).rejects.toThrow(ValidationError);
      await expect(changing).rejects.toThrow(`reset: This prefix has counted with reset ${kept}`);
    }
    expect(await store.find(['INV'])).toMatchObject([{ config: { reset: kept, version: 2 } }]);
    expect(events).toHaveLength(2);
  });

  test('and was removed binds its next registration', async () => {
    const { service, counters, store } = setUp();
    counters.preload(sequenceOf(seriesOf('INV'), '2026'), '7');
    await expect(service.register(seriesOf('INV'), inputOf(FORMAT), CALLER)).rejects.toThrow(ValidationError);
    expect(await store.find(['INV'])).toEqual([undefined]);
    expect((await service.register(seriesOf('INV'), inputOf(FORMAT, { reset: 'yearly' }), CALLER)).reset).toBe(
      'yearly',
    );
  });

  test('is looked for in the time zone of the new config', async () => {
    const { service, counters } = setUp();
    counters.preload(sequenceOf(seriesOf('INV'), '2026-11-22'), '7');
    const input = (timeZone: string): PrefixConfigInput => inputOf(FORMAT, { timeZone });
    await expect(service.register(seriesOf('INV'), input('Pacific/Kiritimati'), CALLER)).rejects.toThrow(
      ValidationError,
    );
    expect((await service.register(seriesOf('INV'), input('UTC'), CALLER)).timeZone).toBe('UTC');
  });

  test('binds one that has not counted yet too, for another node may be about to; but not in a format that cannot meet', async () => {
    const { service } = setUp();
    await service.register(seriesOf('INV'), inputOf(FORMAT, { reset: 'yearly' }), CALLER);
    await expect(
      service.update(seriesOf('INV'), inputOf(FORMAT, { reset: 'monthly' }), 'any', CALLER),
    ).rejects.toMatchObject({
      params: { problems: [{ path: 'reset' }] },
    });
    const apart = inputOf('INV-{year}-{month}-{SEQ:6}', { reset: 'monthly' });
    expect((await service.update(seriesOf('INV'), apart, 'any', CALLER)).config).toMatchObject({
      version: 2,
      former: [{ format: FORMAT, strategy: 'counter', reset: 'yearly' }],
    });
  });

  test('cannot be checked on a corrupt counter: then nothing is stored', async () => {
    const { service, counters, store } = setUp();
    counters.preload(sequenceOf(seriesOf('INV'), '2026'), 'rubbish');
    await expect(service.register(seriesOf('INV'), inputOf(FORMAT), CALLER)).rejects.toThrow(CorruptEntryError);
    expect(await store.find(['INV'])).toEqual([undefined]);
  });
});
