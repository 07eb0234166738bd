/** The settings of tokens, TLS, proxies, origins and limits: read as they are meant, refused with their names when they are not. */
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';

const JWKS = {
  JWT_JWKS_URL: 'https://login.example.com/keys',
  JWT_ISSUER: 'https://login.example.com/',
  JWT_AUDIENCE: 'numbers',
};
const TLS = { TLS_CERT_FILE: '/tls/server.crt', TLS_KEY_FILE: '/tls/server.key' };
const SECRET = 'a-secret-of-thirty-two-characters!';

const namesOf = (environment: Record<string, string>): string[] => {
  try {
    readSettings(environment);
  } catch (error) {
    const lines = (error as Error).message.split('\n').slice(1);
    return lines.map((line) => line.trim().slice(0, line.trim().indexOf(':'))).toSorted();
  }
  return [];
};

describe('are read', () => {
  test('an issuer elsewhere, also in production', () => {
    const jwks = { url: JWKS.JWT_JWKS_URL, issuer: JWKS.JWT_ISSUER, audience: JWKS.JWT_AUDIENCE };
    expect(readSettings({ ...JWKS, NODE_ENV: 'production' })).toMatchObject({ jwks, jwtSecret: undefined });
  });

  test('lists, with or without spaces', () => {
    const lists = {
      TRUST_PROXY: '10.0.0.0/8, fd00::/8,127.0.0.1',
      CORS_ORIGINS: 'https://a.example, http://b.example:8080',
    };
    expect(readSettings(lists)).toMatchObject({
      trustedProxies: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
      corsOrigins: ['https://a.example', 'http://b.example:8080'],
    });
  });

  test('TLS, with or without certificates of clients', () => {
    const files = { certFile: TLS.TLS_CERT_FILE, keyFile: TLS.TLS_KEY_FILE };
    expect(readSettings(TLS).tls).toEqual({ ...files, clientCaFile: undefined });
    expect(readSettings({ ...TLS, TLS_CLIENT_CA_FILE: '/ca' }).tls).toEqual({ ...files, clientCaFile: '/ca' });
  });

  test('limits: headers have as long as a whole request, if that is less than 10 s', () => {
    expect(readSettings({ RATE_LIMIT_PER_SECOND: '50' }).rateLimitPerSecond).toBe(50);
    expect(readSettings({ REQUEST_TIMEOUT_MS: '5000' })).toMatchObject({
      headersTimeoutMs: 5_000,
      requestTimeoutMs: 5_000,
    });
    expect(readSettings({ HEADERS_TIMEOUT_MS: '1000' })).toMatchObject({
      headersTimeoutMs: 1_000,
      requestTimeoutMs: 30_000,
    });
  });
});

describe('are refused', () => {
  test.each([
    ['keys that anybody on the way could change', { ...JWKS, JWT_JWKS_URL: 'http://login.example.com/keys' }],
    ['an address with a password', { ...JWKS, JWT_JWKS_URL: 'https://user:pw@login.example.com/keys' }],
    ['a file', { ...JWKS, JWT_JWKS_URL: 'file:///etc/keys' }],
    ['no address', { ...JWKS, JWT_JWKS_URL: 'login.example.com' }],
    ['a shared secret beside the keys', { ...JWKS, JWT_SECRET: SECRET }],
  ])('JWT_JWKS_URL: %s', (_case, given) => {
    expect(namesOf(given)).toEqual(['JWT_JWKS_URL']);
  });

  test('an issuer without its name and our audience, or these without an issuer', () => {
    expect(namesOf({ JWT_JWKS_URL: JWKS.JWT_JWKS_URL })).toEqual(['JWT_AUDIENCE', 'JWT_ISSUER']);
    expect(namesOf({ JWT_ISSUER: 'x', JWT_AUDIENCE: 'y' })).toEqual(['JWT_AUDIENCE', 'JWT_ISSUER']);
  });

  test('keys on this machine may come by http', () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(namesOf({ ...JWKS, JWT_JWKS_URL: `http://${host}:8081/keys` })).toEqual([]);
    }
  });

  test.each([
    'true',
    '1',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0',
    'proxy.example.com',
    '10.0.0.0/8,',
    '10.0.0.0/8/8',
    'fd00::/129',
  ])('TRUST_PROXY=%s', (text) => {
    expect(namesOf({ TRUST_PROXY: text })).toEqual(['TRUST_PROXY']);
  });

  test.each([
    '*',
    'null',
    'https://a.example/',
    'https://a.example/path',
    'a.example',
    'https://*.example',
    'ftp://a.example',
  ])('CORS_ORIGINS=%s', (text) => {
    expect(namesOf({ CORS_ORIGINS: text })).toEqual(['CORS_ORIGINS']);
  });

  test('half of TLS', () => {
    expect(namesOf({ TLS_CERT_FILE: 'x' })).toEqual(['TLS_KEY_FILE']);
    expect(namesOf({ TLS_KEY_FILE: 'x' })).toEqual(['TLS_CERT_FILE']);
    expect(namesOf({ TLS_CLIENT_CA_FILE: 'x' })).toEqual(['TLS_CERT_FILE']);
  });

  test('headers that may take longer than the request they belong to', () => {
    expect(namesOf({ HEADERS_TIMEOUT_MS: '30001' })).toEqual(['HEADERS_TIMEOUT_MS']);
    expect(namesOf({ HEADERS_TIMEOUT_MS: '2000', REQUEST_TIMEOUT_MS: '1999' })).toEqual(['HEADERS_TIMEOUT_MS']);
  });

  test('no limit at all', () => {
    expect(namesOf({ RATE_LIMIT_PER_SECOND: '0' })).toEqual(['RATE_LIMIT_PER_SECOND']);
  });
});
