/** Lists the routes of a server as they are registered. */
import fastifyPlugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** All routes, in the order of their registration. */
    readonly knownRoutes: readonly KnownRoute[];
  }
}

export interface KnownRoute {
  readonly method: string;
  /** The pattern, with `:name` for its parameters. */
  readonly url: string;
}

/** Registered before every plugin with routes. */
export const knownRoutesPlugin = fastifyPlugin(async (server) => {
  const routes: KnownRoute[] = [];
  server.decorate('knownRoutes', routes);
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
});
