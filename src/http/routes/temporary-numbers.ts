/** The calls on temporary numbers: which wait, and replacing one by a real number. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { TemporaryNumberService } from '../../services/numbers/temporary-number-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { encodeCursor } from '../schemas/page.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import {
  temporaryNumberParams,
  temporaryNumberReply,
  temporaryNumbersQuery,
  temporaryNumbersReply,
  toTemporaryNumberReply,
} from '../schemas/sequences.ts';
import { callerOf } from '../wire/caller.ts';

export interface TemporaryNumberRoutesOptions {
  readonly temporaryNumberService: TemporaryNumberService;
  readonly authorizer: Authorizer;
}

export const temporaryNumberRoutes: FastifyPluginAsyncZod<TemporaryNumberRoutesOptions> = async (
  server,
  { temporaryNumberService, authorizer },
) => {
  const described = (operationId: string, summary: string) => ({
    operationId,
    tags: ['temporary numbers'],
    summary,
    security: securedBy('sequences:admin'),
  });

  server.get(
    '/temporary-numbers',
    {
      schema: {
        ...described('listTemporaryNumbers', 'Temporary numbers that were issued, and what replaced them'),
        querystring: temporaryNumbersQuery,
        response: { ...guardedResponses, 200: temporaryNumbersReply },
      },
      ...authorizer.guard('sequences:admin'),
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const visible = (prefixKey: string): boolean => authorizer.permits(request, 'sequences:admin', prefixKey);
      const { items, next } = await temporaryNumberService.list(cursor ?? '', limit, visible);
      return { items: items.map(toTemporaryNumberReply), nextCursor: encodeCursor(next) };
    },
  );

  server.post(
    '/temporary-numbers/:number/resolve',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described('resolveTemporaryNumber', 'Issue the real number of a temporary one; a repetition gives the same'),
        params: temporaryNumberParams,
        response: {
          ...guardedResponses,
          200: temporaryNumberReply,
          404: problemResponse('NOT_FOUND', 'PREFIX_NOT_REGISTERED'),
          409: problemResponse('SEQUENCE_OVERFLOW'),
        },
      },
      ...authorizer.guard('sequences:admin'),
    },
    async (request) => {
      const { number } = request.params;
      const { prefixKey } = await temporaryNumberService.find(number);
      authorizer.require(request, 'sequences:admin', prefixKey);
      return toTemporaryNumberReply(await temporaryNumberService.resolve(number, callerOf(request)));
    },
  );
};
