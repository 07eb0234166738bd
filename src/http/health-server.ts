/** The server of the probes alone, for a port of its own without TLS: whoever asks there has no certificate to show. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { type ConnectionOptions, createBareServer } from './bare-server.ts';
import { errorsPlugin } from './plugins/errors.ts';
import { httpMannersPlugin } from './plugins/http-manners.ts';
import { knownRoutesPlugin } from './plugins/known-routes.ts';
import { strictInputPlugin } from './plugins/strict-input.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';

/** Ready to `listen` or `inject`. Limits are those of the API. */
export const createHealthServer = async (
  logger: FastifyBaseLogger,
  limits: Pick<ConnectionOptions, 'headersTimeoutMs' | 'requestTimeoutMs'>,
  health: HealthOptions,
): Promise<FastifyInstance> => {
  const { headersTimeoutMs, requestTimeoutMs } = limits;
  const server = createBareServer(logger, {
    headersTimeoutMs,
    requestTimeoutMs,
    tls: undefined,
    trustedProxies: undefined,
  });
  server.setSerializerCompiler(serializerCompiler);
  await server.register(knownRoutesPlugin);
  await server.register(errorsPlugin);
  await server.register(httpMannersPlugin, { hasPreflights: false });
  await server.register(strictInputPlugin);
  await server.register(healthRoutes, health);
  return server;
};
