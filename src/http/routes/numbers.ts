/** The calls that take numbers. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ForbiddenError } from '../../core/errors.ts';
import { type SeriesId, seriesOf } from '../../core/values/sequence-id.ts';
import type { IssueOptions, NumberService } from '../../services/numbers/number-service.ts';
import { type Authorizer, logRefusal, type RouteGuard } from '../plugins/auth.ts';
import { sends } from '../schemas/headers.ts';
import { countQuery, idempotencyHeaders, numbersBody, numbersQuery, numbersReply } from '../schemas/numbers.ts';
import { prefixKeyParams } from '../schemas/prefix-configs.ts';
import { problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import { callerOf } from '../wire/caller.ts';
import { identifyRequest, type Payload, readIdempotencyKey } from '../wire/idempotency-key.ts';
import { createNumberListWriter, listInTurns } from '../wire/number-list.ts';

export interface NumberRoutesOptions {
  readonly numberService: NumberService;
  readonly authorizer: Authorizer;
  /** `open`: to everybody; a credential that is sent must verify all the same. */
  readonly numbersAuth: 'open' | 'required';
  /** How many numbers a stranger may take in one request; undefined for as many as any caller. */
  readonly openCountMax: number | undefined;
}

const BODY_BYTES_MAX = 64 * 1024;
/** Around a list, which is sent as it is written. */
const AROUND_LIST = { before: '{"numbers":', after: '}' };
/** One for all paths of the calls: each has a desk of its own, and V8 optimises a function best that is one closure. */
const writeNumberList = createNumberListWriter();

const response = {
  200: numbersReply,
  400: problemResponse('VALIDATION_ERROR', 'PREFIX_NOT_REGISTERED'),
  401: problemResponse('UNAUTHORIZED'),
  403: problemResponse('FORBIDDEN'),
  409: problemResponse('SEQUENCE_OVERFLOW', 'PERIOD_CLOSED'),
  422: problemResponse('IDEMPOTENCY_CONFLICT'),
  500: problemResponse('INTERNAL'),
  503: problemResponse('STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT', 'CLOCK_BEHIND'),
};

export const numberRoutes: FastifyPluginAsyncZod<NumberRoutesOptions> = async (
  server,
  { numberService, authorizer, numbersAuth, openCountMax = Number.POSITIVE_INFINITY },
) => {
  const config = { prefixNotRegisteredStatus: 400, idempotencyKey: 'honoured' as const };
  const weighed = (part: 'query' | 'body') => ({
    ...config,
    weightOf: (request: FastifyRequest): number => (request[part] as { count?: number }).count ?? 1,
  });
  // Replies here have no more fields than the schema describes.
  const serializerCompiler = () => JSON.stringify;
  const guardBy = (part: 'query' | 'params' | 'body'): RouteGuard =>
    numbersAuth === 'open'
      ? authorizer.verify
      : authorizer.guard('numbers:issue', (request) => (request[part] as { prefixKey: string }).prefixKey);
  const schema = (operationId: string, summary: string) => ({
    operationId,
    tags: ['numbers'],
    summary,
    headers: idempotencyHeaders,
    ...sends({ 200: ['Cache-Control', 'X-Number-Source'] }),
    response,
    ...(numbersAuth === 'required' && { security: securedBy('numbers:issue') }),
  });

  /** A number that was taken never comes again: strangers take few at a time. */
  const refuseManyToStrangers = (request: FastifyRequest, count: number): void => {
    if (count <= openCountMax || request.user?.subject !== undefined) return;
    logRefusal(request, 'forbidden', `more than ${openCountMax} numbers without a token`);
    throw new ForbiddenError({ kind: 'open-count', countMax: openCountMax });
  };

  const issueMany = async (
    reply: FastifyReply,
    series: SeriesId,
    count: number,
    options: IssueOptions,
  ): Promise<z.output<typeof numbersReply>> => {
    const issued = await numberService.issueMany(series, count, options);
    reply.header('X-Number-Source', issued.source);
    if ('ranges' in issued) {
      const { ranges, print } = issued;
      const list = writeNumberList(ranges, print, AROUND_LIST) ?? (await listInTurns(ranges, print, AROUND_LIST));
      return reply.type('application/json; charset=utf-8').send(list) as never;
    }
    const numbers = [...issued.numbers];
    return issued.source === 'temporary' ? { numbers, temporary: true } : { numbers };
  };

  const issue = async (
    request: FastifyRequest,
    reply: FastifyReply,
    payload: Payload,
  ): Promise<z.output<typeof numbersReply>> => {
    const { prefixKey, count, variables, date } = payload;
    refuseManyToStrangers(request, count ?? 1);
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const receipt = key === undefined ? undefined : identifyRequest(key, request.user?.subject, payload);
    const options = { variables, date, receipt, caller: callerOf(request) };
    // A number belongs to one caller: a cache must never give it to another.
    reply.header('Cache-Control', 'no-store');
    if (count !== undefined) {
      return issueMany(reply, seriesOf(prefixKey), count, options);
    }
    const { numbers, source } = await numberService.issue(seriesOf(prefixKey), 1, options);
    reply.header('X-Number-Source', source);
    const number = numbers[0] ?? '';
    return source === 'temporary' ? { number, temporary: true } : { number };
  };

  server.get(
    '/numbers',
    {
      exposeHeadRoute: false,
      config: weighed('query'),
      serializerCompiler,
      schema: { ...schema('takeNumber', 'Take the next number, or several'), querystring: numbersQuery },
      ...guardBy('query'),
    },
    (request, reply) => issue(request, reply, request.query),
  );
  server.get(
    '/numbers/:prefixKey',
    {
      exposeHeadRoute: false,
      config: weighed('query'),
      serializerCompiler,
      schema: {
        ...schema('takeNumberOf', 'Take the next number, or several'),
        params: prefixKeyParams,
        querystring: countQuery,
      },
      ...guardBy('params'),
    },
    (request, reply) => issue(request, reply, { ...request.query, ...request.params }),
  );
  server.post(
    '/numbers',
    {
      config: weighed('body'),
      serializerCompiler,
      bodyLimit: BODY_BYTES_MAX,
      schema: { ...schema('takeNumbers', 'Take the next number, or several'), body: numbersBody },
      ...guardBy('body'),
    },
    (request, reply) => issue(request, reply, request.body),
  );
};
