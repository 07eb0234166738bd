/** Traces each request from its headers to the end of its reply. Registered only where tracing is on. */
import fastifyPlugin from 'fastify-plugin';

interface RequestSpan {
  within(next: () => void): void;
  end(status: number): void;
}

export interface RequestTracing {
  beginRequest(head: {
    readonly method: string;
    readonly route: string;
    readonly requestId: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  }): RequestSpan;
}

declare module 'fastify' {
  interface FastifyRequest {
    span: RequestSpan | null;
  }
}

/** Called every few seconds by machines: their traces are of no use. */
const UNTRACED = new Set(['/livez', '/readyz', '/health', '/metrics']);

export const tracingPlugin = fastifyPlugin<RequestTracing>(async (server, { beginRequest }) => {
  server.decorateRequest('span', null);
  server.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    if (UNTRACED.has(route)) {
      done();
      return;
    }
    request.span = beginRequest({ method: request.method, route, requestId: request.id, headers: request.headers });
    request.span.within(done);
  });
  // A body arrives in the context of its socket: from here on the context is the request's again.
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.span === null) done();
    else request.span.within(done);
  });
  server.addHook('onResponse', (request, reply, done) => {
    request.span?.end(reply.statusCode);
    done();
  });
});
