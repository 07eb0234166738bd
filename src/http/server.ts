/** The HTTP server: its plugins and its routes. It does not listen yet. */
import type { FastifyBaseLogger, FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { TokenKeys } from '../access/authenticator.ts';
import { ValidationError } from '../core/errors.ts';
import { fieldProblemsOf } from '../core/field-problems.ts';
import type { Services } from '../services/services.ts';
import { type ConnectionOptions, createBareServer } from './bare-server.ts';
import { type Authorizer, createAuthorizer } from './plugins/auth.ts';
import { type BrowserRulesOptions, browserRulesPlugin, corsPlugin } from './plugins/browser-rules.ts';
import { errorsPlugin } from './plugins/errors.ts';
import { addHttpManners } from './plugins/http-manners.ts';
import { knownRoutesPlugin } from './plugins/known-routes.ts';
import { metricsPlugin, type RequestMetrics } from './plugins/metrics.ts';
import { openapiPlugin } from './plugins/openapi.ts';
import type { RateLimit } from './plugins/rate-limit.ts';
import { strictInputPlugin } from './plugins/strict-input.ts';
import { type RequestTracing, tracingPlugin } from './plugins/tracing.ts';
import { apiRoutes } from './routes/api.ts';
import { frontPageRoutes } from './routes/front-page.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';
import { type MetricsSource, metricsRoutes } from './routes/metrics.ts';
import { createJsonReader } from './wire/json-bodies.ts';
import { rememberReading } from './wire/known-queries.ts';

export interface ServerOptions extends Services {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly metrics: RequestMetrics & MetricsSource;
  /** Whether `/metrics` is served here; otherwise it has a server of its own. */
  readonly showsMetrics: boolean;
  /** Whether `/metrics` needs a token too, with the right to read prefix configs. */
  readonly metricsAuth: 'open' | 'required';
  /** Undefined without tracing; then there is no hook for it. */
  readonly tracing: RequestTracing | undefined;
  readonly health: HealthOptions;
  /** What tokens are verified with; undefined switches authorization off. */
  readonly tokenKeys: TokenKeys | undefined;
  /** Whether taking numbers needs a token too. */
  readonly numbersAuth: 'open' | 'required';
  /** How many numbers a stranger may take in one request; undefined for as many as any caller. */
  readonly openCountMax: number | undefined;
  /** Undefined without a limit. */
  readonly rateLimit: RateLimit | undefined;
  readonly connections: ConnectionOptions;
  readonly corsOrigins: BrowserRulesOptions['corsOrigins'];
}

/** The canonical prefix first; the others serve clients written from the original brief. */
const URL_PREFIXES = ['/api', '', '/api/v1'];

const EVERY_PREFIX = { startsWith: '' };

const ROOT_NAMES: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

/** Loaded only where there is a limit, like stores where they are used. */
const openRateLimit = async (
  server: FastifyInstance,
  limit: RateLimit,
  authorizer: Authorizer,
): Promise<onRequestAsyncHookHandler> => {
  const { createRateLimit } = await import('./plugins/rate-limit.ts');
  return createRateLimit(server, limit, authorizer);
};

/** Builds the server, ready to `listen` or `inject`. */
export const createServer = async (options: ServerOptions): Promise<FastifyInstance> => {
  const server = createBareServer(options.logger, options.connections);
  server.removeContentTypeParser('text/plain');
  // The schema reports a required body that is missing.
  server.addContentTypeParser('application/json', { parseAs: 'string' }, createJsonReader(server));
  server.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => {
    // Header schemas are only for the description. Validating would copy all headers for each request.
    if (httpPart === 'headers') return () => true;
    const read = (data: unknown) => {
      // Fastify hands on a body that is not there as null.
      const parsed = schema.safeParse(httpPart === 'body' ? (data ?? undefined) : data);
      if (parsed.success) return { value: parsed.data };
      return {
        error: new ValidationError(fieldProblemsOf(parsed.error.issues, ROOT_NAMES[httpPart ?? ''] ?? 'request')),
      };
    };
    return httpPart === 'querystring' ? rememberReading(read) : read;
  });
  server.setSerializerCompiler(serializerCompiler);

  // First, so that its span covers the other hooks.
  if (options.tracing !== undefined) await server.register(tracingPlugin, options.tracing);
  await server.register(knownRoutesPlugin);
  await server.register(errorsPlugin);
  await server.register(browserRulesPlugin, {
    secure: options.connections.tls !== undefined,
    onlyLoopback: options.tokenKeys === undefined,
  });
  const answerUnknown = addHttpManners(server, { hasPreflights: options.corsOrigins !== undefined });
  await server.register(corsPlugin, { corsOrigins: options.corsOrigins });
  await server.register(strictInputPlugin);
  await server.register(metricsPlugin, options.metrics);
  const authorizer = await createAuthorizer(server, {
    ...options,
    onKeysFailure: (error) =>
      options.logger.warn(
        { event: 'issuer-keys-failed', reason: error instanceof Error ? error.message : String(error) },
        'The keys of the token issuer could not be fetched; trying again in 5 s at the earliest',
      ),
  });
  // Before all routes but the probes, and before their guards.
  if (options.rateLimit !== undefined) {
    server.addHook('onRequest', await openRateLimit(server, options.rateLimit, authorizer));
  }
  // Paths that do not exist count for the limit too.
  server.addHook('onRequest', answerUnknown);
  await server.register(openapiPlugin, { version: options.version });
  await server.register(frontPageRoutes, { version: options.version, urls: ['/', '/api', '/api/v1'] });
  await server.register(healthRoutes, options.health);
  if (options.showsMetrics) {
    await server.register(metricsRoutes, {
      ...options.metrics,
      guard: options.metricsAuth === 'required' ? authorizer.guard('configs:read') : authorizer.verify,
      mayNamePrefixes: (request) => authorizer.permitsWithin(request, 'configs:read', EVERY_PREFIX),
    });
  }
  for (const prefix of URL_PREFIXES) {
    const documented = prefix === URL_PREFIXES[0];
    await server.register(apiRoutes, { ...options, authorizer, documented, prefix });
  }
  return server;
};
