/** The HTTP server: its limits, its plugins and its routes. It does not listen yet. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ValidationError } from '../core/errors.ts';
import { fieldProblemsOf } from '../core/field-problems.ts';
import type { NumberService } from '../services/number-service.ts';
import type { PrefixConfigService } from '../services/prefix-config-service.ts';
import type { ReadingService } from '../services/reading-service.ts';
import type { ReportService } from '../services/report-service.ts';
import type { ReservationService } from '../services/reservation-service.ts';
import type { SequenceService } from '../services/sequence-service.ts';
import type { TemplateService } from '../services/template-service.ts';
import type { TemporaryNumberService } from '../services/temporary-number-service.ts';
import { createAuthorizer } from './plugins/auth.ts';
import { errorsPlugin, replyToFrameworkError } from './plugins/errors.ts';
import { metricsPlugin, type RequestMetrics } from './plugins/metrics.ts';
import { openapiPlugin } from './plugins/openapi.ts';
import { createRequestLogger } from './request-logger.ts';
import { apiRoutes } from './routes/api.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';
import { type MetricsRoutesOptions, metricsRoutes } from './routes/metrics.ts';
import { PROBLEM_TYPE } from './schemas/problem.ts';

export interface ServerOptions {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly numberService: NumberService;
  readonly prefixConfigService: PrefixConfigService;
  readonly reservationService: ReservationService;
  readonly sequenceService: SequenceService;
  readonly reportService: ReportService;
  readonly templateService: TemplateService;
  readonly readingService: ReadingService;
  readonly temporaryNumberService: TemporaryNumberService;
  readonly metrics: RequestMetrics & MetricsRoutesOptions;
  /** Whether `/metrics` is served here; else it has a server of its own. */
  readonly showsMetrics: boolean;
  readonly health: HealthOptions;
  /** The key of the tokens; undefined switches authorization off. */
  readonly jwtSecret: string | undefined;
  /** Whether taking numbers needs a token too. */
  readonly numbersAuth: 'open' | 'required';
}

const BODY_BYTES_MAX = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the 60 s of the usual load balancers, so that they, not we, close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const PARAM_LENGTH_MAX = 256;
const MALFORMED: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
};
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The canonical prefix first; the others serve clients written from the original brief. */
const URL_PREFIXES = ['/api', '', '/api/v1'];

const ROOT_NAMES: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

/** Answers what is not even HTTP; there is no request yet, and so no route and no id. */
const refuseMalformed = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const [status, reason] = MALFORMED[error.code ?? ''] ?? [400, 'Bad Request'];
  const body = JSON.stringify({
    type: 'urn:number-generator:problem:validation-error',
    title: 'Invalid request',
    status,
    detail: 'The request is not valid HTTP, too large, or too slow.',
    code: 'VALIDATION_ERROR',
    requestId: randomUUID(),
  });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
};

const createFastify = (logger: FastifyBaseLogger): FastifyInstance =>
  fastify({
    // Who is connected while the process stops is served, and told to connect elsewhere, instead of refused.
    return503OnClosing: false,
    // Fastify's own lines say what the metrics and our log say, and with them it listens for the end of each reply.
    logger: false,
    childLoggerFactory: (_none, bindings) => createRequestLogger(logger, bindings),
    // A line per request costs 40 % of the throughput; metrics count requests, the log tells what is unusual.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // HEAD on a call that takes numbers would take one and throw it away.
    exposeHeadRoutes: false,
    clientErrorHandler: refuseMalformed,
    frameworkErrors: replyToFrameworkError,
    // Strangers' ids are accepted only when they cannot break a log line.
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
  });

/** Builds the server, ready to `listen` or `inject`. */
export const createServer = async (options: ServerOptions): Promise<FastifyInstance> => {
  const server = createFastify(options.logger);
  server.removeContentTypeParser('text/plain');
  server.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => {
    // Schemas describe the headers; who needs one reads it. Validated, all of them would be copied for each request.
    if (httpPart === 'headers') return () => true;
    return (data) => {
      const parsed = schema.safeParse(data);
      if (parsed.success) return { value: parsed.data };
      return {
        error: new ValidationError(fieldProblemsOf(parsed.error.issues, ROOT_NAMES[httpPart ?? ''] ?? 'request')),
      };
    };
  });
  server.setSerializerCompiler(serializerCompiler);

  await server.register(errorsPlugin);
  await server.register(metricsPlugin, options.metrics);
  await server.register(openapiPlugin, { version: options.version });
  const authorizer = await createAuthorizer(server, { jwtSecret: options.jwtSecret });
  await server.register(healthRoutes, options.health);
  if (options.showsMetrics) await server.register(metricsRoutes, options.metrics);
  for (const prefix of URL_PREFIXES) {
    const documented = prefix === URL_PREFIXES[0];
    await server.register(apiRoutes, { ...options, authorizer, documented, prefix });
  }
  return server;
};
