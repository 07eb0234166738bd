/** What HTTP demands of every route: the methods of a path (405, OPTIONS), and the request id in every reply. */
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import findMyWay from 'find-my-way';
import { MethodNotAllowedError, NotFoundError } from '../../core/errors.ts';

/** Longer than any of ours, so that a path with a long parameter is still found. */
const PARAM_LENGTH_MAX = 1_024;

/** What patches are written in (RFC 5789). */
const PATCH_TYPES = 'application/merge-patch+json, application/json';

/** Finds the methods of paths. Routes are added by their patterns. */
const createMethodFinder = () => {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: PARAM_LENGTH_MAX });
  const methods = new Set<string>();
  return {
    add: (method: string, url: string): void => {
      if (router.findRoute(method as 'GET', url) !== null) return;
      methods.add(method);
      router.on(method as 'GET', url, () => undefined);
    },
    /** @returns none for an unknown path. `*` means the whole server. */
    at: (url: string): string[] =>
      [...methods].filter((method) => url === '*' || router.find(method as 'GET', url) !== null),
  };
};

/** Whether a browser asks what a page of another origin may do; the plugin for that replies. */
const isPreflight = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

export interface HttpMannersOptions {
  /** Whether another plugin replies to preflights. */
  readonly hasPreflights: boolean;
}

/**
 * Registered before every plugin with routes. @returns the hook that replies to requests without a route; it runs where
 * it is added.
 */
export const addHttpManners = (
  server: FastifyInstance,
  { hasPreflights }: HttpMannersOptions,
): onRequestHookHandler => {
  const finder = createMethodFinder();
  server.addHook('onRoute', ({ method, url }) => {
    // Every path has OPTIONS, for preflights.
    for (const one of [method].flat()) if (one !== 'OPTIONS') finder.add(one, url);
  });

  /** Refuses a method that the path does not have. */
  const refuse = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const methods = finder.at(request.url);
    if (methods.length === 0) {
      done(new NotFoundError({ kind: 'route', method: request.method }));
      return;
    }
    reply.header('Allow', [...methods, 'OPTIONS'].toSorted().join(', '));
    if (methods.includes('PATCH')) reply.header('Accept-Patch', PATCH_TYPES);
    if (request.method === 'OPTIONS') reply.code(204).send();
    else done(new MethodNotAllowedError(request.method, methods));
  };

  server.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    done();
  });
  // Before bodies are read, because their contents do not matter.
  return (request, reply, done) => {
    const isAsked = request.method === 'OPTIONS' && !(hasPreflights && isPreflight(request));
    if (isAsked || (request.is404 && request.method !== 'OPTIONS')) refuse(request, reply, done);
    else done();
  };
};

/** For servers without hooks in between. */
export const httpMannersPlugin = fastifyPlugin<HttpMannersOptions>(async (server, options) => {
  server.addHook('onRequest', addHttpManners(server, options));
});
