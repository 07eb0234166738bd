/** What an operator meets: TLS by files, tokens of an issuer, and starts that are refused with a sentence. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { runMain, startService } from '../support/service.ts';
import { createSigningKey, signToken, startTokenIssuer } from '../support/token-issuer.ts';

const JWT_ISSUER = 'https://login.example.com/';
const JWT_AUDIENCE = 'number-generator';

test('200: a process with certificates serves clients that show one, and says so in its log', async () => {
  const authority = createAuthority('authority');
  onTestFinished(() => authority.close());
  const { certFile, keyFile } = authority.issue('server');
  const client = authority.issue('client');
  await using service = await startService({
    env: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, TLS_CLIENT_CA_FILE: authority.certFile },
  });
  expect(service.logs()).toContainEqual(expect.objectContaining({ event: 'listening', tls: 'mutual' }));
  const ask = request({
    ...{ host: '127.0.0.1', port: service.port, path: '/livez', agent: false, ca: readFileSync(authority.certFile) },
    ...{ cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) },
  }).end();
  const [reply] = await once(ask, 'response');
  expect(reply.statusCode).toBe(200);
  reply.resume();
});

test('200: a production process takes tokens of its issuer, and makes none itself', async () => {
  const key = await createSigningKey('ES256', 'key-1');
  const issuer = await startTokenIssuer(key);
  onTestFinished(() => issuer.close());
  const env = { JWT_JWKS_URL: issuer.url, JWT_ISSUER, JWT_AUDIENCE, AUTH: 'on', NODE_ENV: 'production' };
  await using service = await startService({ env });
  const exp = Math.floor(Date.now() / 1_000) + 60;
  const token = await signToken(key, { iss: JWT_ISSUER, aud: JWT_AUDIENCE, sub: 'alice', scope: 'configs:read', exp });
  const reply = await fetch(`${service.url}/api/prefix-configs`, { headers: { authorization: `Bearer ${token}` } });
  expect(reply.status).toBe(200);
  const command = await runMain(['token'], env);
  expect(command).toMatchObject({ code: 1, stdout: '' });
  expect(command.stderr).toContain(`With JWT_JWKS_URL tokens come from their issuer, ${JWT_ISSUER}`);
});

test('a certificate that cannot be read stops the start with a sentence', async () => {
  const start = await runMain([], { TLS_CERT_FILE: '/nowhere.crt', TLS_KEY_FILE: '/nowhere.key', AUTH: 'off' });
  expect(start).toMatchObject({ code: 1 });
  expect(start.stderr).toMatch(/TLS_CERT_FILE.*cannot be used: ENOENT.*nowhere\.crt/);
});
