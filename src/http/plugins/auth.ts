/** Guards of routes: they demand a caller with the right scope before a body is read. */
import fastifyJwt from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, preHandlerHookHandler } from 'fastify';
import {
  type Authenticator,
  type AuthenticatorOptions,
  createAuthenticator,
  type TokenKeys,
} from '../../access/authenticator.ts';
import { authorize, permits, permitsWithin } from '../../access/authorize.ts';
import type { Principal } from '../../access/principal.ts';
import type { Action, Grant } from '../../core/access/scopes.ts';
import type { CredentialFault } from '../../core/error-params.ts';
import { NumberGeneratorError, UnauthorizedError } from '../../core/errors.ts';
import { pathOf } from '../wire/path-of.ts';

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: Principal;
  }
}

export interface AuthOptions extends AuthenticatorOptions {
  /** Undefined without authentication: every caller may do everything. */
  readonly tokenKeys: TokenKeys | undefined;
}

/** The hooks of a route; spread them into its options. */
export interface RouteGuard {
  readonly onRequest?: onRequestHookHandler;
  readonly preHandler?: preHandlerHookHandler;
}

export interface Authorizer {
  /** Guards a route: a caller is needed who may do `action`, on the prefix `prefixKeyOf` finds once the request was validated. */
  guard(action: Action, prefixKeyOf?: (request: FastifyRequest) => string | undefined): RouteGuard;
  /** Whether the caller may do `action` with this prefix; false before a guard has identified the caller. */
  permits(request: FastifyRequest, action: Action, prefixKey: string): boolean;
  /** For a prefix that is known only after something was read. @throws ForbiddenError when the caller may not do `action` with it. */
  require(request: FastifyRequest, action: Action, prefixKey: string): void;
  /**
   * Whether the caller may do `action` with all prefixes that a grant reaches; false before a guard has identified the
   * caller.
   */
  permitsWithin(request: FastifyRequest, action: Action, reach: Grant['prefix']): boolean;
  /** Guards a route that is open to everybody: a token or key that is sent must verify, and identifies the caller. */
  readonly verify: RouteGuard;
  /**
   * The subject of the caller, if any. A credential that does not verify is ignored and not logged; a guard may do
   * that.
   */
  callerOf(request: FastifyRequest): Promise<string | undefined>;
}

const EVERYTHING: Authorizer = {
  guard: () => ({}),
  permits: () => true,
  require: () => undefined,
  permitsWithin: () => true,
  verify: {},
  callerOf: async () => undefined,
};

/** Writes a call that was refused to the log. */
export const logRefusal = (request: FastifyRequest, event: 'unauthorized' | 'forbidden', reason: string): void => {
  const subject = event === 'forbidden' ? request.user?.subject : undefined;
  request.log.warn(
    { event, method: request.method, path: pathOf(request), client: request.ip, subject, reason },
    'A call was refused',
  );
};

/** Undefined before a guard has identified the caller. */
const userOf = (request: FastifyRequest): Principal | undefined => request.user ?? undefined;

/** @returns why the caller may not do `action`, if so. */
const refusalOf = (request: FastifyRequest, action: Action, prefixKey?: string): Error | undefined => {
  const refusal = authorize(userOf(request), action, prefixKey);
  if (refusal !== undefined) logRefusal(request, 'forbidden', `${action} is missing`);
  return refusal;
};

