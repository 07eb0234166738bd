/** How many requests a client may send in a second. A client is who his token or API key says he is, else the address he comes from. */
import fastifyRateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { RateLimitedError } from '../../core/errors.ts';
import type { RequestCounter } from '../../services/access/request-counter.ts';
import { clientOf } from '../wire/client.ts';
import type { Authorizer } from './auth.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes: one that is refused because of the callers beside it makes the orchestrator restart a node that is busy. */
    isUnlimited?: boolean;
    /** For how many requests a validated one of a caller whom nobody knows counts. Default: one. */
    weightOf?: (request: FastifyRequest) => number;
  }
}

export interface RateLimit {
  readonly perSecond: number;
  /** Counts over several nodes; undefined: this one counts alone. */
  readonly counter: Pick<RequestCounter, 'count'> | undefined;
}

const WINDOW_MS = 1_000;
/** Beyond, the client who has been silent longest is forgotten. */
const CLIENTS_MAX = 10_000;

const storeOn = ({ count }: Pick<RequestCounter, 'count'>): FastifyRateLimitStoreCtor => {
  const store = {
    incr: (client: string, done: (error: null, result: { current: number; ttl: number }) => void) =>
      done(null, count(client)),
    // One count for all routes.
    child: () => store,
  };
  // The plugin says `new`; what a plain function returns is what it gets.
  return function SharedStore() {
    return store;
  } as unknown as FastifyRateLimitStoreCtor;
};

/** @returns the hook for all routes. It comes before their guards, for refusing callers is work too. */
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
      // One was counted before its guard. It ends at the limit, however much is asked for.
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
