/** What a principal may do: what their grants say, and nothing when it is not known who they are. */
import { describe, expect, test } from 'vitest';
import { authorize, permits, permitsWithin } from '../../../src/access/authorize.ts';
import { readScopes } from '../../../src/core/access/scopes.ts';

const principal = {
  ...{ grants: readScopes('numbers:issue:INV configs:read:SHOP-*').grants, subject: 'alice', countedAs: 'alice' },
  expiresAtMs: Number.POSITIVE_INFINITY,
};

describe('a principal', () => {
  test('may do what a grant says, on the prefixes it names', () => {
    expect(authorize(principal, 'numbers:issue')).toBeUndefined();
    expect(authorize(principal, 'numbers:issue', 'INV')).toBeUndefined();
    expect(permits(principal, 'configs:read', 'SHOP-1')).toBe(true);
    expect(permitsWithin(principal, 'configs:read', { startsWith: 'SHOP-A' })).toBe(true);
  });

  test('is refused the rest, and told the scope that is missing', () => {
    expect(authorize(principal, 'keys:admin')).toMatchObject({
      code: 'FORBIDDEN',
      params: { kind: 'scope', action: 'keys:admin', prefixKey: undefined },
    });
    expect(authorize(principal, 'numbers:issue', 'ORD')).toMatchObject({
      params: { kind: 'scope', action: 'numbers:issue', prefixKey: 'ORD' },
    });
    expect(permits(principal, 'configs:read', 'OTHER')).toBe(false);
    expect(permitsWithin(principal, 'configs:read', { startsWith: 'S' })).toBe(false);
  });
});

test('nobody may do anything', () => {
  expect(authorize(undefined, 'numbers:issue')).toMatchObject({ code: 'FORBIDDEN' });
  expect(permits(undefined, 'numbers:issue', 'INV')).toBe(false);
  expect(permitsWithin(undefined, 'configs:read', { exact: 'SHOP-1' })).toBe(false);
});
