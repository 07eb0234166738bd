/** The rules for browsers: which pages may call, and that a reply must not be run or framed. */
import type { onRequestHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { ForbiddenError, MisdirectedRequestError } from '../../core/errors.ts';

export interface BrowserRulesOptions {
  /** Pages of these origins may call; undefined: none but our own. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Whether this server speaks TLS itself. */
  readonly secure: boolean;
  /** Whether only requests to a name of this machine are served; set without authentication. */
  readonly onlyLoopback: boolean;
}

const PREFLIGHT_SECONDS = 600;
const HSTS = 'max-age=31536000';

/** Replies are data: no browser may run, sniff or frame them. */
const rules = (secure: boolean): Record<string, string> => ({
  'X-Content-Type-Options': 'nosniff',
  // Nor load them as an image or a script of another page.
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  ...(secure && { 'Strict-Transport-Security': HSTS }),
});

const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** Whether `Host` names this machine. Browsers always send it, and a page can have any other name lead here (DNS rebinding). */
const isLoopback = (host: string | undefined): boolean =>
  host === undefined || (URL.canParse(`http://${host}`) && LOOPBACK.test(new URL(`http://${host}`).hostname));

type ReplyRules = Pick<BrowserRulesOptions, 'secure' | 'onlyLoopback'>;

export const browserRulesPlugin = fastifyPlugin<ReplyRules>(async (server, { secure, onlyLoopback }) => {
  const headers = rules(secure);
  // Constants, because helmet makes its headers anew for each request. It guards the pages, see openapi.ts.
  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers);
    if (onlyLoopback && !isLoopback(request.headers.host)) done(new MisdirectedRequestError());
    else done();
  });
});

/**
 * Refuses requests that a page of another site makes a browser send, for example as an image: they would take numbers
 * with the rights of the visitor's network. Pages of `origins` may send them.
 */
export const refuseCrossSite =
  (origins: BrowserRulesOptions['corsOrigins']): onRequestHookHandler =>
  ({ headers }, _reply, done) => {
    const isForeign = headers['sec-fetch-site'] === 'cross-site' && !origins?.includes(headers.origin ?? '');
    done(isForeign ? new ForbiddenError({ kind: 'foreign-page' }) : undefined);
  };

/** Replies to preflights. Registered after the hook that handles other requests about methods. */
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
