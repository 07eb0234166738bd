/** The metrics: counted in plain slots on the way, told by prom-client when Prometheus asks. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Emit } from '../core/events.ts';
import { registerCounter, registerGauge } from './collected.ts';
import { createEventMetrics } from './event-metrics.ts';
import { createIssuedNumbers } from './issued-numbers.ts';
import { type CountRequest, createRequestMetrics } from './request-metrics.ts';
import { createStoreMetrics, type StoreMetrics } from './store-metrics.ts';

export interface Metrics {
  /** Listens to the facts of the lower floors. */
  readonly listen: Emit;
  /** Makes the counter of a route; the route is the pattern, never the path, so that the labels stay few. */
  requestCounter(method: string, route: string): CountRequest;
  /** Times the calls on the stores. */
  readonly stores: StoreMetrics;
  /** All metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly version: string;
  /** The name of this process. */
  readonly node: string;
  /** Where the counters are: redis, sqlite. */
  readonly store: string;
  /** So many prefixes have numbers of their own; what comes after them is told as `other`. */
  readonly prefixesMax: number;
  /** How long a shutdown may take. */
  readonly shutdownTimeoutMs: number;
}

export const createMetrics = (options: MetricsOptions): Metrics => {
  const { version, node, store, prefixesMax, shutdownTimeoutMs } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerGauge(
    registry,
    {
      name: 'number_generator_info',
      help: 'Always 1; the version, the name of this process and the store of its counters stand in the labels.',
      labelNames: ['version', 'node', 'store'],
    },
    () => [[{ version, node, store }, 1]],
  );
  const requestCounter = createRequestMetrics(registry);
  const issued = createIssuedNumbers(prefixesMax);
  registerCounter(
    registry,
    {
      name: 'number_generator_numbers_issued_total',
      help: 'Numbers handed out, by prefix (the first ones in use, then other), strategy, and where their values came from.',
      labelNames: ['prefix', 'strategy', 'source'],
    },
    () => issued.counts().map(({ count, ...labels }) => [labels, count] as const),
  );
  const stores = createStoreMetrics(registry);
  const listenToEvents = createEventMetrics(registry, shutdownTimeoutMs);

  return {
    listen: (event) => {
      // By far the most frequent one.
      if (event.type === 'numbers-issued') issued.add(event.prefixKey, event.strategy, event.source, event.count);
      else listenToEvents(event);
    },
    requestCounter,
    stores,
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
};
