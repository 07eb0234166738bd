/** The calls on API keys: making one, listing them, revoking one. */
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiKey } from '../../core/access/api-key.ts';
import { type Grant, readScopes } from '../../core/access/scopes.ts';
import { ForbiddenError } from '../../core/errors.ts';
import type { ApiKeyService } from '../../services/access/api-key-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import {
  apiKeyBody,
  apiKeyParams,
  apiKeysQuery,
  apiKeysReply,
  createdApiKeyReply,
  toApiKeyReply,
} from '../schemas/api-keys.ts';
import { sends } from '../schemas/headers.ts';
import { encodeCursor } from '../schemas/page.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { securedBy } from '../schemas/security.ts';
import { callerOf } from '../wire/caller.ts';

export interface ApiKeyRoutesOptions {
  readonly apiKeyService: ApiKeyService;
  readonly authorizer: Authorizer;
}

const grantsOf = (scopes: string): readonly Grant[] => readScopes(scopes).grants;

export const apiKeyRoutes: FastifyPluginAsyncZod<ApiKeyRoutesOptions> = async (
  server,
  { apiKeyService, authorizer },
) => {
  const described = (operationId: string, summary: string) => ({
    operationId,
    tags: ['API keys'],
    summary,
    security: securedBy('keys:admin'),
  });

  /** A narrowed administrator sees and revokes only keys that reach no further than their own credential. */
  const manages = (request: FastifyRequest, scopes: string): boolean =>
    grantsOf(scopes).every(({ prefix }) => authorizer.permitsWithin(request, 'keys:admin', prefix));
  const refuse = (request: FastifyRequest, key: ApiKey): void => {
    if (manages(request, key.scopes)) return;
    throw new ForbiddenError({ kind: 'key-reaches-too-far' });
  };

  server.post(
    '/api-keys',
    {
      schema: {
        ...described('createApiKey', 'Make an API key; it is shown this once'),
        ...sends({ 201: ['Cache-Control', 'Location'] }),
        body: apiKeyBody,
        response: {
          ...guardedResponses,
          201: createdApiKeyReply,
        },
      },
      ...authorizer.guard('keys:admin'),
    },
    async (request, reply) => {
      const { scopes } = request.body;
      // A key with more rights than its maker would be an escalation.
      const beyond = grantsOf(scopes).find(({ action, prefix }) => !authorizer.permitsWithin(request, action, prefix));
      if (beyond !== undefined || !manages(request, scopes)) {
        throw new ForbiddenError({ kind: 'key-exceeds-maker' });
      }
      const { key, entry } = await apiKeyService.create(request.body, callerOf(request));
      reply.code(201).header('Cache-Control', 'no-store').header('Location', `${request.routeOptions.url}/${entry.id}`);
      return { ...toApiKeyReply(entry), key };
    },
  );

  server.get(
    '/api-keys',
    {
      schema: {
        ...described('listApiKeys', 'List the API keys in the order of their ids, without the keys themselves'),
        querystring: apiKeysQuery,
        response: { ...guardedResponses, 200: apiKeysReply },
      },
      ...authorizer.guard('keys:admin'),
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const visible = ({ scopes }: ApiKey): boolean => manages(request, scopes);
      const { items, next } = await apiKeyService.list(cursor ?? '', limit, visible);
      return { items: items.map(toApiKeyReply), nextCursor: encodeCursor(next) };
    },
  );

  server.delete(
    '/api-keys/:id',
    {
      schema: {
        ...described('revokeApiKey', 'Revoke an API key: refused here at once, on every node within 5 seconds'),
        params: apiKeyParams,
        response: { ...guardedResponses, 204: z.undefined(), 404: problemResponse('NOT_FOUND') },
      },
      ...authorizer.guard('keys:admin'),
    },
    async (request, reply) => {
      const entry = await apiKeyService.read(request.params.id);
      refuse(request, entry);
      await apiKeyService.revoke(entry, callerOf(request));
      return reply.code(204).send();
    },
  );
};
