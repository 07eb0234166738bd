/** Shows the metrics to Prometheus. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RouteGuard } from '../plugins/auth.ts';
import { problemResponse } from '../schemas/problem.ts';

export interface MetricsSource {
  /** All metrics in the Prometheus text format, with each prefix apart, or with all prefixes as one. */
  render(namesPrefixes: boolean): Promise<string>;
  readonly contentType: string;
}

export interface MetricsRoutesOptions extends MetricsSource {
  /** Restricts the route. Default: open to everybody. */
  readonly guard?: RouteGuard;
  /** Whether a caller may know which prefixes there are. */
  readonly mayNamePrefixes: (request: FastifyRequest) => boolean;
}

const text = { description: 'All metrics.', content: { 'text/plain': { schema: z.string() } } };

export const metricsRoutes: FastifyPluginAsync<MetricsRoutesOptions> = async (server, options) => {
  const { render, contentType, guard, mayNamePrefixes } = options;
  server.get(
    '/metrics',
    {
      ...guard,
      schema: {
        operationId: 'getMetrics',
        tags: ['operation'],
        summary: 'Metrics in the Prometheus text format',
        description:
          'Prefixes are told apart for callers who may read all prefix configs (`configs:read`); for all others they are one, `other`.',
        response: {
          200: text,
          401: problemResponse('UNAUTHORIZED'),
          403: problemResponse('FORBIDDEN'),
          503: problemResponse('STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT', 'ISSUER_UNAVAILABLE'),
        },
      },
      // It comes as a text.
      serializerCompiler: () => String,
    },
    async (request, reply) => reply.type(contentType).send(await render(mayNamePrefixes(request))),
  );
};
