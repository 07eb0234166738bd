/** Sends clients elsewhere while the process stops: a connection kept open would lead them back here. */
import type { Server, ServerResponse } from 'node:http';

/**
 * Has every request that arrives from now on answered with `Connection: close`. It is answered all the same.
 *
 * A client that is told so opens its next connection elsewhere; one whose idle connection were simply closed might have sent a
 * request on it in the same moment, and would see a reset. A listener added at the end of the process' life costs the requests
 * before it nothing.
 */
export const endKeptConnections = (server: Server): void => {
  server.prependListener('request', (_request, response: ServerResponse) => {
    response.setHeader('Connection', 'close');
  });
};

const LOOK_INTERVAL_MS = 50;

/**
 * Closes the connections that fall idle until `closed` settles. Those that were idle when the listener closed are gone then; one
 * whose request was already under way before the stop was promised to be kept, and would hold the process for as long.
 */
export const closeIdleConnectionsUntil = async (server: Server, closed: PromiseLike<unknown>): Promise<void> => {
  const timer = setInterval(() => server.closeIdleConnections(), LOOK_INTERVAL_MS);
  try {
    await closed;
  } finally {
    clearInterval(timer);
  }
};
