/** Tokens for operators: signed, limited in time, and never with a scope that means nothing. */
import { jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { createToken } from '../../../src/access/token.ts';
import { ACTIONS, readScopes } from '../../../src/core/access/scopes.ts';

const SECRET = 'a-secret-of-thirty-two-characters!';

interface Payload {
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
}

const read = async (token: string, secret = SECRET): Promise<Payload> => {
  const { payload } = await jwtVerify<Payload>(token, new TextEncoder().encode(secret), { algorithms: ['HS256'] });
  return payload;
};

const secondsValid = async (expires?: string): Promise<number> => {
  const { iat, exp } = await read(await createToken(SECRET, { expires }));
  return exp - iat;
};

describe('a token', () => {
  test('without a wish allows everything for 30 days', async () => {
    const { scope, iat, exp } = await read(await createToken(SECRET, {}));
    expect(readScopes(scope)).toEqual({ grants: readScopes(ACTIONS.join(' ')).grants, unknown: [] });
    expect(exp - iat).toBe(30 * 86_400);
  });

  test.each([
    ['numbers:issue:INV', 'numbers:issue:INV'],
    ['configs:read numbers:issue', 'configs:read numbers:issue'],
    ['configs:read,numbers:issue', 'configs:read numbers:issue'],
    ['  configs:write:SHOP-*  ', 'configs:write:SHOP-*'],
  ])('for %j carries exactly that', async (wish, scope) => {
    expect((await read(await createToken(SECRET, { scope: wish }))).scope).toBe(scope);
  });

  test.each([
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['1s', 1],
    ['999999d', 86_399_913_600],
  ])('for %s is valid for %i seconds', async (expires, seconds) => {
    expect(await secondsValid(expires)).toBe(seconds);
  });

  test('does not verify with another secret', async () => {
    await expect(read(await createToken(SECRET, {}), `${SECRET}x`)).rejects.toThrow('signature');
  });
});

describe('a wish that is not understood is refused with a sentence', () => {
  test.each(['admin', 'configs:read admin', 'configs:reed', 'configs:read:', 'numbers:issue:IN*V', '*'])(
    'the scope %j',
    async (scope) => {
      await expect(createToken(SECRET, { scope })).rejects.toThrow('Unknown scope');
    },
  );

  test.each(['', ' ', ',', ' , '])('no scope at all, %j', async (scope) => {
    await expect(createToken(SECRET, { scope })).rejects.toThrow('Known are configs:read');
  });

  test('the unknown scope is named, the known one beside it is not', async () => {
    await expect(createToken(SECRET, { scope: 'configs:read admin' })).rejects.toThrow('Unknown scope "admin"');
  });

  test.each(['', 'a\u0000b', 'a'.repeat(256)])('the subject %j', async (subject) => {
    await expect(createToken(SECRET, { subject })).rejects.toThrow('A subject has 1 to 255 characters');
  });

  test.each(['', '0s', '-1h', '1', '1.5h', '1w', '1H', ' 1h', '1h ', '01h', '1000000d', 'never', '1h1m'])(
    'the time %j',
    async (expires) => {
      await expect(createToken(SECRET, { expires })).rejects.toThrow('Not a time');
    },
  );
});
