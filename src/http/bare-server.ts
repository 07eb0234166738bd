/** Fastify with our limits, without any plugin or route. */
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { TlsOptions } from '../lib/tls-files.ts';
import { type ConnectionGate, createConnectionGate } from './connections/connection-gate.ts';
import { replyToFrameworkError } from './plugins/errors.ts';
import { createRequestLogger } from './request-logger.ts';
import { PROBLEM_TYPE } from './schemas/problem.ts';
import { createQueryParser } from './wire/known-queries.ts';
import { createRequestIds } from './wire/request-ids.ts';

export interface ConnectionOptions {
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  /** Addresses and networks (CIDR) of the proxies whose `X-Forwarded-For` is believed; undefined for none. */
  readonly trustedProxies: readonly string[] | undefined;
  /** Time in which the headers of a request must arrive, ms. */
  readonly headersTimeoutMs: number;
  /**
   * Time in which a whole request must arrive, and after which a client that reads nothing of its reply is cut off, ms.
   */
  readonly requestTimeoutMs: number;
  /** Whether closing cuts off all connections. Default: only idle ones. */
  readonly closesAll?: boolean;
}

const BODY_BYTES_MAX = 64 * 1024;
/** Longer than the 60 s of the usual load balancers, so that they, not we, close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/**
 * How often connections are checked for requests that take too long; Node's default would let each run on for half a
 * minute.
 */
const LOOK_MS_MAX = 1_000;
const PARAM_LENGTH_MAX = 256;
/** With forward secrecy only: a key that leaks later does not open recorded traffic. */
const CIPHERS = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
].join(':');
const MALFORMED: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
};

/** Replies to what is not HTTP; there is no request yet, and so no route and no id. */
const refuseMalformed = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const [status, reason] = MALFORMED[error.code ?? ''] ?? [400, 'Bad Request'];
  const requestId = randomUUID();
  const body = JSON.stringify({
    type: 'urn:number-generator:problem:validation-error',
    title: 'Invalid request',
    status,
    detail: 'The request is not valid HTTP, too large, or too slow.',
    code: 'VALIDATION_ERROR',
    requestId,
  });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nX-Request-Id: ${requestId}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
};

/** Refuses a request that is not to be served, and ends its connection. */
const refuse = (socket: Socket): void => refuseMalformed(new Error('Not to be served'), socket);

const limitsOf = ({ headersTimeoutMs, requestTimeoutMs }: ConnectionOptions) => ({
  headersTimeout: headersTimeoutMs,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: Math.min(LOOK_MS_MAX, headersTimeoutMs),
  // Node would take the first of two headers that may be given once only, and ignore the other.
  joinDuplicateHeaders: true,
});

/** With an authority, a client without a certificate of it cannot send a request. */
const secured = ({ cert, key, clientCa }: TlsOptions) => ({
  cert,
  key,
  ciphers: CIPHERS,
  ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
});

/** The server of one address: a host name may stand for several. */
const createListener = (
  options: ConnectionOptions,
  { serve, endSilent }: ConnectionGate,
  handle: RequestListener,
): Server | SecureServer => {
  const { tls, headersTimeoutMs, requestTimeoutMs } = options;
  const limits = limitsOf(options);
  const server =
    tls === undefined
      ? createServer(limits, serve(handle))
      : createSecureServer({ ...limits, ...secured(tls), handshakeTimeout: headersTimeoutMs }, serve(handle));
  // Before Node replies: a client that has not shaken hands cannot read a reply, and waiting for it would keep the
  // socket for good.
  server.prependListener('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  server.setTimeout(requestTimeoutMs, endSilent);
  return server;
};

export const createBareServer = (logger: FastifyBaseLogger, options: ConnectionOptions): FastifyInstance => {
  const { trustedProxies, closesAll = false } = options;
  const nextRequestId = createRequestIds();
  const gate = createConnectionGate(refuse);
  const server = fastify<Server | SecureServer>({
    // While the process stops, connected clients are served and asked to connect elsewhere, instead of refused.
    return503OnClosing: false,
    // Fastify's own lines repeat the metrics and our log, and make it listen for the end of each reply.
    logger: false,
    childLoggerFactory: (_none, bindings) => createRequestLogger(logger, bindings),
    // A line per request costs much of the throughput (docs/measurements.md): metrics count requests, the log has what
    // is unusual.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: BODY_BYTES_MAX,
    serverFactory: (handle) => createListener(options, gate, handle),
    // Set here, because Fastify leaves it to a server factory that is not its own.
    forceCloseConnections: closesAll ? true : 'idle',
    ...(trustedProxies !== undefined && { trustProxy: [...trustedProxies] }),
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: PARAM_LENGTH_MAX,
      querystringParser: createQueryParser(),
    },
    // Except for calls that take numbers: HEAD would take one and throw it away.
    exposeHeadRoutes: true,
    clientErrorHandler: refuseMalformed,
    frameworkErrors: replyToFrameworkError,
    genReqId: nextRequestId,
  });
  server.addHook('onSend', (_request, reply, payload, done) => {
    gate.note(reply.raw, payload);
    done();
  });
  return server as FastifyInstance;
};
