/** Errors become replies here and nowhere else: one problem document, and nothing internal in it. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import {
  type ErrorCode,
  NotFoundError,
  NumberGeneratorError,
  QuotaExceededError,
  UnauthorizedError,
  ValidationError,
} from '../../core/errors.ts';
import { PROBLEM_TYPE, type Problem } from '../schemas/problem.ts';
import { pathOf } from '../wire/path-of.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** On calls that take numbers an unregistered prefix is the caller's mistake (400), elsewhere a thing not found (404). */
    prefixNotRegisteredStatus?: number;
  }
}

/** Exhaustive: a new code does not compile until it has a status. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  VALIDATION_ERROR: 400,
  INVALID_FORMAT: 400,
  INVALID_LENGTH: 400,
  PREFIX_NOT_REGISTERED: 404,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  MISDIRECTED_REQUEST: 421,
  PREFIX_ALREADY_EXISTS: 409,
  FORMAT_COLLISION: 409,
  RESERVATION_ENDED: 409,
  SEQUENCE_NOT_FORWARD: 409,
  SEQUENCE_OVERFLOW: 409,
  PERIOD_CLOSED: 409,
  VERSION_CONFLICT: 412,
  IDEMPOTENCY_CONFLICT: 422,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  ISSUER_UNAVAILABLE: 503,
  STORAGE_UNAVAILABLE: 503,
  STORAGE_TIMEOUT: 503,
  CLOCK_BEHIND: 503,
  INTERNAL: 500,
};

const RETRY_AFTER_SECONDS = '1';

const bodyProblem = (message: string): ValidationError => new ValidationError([{ path: 'body', message }]);

/** What Fastify itself finds wrong with a request, in our codes. */
const fromFastify = (error: FastifyError): NumberGeneratorError => {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new NumberGeneratorError(
        'PAYLOAD_TOO_LARGE',
        'Payload too large',
        'The request body is larger than this call takes.',
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new NumberGeneratorError(
        'UNSUPPORTED_MEDIA_TYPE',
        'Unsupported media type',
        'Send the body as JSON, with the header Content-Type: application/json.',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return bodyProblem('Empty, but announced as JSON');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return bodyProblem('Its length differs from the Content-Length');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ValidationError([{ path: 'url', message: 'Too long' }]);
    case 'FST_ERR_BAD_URL':
      return new ValidationError([{ path: 'url', message: 'Not a valid URL path' }]);
    default:
      // The JSON parser's complaints, `__proto__` in the body among them, come as plain 400s.
      if (error.statusCode === 400) return bodyProblem('Not valid JSON, or with a forbidden key such as __proto__');
      return new NumberGeneratorError(
        'INTERNAL',
        'Internal error',
        'Something went wrong here. The log has the details.',
        {
          cause: error,
        },
      );
  }
};

const toProblem = (error: NumberGeneratorError, status: number, requestId: string): Problem => ({
  type: `urn:number-generator:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
  title: error.title,
  status,
  detail: error.message,
  code: error.code,
  requestId,
  ...(error.fields.length > 0 && { errors: [...error.fields] }),
});

/** After RFC 6750: who sent a token is told what is wrong with it, who sent none is told nothing but that one is needed. */
const challengeOf = (error: NumberGeneratorError): string =>
  error instanceof UnauthorizedError && error.hadToken
    ? `Bearer error="invalid_token", error_description="${error.message}"`
    : 'Bearer';

/** Replies with the problem document of an error, and logs what is our own fault. */
const sendProblem = (error: NumberGeneratorError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const missingStatus = request.routeOptions.config?.prefixNotRegisteredStatus;
  const status =
    error.code === 'PREFIX_NOT_REGISTERED' && missingStatus !== undefined ? missingStatus : STATUS[error.code];
  if (status === 500) request.log.error({ event: 'internal-error', err: error, cause: error.cause }, error.message);
  else if (status === 503) {
    const reason = error.cause instanceof Error ? error.cause.message : undefined;
    request.log.warn({ event: 'request-refused', code: error.code, reason }, error.message);
    reply.header('Retry-After', RETRY_AFTER_SECONDS);
  } else if (error instanceof QuotaExceededError) {
    const { subject } = request.user ?? {};
    request.log.warn(
      { event: 'quota-exceeded', method: request.method, client: request.ip, subject, reason: error.message },
      'A caller or a prefix has its share',
    );
    if (error.retryAfterS !== undefined) reply.header('Retry-After', `${error.retryAfterS}`);
  } else if (status === 429) {
    const { method, ip: client, user } = request;
    const subject = user?.subject;
    request.log.warn({ event: 'rate-limited', method, path: pathOf(request), client, subject }, error.message);
    reply.header('Retry-After', RETRY_AFTER_SECONDS);
  } else if (status === 401) reply.header('WWW-Authenticate', challengeOf(error));
  return (
    reply
      .code(status)
      // Also where no hook has come to set it.
      .header('X-Request-Id', request.id)
      .header('Cache-Control', 'no-store')
      .type(PROBLEM_TYPE)
      .serializer(JSON.stringify)
      .send(toProblem(error, status, request.id))
  );
};

/** For what Fastify refuses before it has found a route, such as a path with broken percent signs. */
export const replyToFrameworkError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
  sendProblem(fromFastify(error), request, reply);
};

export const errorsPlugin = fastifyPlugin(async (server) => {
  server.setErrorHandler<FastifyError>((error, request, reply) =>
    sendProblem(error instanceof NumberGeneratorError ? error : fromFastify(error), request, reply),
  );
  server.setNotFoundHandler((request, reply) => sendProblem(new NotFoundError(request.method), request, reply));
});
