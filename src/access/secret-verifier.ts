/** Verifies tokens signed with a secret that this service shares with their issuer (HS256). */
import { webcrypto } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { jwtVerify } from 'jose/jwt/verify';

/** Pinned: a token must not choose how it is verified. */
const ALGORITHMS = ['HS256'];

/**
 * @returns a function that verifies a token and returns its claims; it throws an error with a `code` for a token that
 * is not valid.
 */
export const createSecretVerifier = async (secret: string): Promise<(token: string) => Promise<JWTPayload>> => {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await webcrypto.subtle.importKey('raw', new TextEncoder().encode(secret), hmac, false, ['verify']);
  return async (token) => (await jwtVerify(token, key, { algorithms: ALGORITHMS })).payload;
};
