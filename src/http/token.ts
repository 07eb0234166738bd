/** Makes the tokens that the API accepts, for `npm run token`. */
import { createSigner } from 'fast-jwt';
import { ACTIONS, readScopes } from '../core/access/scopes.ts';
import { isSubject, SUBJECT_RULE } from '../core/subject.ts';
import { ADMIN_SCOPE } from './plugins/auth.ts';

const EXPIRES = /^([1-9][0-9]{0,5})([smhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface TokenRequest {
  /** Scopes separated by spaces or commas; undefined for all. */
  readonly scope?: string | undefined;
  /** Whose it is. */
  readonly subject?: string | undefined;
  /** How long it is valid: a number and s, m, h or d; undefined for 30 days. */
  readonly expires?: string | undefined;
}

/** @throws Error with a sentence for the operator when the scope or the time is not understood. */
export const createToken = (
  jwtSecret: string,
  { scope, subject = 'npm run token', expires = '30d' }: TokenRequest,
): string => {
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
  const sign = createSigner({ key: jwtSecret, algorithm: 'HS256', expiresIn: Number(amount) * (UNIT_MS[unit] ?? 0) });
  return sign({ sub: subject, scope: scopes });
};
