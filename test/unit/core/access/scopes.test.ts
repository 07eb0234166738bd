/** Scopes grant what they say and nothing that only looks like it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACTIONS, type Action, allows, readScopes } from '../../../../src/core/access/scopes.ts';
import { PREFIX_KEY } from '../../../../src/core/prefix-config/prefix-config.ts';

const may = (scope: string, action: Action, prefixKey?: string): boolean =>
  allows(readScopes(scope).grants, action, prefixKey);

const prefixKey = fc.stringMatching(new RegExp(PREFIX_KEY.source.replace('63', '20')));
const action = fc.constantFrom(...ACTIONS);

describe('a scope without a prefix', () => {
  test.each(ACTIONS)('%s holds for every prefix and for no other action', (scope) => {
    for (const other of ACTIONS) {
      expect(may(scope, other)).toBe(other === scope);
      expect(may(scope, other, 'INV')).toBe(other === scope);
    }
  });
});

describe('a scope narrowed to one prefix', () => {
  test('allows that prefix', () => {
    expect(may('numbers:issue:INV', 'numbers:issue', 'INV')).toBe(true);
  });

  test.each(['INV2', 'IN', 'inv', 'INV-EU', 'INV:2026', 'XINV', 'ÏNV', 'INV ', 'INV\n', ''])(
    'does not allow the look-alike %j',
    (lookAlike) => {
      expect(may('numbers:issue:INV', 'numbers:issue', lookAlike)).toBe(false);
    },
  );

  test('allows the action on some prefix, so that the caller gets as far as naming one', () => {
    expect(may('numbers:issue:INV', 'numbers:issue')).toBe(true);
    expect(may('numbers:issue:INV', 'configs:read')).toBe(false);
  });

  test('takes a prefix key that itself has colons, dots and dashes', () => {
    expect(may('configs:write:a:b.c-d_e', 'configs:write', 'a:b.c-d_e')).toBe(true);
    expect(may('configs:write:a:b.c-d_e', 'configs:write', 'a')).toBe(false);
  });

  test('allows exactly its own prefix, whatever the two keys are', () => {
    fc.assert(
      fc.property(action, prefixKey, prefixKey, (one, granted, asked) => {
        expect(may(`${one}:${granted}`, one, asked)).toBe(granted === asked);
        expect(may(`${one}:${granted}`, one, granted)).toBe(true);
      }),
    );
  });
});

describe('a scope narrowed to a family', () => {
  test('allows every prefix that begins so, and no other', () => {
    expect(may('configs:write:SHOP-*', 'configs:write', 'SHOP-EU')).toBe(true);
    expect(may('configs:write:SHOP-*', 'configs:write', 'SHOP-')).toBe(true);
    for (const stranger of ['SHOP', 'SHOPS', 'shop-EU', 'A-SHOP-EU', 'SHOP_EU']) {
      expect(may('configs:write:SHOP-*', 'configs:write', stranger)).toBe(false);
    }
  });

  test('a lone star is the family of all', () => {
    expect(may('configs:read:*', 'configs:read', 'INV')).toBe(true);
    expect(may('configs:read:*', 'configs:write', 'INV')).toBe(false);
  });

  test('allows exactly the keys that begin so, whatever the two keys are', () => {
    fc.assert(
      fc.property(action, prefixKey, prefixKey, (one, family, asked) => {
        expect(may(`${one}:${family}*`, one, asked)).toBe(asked.startsWith(family));
        expect(may(`${one}:${family}*`, one, family + asked)).toBe(true);
      }),
    );
  });
});

describe('an unknown scope', () => {
  test.each([
    'admin',
    '*',
    'configs',
    'configs:',
    'configs:*',
    'configs:readx',
    'configs:read:',
    'Configs:read',
    'configs:read:-INV',
    'configs:read:IN*V',
    'configs:read:INV**',
    'configs:read:*INV',
    'configs:read:a/b',
    'configs:read\tconfigs:write',
    'configs:read\nconfigs:write',
    'configs:read,configs:write',
    `configs:read:${'x'.repeat(65)}`,
    '__proto__',
  ])('%j grants nothing and is reported', (scope) => {
    expect(readScopes(scope)).toEqual({ grants: [], unknown: [scope] });
  });

  test('does not spoil its neighbours', () => {
    const { grants, unknown } = readScopes('configs:read admin numbers:issue:INV');
    expect(unknown).toEqual(['admin']);
    expect(grants.map((grant) => grant.action)).toEqual(['configs:read', 'numbers:issue']);
  });

  test('of any text: what is reported as unknown allows nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { grants, unknown } = readScopes(text);
        expect(readScopes(unknown.join(' ')).grants).toEqual([]);
        expect(grants.length + unknown.length).toBe(text.split(' ').filter((part) => part !== '').length);
      }),
    );
  });
});

describe('a list of scopes', () => {
  test.each(['', ' ', '    '])('%j grants nothing', (text) => {
    expect(readScopes(text)).toEqual({ grants: [], unknown: [] });
    for (const one of ACTIONS) expect(may(text, one)).toBe(false);
  });

  test('grants what any of its members grants', () => {
    const scopes = '  configs:read   numbers:issue:INV numbers:issue:SHOP-* ';
    expect(may(scopes, 'configs:read', 'X')).toBe(true);
    expect(may(scopes, 'numbers:issue', 'INV')).toBe(true);
    expect(may(scopes, 'numbers:issue', 'SHOP-1')).toBe(true);
    expect(may(scopes, 'numbers:issue', 'X')).toBe(false);
    expect(may(scopes, 'configs:write', 'INV')).toBe(false);
  });
});
