/** Counts and times every answered request by its route and status. */
import fastifyPlugin from 'fastify-plugin';

type CountRequest = (status: number, ms: number) => void;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Notes a reply of this route: its status, and how long it took. */
    countRequest?: CountRequest;
  }
  interface FastifyRequest {
    /** When its headers had been read, by the monotonic clock. */
    startedMs: number;
  }
}

export interface RequestMetrics {
  /** Makes the counter of a route; the route is the pattern, not the path. */
  requestCounter(method: string, route: string): CountRequest;
}

export const metricsPlugin = fastifyPlugin<RequestMetrics>(async (server, metrics) => {
  server.decorateRequest('startedMs', 0);
  server.addHook('onRoute', (route) => {
    // The counter is found once per route, not looked up by labels on every request.
    route.config = { ...route.config, countRequest: metrics.requestCounter(String(route.method), route.url) };
  });
  const countUnmatched = metrics.requestCounter('*', 'unmatched');
  server.addHook('onRequest', (request, _reply, done) => {
    request.startedMs = performance.now();
    done();
  });
  // When it is sent, not when it has arrived, because listening for the end of each reply costs more than the count.
  server.addHook('onSend', (request, reply, _payload, done) => {
    const ms = performance.now() - request.startedMs;
    (request.routeOptions.config.countRequest ?? countUnmatched)(reply.statusCode, ms);
    done();
  });
});
