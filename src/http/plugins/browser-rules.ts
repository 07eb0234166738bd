/** What browsers are told: which pages may call, and that a reply is no page to run or to frame. */
import fastifyPlugin from 'fastify-plugin';

export interface BrowserRulesOptions {
  /** Pages of these origins may call; undefined: none but our own. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Whether this server speaks TLS itself. */
  readonly secure: boolean;
}

const PREFLIGHT_SECONDS = 600;
const HSTS = 'max-age=31536000';

/** Replies are data: whatever stands in them, no browser shall run, guess at or frame it. */
const rules = (secure: boolean): Record<string, string> => ({
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  ...(secure && { 'Strict-Transport-Security': HSTS }),
});

export const browserRulesPlugin = fastifyPlugin<Pick<BrowserRulesOptions, 'secure'>>(async (server, { secure }) => {
  const headers = rules(secure);
  // Constants by hand: helmet makes its headers anew for each request. It guards the pages, see openapi.ts.
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
});

/** Answers preflights. Comes after what answers other questions about methods. */
export const corsPlugin = fastifyPlugin<Pick<BrowserRulesOptions, 'corsOrigins'>>(async (server, { corsOrigins }) => {
  if (corsOrigins === undefined) return;
  const { default: fastifyCors } = await import('@fastify/cors');
  await server.register(fastifyCors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'X-API-Key', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id'],
    exposedHeaders: ['ETag', 'Location', 'Retry-After', 'X-Number-Source', 'X-Request-Id'],
    // Tokens and keys travel in headers that a page sets itself; there are no cookies.
    credentials: false,
    maxAge: PREFLIGHT_SECONDS,
  });
});
