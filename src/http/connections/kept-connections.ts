/** Sends clients elsewhere while the process stops: they would reuse a connection that is kept open. */
import type { Server, ServerResponse } from 'node:http';

/**
 * Adds `Connection: close` to the reply of every request that arrives from now on.
 *
 * With that header a client opens its next connection elsewhere. If we simply closed an idle connection, the client
 * might send a request on it at the same moment, and see a reset. The listener is added only at the end, so earlier
 * requests do not pay for it.
 */
export const endKeptConnections = (server: Server): void => {
  server.prependListener('request', (_request, response: ServerResponse) => {
    response.setHeader('Connection', 'close');
  });
};

const LOOK_INTERVAL_MS = 50;

/**
 * Closes the connections that fall idle until `closed` settles. Those that were idle when the listener closed are gone
 * then; one with a request under way before the stop was promised to be kept, and would hold the process for as long.
 */
export const closeIdleConnectionsUntil = async (server: Server, closed: PromiseLike<unknown>): Promise<void> => {
  const timer = setInterval(() => server.closeIdleConnections(), LOOK_INTERVAL_MS);
  try {
    await closed;
  } finally {
    clearInterval(timer);
  }
};
