/** Fastify with our limits, before it has any plugin or route. */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { TlsOptions } from '../lib/tls-files.ts';
import { createQueryParser } from './known-queries.ts';
import { replyToFrameworkError } from './plugins/errors.ts';
import { createRequestIds } from './request-ids.ts';
import { createRequestLogger } from './request-logger.ts';
import { PROBLEM_TYPE } from './schemas/problem.ts';

export interface ConnectionOptions {
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  /** Addresses and networks (CIDR) of the proxies whose `X-Forwarded-For` is believed; undefined: nobody's. */
  readonly trustedProxies: readonly string[] | undefined;
  /** In which the headers of a request must have arrived, ms. */
  readonly headersTimeoutMs: number;
  /** In which a whole request must have arrived, ms. */
  readonly requestTimeoutMs: number;
}

const BODY_BYTES_MAX = 64 * 1024;
/** Longer than the 60 s of the usual load balancers, so that they, not we, close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** How often connections are looked at for requests that take too long; Node's 30 s would let each go on for so much longer. */
const LOOK_MS_MAX = 1_000;
const PARAM_LENGTH_MAX = 256;
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

const limitsOf = ({ headersTimeoutMs }: ConnectionOptions) => ({
  headersTimeout: headersTimeoutMs,
  connectionsCheckingInterval: Math.min(LOOK_MS_MAX, headersTimeoutMs),
});

/** Who has no certificate of the authority, where there is one, does not get as far as a request. */
const secured = ({ cert, key, clientCa }: TlsOptions) => ({
  cert,
  key,
  ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
});

export const createBareServer = (logger: FastifyBaseLogger, options: ConnectionOptions): FastifyInstance => {
  const { tls, trustedProxies, requestTimeoutMs } = options;
  const limits = limitsOf(options);
  const nextRequestId = createRequestIds();
  const server = fastify<Server | SecureServer>({
    // Who is connected while the process stops is served, and told to connect elsewhere, instead of refused.
    return503OnClosing: false,
    // Fastify's own lines say what the metrics and our log say, and with them it listens for the end of each reply.
    logger: false,
    childLoggerFactory: (_none, bindings) => createRequestLogger(logger, bindings),
    // A line per request costs 40 % of the throughput; metrics count requests, the log tells what is unusual.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    ...(tls === undefined ? { http: limits } : { https: { ...limits, ...secured(tls) } }),
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
  return server as FastifyInstance;
};
