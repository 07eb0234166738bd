/** What a principal may do; an unidentified caller may do nothing. */
import { type Action, allows, allowsWithin, type Grant } from '../core/access/scopes.ts';
import { ForbiddenError } from '../core/errors.ts';
import type { Principal } from './principal.ts';

/** Whether `principal` may do `action`: at all, or with `prefixKey` when that is given. */
export const permits = (principal: Principal | undefined, action: Action, prefixKey?: string): boolean =>
  principal !== undefined && allows(principal.grants, action, prefixKey);

/** Whether `principal` may do `action` with every prefix that a grant reaches. */
export const permitsWithin = (principal: Principal | undefined, action: Action, reach: Grant['prefix']): boolean =>
  principal !== undefined && allowsWithin(principal.grants, action, reach);

/** @returns the refusal, unless `principal` may do `action`: at all, or with `prefixKey` when that is given. */
export const authorize = (
  principal: Principal | undefined,
  action: Action,
  prefixKey?: string,
): ForbiddenError | undefined => {
  if (permits(principal, action, prefixKey)) return undefined;
  return new ForbiddenError({ kind: 'scope', action, prefixKey });
};
