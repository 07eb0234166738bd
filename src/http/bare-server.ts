/** Fastify with our limits, before it has any plugin or route. */
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
  /** Addresses and networks (CIDR) of the proxies whose `X-Forwarded-For` is believed; undefined: nobody's. */
  readonly trustedProxies: readonly string[] | undefined;
  /** In which the headers of a request must have arrived, ms. */
  readonly headersTimeoutMs: number;
  /** In which a whole request must have arrived, and after which a reader who takes nothing of his reply is cut off, ms. */
  readonly requestTimeoutMs: number;
  /** Whether closing cuts off who is still connected. Default: only who is idle. */
  readonly closesAll?: boolean;
}

const BODY_BYTES_MAX = 64 * 1024;
/** Longer than the 60 s of the usual load balancers, so that they, not we, close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** How often connections are looked at for requests that take too long; Node's 30 s would let each go on for so much longer. */
const LOOK_MS_MAX = 1_000;
const PARAM_LENGTH_MAX = 256;
/** With forward secrecy only: who gets hold of the key later cannot read what was recorded before. */
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

/** Answers what is not even HTTP; there is no request yet, and so no route and no id. */
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

/** Answers what is not to be served, by a connection that is ended with it. */
const refuse = (socket: Socket): void => refuseMalformed(new Error('Not to be served'), socket);

const limitsOf = ({ headersTimeoutMs, requestTimeoutMs }: ConnectionOptions) => ({
  headersTimeout: headersTimeoutMs,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: Math.min(LOOK_MS_MAX, headersTimeoutMs),
  // Of a header that may be given once only, Node would take the first and say nothing of the other.
  joinDuplicateHeaders: true,
});

/** Who has no certificate of the authority, where there is one, does not get as far as a request. */
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
  // Before Node asks for an answer: who has not shaken hands cannot read one, and waiting for that keeps the socket for good.
  server.prependListener('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  server.setTimeout(requestTimeoutMs, endSilent);
  return server;
};

export const createBareServer = (logger: FastifyBaseLogger, options: ConnectionOptions): FastifyInstance => {
  const { trustedProxies, closesAll = false } = options;
  const nextRequestId = createRequestIds();
  const gate = createConnectionGate(refuse);
  const server = fastify<Server | SecureServer>({
    // Who is connected while the process stops is served, and told to connect elsewhere, instead of refused.
    return503OnClosing: false,
    // Fastify's own lines say what the metrics and our log say, and with them it listens for the end of each reply.
    logger: false,
    childLoggerFactory: (_none, bindings) => createRequestLogger(logger, bindings),
    // A line per request costs 40 % of the throughput; metrics count requests, the log tells what is unusual.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: BODY_BYTES_MAX,
    serverFactory: (handle) => createListener(options, gate, handle),
    // Said, for Fastify would leave it to a factory that is not its own.
    forceCloseConnections: closesAll ? true : 'idle',
    ...(trustedProxies !== undefined && { trustProxy: [...trustedProxies] }),
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: PARAM_LENGTH_MAX,
      querystringParser: createQueryParser(),
    },
    // But for calls that take numbers: HEAD on one would take one and throw it away.
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
