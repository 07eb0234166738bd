/** Who may do what: bearer tokens (JWT) or API keys, and their scopes, checked before a body is read. */
import fastifyJwt from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, preHandlerHookHandler } from 'fastify';
import { isSubjectOfApiKey, subjectOfApiKey } from '../../core/api-key.ts';
import { ForbiddenError, NumberGeneratorError, UnauthorizedError } from '../../core/errors.ts';
import { ACTIONS, type Action, allows, allowsWithin, type Grant, readScopes } from '../../core/scopes.ts';
import type { ApiKeyService } from '../../services/api-key-service.ts';
import { createJwksVerifier, type JwksSource } from './jwks-verifier.ts';
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

/** What tokens are verified by: a secret shared with who makes them (HS256), or the public keys of an issuer. */
export type TokenKeys = { readonly secret: string } | { readonly jwks: JwksSource };

export interface AuthOptions {
  /** Undefined: nobody is asked, everybody may do everything. */
  readonly tokenKeys: TokenKeys | undefined;
  readonly apiKeyService: Pick<ApiKeyService, 'identify'>;
  /** Is told when the keys of the issuer could not be fetched. */
  readonly onKeysFailure: (error: unknown) => void;
}

/** The hooks of a route; spread them into its options. */
export interface RouteGuard {
  readonly onRequest?: onRequestHookHandler;
  readonly preHandler?: preHandlerHookHandler;
}

export interface Authorizer {
  /** Guards a route: a caller is needed who may do `action`, on the prefix `prefixKeyOf` finds once the request was validated. */
  guard(action: Action, prefixKeyOf?: (request: FastifyRequest) => string | undefined): RouteGuard;
  /** Whether the caller of a guarded route may do `action` with this prefix. */
  permits(request: FastifyRequest, action: Action, prefixKey: string): boolean;
  /** For a prefix that is known only after something was read. @throws ForbiddenError when the caller may not do `action` with it. */
  require(request: FastifyRequest, action: Action, prefixKey: string): void;
  /** Whether the caller of a guarded route may do `action` with all prefixes that a grant reaches. */
  permitsWithin(request: FastifyRequest, action: Action, reach: Grant['prefix']): boolean;
  /**
   * The subject of the caller, also where no token is needed; undefined for callers without one.
   * @throws UnauthorizedError when there is a token or key that does not verify.
   */
  subjectOf(request: FastifyRequest): Promise<string | undefined>;
  /** The same, but a token or key that does not verify says nothing, and nothing of it is logged: a guard may do that. */
  callerOf(request: FastifyRequest): Promise<string | undefined>;
}

const EVERYTHING: Authorizer = {
  guard: () => ({}),
  permits: () => true,
  require: () => undefined,
  permitsWithin: () => true,
  subjectOf: async () => undefined,
  callerOf: async () => undefined,
};

/** The path without the query, where callers put secrets by mistake. */
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

const logRefusal = (request: FastifyRequest, event: 'unauthorized' | 'forbidden', reason: string): void => {
  request.log.warn(
    { event, method: request.method, path: pathOf(request), client: request.ip, reason },
    'A call was refused',
  );
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

/** @throws Error when the token says that it is an API key. */
const toPrincipal = ({ scope, sub, exp }: { scope?: unknown; sub?: unknown; exp?: unknown }): Principal => {
  const subject = sub === undefined ? undefined : String(sub);
  if (subject !== undefined && isSubjectOfApiKey(subject)) throw new Error('The subject is reserved for API keys');
  return {
    grants: readScopes(typeof scope === 'string' ? scope : '').grants,
    subject,
    expiresAtMs: typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY,
  };
};

const bearerOf = (request: FastifyRequest): string =>
  /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

/** What is wrong with how a caller shows who he is, for the log. */
class CredentialError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'CredentialError';
    this.code = code;
  }
}

type Verify = (request: FastifyRequest) => Promise<Principal>;

/** @throws when the secret is not usable. */
const createTokenVerifier = async (server: FastifyInstance, options: AuthOptions, keys: TokenKeys): Promise<Verify> => {
  if ('jwks' in keys) {
    server.decorateRequest('user');
    const verify = createJwksVerifier(keys.jwks, options.onKeysFailure);
    return async (request) => toPrincipal(await verify(bearerOf(request)));
  }
  await server.register(fastifyJwt, {
    secret: keys.secret,
    // Pinned: a token must not choose how it is verified.
    verify: { algorithms: ['HS256'] },
    formatUser: (payload) => toPrincipal(payload as object),
  });
  return (request) => request.jwtVerify<Principal>();
};

