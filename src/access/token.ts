/** Makes the tokens that the API accepts, for `npm run token`. */
import { SignJWT } from 'jose/jwt/sign';
import { ACTIONS, readScopes } from '../core/access/scopes.ts';
import { isSubject, SUBJECT_RULE } from '../core/subject.ts';

/** The scopes of an administrator: all of them, for all prefixes. */
const ADMIN_SCOPE = ACTIONS.join(' ');

const EXPIRES = /^([1-9][0-9]{0,5})([smhd])$/;
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export interface TokenRequest {
  /** Scopes separated by spaces or commas; undefined for all. */
  readonly scope?: string | undefined;
  /** The name of the caller. */
  readonly subject?: string | undefined;
  /** How long it is valid: a number and s, m, h or d; undefined for 30 days. */
  readonly expires?: string | undefined;
}

/** @throws Error with a sentence for the operator when the scope or the time is not understood. */
export const createToken = async (
  jwtSecret: string,
  { scope, subject = 'npm run token', expires = '30d' }: TokenRequest,
): Promise<string> => {
  const scopes = (scope ?? ADMIN_SCOPE).replaceAll(',', ' ').trim();
  const { grants, unknown } = readScopes(scopes);
  if (unknown.length > 0 || grants.length === 0) {
    throw new Error(
      `Unknown scope "${unknown.join(' ')}". Known are ${ACTIONS.join(', ')}, each also narrowed: configs:write:SHOP-*`,
    );
  }
  const [, amount, unit] = EXPIRES.exec(expires) ?? [];
  if (amount === undefined || unit === undefined)
    throw new Error(`Not a time: "${expires}". Write it as 90s, 15m, 12h or 30d`);
  if (!isSubject(subject)) throw new Error(`A subject has ${SUBJECT_RULE}.`);
  const issuedAtS = Math.floor(Date.now() / 1_000);
  return new SignJWT({ sub: subject, scope: scopes })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(issuedAtS)
    .setExpirationTime(issuedAtS + Number(amount) * (UNIT_S[unit] ?? 0))
    .sign(new TextEncoder().encode(jwtSecret));
};
