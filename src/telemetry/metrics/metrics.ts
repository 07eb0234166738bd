/** The metrics: counted in plain slots with each request, printed by prom-client on a scrape. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Listen } from '../../core/events/events.ts';
import { registerGauge } from './collected.ts';
import { createEventMetrics } from './event-metrics.ts';
import { createPrefixMetrics } from './prefix-metrics.ts';
import { type CountRequest, createRequestMetrics } from './request-metrics.ts';
import { createStoreMetrics, type StoreMetrics } from './store-metrics.ts';

export interface Metrics {
  /** Listens to the facts of the lower floors. */
  readonly listen: Listen;
  /** Makes the counter of a route; the route is the pattern, never the path, so that the labels stay few. */
  requestCounter(method: string, route: string): CountRequest;
  /** Times the calls on the stores. */
  readonly stores: StoreMetrics;
  /** All metrics in the Prometheus text format, with each prefix apart, or with all prefixes as one that is called `other`. */
  render(namesPrefixes: boolean): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly version: string;
  /** The name of this process. */
  readonly node: string;
  /** Where the counters are: redis, sqlite. */
  readonly store: string;
  /** How many prefixes have figures of their own; later ones are reported as `other`. */
  readonly prefixesMax: number;
  /** How long a shutdown may take. */
  readonly shutdownTimeoutMs: number;
}

/** Gauges that are named like counters, which `promtool check metrics` refuses; each is the sum of the one without `_total`. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export const createMetrics = (options: MetricsOptions): Metrics => {
  const { version, node, store, prefixesMax, shutdownTimeoutMs } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
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
  const apart = new Registry();
  const asOne = new Registry();
  const listenToPrefixes = createPrefixMetrics({ apart, asOne }, prefixesMax);
  const stores = createStoreMetrics(registry);
  const listenToEvents = createEventMetrics(registry, shutdownTimeoutMs);

  const whole = Registry.merge([registry, apart]);
  const withoutNames = Registry.merge([registry, asOne]);

  return {
    listen: ({ event }) => {
      listenToPrefixes(event);
      // By far the most frequent event, and only counted by prefix.
      if (event.type !== 'numbers-issued') listenToEvents(event);
    },
    requestCounter,
    stores,
    render: (namesPrefixes) => (namesPrefixes ? whole : withoutNames).metrics(),
    contentType: registry.contentType,
  };
};