/** What is wrong with how a caller shows who he is, in words for him. */
const explain = ({ headers }: FastifyRequest): string => {
  const key = headers['x-api-key'];
  if (headers.authorization !== undefined && key !== undefined) return 'Send a token or an API key, not both.';
  if (key !== undefined) return 'The API key is not valid: it was never made, was revoked, or has expired.';
  return headers.authorization === undefined
    ? 'This call needs a token or an API key: send the header Authorization: Bearer <token>, or X-API-Key: <key>.'
    : 'The token is not valid, or it has expired.';
};

/** What is kept out of the log: all but the kind of the failure, for messages of verifiers may quote the token. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown';

/** @returns what the routes guard themselves with. @throws when the secret is not usable. */
export const createAuthorizer = async (server: FastifyInstance, options: AuthOptions): Promise<Authorizer> => {
  const { tokenKeys, apiKeyService } = options;
  if (tokenKeys === undefined) return EVERYTHING;
  const verifyToken = await createTokenVerifier(server, options, tokenKeys);
  const verified = createVerifiedTokens<Principal>();

  const refuse = (request: FastifyRequest, error: unknown): Error => {
    // What is no fault of the caller stays what it is: 503.
    if (error instanceof NumberGeneratorError) return error;
    logRefusal(request, 'unauthorized', reasonOf(error));
    return new UnauthorizedError(explain(request));
  };

  const identifyByKey = (request: FastifyRequest, key: string, done: (error?: Error) => void): void => {
    const accept = (known: Awaited<ReturnType<typeof apiKeyService.identify>>): void => {
      if (known === undefined) {
        done(new CredentialError('API_KEY_INVALID'));
        return;
      }
      const { grants, entry } = known;
      request.user = { grants, subject: subjectOfApiKey(entry.id), expiresAtMs: Number.POSITIVE_INFINITY };
      done();
    };
    const known = apiKeyService.identify(key);
    if (known instanceof Promise) known.then(accept, done);
    else accept(known);
  };

  /** By callback, for at most calls there is nothing to wait for. */
  const identify = (request: FastifyRequest, done: (error?: Error) => void): void => {
    const { authorization = '', 'x-api-key': key } = request.headers;
    if (key !== undefined) {
      if (authorization === '') identifyByKey(request, String(key), done);
      else done(new CredentialError('TOKEN_AND_API_KEY'));
      return;
    }
    const known = verified.find(authorization, Date.now());
    if (known !== undefined) {
      request.user = known;
      done();
      return;
    }
    verifyToken(request).then((principal) => {
      request.user = principal;
      verified.keep(authorization, principal, principal.expiresAtMs, Date.now());
      done();
    }, done);
  };

  /** Whoever shows something is identified; a guard, or the rate limit, may have done it before. */
  const ofCaller = async (request: FastifyRequest): Promise<string | undefined> => {
    const { authorization, 'x-api-key': key } = request.headers;
    if (authorization === undefined && key === undefined) return undefined;
    if (!request.user) {
      await new Promise<void>((resolve, reject) => {
        identify(request, (error) => (error === undefined ? resolve() : reject(error)));
      });
    }
    return request.user.subject;
  };
  const authorize = (request: FastifyRequest, action: Action, done: (error?: Error) => void): void =>
    identify(request, (error) => done(error === undefined ? refusalOf(request, action) : refuse(request, error)));

  return {
    guard: (action, prefixKeyOf) => ({
      onRequest: (request, _reply, done) => authorize(request, action, done),
      ...(prefixKeyOf && {
        preHandler: (request, _reply, done) => done(refusalOf(request, action, prefixKeyOf(request))),
      }),
    }),
    permits: (request, action, prefixKey) => allows(request.user.grants, action, prefixKey),
    require: (request, action, prefixKey) => {
      const refusal = refusalOf(request, action, prefixKey);
      if (refusal !== undefined) throw refusal;
    },
    permitsWithin: (request, action, reach) => allowsWithin(request.user.grants, action, reach),
    subjectOf: async (request) => {
      try {
        return await ofCaller(request);
      } catch (error) {
        throw refuse(request, error);
      }
    },
    callerOf: (request) => ofCaller(request).catch(() => undefined),
  };
};

/** The scopes of an administrator: all of them, for all prefixes. */
export const ADMIN_SCOPE = ACTIONS.join(' ');
