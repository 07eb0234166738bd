/** Who a caller is: by a token or an API key, over strings alone, whatever transport carried them. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Authenticator, type Credential, createAuthenticator } from '../../../src/access/authenticator.ts';
import type { Principal } from '../../../src/access/principal.ts';
import { readScopes } from '../../../src/core/access/scopes.ts';
import type { IdentifiedApiKey } from '../../../src/services/access/api-key-service.ts';
import { createToken, inSeconds, signClaims } from '../../support/token.ts';

const SECRET = 'a-secret-of-thirty-two-characters!';
const KNOWN = {
  entry: { id: '0123456789abcdef' },
  grants: readScopes('numbers:issue:INV').grants,
  countedAs: 'alice',
} as unknown as IdentifiedApiKey;

let authenticator: Authenticator;

beforeEach(async () => {
  authenticator = await createAuthenticator(
    { secret: SECRET },
    {
      apiKeyService: {
        identify: (key) => (key === 'slow' ? Promise.resolve(KNOWN) : key === 'known' ? KNOWN : undefined),
      },
      onKeysFailure: () => expect.unreachable('no issuer is asked'),
    },
  );
});

const authenticate = async (credential: Partial<Credential>): Promise<Principal> =>
  authenticator.authenticate({
    apiKey: undefined,
    authorization: undefined,
    readToken: () => expect.unreachable('there is no token to read'),
    ...credential,
  });
const byToken = (token: string): Promise<Principal> =>
  authenticate({ authorization: `Bearer ${token}`, readToken: () => token });

describe('a token', () => {
  test('says who the caller is, what they may do, and how long', async () => {
    const exp = inSeconds(60);
    expect(await byToken(signClaims({ sub: 'alice', scope: 'numbers:issue:INV', exp }, SECRET))).toEqual({
      subject: 'alice',
      countedAs: 'alice',
      grants: readScopes('numbers:issue:INV').grants,
      expiresAtMs: exp * 1_000,
    });
  });

  test('that was verified lately is recognised at once, without being read again', async () => {
    const authorization = `Bearer ${createToken(SECRET, {})}`;
    const readToken = vi.fn(() => authorization.slice('Bearer '.length));
    const credential = { apiKey: undefined, authorization, readToken };
    const first = authenticator.authenticate(credential);
    expect(first).toBeInstanceOf(Promise);
    expect(authenticator.authenticate(credential), 'not before it was verified').toBeInstanceOf(Promise);
    const principal = await first;
    expect(authenticator.authenticate(credential)).toBe(principal);
    expect(readToken).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['of another secret', createToken(`${SECRET}x`, {}), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    [
      'signed by another algorithm',
      signClaims({ sub: 'a', exp: inSeconds(60) }, SECRET, 'HS512'),
      'ERR_JOSE_ALG_NOT_ALLOWED',
    ],
    ['that has expired', createToken(SECRET, { expiresInS: -1 }), 'ERR_JWT_EXPIRED'],
    ['that is none', 'garbage', 'ERR_JWS_INVALID'],
    ['without a subject', signClaims({ exp: inSeconds(60) }, SECRET), 'CLAIM_SUB_MISSING'],
    ['without an end', signClaims({ sub: 'a' }, SECRET), 'CLAIM_EXP_MISSING'],
    [
      'with the subject of an API key',
      createToken(SECRET, { subject: 'api-key:0123456789abcdef' }),
      'SUBJECT_RESERVED',
    ],
    ['with a subject that is not plain', createToken(SECRET, { subject: 'a\nb' }), 'SUBJECT_NOT_PLAIN'],
  ])('%s is refused by a code, and is not remembered', async (_title, token, code) => {
    await expect(byToken(token)).rejects.toMatchObject({ code });
    await expect(byToken(token)).rejects.toMatchObject({ code });
  });

  test('is refused once more after it was taken, when it has expired', async () => {
    const token = createToken(SECRET, { expiresInS: 10 });
    await byToken(token);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
    try {
      await expect(byToken(token)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an API key', () => {
  const PRINCIPAL = {
    subject: 'api-key:0123456789abcdef',
    countedAs: 'alice',
    grants: KNOWN.grants,
    expiresAtMs: Number.POSITIVE_INFINITY,
  };

  test('says who the caller is, at once where it is known and later where it has to be looked up', async () => {
    expect(await authenticate({ apiKey: 'known' })).toEqual(PRINCIPAL);
    expect(await authenticate({ apiKey: 'slow' })).toEqual(PRINCIPAL);
  });

  test('that nobody knows is refused', async () => {
    await expect(authenticate({ apiKey: 'x' })).rejects.toMatchObject({ code: 'API_KEY_INVALID' });
  });

  test('beside a token is refused, whichever of them is good', async () => {
    const authorization = `Bearer ${createToken(SECRET, {})}`;
    await expect(authenticate({ apiKey: 'known', authorization })).rejects.toMatchObject({ code: 'TOKEN_AND_API_KEY' });
  });
});
