/** Scopes: what a token may do, for all prefixes or narrowed to one (`numbers:issue:INV`) or a family (`configs:write:SHOP-*`). */
import { PREFIX_KEY } from '../prefix-config/prefix-config.ts';

export const ACTIONS = ['configs:read', 'configs:write', 'numbers:issue', 'sequences:admin', 'keys:admin'] as const;
export type Action = (typeof ACTIONS)[number];

export interface Grant {
  readonly action: Action;
  /** The prefix keys it holds for: an exact key, or what they begin with. */
  readonly prefix: { readonly exact: string } | { readonly startsWith: string };
}

const readGrant = (scope: string): Grant | undefined => {
  const action = ACTIONS.find((candidate) => scope === candidate || scope.startsWith(`${candidate}:`));
  if (action === undefined) return undefined;
  if (scope === action) return { action, prefix: { startsWith: '' } };
  const pattern = scope.slice(action.length + 1);
  if (!pattern.endsWith('*')) return PREFIX_KEY.test(pattern) ? { action, prefix: { exact: pattern } } : undefined;
  const startsWith = pattern.slice(0, -1);
  return startsWith === '' || PREFIX_KEY.test(startsWith) ? { action, prefix: { startsWith } } : undefined;
};

/**
 * Reads a list of scopes separated by spaces. `unknown` holds those that this version does not know; they grant
 * nothing.
 */
export const readScopes = (text: string): { grants: Grant[]; unknown: string[] } => {
  const grants: Grant[] = [];
  const unknown: string[] = [];
  for (const scope of text.split(' ').filter((part) => part !== '')) {
    const grant = readGrant(scope);
    if (grant === undefined) unknown.push(scope);
    else grants.push(grant);
  }
  return { grants, unknown };
};

/** Whether the grants allow an action on a prefix key; without a key, on at least one prefix. */
export const allows = (grants: readonly Grant[], action: Action, prefixKey?: string): boolean =>
  grants.some(
    (grant) =>
      grant.action === action &&
      (prefixKey === undefined ||
        ('exact' in grant.prefix ? grant.prefix.exact === prefixKey : prefixKey.startsWith(grant.prefix.startsWith))),
  );

const includes = (wide: Grant['prefix'], narrow: Grant['prefix']): boolean => {
  if ('exact' in wide) return 'exact' in narrow && narrow.exact === wide.exact;
  return ('exact' in narrow ? narrow.exact : narrow.startsWith).startsWith(wide.startsWith);
};

/** Whether the grants allow `action` on every prefix that `needed` reaches. */
export const allowsWithin = (grants: readonly Grant[], action: Action, needed: Grant['prefix']): boolean =>
  grants.some((grant) => grant.action === action && includes(grant.prefix, needed));
