/** Counts every answered request, and shows the metrics to Prometheus. */
import fastifyPlugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Counts an answer of this route by its status. */
    countRequest?: (status: number) => void;
  }
}

export interface RequestMetrics {
  requestCounter(method: string, route: string): (status: number) => void;
  render(): Promise<string>;
  readonly contentType: string;
}

export const metricsPlugin = fastifyPlugin<{ metrics: RequestMetrics }>(async (server, { metrics }) => {
  server.addHook('onRoute', (route) => {
    // The counter is found once per route, not looked up by labels on every request.
    route.config = { ...route.config, countRequest: metrics.requestCounter(String(route.method), route.url) };
  });
  const countUnmatched = metrics.requestCounter('*', 'unmatched');
  server.addHook('onResponse', (request, reply, done) => {
    (request.routeOptions.config.countRequest ?? countUnmatched)(reply.statusCode);
    done();
  });
  server.get(
    '/metrics',
    { schema: { tags: ['operation'], summary: 'Metrics in the Prometheus text format' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  );
});
