/** Shows the metrics to Prometheus. */
import type { FastifyPluginAsync } from 'fastify';

export interface MetricsRoutesOptions {
  /** All metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

export const metricsRoutes: FastifyPluginAsync<MetricsRoutesOptions> = async (server, { render, contentType }) => {
  server.get(
    '/metrics',
    { schema: { tags: ['operation'], summary: 'Metrics in the Prometheus text format' } },
    async (_request, reply) => reply.type(contentType).send(await render()),
  );
};
