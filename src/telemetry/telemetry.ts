/** What observes the service: metrics, log and, where they are asked for, traces. */
import type { Emit, Listen } from '../core/events/events.ts';
import { createEventLog } from './logs/event-log.ts';
import type { Logger } from './logs/logger.ts';
import { createTakingLog } from './logs/taking-log.ts';
import { createMetrics, type Metrics, type MetricsOptions } from './metrics/metrics.ts';
import type { StoreMetrics } from './metrics/store-metrics.ts';
import type { Tracing, TracingOptions } from './traces/tracing.ts';

/** `timed` also traces the calls on a store. */
export interface Telemetry extends StoreMetrics {
  readonly metrics: Metrics;
  /** Undefined: no traces, and OpenTelemetry is not loaded. */
  readonly tracing: Tracing | undefined;
  /** The same allocator, with its waits traced. */
  traced<Traced extends object>(allocator: Traced): Traced;
  readonly listen: Listen;
  /** Sends the traces that are left. */
  close(): Promise<void>;
}

interface TelemetryOptions extends MetricsOptions {
  readonly logger: Logger;
  /** Whether each request for numbers with a token or an API key has a line in the log. */
  readonly logTakings: boolean;
  /** Undefined: no traces. */
  readonly traces: Omit<TracingOptions, 'version' | 'node' | 'emit'> | undefined;
  readonly emit: Emit;
}

const openTracing = async (options: TracingOptions): Promise<Tracing> => {
  const { startTracing } = await import('./traces/tracing.ts');
  return startTracing(options);
};

export const openTelemetry = async (options: TelemetryOptions): Promise<Telemetry> => {
  const { logger, logTakings, traces, version, node, emit } = options;
  const metrics = createMetrics(options);
  const log = createEventLog(logger);
  const takingLog = logTakings ? createTakingLog(logger) : undefined;
  const tracing = traces && (await openTracing({ ...traces, version, node, emit }));
  const { timed, sized, sizedLedger } = metrics.stores;
  return {
    metrics,
    tracing,
    timed: (port, store, name) => {
      const measured = timed(port, store, name);
      return tracing?.port(measured, store, name) ?? measured;
    },
    sized,
    sizedLedger,
    traced: (allocator) => tracing?.allocator(allocator) ?? allocator,
    listen: (envelope) => {
      metrics.listen(envelope);
      log(envelope);
      takingLog?.(envelope);
    },
    close: async () => tracing?.close(),
  };
};
