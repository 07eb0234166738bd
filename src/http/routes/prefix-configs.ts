/** The calls on prefix configs: register, replace, change, read, list, remove. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod, ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Action } from '../../core/access/scopes.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import {
  prefixConfigBodySchema,
  prefixConfigPatchSchema,
  resetBetween,
} from '../../core/prefix-config/prefix-config-body.ts';
import { prefixKeySchema } from '../../core/prefix-config/prefix-config-fields.ts';
import { EXAMPLE } from '../../core/schema-marks.ts';
import type { Changer, PrefixConfigService } from '../../services/prefix-configs/prefix-config-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { sends } from '../schemas/headers.ts';
import { encodeCursor } from '../schemas/page.ts';
import {
  configPageReply,
  configReply,
  listQuery,
  prefixKeyParams,
  toConfigReply,
  unaimedPrefixKeyParams,
  writtenConfigReply,
} from '../schemas/prefix-configs.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import { reason } from '../schemas/sequences.ts';
import { callerOf } from '../wire/caller.ts';
import { ifMatch, readIfMatch, refuseOther } from '../wire/change-condition.ts';
import { createJsonReader } from '../wire/json-bodies.ts';
import { prefixKeyIn, seriesIn } from '../wire/path-series.ts';

export interface PrefixConfigRoutesOptions {
  readonly prefixConfigService: PrefixConfigService;
  readonly authorizer: Authorizer;
}

/** RFC 7396. */
const MERGE_PATCH = 'application/merge-patch+json';

/** Room for a reply that names the too long field, instead of one that only says "too large". */
const BODY_BYTES_MAX = 2 * 1024 * 1024;

const foundResponse = { ...guardedResponses, 404: problemResponse('PREFIX_NOT_REGISTERED') };

const WRITES = [
  { method: 'PUT', operationId: 'registerPrefix', params: prefixKeyParams },
  // Its example is another prefix, the one that the examples of the reservations are about.
  {
    method: 'POST',
    operationId: 'registerPrefixByPost',
    params: z.strictObject({ prefixKey: prefixKeySchema.meta({ examples: ['BOOK'] }) }),
    [EXAMPLE]: { format: 'BOOK-{SEQ:6}', strategy: 'gapless' },
  },
] as const;

/** Not in the body, which is only the config. */
const changeQuery = z.strictObject({ reason: reason.optional() });

const withETag = (reply: FastifyReply, config: PrefixConfig): ReturnType<typeof toConfigReply> => {
  reply.header('ETag', `"${config.version}"`);
  return toConfigReply(config);
};

const described = (operationId: string, action: Action, summary: string) => ({
  operationId,
  tags: ['prefix configs'],
  summary,
  security: securedBy(action),
});

const writeResponse = {
  ...foundResponse,
  200: writtenConfigReply,
  400: problemResponse('VALIDATION_ERROR', 'INVALID_FORMAT', 'INVALID_LENGTH'),
  409: problemResponse('PREFIX_ALREADY_EXISTS', 'FORMAT_COLLISION'),
  412: problemResponse('VERSION_CONFLICT'),
};

