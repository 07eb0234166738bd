/** Errors become replies only here: a problem document without anything internal. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { NotFoundError, NumberGeneratorError, QuotaExceededError, ValidationError } from '../../core/errors.ts';
import { PROBLEM_TYPE, type Problem } from '../schemas/problem.ts';
import { type Wording, wordingOf } from '../wire/error-catalogue.ts';
import { pathOf } from '../wire/path-of.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The status of an unregistered prefix: 400 on calls that take numbers, 404 elsewhere. */
    prefixNotRegisteredStatus?: number;
  }
}

const RETRY_AFTER_SECONDS = '1';

const bodyProblem = (message: string): ValidationError => new ValidationError([{ path: 'body', message }]);

/** The errors that Fastify itself finds in a request, in our codes. */
const fromFastify = (error: FastifyError): NumberGeneratorError => {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new NumberGeneratorError({ code: 'PAYLOAD_TOO_LARGE', params: {} });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new NumberGeneratorError({ code: 'UNSUPPORTED_MEDIA_TYPE', params: {} });
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
      return new NumberGeneratorError({ code: 'INTERNAL', params: { kind: 'fault' } }, { cause: error });
  }
};

const toProblem = ({ code }: NumberGeneratorError, wording: Wording, requestId: string): Problem => ({
  type: `urn:number-generator:problem:${code.toLowerCase().replaceAll('_', '-')}`,
  title: wording.title,
  status: wording.status,
  detail: wording.text,
  code,
  requestId,
  ...(wording.fields.length > 0 && { errors: [...wording.fields] }),
});

/** RFC 6750: a caller with a token learns what is wrong with it, a caller without one only that it is needed. */
const challengeOf = ({ params }: NumberGeneratorError, text: string): string =>
  'hadToken' in params && params.hadToken ? `Bearer error="invalid_token", error_description="${text}"` : 'Bearer';

const wordingFor = (error: NumberGeneratorError, request: FastifyRequest): Wording => {
  const wording = wordingOf(error);
  const status = request.routeOptions.config?.prefixNotRegisteredStatus;
  return error.code === 'PREFIX_NOT_REGISTERED' && status !== undefined ? { ...wording, status } : wording;
};

/** Replies with the problem document of an error, and logs it if the fault is ours. */
const sendProblem = (error: NumberGeneratorError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const wording = wordingFor(error, request);
  const { status, text } = wording;
  if (status === 500) request.log.error({ event: 'internal-error', err: error, cause: error.cause }, text);
  else if (status === 503) {
    const reason = error.cause instanceof Error ? error.cause.message : undefined;
    request.log.warn({ event: 'request-refused', code: error.code, reason }, text);
    reply.header('Retry-After', RETRY_AFTER_SECONDS);
  } else if (error instanceof QuotaExceededError) {
    const { subject } = request.user ?? {};
    request.log.warn(
      { event: 'quota-exceeded', method: request.method, client: request.ip, subject, reason: text },
      'A caller or a prefix has its share',
    );
    if (error.retryAfterS !== undefined) reply.header('Retry-After', `${error.retryAfterS}`);
  } else if (status === 429) {
    const { method, ip: client, user } = request;
    const subject = user?.subject;
    request.log.warn({ event: 'rate-limited', method, path: pathOf(request), client, subject }, text);
    reply.header('Retry-After', RETRY_AFTER_SECONDS);
  } else if (status === 401) reply.header('WWW-Authenticate', challengeOf(error, text));
  return (
    reply
      .code(status)
      // Also where no hook has set it yet.
      .header('X-Request-Id', request.id)
      .header('Cache-Control', 'no-store')
      .type(PROBLEM_TYPE)
      .serializer(JSON.stringify)
      .send(toProblem(error, wording, request.id))
  );
};

/** For requests that Fastify refuses before it has found a route, such as a path with broken percent signs. */
export const replyToFrameworkError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
  sendProblem(fromFastify(error), request, reply);
};

export const errorsPlugin = fastifyPlugin(async (server) => {
  server.setErrorHandler<FastifyError>((error, request, reply) =>
    sendProblem(error instanceof NumberGeneratorError ? error : fromFastify(error), request, reply),
  );
  server.setNotFoundHandler((request, reply) =>
    sendProblem(new NotFoundError({ kind: 'route', method: request.method }), request, reply),
  );
});
