/** A series cache on a store that can be switched off, with the configs it starts with. */
import type { NumberGeneratorEvent } from '../../../src/core/events/events.ts';
import { seriesOf } from '../../../src/core/values/sequence-id.ts';
import type { Series } from '../../../src/services/numbers/series.ts';
import { createSeriesCache } from '../../../src/services/numbers/series-cache.ts';
import { configOf } from './config-of.ts';
import { createSwitchablePrefixConfigStore } from './switchable-prefix-config-store.ts';

/** The contract: each node re-reads within 5 s. */
export const PROMISED_MS = 5_000;

export const setUpSeriesCache = async (registered: Readonly<Record<string, object>> = {}) => {
  const store = createSwitchablePrefixConfigStore();
  for (const [prefixKey, input] of Object.entries(registered)) await store.insert(configOf(prefixKey, input));
  const events: NumberGeneratorEvent[] = [];
  const cache = createSeriesCache(store, 0, (event) => events.push(event));
  return { store, events, cache, get: async (prefixKey: string): Promise<Series> => cache.get(seriesOf(prefixKey)) };
};