export const prefixConfigRoutes: FastifyPluginAsyncZod<PrefixConfigRoutesOptions> = async (
  server,
  { prefixConfigService, authorizer },
) => {
  const by = (request: FastifyRequest<{ Querystring: z.output<typeof changeQuery> }>): Changer => ({
    ...callerOf(request),
    reason: request.query.reason,
    mayRead: (other) => authorizer.permits(request, 'configs:read', other),
  });

  // Two routes, not one with two methods, so that the metrics tell them apart.
  for (const { method, params, ...call } of WRITES) {
    server.route({
      method,
      url: '/prefix-configs/:prefixKey',
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        ...described(call.operationId, 'configs:write', 'Register a prefix config, or change it with If-Match'),
        ...call,
        ...sends({ 200: ['ETag'] }),
        params,
        headers: ifMatch('The ETag of the config to change. Without it the call registers.'),
        querystring: changeQuery,
        body: prefixConfigBodySchema,
        response: writeResponse,
      },
      ...authorizer.guard('configs:write', prefixKeyIn),
      handler: async (request, reply) => {
        const expectedVersion = readIfMatch(request.headers['if-match']);
        const { prefixKey } = request.params;
        const { said, given, input } = request.body;
        refuseOther(said, prefixKey, expectedVersion);
        if (expectedVersion === undefined) {
          const config = await prefixConfigService.register(seriesIn(request), input, by(request));
          return { status: 'registered' as const, ...withETag(reply, config) };
        }
        const { config, before } = await prefixConfigService.update(
          seriesIn(request),
          input,
          expectedVersion,
          by(request),
        );
        const resetToDefaults = before === undefined ? [] : resetBetween(before, config, given);
        return {
          status: 'updated' as const,
          ...withETag(reply, config),
          ...(resetToDefaults.length > 0 && { resetToDefaults }),
        };
      },
    });
  }

  await server.register(async (patching) => {
    patching.addContentTypeParser(MERGE_PATCH, { parseAs: 'string' }, createJsonReader(patching));
    patching.withTypeProvider<ZodTypeProvider>().patch(
      '/prefix-configs/:prefixKey',
      {
        bodyLimit: BODY_BYTES_MAX,
        schema: {
          ...described('patchPrefix', 'configs:write', 'Change fields of a prefix config, and leave the others'),
          ...sends({ 200: ['ETag'] }),
          consumes: [MERGE_PATCH, 'application/json'],
          params: prefixKeyParams,
          headers: ifMatch('The ETag of the config to change. Without it, or with *, whatever its version is.'),
          querystring: changeQuery,
          body: prefixConfigPatchSchema,
          response: {
            ...foundResponse,
            200: writtenConfigReply,
            400: problemResponse('VALIDATION_ERROR', 'INVALID_FORMAT', 'INVALID_LENGTH'),
            409: problemResponse('FORMAT_COLLISION'),
            412: problemResponse('VERSION_CONFLICT'),
          },
        },
        ...authorizer.guard('configs:write', prefixKeyIn),
      },
      async (request, reply) => {
        const expectedVersion = readIfMatch(request.headers['if-match']) ?? 'any';
        const { prefixKey } = request.params;
        const { said, patch } = request.body;
        refuseOther(said, prefixKey, expectedVersion);
        const { config, before } = await prefixConfigService.patch(
          seriesIn(request),
          patch,
          expectedVersion,
          by(request),
        );
        const status = config === before ? ('unchanged' as const) : ('updated' as const);
        return { status, ...withETag(reply, config) };
      },
    );
  });

  server.get(
    '/prefix-configs/:prefixKey',
    {
      schema: {
        ...described('getPrefix', 'configs:read', 'Read a prefix config'),
        ...sends({ 200: ['ETag'] }),
        params: prefixKeyParams,
        response: { ...foundResponse, 200: configReply },
      },
      ...authorizer.guard('configs:read', prefixKeyIn),
    },
    async (request, reply) => withETag(reply, await prefixConfigService.read(seriesIn(request))),
  );

  server.get(
    '/prefix-configs',
    {
      schema: {
        ...described('listPrefixes', 'configs:read', 'List the prefix configs in the order of their keys'),
        querystring: listQuery,
        response: { ...guardedResponses, 200: configPageReply },
      },
      ...authorizer.guard('configs:read'),
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const visible = (prefixKey: string): boolean => authorizer.permits(request, 'configs:read', prefixKey);
      const { items, next } = await prefixConfigService.list(cursor ?? '', limit, visible);
      return { items: items.map(toConfigReply), nextCursor: encodeCursor(next) };
    },
  );

  server.delete(
    '/prefix-configs/:prefixKey',
    {
      schema: {
        ...described('removePrefix', 'configs:write', 'Remove a prefix config; its counter and its history are kept'),
        params: unaimedPrefixKeyParams,
        headers: ifMatch(
          'The ETag of the config to remove. Without it, or with *, the config is removed whatever its version is.',
        ),
        querystring: changeQuery,
        response: { ...foundResponse, 204: z.undefined(), 412: problemResponse('VERSION_CONFLICT') },
      },
      ...authorizer.guard('configs:write', prefixKeyIn),
    },
    async (request, reply) => {
      const expectedVersion = readIfMatch(request.headers['if-match']) ?? 'any';
      await prefixConfigService.remove(seriesIn(request), expectedVersion, by(request));
      return reply.code(204).send();
    },
  );
};
