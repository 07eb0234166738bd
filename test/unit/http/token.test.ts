/** Tokens for operators: signed, limited in time, and never with a scope that means nothing. */
import { createVerifier } from 'fast-jwt';
import { describe, expect, test } from 'vitest';
import { ACTIONS, readScopes } from '../../../src/core/access/scopes.ts';
import { createToken } from '../../../src/http/token.ts';

const SECRET = 'a-secret-of-thirty-two-characters!';

interface Payload {
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
}

const read = (token: string, key = SECRET): Payload => createVerifier({ key, algorithms: ['HS256'] })(token);

const secondsValid = (expires?: string): number => {
  const { iat, exp } = read(createToken(SECRET, { expires }));
  return exp - iat;
};

describe('a token', () => {
  test('without a wish allows everything for 30 days', () => {
    const { scope, iat, exp } = read(createToken(SECRET, {}));
    expect(readScopes(scope)).toEqual({ grants: readScopes(ACTIONS.join(' ')).grants, unknown: [] });
    expect(exp - iat).toBe(30 * 86_400);
  });

  test.each([
    ['numbers:issue:INV', 'numbers:issue:INV'],
    ['configs:read numbers:issue', 'configs:read numbers:issue'],
    ['configs:read,numbers:issue', 'configs:read numbers:issue'],
    ['  configs:write:SHOP-*  ', 'configs:write:SHOP-*'],
  ])('for %j carries exactly that', (wish, scope) => {
    expect(read(createToken(SECRET, { scope: wish })).scope).toBe(scope);
  });

  test.each([
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['1s', 1],
    ['999999d', 86_399_913_600],
  ])('for %s is valid for %i seconds', (expires, seconds) => {
    expect(secondsValid(expires)).toBe(seconds);
  });

  test('does not verify with another secret', () => {
    expect(() => read(createToken(SECRET, {}), `${SECRET}x`)).toThrow('signature');
  });
});

describe('a wish that is not understood is refused with a sentence', () => {
  test.each(['admin', 'configs:read admin', 'configs:reed', 'configs:read:', 'numbers:issue:IN*V', '*'])(
    'the scope %j',
    (scope) => {
      expect(() => createToken(SECRET, { scope })).toThrow('Unknown scope');
    },
  );

  test.each(['', ' ', ',', ' , '])('no scope at all, %j', (scope) => {
    expect(() => createToken(SECRET, { scope })).toThrow('Known are configs:read');
  });

  test('the unknown scope is named, the known one beside it is not', () => {
    expect(() => createToken(SECRET, { scope: 'configs:read admin' })).toThrow('Unknown scope "admin"');
  });

  test.each(['', 'a\u0000b', 'a'.repeat(256)])('the subject %j', (subject) => {
    expect(() => createToken(SECRET, { subject })).toThrow('A subject has 1 to 255 characters');
  });

  test.each(['', '0s', '-1h', '1', '1.5h', '1w', '1H', ' 1h', '1h ', '01h', '1000000d', 'never', '1h1m'])(
    'the time %j',
    (expires) => {
      expect(() => createToken(SECRET, { expires })).toThrow('Not a time');
    },
  );
});
