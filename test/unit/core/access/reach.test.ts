/** What somebody may hand on: only what they may do themselves on every prefix that it reaches. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allows, allowsWithin, type Grant, readScopes } from '../../../../src/core/access/scopes.ts';

const within = (scopes: string, needed: Grant['prefix'], action: Grant['action'] = 'numbers:issue') =>
  allowsWithin(readScopes(scopes).grants, action, needed);

describe('a scope of one prefix', () => {
  test('reaches that prefix, and neither another nor a family', () => {
    expect(within('numbers:issue:INV', { exact: 'INV' })).toBe(true);
    expect(within('numbers:issue:INV', { exact: 'INV2' })).toBe(false);
    expect(within('numbers:issue:INV', { startsWith: 'INV' })).toBe(false);
    expect(within('numbers:issue:INV', { startsWith: '' })).toBe(false);
  });
});

describe('a scope of a family', () => {
  test('reaches each prefix in it and each smaller family, and nothing else', () => {
    expect(within('numbers:issue:SHOP-*', { exact: 'SHOP-1' })).toBe(true);
    expect(within('numbers:issue:SHOP-*', { startsWith: 'SHOP-' })).toBe(true);
    expect(within('numbers:issue:SHOP-*', { startsWith: 'SHOP-A' })).toBe(true);
    expect(within('numbers:issue:SHOP-*', { exact: 'MY-SHOP-' })).toBe(false);
    expect(within('numbers:issue:SHOP-*', { startsWith: 'SHOP' })).toBe(false);
  });
});

describe('a list of scopes', () => {
  test('reaches what one of them does, for the action of that one', () => {
    const scopes = 'configs:read:A numbers:issue:B';
    expect(within(scopes, { exact: 'B' })).toBe(true);
    expect(within(scopes, { exact: 'A' })).toBe(false);
    expect(within(scopes, { exact: 'A' }, 'configs:read')).toBe(true);
    expect(within('', { exact: 'A' })).toBe(false);
  });

  test('reaches a prefix when it allows the action on it, whatever they are', () => {
    const key = fc.constantFrom('A', 'AB', 'ABC', 'B', 'BA');
    const action = fc.constantFrom('numbers:issue' as const, 'configs:read' as const);
    const prefix = fc.oneof(
      key.map((exact): Grant['prefix'] => ({ exact })),
      fc.constantFrom('', 'A', 'AB', 'B').map((startsWith): Grant['prefix'] => ({ startsWith })),
    );
    const grants = fc.array(fc.record({ action, prefix }), { maxLength: 3 });
    fc.assert(
      fc.property(grants, action, key, prefix, (given, asked, exact, needed) => {
        expect(allowsWithin(given, asked, { exact })).toBe(allows(given, asked, exact));
        if (!allowsWithin(given, asked, needed)) return;
        const reached = 'exact' in needed ? [needed.exact] : [needed.startsWith, `${needed.startsWith}X`];
        for (const one of reached) expect(allows(given, asked, one)).toBe(true);
      }),
    );
  });
});
