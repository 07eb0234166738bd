/** Listens on a free port and says which, as the service does in its log. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

export const listen = async (server: FastifyInstance): Promise<void> => {
  process.once('SIGTERM', () => process.exit(0));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  console.log(JSON.stringify({ event: 'listening', port }));
};
