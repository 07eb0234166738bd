/** Identifies a caller by token (JWT) or API key, whatever the transport. */
import { subjectOfApiKey } from '../core/access/api-key.ts';
import type { ApiKeyService, IdentifiedApiKey } from '../services/access/api-key-service.ts';
import type { JwksSource } from './jwks-verifier.ts';
import { CredentialError, type Principal, principalOf } from './principal.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

/** What tokens are verified with: a secret shared with their issuer (HS256), or the public keys of an issuer. */
export type TokenKeys = { readonly secret: string } | { readonly jwks: JwksSource };

export interface AuthenticatorOptions {
  readonly apiKeyService: Pick<ApiKeyService, 'identify'>;
  /** Receives what went wrong when the keys of the issuer could not be fetched. */
  readonly onKeysFailure: (error: unknown) => void;
}

/** The credential of a caller, as the transport finds it in a request. */
export interface Credential {
  readonly apiKey: string | undefined;
  /** The text that holds a token, such as `Bearer …`; a token verified less than a minute ago is recognised by it. */
  readonly authorization: string | undefined;
  /** The token in `authorization`; called only when it has to be verified. @throws an error with a `code` when there is none. */
  readonly readToken: () => string;
}

export interface Authenticator {
  /**
   * Returns without a promise when no lookup is needed, which is the usual case. @throws, or rejects with, an error
   * with a `code` when the credential is not valid, and one of core/errors.ts when that is unknown.
   */
  authenticate(credential: Credential): Principal | Promise<Principal>;
}

type Verify = (token: string) => Promise<{ readonly [claim: string]: unknown }>;

const createTokenVerifier = async (
  keys: TokenKeys,
  onKeysFailure: AuthenticatorOptions['onKeysFailure'],
): Promise<Verify> => {
  // Each verifier is loaded only where it is used, as stores are.
  if ('jwks' in keys) {
    const { createJwksVerifier } = await import('./jwks-verifier.ts');
    return createJwksVerifier(keys.jwks, onKeysFailure);
  }
  const { createSecretVerifier } = await import('./secret-verifier.ts');
  return createSecretVerifier(keys.secret);
};

const principalOfApiKey = (known: IdentifiedApiKey | undefined): Principal => {
  if (known === undefined) throw new CredentialError('API_KEY_INVALID');
  const { grants, entry, countedAs } = known;
  return { grants, subject: subjectOfApiKey(entry.id), countedAs, expiresAtMs: Number.POSITIVE_INFINITY };
};

/** @throws when the secret is not usable. */
export const createAuthenticator = async (
  keys: TokenKeys,
  { apiKeyService, onKeysFailure }: AuthenticatorOptions,
): Promise<Authenticator> => {
  const verify = await createTokenVerifier(keys, onKeysFailure);
  const verified = createVerifiedTokens<Principal>();

  const verifyToken = async (authorization: string, token: string): Promise<Principal> => {
    const principal = principalOf(await verify(token));
    verified.keep(authorization, principal, principal.expiresAtMs, Date.now());
    return principal;
  };

  return {
    authenticate: ({ apiKey, authorization = '', readToken }) => {
      if (apiKey === undefined) {
        return verified.find(authorization, Date.now()) ?? verifyToken(authorization, readToken());
      }
      if (authorization !== '') throw new CredentialError('TOKEN_AND_API_KEY');
      const known = apiKeyService.identify(apiKey);
      return known instanceof Promise ? known.then(principalOfApiKey) : principalOfApiKey(known);
    },
  };
};
