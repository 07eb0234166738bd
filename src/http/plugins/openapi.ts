/** The API described from the zod schemas: /openapi.json for programs, /docs for people. */
import fastifyHelmet from '@fastify/helmet';
import fastifySwagger, { type SwaggerTransformObject } from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import fastifyPlugin from 'fastify-plugin';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';

const DESCRIPTION = `Register a prefix config, take numbers.

The same calls also answer without \`/api\` and under \`/api/v1\`. Errors are problem documents (RFC 9457) with a stable \`code\`.`;

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

/** The schemas of replies would appear a second time as `…Input`, though no request carries them. */
const withoutInputTwins: SwaggerTransformObject = (document) => {
  const description = jsonSchemaTransformObject(document) as OpenAPIV3_1.Document;
  const schemas = description.components?.schemas ?? {};
  for (const name of Object.keys(schemas)) {
    if (name.endsWith('Input') && name.slice(0, -'Input'.length) in schemas) delete schemas[name];
  }
  return description;
};

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
        { name: 'numbers', description: 'Taking numbers' },
        { name: 'reservations', description: 'Numbers of gapless prefixes, taken for a while' },
        { name: 'prefix configs', description: 'How a prefix is numbered' },
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
    transform: createJsonSchemaTransform({ skipList: [] }),
    transformObject: withoutInputTwins,
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
  server.get('/openapi.json', { schema: { hide: true } }, () => server.swagger());
});
