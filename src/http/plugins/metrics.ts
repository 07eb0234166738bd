/** Counts every answered request by its route and status. */
import fastifyPlugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Counts an answer of this route by its status. */
    countRequest?: (status: number) => void;
  }
}

export interface RequestMetrics {
  /** Makes the counter of a route; the route is the pattern, not the path. */
  requestCounter(method: string, route: string): (status: number) => void;
}

export const metricsPlugin = fastifyPlugin<RequestMetrics>(async (server, metrics) => {
  server.addHook('onRoute', (route) => {
    // The counter is found once per route, not looked up by labels on every request.
    route.config = { ...route.config, countRequest: metrics.requestCounter(String(route.method), route.url) };
  });
  const countUnmatched = metrics.requestCounter('*', 'unmatched');
  // When it is sent, not when it has arrived: listening for the end of each reply costs more than the count.
  server.addHook('onSend', (request, reply, _payload, done) => {
    (request.routeOptions.config.countRequest ?? countUnmatched)(reply.statusCode);
    done();
  });
});
