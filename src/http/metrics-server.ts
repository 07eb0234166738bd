/** The server of the metrics alone, for a port of its own: it goes on answering while the other one drains and closes. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { type ConnectionOptions, createBareServer } from './bare-server.ts';
import { errorsPlugin } from './plugins/errors.ts';
import { httpMannersPlugin } from './plugins/http-manners.ts';
import { knownRoutesPlugin } from './plugins/known-routes.ts';
import { strictInputPlugin } from './plugins/strict-input.ts';
import { type MetricsSource, metricsRoutes } from './routes/metrics.ts';

/** Ready to `listen` or `inject`. Limits are those of the API. When it closes, it closes the connections that Prometheus keeps open, too. */
export const createMetricsServer = async (
  logger: FastifyBaseLogger,
  limits: Pick<ConnectionOptions, 'headersTimeoutMs' | 'requestTimeoutMs'>,
  metrics: MetricsSource,
): Promise<FastifyInstance> => {
  const { headersTimeoutMs, requestTimeoutMs } = limits;
  const server = createBareServer(logger, {
    headersTimeoutMs,
    requestTimeoutMs,
    tls: undefined,
    trustedProxies: undefined,
    closesAll: true,
  });
  await server.register(knownRoutesPlugin);
  await server.register(errorsPlugin);
  await server.register(httpMannersPlugin, { hasPreflights: false });
  await server.register(strictInputPlugin);
  // Who reaches this port is Prometheus.
  await server.register(metricsRoutes, { ...metrics, mayNamePrefixes: () => true });
  return server;
};
