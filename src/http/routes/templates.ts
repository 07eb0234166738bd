/** The calls that take no number: the meaning of a template, a preview of the next number, and reading a number. */
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { prefixConfigBodySchema } from '../../core/prefix-config/prefix-config-body.ts';
import type { NumberLookupService } from '../../services/completeness/number-lookup-service.ts';
import type { TemplateService } from '../../services/prefix-configs/template-service.ts';
import type { SequenceService } from '../../services/sequences/sequence-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { prefixKeyParams } from '../schemas/prefix-configs.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import {
  parseBody,
  parseReply,
  previewQuery,
  previewReply,
  templateQuery,
  templateReply,
  toParseReply,
  toPreviewReply,
  toTemplateReply,
} from '../schemas/templates.ts';
import { prefixKeyIn, seriesIn } from '../wire/path-series.ts';

export interface TemplateRoutesOptions {
  readonly templateService: TemplateService;
  readonly numberLookupService: NumberLookupService;
  readonly sequenceService: Pick<SequenceService, 'preview'>;
  readonly authorizer: Authorizer;
}

const response = {
  ...guardedResponses,
  404: problemResponse('PREFIX_NOT_REGISTERED'),
};

export const templateRoutes: FastifyPluginAsyncZod<TemplateRoutesOptions> = async (
  server,
  { templateService, numberLookupService, sequenceService, authorizer },
) => {
  const described = (operationId: string, tag: string, summary: string) => ({
    operationId,
    tags: [tag],
    summary,
    security: securedBy('configs:read'),
  });

  server.get(
    '/prefix-configs/:prefixKey/preview',
    {
      schema: {
        ...described('previewNumber', 'prefix configs', 'What the next number would be, without taking it'),
        params: prefixKeyParams,
        querystring: previewQuery,
        response: { ...response, 200: previewReply, 409: problemResponse('SEQUENCE_OVERFLOW') },
      },
      ...authorizer.guard('configs:read', prefixKeyIn),
    },
    async (request) => toPreviewReply(await sequenceService.preview(seriesIn(request), request.query.variables)),
  );

  server.post(
    '/templates/validate',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described(
          'validateTemplate',
          'prefix configs',
          'What a template means; the body is that of a registration, nothing is stored',
        ),
        querystring: templateQuery,
        body: prefixConfigBodySchema,
        response: {
          ...response,

          200: templateReply,
          400: problemResponse('VALIDATION_ERROR', 'INVALID_FORMAT', 'INVALID_LENGTH'),
        },
      },
      ...authorizer.guard('configs:read', (request) => (request.query as { prefixKey?: string }).prefixKey),
    },
    async ({ query, body }) => toTemplateReply(templateService.explain(query.prefixKey ?? 'PREFIX', body.input)),
  );

  const visibleTo =
    (request: FastifyRequest) =>
    (prefixKey: string): boolean =>
      authorizer.permits(request, 'configs:read', prefixKey);

  server.post(
    '/numbers/parse',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described(
          'parseNumber',
          'numbers',
          'Which prefix, period and value a number is of, and whether it was issued',
        ),
        body: parseBody,
        response: { ...response, 200: parseReply },
      },
      ...authorizer.guard('configs:read', (request) => (request.body as { prefixKey?: string }).prefixKey),
    },
    async (request) => {
      const { number, prefixKey } = request.body;
      return toParseReply(await numberLookupService.read(number, prefixKey, visibleTo(request)));
    },
  );
};
