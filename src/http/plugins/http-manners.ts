/** What HTTP asks for whatever the route: which methods a path has (405, OPTIONS), and in every reply the id of its request. */
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import findMyWay from 'find-my-way';
import { MethodNotAllowedError, NotFoundError } from '../../core/errors.ts';

/** Longer than any of ours, so that a long parameter is no reason to be at no path at all. */
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
    /** @returns none for a path that nothing is at. `*` asks about all of the server. */
    at: (url: string): string[] =>
      [...methods].filter((method) => url === '*' || router.find(method as 'GET', url) !== null),
  };
};

/** Whether a browser asks by it what a page of another origin may do; the plugin for that answers. */
const isPreflight = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

export interface HttpMannersOptions {
  /** Whether another plugin answers preflights. */
  readonly hasPreflights: boolean;
}

/** Comes before every plugin that has routes. @returns the hook that answers what is at no route, in the place where it is added. */
export const addHttpManners = (
  server: FastifyInstance,
  { hasPreflights }: HttpMannersOptions,
): onRequestHookHandler => {
  const finder = createMethodFinder();
  server.addHook('onRoute', ({ method, url }) => {
    // Those for preflights are at every path.
    for (const one of [method].flat()) if (one !== 'OPTIONS') finder.add(one, url);
  });

  /** What a path without a route for this method is answered. */
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
  // Before bodies are read: it does not matter what is wrong with them.
  return (request, reply, done) => {
    const isAsked = request.method === 'OPTIONS' && !(hasPreflights && isPreflight(request));
    if (isAsked || (request.is404 && request.method !== 'OPTIONS')) refuse(request, reply, done);
    else done();
  };
};

/** For servers on which nothing comes between. */
export const httpMannersPlugin = fastifyPlugin<HttpMannersOptions>(async (server, options) => {
  server.addHook('onRequest', addHttpManners(server, options));
});
