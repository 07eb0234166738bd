/** Tokens of an issuer elsewhere: only its keys, its name, our audience and asymmetric algorithms count, and asking it is bounded. */
import { createHmac } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, type JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import {
  createSigningKey,
  type SigningKey,
  signToken,
  startTokenIssuer,
  type TokenIssuer,
} from '../support/token-issuer.ts';

const ISSUER = 'https://login.example.com/';
const AUDIENCE = 'number-generator';

let rsa: SigningKey;
let elliptic: SigningKey;
let attacker: SigningKey;
let issuer: TokenIssuer;
let app: TestApp;

const start = (of: TokenIssuer): Promise<TestApp> =>
  startApp({ JWT_JWKS_URL: of.url, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE });

beforeAll(async () => {
  [rsa, elliptic] = await Promise.all([createSigningKey('RS256', 'rsa-1'), createSigningKey('ES256', 'ec-1')]);
  // The same key id as the issuer's.
  attacker = await createSigningKey('RS256', 'rsa-1');
  issuer = await startTokenIssuer(rsa, elliptic);
  app = await start(issuer);
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(async () => {
  await app.close();
  await issuer.close();
});

const claims = (changes: JWTPayload = {}): JWTPayload => ({
  ...{ iss: ISSUER, aud: AUDIENCE, sub: 'alice', scope: 'configs:write configs:read' },
  exp: Math.floor(Date.now() / 1_000) + 600,
  ...changes,
});
const without = (name: keyof JWTPayload): JWTPayload =>
  Object.fromEntries(Object.entries(claims()).filter(([claim]) => claim !== name));
/** A call that has no effect when it is repeated. */
const send = (token: string, to = app): Promise<TestReply> =>
  to.call('GET', '/api/prefix-configs', undefined, { authorization: `Bearer ${token}` });
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed with the text of the public key as if it were a shared secret. */
const confuse = async (alg: 'HS256' | 'RS256'): Promise<string> => {
  const publicKey = (await importJWK(rsa.publicJwk, 'RS256', { extractable: true })) as CryptoKey;
  const content = `${base64({ alg, kid: rsa.kid })}.${base64(claims())}`;
  return `${content}.${createHmac('sha256', await exportSPKI(publicKey))
    .update(content)
    .digest('base64url')}`;
};

describe('a token of the issuer', () => {
  test.each([
    ['RSA', () => rsa],
    ['an elliptic curve', () => elliptic],
  ])('200: signed with %s is taken, and its scopes hold', async (_kind, key) => {
    const token = await signToken(key(), claims());
    expect((await send(token)).status).toBe(200);
    const authorization = `Bearer ${token}`;
    expect((await app.call('GET', '/api/temporary-numbers', undefined, { authorization })).status).toBe(403);
  });
});

describe('an attack', () => {
  const ATTACKS: readonly (readonly [string, () => Promise<string>])[] = [
    [
      'of an attacker’s issuer, whose name and keys it brings along',
      () =>
        signToken(attacker, claims({ iss: 'https://evil.example' }), {
          jwk: attacker.publicJwk,
          jku: 'https://evil.example/keys',
          x5u: 'https://evil.example/cert',
        }),
    ],
    ['signed with an attacker’s key under the key id of the issuer', () => signToken(attacker, claims())],
    [
      'signed with a key that stands in its own header',
      () => signToken(attacker, claims(), { jwk: attacker.publicJwk }),
    ],
    ['of another issuer with the same keys', () => signToken(rsa, claims({ iss: 'https://login.example.com' }))],
    ['for another audience', () => signToken(rsa, claims({ aud: 'other' }))],
    ['without an issuer', () => signToken(rsa, without('iss'))],
    ['without an audience', () => signToken(rsa, without('aud'))],
    ['that never expires', () => signToken(rsa, without('exp'))],
    ['without a subject', () => signToken(rsa, without('sub'))],
    ['with an empty subject', () => signToken(rsa, claims({ sub: '' }))],
    ['whose subject is null', () => signToken(rsa, claims({ sub: null as never }))],
    ['whose subject is an object', () => signToken(rsa, claims({ sub: { id: 1 } as never }))],
    ['whose subject is a list', () => signToken(rsa, claims({ sub: ['alice'] as never }))],
    ['whose subject is longer than a ledger keeps', () => signToken(rsa, claims({ sub: 'a'.repeat(256) }))],
    ['with the subject of an API key', () => signToken(rsa, claims({ sub: 'api-key:0123456789abcdef' }))],
    ['that has expired', () => signToken(rsa, claims({ exp: Math.floor(Date.now() / 1_000) - 60 }))],
    ['that is not valid yet', () => signToken(rsa, claims({ nbf: Math.floor(Date.now() / 1_000) + 60 }))],
    ['without a signature (alg none)', async () => `${base64({ alg: 'none' })}.${base64(claims())}.`],
    [
      'whose signature was cut off',
      async () => `${(await signToken(rsa, claims())).split('.').slice(0, 2).join('.')}.`,
    ],
    ['whose HMAC has the public key as its secret', () => confuse('HS256')],
    ['whose HMAC calls itself RS256', () => confuse('RS256')],
    [
      'with a critical extension nobody knows',
      async () => {
        const [, payload, signature] = (await signToken(rsa, claims())).split('.');
        return `${base64({ alg: 'RS256', kid: rsa.kid, crit: ['x'], x: 1 })}.${payload}.${signature}`;
      },
    ],
    [
      'whose claims were changed',
      async () => {
        const [header, , signature] = (await signToken(rsa, claims())).split('.');
        return `${header}.${base64(claims({ scope: 'configs:write keys:admin' }))}.${signature}`;
      },
    ],
  ];

  test.each(ATTACKS)('401: a token %s is refused, and no other address is asked', async (_title, make) => {
    const token = await make();
    const reply = await send(token);
    expect(reply).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED' } });
    expect(issuer.asked()).toBeLessThanOrEqual(1);
    expect(app.log).toContainEqual(expect.objectContaining({ event: 'unauthorized', path: '/api/prefix-configs' }));
    expect(JSON.stringify(app.log)).not.toContain(token.split('.')[1]);
  });

  test('401: a flood of made-up key ids makes the issuer be asked once', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, index) => signToken(attacker, claims(), { kid: `made-up-${index}` })),
    );
    const replies = await Promise.all(tokens.map((token) => send(token)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    expect(issuer.asked()).toBe(1);
  });
});

