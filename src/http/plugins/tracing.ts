/** Has each request traced, from its headers to the end of its reply. Registered only where traces are asked for. */
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

/** Asked every few seconds by machines: nobody reads their traces. */
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
  // A body arrives in the context of its socket: from here on it is the request's again.
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.span === null) done();
    else request.span.within(done);
  });
  server.addHook('onResponse', (request, reply, done) => {
    request.span?.end(reply.statusCode);
    done();
  });
});
