/** Shows the metrics to Prometheus. */
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';

export interface MetricsRoutesOptions {
  /** All metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

const text = { description: 'All metrics.', content: { 'text/plain': { schema: z.string() } } };

export const metricsRoutes: FastifyPluginAsync<MetricsRoutesOptions> = async (server, { render, contentType }) => {
  server.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        tags: ['operation'],
        summary: 'Metrics in the Prometheus text format',
        response: { 200: text },
      },
      // It comes as a text.
      serializerCompiler: () => String,
    },
    async (_request, reply) => reply.type(contentType).send(await render()),
  );
};
