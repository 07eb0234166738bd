/** The calls on sequences: where one stands, what is missing and why, moving it forward. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Action } from '../../core/access/scopes.ts';
import type { SequenceService } from '../../services/sequences/sequence-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { encodeCursor } from '../schemas/page.ts';
import { prefixKeyParams, unaimedPrefixKeyParams } from '../schemas/prefix-configs.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import {
  advanceBody,
  closeBody,
  closedPeriodReply,
  gapsQuery,
  gapsReply,
  periodParams,
  sequenceReply,
  toClosureReply,
  toGapReply,
  toSequenceReply,
} from '../schemas/sequences.ts';
import { callerOf } from '../wire/caller.ts';
import { prefixKeyIn, seriesIn } from '../wire/path-series.ts';

export interface SequenceRoutesOptions {
  readonly sequenceService: SequenceService;
  readonly authorizer: Authorizer;
}

const response = {
  ...guardedResponses,
  404: problemResponse('PREFIX_NOT_REGISTERED', 'NOT_FOUND'),
};

export const sequenceRoutes: FastifyPluginAsyncZod<SequenceRoutesOptions> = async (
  server,
  { sequenceService, authorizer },
) => {
  const described = (operationId: string, action: Action, summary: string) => ({
    operationId,
    tags: ['sequences'],
    summary,
    security: securedBy(action),
    params: prefixKeyParams,
  });

  server.get(
    '/sequences/:prefixKey',
    {
      schema: {
        ...described('getSequence', 'configs:read', 'Where a sequence stands'),
        response: { ...response, 200: sequenceReply },
      },
      ...authorizer.guard('configs:read', prefixKeyIn),
    },
    async (request) => toSequenceReply(await sequenceService.read(seriesIn(request))),
  );

  server.get(
    '/sequences/:prefixKey/gaps',
    {
      schema: {
        ...described('listGaps', 'configs:read', 'The gap record: values nobody will ever be given, and why'),
        querystring: gapsQuery,
        response: { ...response, 200: gapsReply },
      },
      ...authorizer.guard('configs:read', prefixKeyIn),
    },
    async (request) => {
      const { period, limit, cursor } = request.query;
      const after = BigInt(cursor ?? 0);
      const { items, next } = await sequenceService.listGaps(seriesIn(request), period, after, limit);
      return { items: items.map(toGapReply), nextCursor: encodeCursor(next?.toString()) };
    },
  );

  server.post(
    '/sequences/:prefixKey/periods/:period/close',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described(
          'closePeriod',
          'sequences:admin',
          'Close a period that is over: no number of it is handed out any more',
        ),
        params: periodParams,
        body: closeBody,
        response: {
          ...response,
          200: closedPeriodReply,
        },
      },
      ...authorizer.guard('sequences:admin', prefixKeyIn),
    },
    async (request) => {
      const { prefixKey, period } = request.params;
      const closure = await sequenceService.closePeriod(
        seriesIn(request),
        period,
        request.body.reason,
        callerOf(request),
      );
      return { prefixKey, period, ...toClosureReply(closure) };
    },
  );

  server.post(
    '/sequences/:prefixKey/advance',
    {
      schema: {
        ...described(
          'advanceSequence',
          'sequences:admin',
          'Move a sequence forward; what is skipped goes to the gap record, or is lost in a ledger',
        ),
        params: unaimedPrefixKeyParams,
        body: advanceBody,
        response: {
          ...response,
          200: sequenceReply,
          409: problemResponse('SEQUENCE_NOT_FORWARD', 'SEQUENCE_OVERFLOW', 'PERIOD_CLOSED'),
        },
      },
      ...authorizer.guard('sequences:admin', prefixKeyIn),
    },
    async (request) =>
      toSequenceReply(await sequenceService.advance(seriesIn(request), request.body, callerOf(request))),
  );
};
