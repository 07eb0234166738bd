/** The server of the metrics alone, on a port of its own: it still replies while the other one drains and closes. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { createOwnPortServer, type OwnPortLimits } from './own-port-server.ts';
import { type MetricsSource, metricsRoutes } from './routes/metrics.ts';

/** Ready to `listen` or `inject`. Limits are those of the API. When it closes, it closes the connections that Prometheus keeps open, too. */
export const createMetricsServer = async (
  logger: FastifyBaseLogger,
  limits: OwnPortLimits,
  metrics: MetricsSource,
): Promise<FastifyInstance> => {
  const server = await createOwnPortServer(logger, limits, true);
  // Only Prometheus reaches this port.
  await server.register(metricsRoutes, { ...metrics, mayNamePrefixes: () => true });
  return server;
};
