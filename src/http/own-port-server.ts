/** A server for a port of its own, beside the API's: its limits and its manners, without TLS and without callers to authorize. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { type ConnectionOptions, createBareServer } from './bare-server.ts';
import { errorsPlugin } from './plugins/errors.ts';
import { httpMannersPlugin } from './plugins/http-manners.ts';
import { knownRoutesPlugin } from './plugins/known-routes.ts';
import { strictInputPlugin } from './plugins/strict-input.ts';

export type OwnPortLimits = Pick<ConnectionOptions, 'headersTimeoutMs' | 'requestTimeoutMs'>;

/** Without routes yet. @param closesAll whether closing cuts off those that are still connected. */
export const createOwnPortServer = async (
  logger: FastifyBaseLogger,
  { headersTimeoutMs, requestTimeoutMs }: OwnPortLimits,
  closesAll: boolean,
): Promise<FastifyInstance> => {
  const limits = { headersTimeoutMs, requestTimeoutMs, closesAll };
  const server = createBareServer(logger, { ...limits, tls: undefined, trustedProxies: undefined });
  await server.register(knownRoutesPlugin);
  await server.register(errorsPlugin);
  await server.register(httpMannersPlugin, { hasPreflights: false });
  await server.register(strictInputPlugin);
  return server;
};
