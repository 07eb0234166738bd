/** The server of the metrics alone, for a port of its own: it goes on answering while the other one drains and closes. */
import { type FastifyInstance, fastify } from 'fastify';
import { errorsPlugin } from './plugins/errors.ts';
import { httpMannersPlugin } from './plugins/http-manners.ts';
import { knownRoutesPlugin } from './plugins/known-routes.ts';
import { strictInputPlugin } from './plugins/strict-input.ts';
import { createRequestIds } from './request-ids.ts';
import { type MetricsRoutesOptions, metricsRoutes } from './routes/metrics.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** Ready to `listen` or `inject`. When it closes, it closes the connections that Prometheus keeps open, too. */
export const createMetricsServer = async (metrics: MetricsRoutesOptions): Promise<FastifyInstance> => {
  const server = fastify({
    logger: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    genReqId: createRequestIds(),
  });
  await server.register(knownRoutesPlugin);
  await server.register(errorsPlugin);
  await server.register(httpMannersPlugin, { hasPreflights: false });
  await server.register(strictInputPlugin);
  await server.register(metricsRoutes, metrics);
  return server;
};
