/** The server of the probes alone, on a port of its own without TLS: probes have no certificate to show. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { createOwnPortServer, type OwnPortLimits } from './own-port-server.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';

/** Ready to `listen` or `inject`. Limits are those of the API. */
export const createHealthServer = async (
  logger: FastifyBaseLogger,
  limits: OwnPortLimits,
  health: HealthOptions,
): Promise<FastifyInstance> => {
  const server = await createOwnPortServer(logger, limits, false);
  server.setSerializerCompiler(serializerCompiler);
  await server.register(healthRoutes, health);
  return server;
};
