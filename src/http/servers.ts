/** The servers of this process: the API's, and where they have ports of their own, those of the metrics and of the probes. */
import type { FastifyInstance } from 'fastify';
import { closeIdleConnectionsUntil, endKeptConnections } from './connections/kept-connections.ts';
import { createHealthServer } from './health-server.ts';
import { createMetricsServer } from './metrics-server.ts';
import { checkReadiness, type HealthOptions } from './routes/health.ts';
import { createServer, type ServerOptions } from './server.ts';

export interface Servers {
  readonly server: FastifyInstance;
  /** Shows the metrics on a port of its own; undefined: `server` shows them. */
  readonly metricsServer: FastifyInstance | undefined;
  /** Answers the probes on a port of its own, without TLS; undefined: only `server` does. */
  readonly healthServer: FastifyInstance | undefined;
  /**
   * Whether a number could be issued now. @throws StorageUnavailableError, StorageTimeoutError with the reason and a
   * remedy.
   */
  checkReady(): Promise<void>;
  /** From now on `/readyz` answers 503, and each reply asks the client to close its connection. Requests are still served. */
  drain(): void;
  /** Drains, closes the listener of the API, and finishes the requests under way. */
  close(): Promise<void>;
  /** Closes the servers of metrics and probes, which outlast the API's to watch a shutdown. */
  closeWatched(): Promise<void>;
}

interface ServersOptions extends Omit<ServerOptions, 'health' | 'showsMetrics'> {
  readonly health: Omit<HealthOptions, 'isStopping'>;
  /** Undefined: no server of its own. */
  readonly metricsPort: number | undefined;
  readonly healthPort: number | undefined;
  readonly onDrain: () => void;
}

/** Ready to `listen` or `inject`. When one cannot be made, those made before are closed. */
export const createServers = async (options: ServersOptions): Promise<Servers> => {
  const { logger, connections, metricsPort, healthPort, onDrain } = options;
  let isStopping = false;
  const health: HealthOptions = { ...options.health, isStopping: () => isStopping };
  await using opening = new AsyncDisposableStack();
  const keep = (server: FastifyInstance): FastifyInstance => opening.adopt(server, () => server.close());
  const metricsServer =
    metricsPort === undefined ? undefined : keep(await createMetricsServer(logger, connections, options.metrics));
  const healthServer =
    healthPort === undefined ? undefined : keep(await createHealthServer(logger, connections, health));
  const server = await createServer({ ...options, health, showsMetrics: metricsPort === undefined });
  const watched = opening.move();

  const drain = (): void => {
    if (isStopping) return;
    isStopping = true;
    onDrain();
    endKeptConnections(server.server);
  };

  return {
    server,
    metricsServer,
    healthServer,
    checkReady: () => checkReadiness(health),
    drain,
    close: async () => {
      drain();
      await closeIdleConnectionsUntil(server.server, server.close());
    },
    closeWatched: () => watched.disposeAsync(),
  };
};
