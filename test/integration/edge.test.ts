/** The edge of the service: TLS, certificates of clients, pages of other origins, proxies, and what browsers are told. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';

let authority: Authority;
let stranger: Authority;
let server: Certificate;

beforeAll(() => {
  authority = createAuthority('authority');
  stranger = createAuthority('stranger');
  server = authority.issue('server');
});

afterAll(() => {
  authority.close();
  stranger.close();
});

const listen = async (app: TestApp): Promise<number> => {
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.server.address() as AddressInfo).port;
};

/** @returns the status. @throws when no request comes about. */
const ask = async (port: number, options: RequestOptions = {}): Promise<number | undefined> => {
  const ca = readFileSync(authority.certFile);
  const request = httpsRequest({ host: '127.0.0.1', port, path: '/livez', agent: false, ca, ...options }).end();
  const [reply] = await once(request, 'response');
  reply.resume();
  return reply.statusCode;
};

const shown = ({ certFile, keyFile }: Certificate): RequestOptions => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
});

describe('TLS', () => {
  const env = (): Record<string, string> => ({ TLS_CERT_FILE: server.certFile, TLS_KEY_FILE: server.keyFile });

  test('200: with a certificate the service speaks HTTPS and nothing older than TLS 1.2, and says so to browsers', async () => {
    const app = await startApp(env());
    const port = await listen(app);
    expect(await ask(port)).toBe(200);
    await expect(ask(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
    const { headers } = await app.call('GET', '/livez');
    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    await app.close();
  });

  test('200: with TLS_CLIENT_CA_FILE only who shows a certificate of that authority gets as far as a request', async () => {
    const app = await startApp({ ...env(), TLS_CLIENT_CA_FILE: authority.certFile });
    const port = await listen(app);
    expect(await ask(port, shown(authority.issue('client')))).toBe(200);
    await expect(ask(port)).rejects.toThrow();
    await expect(ask(port, shown(stranger.issue('client')))).rejects.toThrow();
    await expect(ask(port, shown(stranger))).rejects.toThrow();
    await app.close();
  });

  test.each([
    ['is not there', () => ({ TLS_CERT_FILE: '/nowhere.crt' })],
    ['is no certificate', () => ({ TLS_CERT_FILE: server.keyFile })],
    ['does not belong to the key', () => ({ TLS_CERT_FILE: authority.certFile })],
  ])('a certificate that %s stops the start with a sentence', async (_what, wrong) => {
    await expect(startApp({ ...env(), ...wrong() })).rejects.toThrow(/TLS_CERT_FILE.*cannot be used/);
  });
});

describe('browsers', () => {
  const PAGE = 'https://shop.example.com';
  const preflight = (app: TestApp, origin: string) =>
    app.call('OPTIONS', '/api/numbers', undefined, {
      ...{ origin, 'access-control-request-method': 'POST' },
      'access-control-request-headers': 'content-type,x-api-key',
    });

  test('204: pages of an origin in CORS_ORIGINS may call, without cookies; other pages may not', async () => {
    const app = await startApp({ CORS_ORIGINS: `${PAGE},http://localhost:3000` });
    const allowed = await preflight(app, PAGE);
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-origin']).toBe(PAGE);
    expect(allowed.headers['access-control-allow-headers']).toContain('X-API-Key');
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined();
    const reply = await app.call('GET', '/livez', undefined, { origin: PAGE });
    expect(reply.headers['access-control-allow-origin']).toBe(PAGE);
    expect(reply.headers['access-control-expose-headers']).toContain('X-Number-Source');
    for (const origin of ['https://evil.example', `${PAGE}.evil.example`, 'http://shop.example.com', 'null']) {
      const { headers } = await preflight(app, origin);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
    await app.close();
  });

  test('204: by default no page of another origin may call', async () => {
    const app = await startApp();
    const { status, headers } = await preflight(app, PAGE);
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBeUndefined();
    await app.close();
  });

  test('200: replies are neither run, guessed at nor framed; the page of the description runs its own scripts only', async () => {
    const app = await startApp();
    for (const url of ['/livez', '/openapi.json', '/nowhere', '/api/numbers/A', '/api/prefix-configs']) {
      const { headers } = await app.call('GET', url, undefined, {});
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers['strict-transport-security']).toBeUndefined();
    }
    for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js']) {
      const { status, headers } = await app.call('GET', url, undefined, {});
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toContain("script-src 'self';");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      // Those of helmet.
      expect(headers['x-frame-options']).toBe('SAMEORIGIN');
      expect(headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
    expect((await app.call('GET', '/docs')).text).not.toMatch(/<script(?![^>]* src=)| on[a-z]+=/);
    await app.close();
  });
});

describe('TRUST_PROXY', () => {
  const seenClient = async (trusted: string | undefined, from: string, forwarded: string): Promise<unknown> => {
    const app = await startApp(trusted === undefined ? {} : { TRUST_PROXY: trusted });
    const headers = { 'x-forwarded-for': forwarded };
    await app.server.inject({ url: '/api/prefix-configs', remoteAddress: from, headers });
    await app.close();
    return app.log.find(({ event }) => event === 'unauthorized')?.['client'];
  };

  test.each([
    ['nobody is believed by default', undefined, '10.0.0.7', '192.0.2.1', '10.0.0.7'],
    ['a proxy of the network is believed', '10.0.0.0/8', '10.0.0.7', '192.0.2.1', '192.0.2.1'],
    ['a single address will do', '10.0.0.7', '10.0.0.7', '192.0.2.1', '192.0.2.1'],
    ['a chain of proxies is followed', '10.0.0.0/8', '10.0.0.7', '192.0.2.1, 10.0.0.6', '192.0.2.1'],
    [
      'what a client makes up in front of a proxy is not',
      '10.0.0.0/8',
      '10.0.0.7',
      '203.0.113.9, 192.0.2.1',
      '192.0.2.1',
    ],
    ['a stranger is not', '10.0.0.0/8', '11.0.0.7', '192.0.2.1', '11.0.0.7'],
    ['IPv6 too', 'fd00::/8', 'fd00::7', '2001:db8::1', '2001:db8::1'],
  ])('%s', async (_title, trusted, from, forwarded, client) => {
    expect(await seenClient(trusted, from, forwarded)).toBe(client);
  });
});
