/**
 * Limits what one connection, and all of them together, may make the process hold: waiting requests and unread replies.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';

/** Requests of one connection that may wait for the reply before them; with one more the connection is cut off. */
const WAITING_MAX = 32;
/** Size of all unread replies of the process; beyond it, the connections with the largest are cut off. */
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;
/** The system buffers smaller ones at once. */
const LARGE_BYTES_MIN = 16 * 1024;
/** The share that remains after some were cut off, so that the check does not run again with each reply. */
const KEPT_SHARE = 0.75;

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

/** The requests of one connection. */
interface Line {
  current: ServerResponse;
  readonly waiting: Exchange[];
}

/** Detached: the system has taken all of it, and the connection belongs to the next reply. */
const isTaken = (response: ServerResponse): boolean =>
  response.destroyed || (response.writableFinished && response.socket === null);

export interface ConnectionGate {
  /**
   * Serves the requests of a connection one after the other: the next begins when the system has taken the whole reply.
   */
  serve(handle: RequestListener): RequestListener;
  /** Call it with each reply before it is written. */
  note(response: ServerResponse, payload: unknown): void;
  /** Cuts off a connection that was silent for too long, unless it waits for us. */
  endSilent(socket: Socket): void;
}

const createBudget = (unsentBytesMax: number): ConnectionGate['note'] => {
  const unsent = new Map<ServerResponse, number>();
  let total = 0;
  const release = (response: ServerResponse): void => {
    total -= unsent.get(response) ?? 0;
    unsent.delete(response);
  };
  /** The largest first; of equal ones those that wait longest. */
  const cutOff = (but: ServerResponse): void => {
    for (const [response] of [...unsent].toSorted(([, one], [, other]) => other - one)) {
      if (total <= unsentBytesMax * KEPT_SHARE) return;
      if (response === but) continue;
      release(response);
      response.destroy();
    }
  };
  return (response, payload) => {
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return;
    const bytes = payload.length;
    if (bytes < LARGE_BYTES_MIN) return;
    unsent.set(response, bytes);
    total += bytes;
    finished(response, () => release(response));
    if (total > unsentBytesMax) cutOff(response);
  };
};

/** @param refuse replies on the socket itself to a request that is not to be served. */
export const createConnectionGate = (
  refuse: (socket: Socket) => void,
  unsentBytesMax = UNSENT_BYTES_MAX,
): ConnectionGate => {
  const lines = new WeakMap<Socket, Line>();
  const begin = (line: Line, [request, response]: Exchange, handle: RequestListener): void => {
    line.current = response;
    // Joined by joinDuplicateHeaders: a proxy before us may have used the other one.
    if (request.headers.host?.includes(',')) refuse(request.socket);
    else handle(request, response);
  };
  const awaitTurn = (line: Line, handle: RequestListener): void => {
    line.current.once('close', () => {
      const next = line.waiting.shift();
      if (next === undefined || next[0].socket.destroyed) return;
      begin(line, next, handle);
      if (line.waiting.length > 0) awaitTurn(line, handle);
    });
  };
  return {
    serve: (handle) => (request, response) => {
      const { socket } = request;
      // Requests from the same packet still arrive after the connection was cut off.
      if (socket.destroyed) return;
      const line = lines.get(socket);
      if (line === undefined || (line.waiting.length === 0 && isTaken(line.current))) {
        const own = line ?? { current: response, waiting: [] };
        if (line === undefined) lines.set(socket, own);
        begin(own, [request, response], handle);
      } else if (line.waiting.length === WAITING_MAX) {
        line.waiting.length = 0;
        socket.destroy();
      } else if (line.waiting.push([request, response]) === 1) awaitTurn(line, handle);
    },
    note: createBudget(unsentBytesMax),
    endSilent: (socket) => {
      const current = lines.get(socket)?.current;
      // Until a request is complete, the limits of requests hold, with a reply; afterwards those of the stores.
      const isAwaited = current === undefined || (!current.writableEnded && socket.writableLength === 0);
      if (!isAwaited) socket.destroy();
    },
  };
};
