/** The API described from the zod schemas: /openapi.json for programs, /docs for people. */
import fastifyHelmet from '@fastify/helmet';
import fastifySwagger, { type SwaggerTransformObject } from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifySchema } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { finishDescription } from '../schemas/api-description.ts';
import { problemResponse } from '../schemas/problem.ts';

const DESCRIPTION = `Register a prefix config, take numbers.

The same calls also answer without \`/api\` and under \`/api/v1\`. Errors are problem documents (RFC 9457) with a stable \`code\`.`;

const describeCall = createJsonSchemaTransform({ skipList: [] });

const QUOTA = ['QUOTA_EXCEEDED'] as const;

/** The replies that every call may give, here once instead of in each route. */
const withCommonAnswers = (schema: FastifySchema, url: string, isUnlimited: boolean): FastifySchema => {
  const response = schema.response as Readonly<Record<string, unknown>>;
  return {
    ...schema,
    response: {
      408: problemResponse('VALIDATION_ERROR'),
      421: problemResponse('MISDIRECTED_REQUEST'),
      431: problemResponse('VALIDATION_ERROR'),
      ...(schema.body !== undefined && {
        413: problemResponse('PAYLOAD_TOO_LARGE'),
        415: problemResponse('UNSUPPORTED_MEDIA_TYPE'),
      }),
      ...(url.startsWith('/api/') && { 403: problemResponse('FORBIDDEN') }),
      ...(!isUnlimited && { 429: problemResponse('RATE_LIMITED', ...(url.startsWith('/api/') ? QUOTA : [])) }),
      ...response,
      ...(schema.security !== undefined && {
        503: problemResponse('STORAGE_UNAVAILABLE', 'STORAGE_TIMEOUT', 'ISSUER_UNAVAILABLE'),
      }),
    },
  };
};

/** The page runs its own scripts and calls this server. Only its styles stand in the page itself. */
const PAGE_RULES = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

const finish: SwaggerTransformObject = (document) =>
  finishDescription(jsonSchemaTransformObject(document) as OpenAPIV3_1.Document);

export const openapiPlugin = fastifyPlugin<{ version: string }>(async (server, { version }) => {
  await server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Number generator',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        // In the order of a first visit: each example finds what those above it made.
        { name: 'prefix configs', description: 'How a prefix is numbered' },
        { name: 'numbers', description: 'Taking numbers' },
        { name: 'reservations', description: 'Numbers of gapless prefixes, taken for a while' },
        { name: 'sequences', description: 'Where counting stands, and what is missing' },
        { name: 'temporary numbers', description: 'Stand-ins from an outage, to be replaced' },
        { name: 'API keys', description: 'Credentials of programs' },
        { name: 'operation', description: 'For probes and monitoring' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    transform: (call) =>
      describeCall({
        ...call,
        schema: withCommonAnswers(call.schema, call.url, call.route.config?.isUnlimited === true),
      }),
    transformObject: finish,
  });
  await server.register(async (pages) => {
    await pages.register(fastifyHelmet, { contentSecurityPolicy: false, strictTransportSecurity: false });
    await pages.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      uiConfig: { docExpansion: 'list', deepLinking: true, layout: 'BaseLayout' },
      theme: { title: 'Number generator' },
      staticCSP: PAGE_RULES,
    });
  });
  let text: string | undefined;
  server.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    // Byte for byte the committed openapi.json: see `npm run openapi`.
    text ??= `${JSON.stringify(server.swagger(), null, 2)}\n`;
    return reply.type('application/json; charset=utf-8').send(text);
  });
});
