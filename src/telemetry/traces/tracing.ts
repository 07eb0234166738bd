/** Traces by OpenTelemetry, sent by OTLP over HTTP. Loaded only where they are asked for; nothing global is registered. */
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type ExportResult, ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Emit } from '../../core/events/events.ts';
import { createCallTracing } from './call-tracing.ts';

/** The span of one request. */
export interface RequestSpan {
  /** Runs `next`, and all that follows from it, within the span. */
  within(next: () => void): void;
  end(status: number): void;
}

export interface RequestHead {
  readonly method: string;
  /** The pattern, never the path: that may hold anything. */
  readonly route: string;
  readonly requestId: string;
  /** Of these only `traceparent` and `tracestate` are read. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Tracing {
  beginRequest(head: RequestHead): RequestSpan;
  /** The same port, with a span for each call that answers later. @param system redis, postgres, sqlite. */
  port<Port extends object>(port: Port, system: string, name: string): Port;
  /** The same allocator, with a span for each wait, from which the calls of the store that serve it are reached. */
  allocator<Traced extends object>(allocator: Traced): Traced;
  /** Sends what is left, for 2 s at most. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** Where traces are taken, `/v1/traces` included. */
  readonly url: string;
  /** Sent along; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly version: string;
  /** The name of this process. */
  readonly node: string;
  /**
   * The share of the traces begun here that is recorded, 0 to 1. With a `traceparent`, the caller has decided already.
   */
  readonly ratio: number;
  readonly emit: Emit;
}

/** Spans that wait to be sent; beyond, new ones are dropped. */
const QUEUE_MAX = 2_048;
const EXPORT_INTERVAL_MS = 1_000;
const EXPORT_TIMEOUT_MS = 2_000;

/** Emits the first failure and the return, and nothing for attempts in between. */
const createExporter = ({ url, headers, emit }: TracingOptions): SpanExporter => {
  // Without kept connections nothing is left open at the end.
  const otlp = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    keepAlive: false,
  });
  let failing = false;
  const note = ({ code, error }: ExportResult): void => {
    const failed = code !== ExportResultCode.SUCCESS;
    if (failed && !failing) emit({ type: 'traces-not-exported', error });
    if (!failed && failing) emit({ type: 'traces-exported-again' });
    failing = failed;
  };
  return {
    export: (spans, done) =>
      otlp.export(spans, (result) => {
        note(result);
        done(result);
      }),
    shutdown: () => otlp.shutdown(),
    forceFlush: () => otlp.forceFlush(),
  };
};

const createRequests = (tracer: Tracer, contexts: AsyncLocalStorageContextManager): Tracing['beginRequest'] => {
  const propagator = new W3CTraceContextPropagator();
  return ({ method, route, requestId, headers }) => {
    const caller = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const attributes = { 'http.request.method': method, 'http.route': route, 'number_generator.request_id': requestId };
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, caller);
    const context = trace.setSpan(caller, span);
    return {
      within: (next) => contexts.with(context, next),
      end: (status) => {
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) {
          span.setStatus({ code: SpanStatusCode.ERROR });
          span.setAttribute('error.type', `${status}`);
        }
        span.end();
      },
    };
  };
};

export const startTracing = (options: TracingOptions): Tracing => {
  const { serviceName, version, node, ratio } = options;
  const contexts = new AsyncLocalStorageContextManager().enable();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': node,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: createExporter(options),
        maxQueueSize: QUEUE_MAX,
        scheduledDelayMillis: EXPORT_INTERVAL_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('number-generator', version);
  return {
    beginRequest: createRequests(tracer, contexts),
    ...createCallTracing(tracer, contexts),
    close: async () => {
      // The collector may be away; that was emitted.
      await provider.shutdown().catch(() => undefined);
      contexts.disable();
    },
  };
};
