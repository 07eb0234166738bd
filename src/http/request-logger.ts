/** The logger of one request, made with its first line, because most requests write none. */
import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Line = Parameters<FastifyBaseLogger['info']>;

interface Unmade {
  base: FastifyBaseLogger;
  bindings: Bindings;
  made: FastifyBaseLogger | undefined;
}

const make = (request: Unmade): FastifyBaseLogger => {
  request.made ??= request.base.child(request.bindings);
  return request.made;
};

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/**
 * Shared by all loggers: methods of their own would be seven closures per request. Each is bound to its request when it
 * is read, so that it may be passed on.
 */
const METHODS = Object.defineProperties(
  {},
  Object.fromEntries(
    [...LEVELS, 'child' as const].map((name) => [
      name,
      {
        get(this: Unmade) {
          return (...terms: Line) => (make(this)[name] as (...line: Line) => unknown)(...terms);
        },
      },
    ]),
  ),
);

/** @param bindings are written with each line. They make pino create a child logger, which is expensive. */
export const createRequestLogger = (base: FastifyBaseLogger, bindings: Bindings): FastifyBaseLogger => {
  // One field after the other: a literal with a prototype in it takes much longer.
  const request = Object.create(METHODS) as Unmade;
  request.base = base;
  request.bindings = bindings;
  request.made = undefined;
  return request as unknown as FastifyBaseLogger;
};
