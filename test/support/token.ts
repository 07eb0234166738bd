/** Tokens for tests, signed by hand: so that a token which the service accepts proves something about the service. */
import { createHmac } from 'node:crypto';
import { ACTIONS } from '../../src/core/access/scopes.ts';

/** Seconds since 1970-01-01T00:00:00Z, as claims have them. */
export const inSeconds = (fromNow: number): number => Math.floor(Date.now() / 1_000) + fromNow;

/** Signs any claims at all under a shared secret. */
export const signClaims = (claims: object, secret: string, algorithm: 'HS256' | 'HS512' = 'HS256'): string => {
  const content = [{ alg: algorithm, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createHmac(`sha${algorithm.slice(2)}`, secret)
    .update(content)
    .digest('base64url');
  return `${content}.${signature}`;
};

export interface TokenTerms {
  /** Scopes separated by spaces; by default all. */
  readonly scope?: string | undefined;
  readonly subject?: string | undefined;
  /** From now; by default 30 days. */
  readonly expiresInS?: number;
}

/** A token as `npm run token` prints one. */
export const createToken = (
  secret: string,
  { scope = ACTIONS.join(' '), subject = 'npm run token', expiresInS = 2_592_000 }: TokenTerms,
): string => signClaims({ sub: subject, scope, iat: inSeconds(0), exp: inSeconds(expiresInS) }, secret);
