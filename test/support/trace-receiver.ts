/** Takes traces by OTLP over HTTP (JSON), as a collector would, and keeps their spans. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** The spans it belongs to beside its parent. */
  readonly links: readonly string[];
  /** 2: it ended with an error. */
  readonly status: number;
  readonly durationMs: number;
}

export interface TraceReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Of the process that sent the last ones. */
  readonly resource: Readonly<Record<string, unknown>>;
  /** The headers of all deliveries. */
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  /** Everything that came, as it came. */
  text(): string;
  /** Refuses what comes from now on. */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

const attributesOf = (list: readonly OtlpAttribute[] = []): Record<string, string | number | boolean> =>
  Object.fromEntries(
    list.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value['intValue']) : (Object.values(value)[0] ?? ''),
    ]),
  );

// biome-ignore lint/suspicious/noExplicitAny: OTLP's own words, read field by field
const spanOf = (span: any): ReceivedSpan => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId ?? '',
  name: span.name,
  kind: span.kind,
  attributes: attributesOf(span.attributes),
  links: (span.links ?? []).map(({ spanId }: { spanId: string }) => spanId),
  status: span.status?.code ?? 0,
  durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
});

export const startTraceReceiver = async (): Promise<TraceReceiver> => {
  const spans: ReceivedSpan[] = [];
  const deliveries: unknown[] = [];
  const headers: Record<string, unknown>[] = [];
  let resource: Record<string, unknown> = {};
  let refusing = false;
  const server = createServer(async (request, reply) => {
    // biome-ignore lint/suspicious/noExplicitAny: OTLP's own words, read field by field
    const delivery = (await json(request)) as any;
    if (refusing || request.url !== '/v1/traces') {
      reply.writeHead(400).end();
      return;
    }
    headers.push(request.headers);
    deliveries.push(delivery);
    for (const one of delivery.resourceSpans) {
      resource = attributesOf(one.resource.attributes);
      for (const scope of one.scopeSpans) spans.push(...scope.spans.map(spanOf));
    }
    reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get resource() {
      return resource;
    },
    headers,
    text: () => JSON.stringify([headers, deliveries]),
    refuse: (isRefusing) => {
      refusing = isRefusing;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
