/** Who a caller is: what his token (JWT) or his API key says of him, once it was verified. */
import fastifyJwt from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isSubjectOfApiKey, subjectOfApiKey } from '../../core/access/api-key.ts';
import { type Grant, readScopes } from '../../core/access/scopes.ts';
import { isSubject } from '../../core/subject.ts';
import type { ApiKeyService } from '../../services/access/api-key-service.ts';
import type { JwksSource } from './jwks-verifier.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

export interface Principal {
  readonly grants: readonly Grant[];
  readonly subject: string | undefined;
  /** By whose name requests are counted: keys that a key made are no more callers than it. */
  readonly countedAs: string | undefined;
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

export interface CredentialOptions {
  readonly apiKeyService: Pick<ApiKeyService, 'identify'>;
  /** Is told when the keys of the issuer could not be fetched. */
  readonly onKeysFailure: (error: unknown) => void;
}

/** What is wrong with how a caller shows who he is; the code is for the log. */
class CredentialError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'CredentialError';
    this.code = code;
  }
}

/** @throws CredentialError when the token says of nobody, of an API key, of a name that cannot be written down, or for ever. */
const toPrincipal = ({ scope, sub, exp }: { scope?: unknown; sub?: unknown; exp?: unknown }): Principal => {
  // Callers without a name would share their idempotency keys, and be counted as one.
  if (typeof sub !== 'string' || sub === '') throw new CredentialError('CLAIM_SUB_MISSING');
  if (typeof exp !== 'number') throw new CredentialError('CLAIM_EXP_MISSING');
  if (isSubjectOfApiKey(sub)) throw new CredentialError('SUBJECT_RESERVED');
  if (!isSubject(sub)) throw new CredentialError('SUBJECT_NOT_PLAIN');
  return {
    grants: readScopes(typeof scope === 'string' ? scope : '').grants,
    subject: sub,
    countedAs: sub,
    expiresAtMs: exp * 1_000,
  };
};

const bearerOf = (request: FastifyRequest): string =>
  /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

type Verify = (request: FastifyRequest) => Promise<Principal>;

/** @throws when the secret is not usable. */
const createTokenVerifier = async (
  server: FastifyInstance,
  keys: TokenKeys,
  onKeysFailure: CredentialOptions['onKeysFailure'],
): Promise<Verify> => {
  if ('jwks' in keys) {
    // Loaded where it is used, as stores are.
    const { createJwksVerifier } = await import('./jwks-verifier.ts');
    server.decorateRequest('user');
    const verify = createJwksVerifier(keys.jwks, onKeysFailure);
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

/** By callback, for at most calls there is nothing to wait for. */
export type Identify = (request: FastifyRequest, done: (error?: Error) => void) => void;

/**
 * @returns what sets `request.user`. Its error has a `code` when the caller is at fault, and is one of core/errors.ts when that cannot
 * be told. @throws when the secret is not usable.
 */
export const createIdentify = async (
  server: FastifyInstance,
  keys: TokenKeys,
  { apiKeyService, onKeysFailure }: CredentialOptions,
): Promise<Identify> => {
  const verifyToken = await createTokenVerifier(server, keys, onKeysFailure);
  const verified = createVerifiedTokens<Principal>();

  const byToken = (request: FastifyRequest, authorization: string, done: (error?: Error) => void): void => {
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

  const byApiKey = (request: FastifyRequest, key: string, done: (error?: Error) => void): void => {
    const accept = (known: Awaited<ReturnType<typeof apiKeyService.identify>>): void => {
      if (known === undefined) {
        done(new CredentialError('API_KEY_INVALID'));
        return;
      }
      const { grants, entry, countedAs } = known;
      request.user = { grants, subject: subjectOfApiKey(entry.id), countedAs, expiresAtMs: Number.POSITIVE_INFINITY };
      done();
    };
    const known = apiKeyService.identify(key);
    if (known instanceof Promise) known.then(accept, done);
    else accept(known);
  };

  return (request, done) => {
    const { authorization = '', 'x-api-key': key } = request.headers;
    if (key === undefined) byToken(request, authorization, done);
    else if (authorization === '') byApiKey(request, String(key), done);
    else done(new CredentialError('TOKEN_AND_API_KEY'));
  };
};
