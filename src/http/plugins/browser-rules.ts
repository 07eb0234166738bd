/** What browsers are told: which pages may call, and that a reply is no page to run or to frame. */
import type { onRequestHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { ForbiddenError, MisdirectedRequestError } from '../../core/errors.ts';

export interface BrowserRulesOptions {
  /** Pages of these origins may call; undefined: none but our own. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Whether this server speaks TLS itself. */
  readonly secure: boolean;
  /** Whether only requests to a name of this machine are answered: where nobody is asked who he is. */
  readonly onlyLoopback: boolean;
}

const PREFLIGHT_SECONDS = 600;
const HSTS = 'max-age=31536000';

/** Replies are data: whatever stands in them, no browser shall run, guess at or frame it. */
const rules = (secure: boolean): Record<string, string> => ({
  'X-Content-Type-Options': 'nosniff',
  // Nor take it for an image or a script of another page.
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
  // Constants by hand: helmet makes its headers anew for each request. It guards the pages, see openapi.ts.
  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers);
    if (onlyLoopback && !isLoopback(request.headers.host)) done(new MisdirectedRequestError());
    else done();
  });
});

/**
 * Refuses what a page of another site has a browser send, be it as an image: it would take numbers with the rights of the visitor's
 * network. Pages of `origins` may.
 */
export const refuseCrossSite =
  (origins: BrowserRulesOptions['corsOrigins']): onRequestHookHandler =>
  ({ headers }, _reply, done) => {
    const isForeign = headers['sec-fetch-site'] === 'cross-site' && !origins?.includes(headers.origin ?? '');
    done(isForeign ? new ForbiddenError({ kind: 'foreign-page' }) : undefined);
  };

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
