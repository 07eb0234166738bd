/** What one connection, and all of them together, may make the process hold: requests that wait, and replies that nobody reads. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';

/** Requests of one connection that wait for the reply before them; one more, and the connection is cut off. */
const WAITING_MAX = 32;
/** What the replies of the whole process may come to that are not wholly taken; beyond, the largest are cut off. */
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;
/** The system takes smaller ones off our hands at once. */
const LARGE_BYTES_MIN = 16 * 1024;
/** How much is left when some were cut off, so that not every reply after them makes us look again. */
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
  /** Serves one request of a connection after the other: the next begins when the system has taken the whole reply. */
  serve(handle: RequestListener): RequestListener;
  /** Is told of each reply before it is written. */
  note(response: ServerResponse, payload: unknown): void;
  /** Cuts off a connection that was silent for too long, unless it is we who are awaited. */
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

/** @param refuse answers on the socket itself a request that is not to be served. */
export const createConnectionGate = (
  refuse: (socket: Socket) => void,
  unsentBytesMax = UNSENT_BYTES_MAX,
): ConnectionGate => {
  const lines = new WeakMap<Socket, Line>();
  const begin = (line: Line, [request, response]: Exchange, handle: RequestListener): void => {
    line.current = response;
    // Joined by joinDuplicateHeaders: who stands before us may have gone by the other one.
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
      // What stood in the same packet is still told of after the connection was cut off.
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
      // Before a request is whole, the limits of requests hold, with an answer; while it is worked on, those of the stores.
      const isAwaited = current === undefined || (!current.writableEnded && socket.writableLength === 0);
      if (!isAwaited) socket.destroy();
    },
  };
};