const IS_BEARER = /^Bearer +[^ ]+$/i;
const IS_JWT = /^Bearer +[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/i;

/** What is wrong with the credential of a caller. @param code of what the verification threw. */
const faultOf = ({ headers }: FastifyRequest, code: string): CredentialFault => {
  const { authorization, 'x-api-key': key } = headers;
  if (key !== undefined) return { kind: authorization === undefined ? 'api-key' : 'two' };
  if (authorization === undefined) return { kind: 'none' };
  if (!IS_BEARER.test(authorization)) return { kind: 'no-bearer' };
  // Only for tokens with a valid signature: verifiers check that first.
  if (code.endsWith('EXPIRED')) return { kind: 'expired' };
  const [, claim] = /^CLAIM_([A-Z]+)_MISSING$/.exec(code) ?? [];
  if (claim !== undefined) return { kind: 'claim', claim: claim.toLowerCase() };
  if (code === 'SUBJECT_NOT_PLAIN') return { kind: 'subject' };
  return { kind: IS_JWT.test(authorization) ? 'not-valid' : 'no-jwt' };
};

/**
 * Refuses a caller who could not be identified. The log has only the kind of the failure: messages of verifiers may
 * quote the token.
 */
const refuse = (request: FastifyRequest, error: unknown): Error => {
  // Not the caller's fault: stays a 503.
  if (error instanceof NumberGeneratorError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  logRefusal(request, 'unauthorized', code);
  const { authorization, 'x-api-key': key } = request.headers;
  return new UnauthorizedError(faultOf(request, code), authorization !== undefined && key === undefined);
};

const showsSomething = ({ headers }: FastifyRequest): boolean =>
  headers.authorization !== undefined || headers['x-api-key'] !== undefined;

/** By callback, because most calls wait for nothing. */
type Identify = (request: FastifyRequest, done: (error?: unknown) => void) => void;

/** @returns what sets `request.user`. */
const createIdentify = (server: FastifyInstance, { authenticate }: Authenticator): Identify => {
  const read = (request: FastifyRequest): Principal | Promise<Principal> => {
    const { authorization, 'x-api-key': key } = request.headers;
    return authenticate({
      apiKey: key === undefined ? undefined : String(key),
      authorization,
      readToken: () => server.jwt.lookupToken(request),
    });
  };
  return (request, done) => {
    let found: Principal | Promise<Principal>;
    try {
      found = read(request);
    } catch (error) {
      done(error);
      return;
    }
    const accept = (principal: Principal): void => {
      request.user = principal;
      done();
    };
    if (found instanceof Promise) found.then(accept, done);
    else accept(found);
  };
};

/** Identifies a caller with a credential, unless a guard or the rate limit did so before. */
const identifyOnce = async (request: FastifyRequest, identify: Identify): Promise<string | undefined> => {
  if (!showsSomething(request)) return undefined;
  if (!request.user) {
    await new Promise<void>((resolve, reject) => {
      identify(request, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }
  return request.user.subject;
};

/** The plugin holds `request.user` and finds the token in a request; `src/access` verifies it. */
const addRequestUser = (server: FastifyInstance): PromiseLike<unknown> =>
  server.register(fastifyJwt, {
    secret: { public: (_request, _token, done) => done(new Error('Tokens are verified by src/access alone'), '') },
  });

/** @returns the guards for routes. @throws when the secret is not usable. */
export const createAuthorizer = async (server: FastifyInstance, options: AuthOptions): Promise<Authorizer> => {
  if (options.tokenKeys === undefined) return EVERYTHING;
  await addRequestUser(server);
  const identify = createIdentify(server, await createAuthenticator(options.tokenKeys, options));

  return {
    guard: (action, prefixKeyOf) => ({
      onRequest: (request, _reply, done) =>
        identify(request, (error) => done(error === undefined ? refusalOf(request, action) : refuse(request, error))),
      ...(prefixKeyOf && {
        preHandler: (request, _reply, done) => done(refusalOf(request, action, prefixKeyOf(request))),
      }),
    }),
    permits: (request, action, prefixKey) => permits(userOf(request), action, prefixKey),
    require: (request, action, prefixKey) => {
      const refusal = refusalOf(request, action, prefixKey);
      if (refusal !== undefined) throw refusal;
    },
    permitsWithin: (request, action, reach) => permitsWithin(userOf(request), action, reach),
    verify: {
      onRequest: (request, _reply, done) => {
        if (!showsSomething(request)) done();
        else identify(request, (error) => done(error === undefined ? undefined : refuse(request, error)));
      },
    },
    callerOf: (request) => identifyOnce(request, identify).catch(() => undefined),
  };
};
