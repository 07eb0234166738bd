/** Limits the requests of a client per second. A client is the subject of a token, an API key, or else an address. */
import fastifyRateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { RateLimitedError } from '../../core/errors.ts';
import type { RequestCounter } from '../../services/access/request-counter.ts';
import { clientOf } from '../wire/client.ts';
import type { Authorizer } from './auth.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for probes: refusing one because of other callers would make the orchestrator restart a busy node. */
    isUnlimited?: boolean;
    /** How many requests a validated one of a stranger counts for. Default: one. */
    weightOf?: (request: FastifyRequest) => number;
  }
}

export interface RateLimit {
  readonly perSecond: number;
  /** Counts over several nodes; undefined when this one counts alone. */
  readonly counter: Pick<RequestCounter, 'count'> | undefined;
}

const WINDOW_MS = 1_000;
/** Clients remembered; beyond that, the one that has been silent longest is forgotten. */
const CLIENTS_MAX = 10_000;

const storeOn = ({ count }: Pick<RequestCounter, 'count'>): FastifyRateLimitStoreCtor => {
  const store = {
    incr: (client: string, done: (error: null, result: { current: number; ttl: number }) => void) =>
      done(null, count(client)),
    // One count for all routes.
    child: () => store,
  };
  // The plugin calls it with `new` and gets what a plain function returns.
  return function SharedStore() {
    return store;
  } as unknown as FastifyRateLimitStoreCtor;
};

/** @returns the hook for all routes. It runs before their guards, because refusing callers is work too. */
export const createRateLimit = async (
  server: FastifyInstance,
  { perSecond, counter }: RateLimit,
  { callerOf }: Pick<Authorizer, 'callerOf'>,
): Promise<onRequestAsyncHookHandler> => {
  await server.register(fastifyRateLimit, {
    global: false,
    max: perSecond,
    timeWindow: WINDOW_MS,
    cache: CLIENTS_MAX,
    ...(counter !== undefined && { store: storeOn(counter) }),
  });
  const check = server.createRateLimit({ keyGenerator: clientOf });
  server.addHook('onRoute', (route) => {
    const weightOf = route.config?.weightOf;
    if (weightOf === undefined) return;
    const chargeMore = async (request: FastifyRequest): Promise<void> => {
      const weight = weightOf(request);
      if (weight === 1 || (await callerOf(request)) !== undefined) return;
      // One was counted before its guard. The loop ends at the limit, however many numbers are asked for.
      for (let counted = 1; counted < weight; counted += 1) {
        const limit = await check(request);
        if (!limit.isAllowed && limit.isExceeded) throw new RateLimitedError(perSecond, weight);
      }
    };
    route.preHandler = [...[route.preHandler ?? []].flat(), chargeMore];
  });
  return async (request) => {
    if (request.routeOptions.config?.isUnlimited) return;
    await callerOf(request);
    const limit = await check(request);
    if (!limit.isAllowed && limit.isExceeded) throw new RateLimitedError(perSecond);
  };
};
