/** Who may do what: bearer tokens (JWT, HS256) and their scopes, checked before a body is read. */
import fastifyJwt from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, preHandlerHookHandler } from 'fastify';
import { ForbiddenError, UnauthorizedError } from '../../core/errors.ts';
import { ACTIONS, type Action, allows, type Grant, readScopes } from '../../core/scopes.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

interface Principal {
  readonly grants: readonly Grant[];
  readonly subject: string | undefined;
  /** ms since 1970-01-01T00:00:00Z; Infinity when the token never expires. */
  readonly expiresAtMs: number;
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: Principal;
  }
}

export interface AuthOptions {
  /** Undefined: nobody is asked, everybody may do everything. */
  readonly jwtSecret: string | undefined;
}

/** The hooks of a route; spread them into its options. */
export interface RouteGuard {
  readonly onRequest?: onRequestHookHandler;
  readonly preHandler?: preHandlerHookHandler;
}

export interface Authorizer {
  /** Guards a route: a token is needed that allows `action`, on the prefix `prefixKeyOf` finds once the request was validated. */
  guard(action: Action, prefixKeyOf?: (request: FastifyRequest) => string | undefined): RouteGuard;
  /** Whether the caller of a guarded route may do `action` with this prefix. */
  permits(request: FastifyRequest, action: Action, prefixKey: string): boolean;
  /**
   * The subject of the caller's token, also where no token is needed; undefined for callers without one.
   * @throws UnauthorizedError when there is a token that does not verify.
   */
  subjectOf(request: FastifyRequest): Promise<string | undefined>;
}

const EVERYTHING: Authorizer = { guard: () => ({}), permits: () => true, subjectOf: async () => undefined };

/** The path without the query, where callers put secrets by mistake. */
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

const logRefusal = (request: FastifyRequest, event: 'unauthorized' | 'forbidden', reason: string): void => {
  request.log.warn(
    { event, method: request.method, path: pathOf(request), client: request.ip, reason },
    'A call was refused',
  );
};

const verify = async (request: FastifyRequest): Promise<void> => {
  try {
    await request.jwtVerify();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    logRefusal(request, 'unauthorized', code);
    throw new UnauthorizedError(
      request.headers.authorization === undefined
        ? 'This call needs a token: send the header Authorization: Bearer <token>.'
        : 'The token is not valid, or it has expired.',
    );
  }
};

/** @returns why the caller may not do `action`, if so. */
const refusalOf = (request: FastifyRequest, action: Action, prefixKey?: string): ForbiddenError | undefined => {
  if (allows(request.user.grants, action, prefixKey)) return undefined;
  logRefusal(request, 'forbidden', `${action} is missing`);
  return new ForbiddenError(
    prefixKey === undefined
      ? `This call needs the scope ${action}.`
      : `This call needs the scope ${action}, or ${action}:${prefixKey}.`,
  );
};

/** @returns what the routes guard themselves with. @throws when the secret is not usable. */
export const createAuthorizer = async (server: FastifyInstance, { jwtSecret }: AuthOptions): Promise<Authorizer> => {
  if (jwtSecret === undefined) return EVERYTHING;
  await server.register(fastifyJwt, {
    secret: jwtSecret,
    // Pinned: a token must not choose how it is verified.
    verify: { algorithms: ['HS256'] },
    formatUser: (payload) => {
      const {
        scope = '',
        sub,
        exp = Number.POSITIVE_INFINITY,
      } = payload as { scope?: unknown; sub?: unknown; exp?: number };
      return {
        grants: readScopes(String(scope)).grants,
        subject: sub === undefined ? undefined : String(sub),
        expiresAtMs: exp * 1_000,
      };
    },
  });
  const verified = createVerifiedTokens<Principal>();
  /** By callback, for at most calls there is nothing to wait for. */
  const identify = (request: FastifyRequest, done: (error?: Error) => void): void => {
    const { authorization = '' } = request.headers;
    const known = verified.find(authorization, Date.now());
    if (known !== undefined) {
      request.user = known;
      done();
      return;
    }
    verify(request).then(() => {
      verified.keep(authorization, request.user, request.user.expiresAtMs, Date.now());
      done();
    }, done);
  };
  return {
    guard: (action, prefixKeyOf) => ({
      onRequest: (request, _reply, done) => identify(request, (error) => done(error ?? refusalOf(request, action))),
      ...(prefixKeyOf && {
        preHandler: (request, _reply, done) => done(refusalOf(request, action, prefixKeyOf(request))),
      }),
    }),
    permits: (request, action, prefixKey) => allows(request.user.grants, action, prefixKey),
    subjectOf: async (request) => {
      if (request.headers.authorization === undefined) return undefined;
      // A guard may have verified it before.
      if (!request.user) {
        await new Promise<void>((resolve, reject) => {
          identify(request, (error) => (error === undefined ? resolve() : reject(error)));
        });
      }
      return request.user.subject;
    },
  };
};

/** The scopes of an administrator: all of them, for all prefixes. */
export const ADMIN_SCOPE = ACTIONS.join(' ');