describe('an issuer that does not answer as it should', () => {
  const ANSWERS: readonly (readonly [string, Parameters<TokenIssuer['answer']>[0]])[] = [
    ['with an error', (_request, response) => response.writeHead(500).end()],
    [
      'with a redirection, which is not followed',
      (_request, response) => response.writeHead(302, { location: '/keys' }).end(),
    ],
    ['with something that is no JSON', (_request, response) => response.end('<html>')],
    ['with JSON that is no key set', (_request, response) => response.end('{"keys":"none"}')],
    [
      'with more than 256 KiB',
      (_request, response) => response.end(`{"keys":[],"padding":"${'x'.repeat(300 * 1024)}"}`),
    ],
    [
      'with 101 keys',
      (_request, response) =>
        response.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) })),
    ],
    ['never', () => undefined],
  ];

  test('503: is asked once in 5 s, whatever the number of tokens, and who needs no token is served', async () => {
    const token = await signToken(rsa, claims());
    const settings = await Promise.all(
      ANSWERS.map(async ([title, answer]) => {
        const own = await startTokenIssuer();
        own.answer(answer);
        return { title, own, ownApp: await start(own) };
      }),
    );
    for (const { title, own, ownApp } of settings) {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const reply = await send(token, ownApp);
        expect(reply, title).toMatchObject({ status: 503, json: { code: 'ISSUER_UNAVAILABLE' } });
        expect(reply.headers['retry-after'], title).toBeDefined();
      }
      expect(own.asked(), title).toBe(1);
      expect(ownApp.log, title).toContainEqual(expect.objectContaining({ event: 'issuer-keys-failed' }));
      expect((await ownApp.call('GET', '/livez', undefined, {})).status).toBe(200);
    }
    await Promise.all(settings.map(({ ownApp }) => ownApp.close()));
    await Promise.all(settings.map(({ own }) => own.close()));
  });

  test('200: the keys fetched last serve for an hour more', async () => {
    const asked = issuer.asked();
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    issuer.answer((_request, response) => response.writeHead(500).end());
    const later = async (ms: number): Promise<number> => {
      vi.advanceTimersByTime(ms);
      return (await send(await signToken(rsa, claims()))).status;
    };
    expect(await later(601_000)).toBe(200);
    expect(issuer.asked()).toBe(asked + 1);
    expect(await later(2_900_000)).toBe(200);
    expect(await later(700_000)).toBe(503);
  });
});

describe('the keys', () => {
  test('200, 401: keys are fetched once for many tokens, and again for a key id that is new, but not more often than every 30 s', async () => {
    const fresh = await createSigningKey('ES256', 'ec-2');
    const own = await startTokenIssuer(rsa);
    const ownApp = await start(own);
    vi.useFakeTimers({ toFake: ['Date'] });
    for (let index = 0; index < 20; index += 1)
      await send(await signToken(rsa, claims({ sub: `user-${index}` })), ownApp);
    expect(own.asked()).toBe(1);
    own.show(fresh);
    // For anybody can make up key ids.
    expect((await send(await signToken(fresh, claims()), ownApp)).status).toBe(401);
    expect(own.asked()).toBe(1);
    vi.setSystemTime(Date.now() + 30_000);
    expect((await send(await signToken(fresh, claims()), ownApp)).status).toBe(200);
    expect(own.asked()).toBe(2);
    await ownApp.close();
    await own.close();
  });
});
