/**
 * Verifies tokens of an external issuer with the keys it publishes at one fixed address. A token has no influence on
 * where keys come from.
 */
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { IssuerUnavailableError } from '../core/errors.ts';

export interface JwksSource {
  /** Where the issuer publishes its keys (JWKS). */
  readonly url: string;
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be, or have among its values. */
  readonly audience: string;
}

/** Asymmetric ones only: a public key can never become the secret of an HMAC. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const REQUIRED_CLAIMS = ['exp', 'sub'];
const CLOCK_TOLERANCE_SECONDS = 5;

const FETCH_TIMEOUT_MS = 3_000;
/** Tokens with unknown key ids make us fetch the keys again, but not more often than this. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
const FAILURE_PAUSE_MS = 5_000;
const KEYS_AGE_MAX_MS = 600_000;
/** How long the keys fetched last are used while the issuer does not answer. */
const STALE_AGE_MAX_MS = 3_600_000;
const BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;

const keySetSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(KEYS_MAX) });

const readText = async (response: Response): Promise<string> => {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (bytes > BYTES_MAX) throw new Error(`More than ${BYTES_MAX} bytes of keys`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

/** Fetches a key set, bounded in size and number. After a failure it pauses, and uses the last good one. */
const createKeyFetch = (onFailure: (error: unknown) => void) => {
  let good: { readonly text: string; readonly atMs: number } | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;

  const fetchText = async (url: string, options: RequestInit): Promise<string> => {
    const response = await fetch(url, options);
    if (response.status !== 200) throw new Error(`The issuer answered ${response.status}`);
    const text = await readText(response);
    keySetSchema.parse(JSON.parse(text));
    return text;
  };

  return async (url: string, options: RequestInit): Promise<Response> => {
    const nowMs = performance.now();
    if (failure === undefined || nowMs - failure.atMs >= FAILURE_PAUSE_MS) {
      try {
        good = { text: await fetchText(url, options), atMs: nowMs };
        failure = undefined;
        return new Response(good.text);
      } catch (error) {
        failure = { error, atMs: performance.now() };
        onFailure(error);
      }
    }
    if (good !== undefined && nowMs - good.atMs < STALE_AGE_MAX_MS) return new Response(good.text);
    throw failure.error;
  };
};

/**
 * @param onFailure called when the keys could not be fetched. @returns a function that verifies a token and returns its
 * claims. It throws IssuerUnavailableError while there are no keys, and an error with a `code` for a token that is not
 * valid.
 */
export const createJwksVerifier = (
  { url, issuer, audience }: JwksSource,
  onFailure: (error: unknown) => void,
): ((token: string) => Promise<JWTPayload>) => {
  const keySet = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: UNKNOWN_KEY_PAUSE_MS,
    cacheMaxAge: KEYS_AGE_MAX_MS,
    [customFetch]: createKeyFetch(onFailure),
  });
  const findKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keySet(header, token);
    } catch (error) {
      const ofTheToken = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];
      if (ofTheToken.some((kind) => error instanceof kind)) throw error;
      throw new IssuerUnavailableError(error);
    }
  };
  return async (token) => {
    const { payload } = await jwtVerify(token, findKey, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    });
    return payload;
  };
};
