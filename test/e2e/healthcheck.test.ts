/** The command that the image's health check runs: it knows the settings, TLS included. */
import { expect, onTestFinished, test } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { findFreePort } from '../support/redis.ts';
import { runMain, startService } from '../support/service.ts';

const certified = () => {
  const authority = createAuthority('authority');
  onTestFinished(() => authority.close());
  const { certFile, keyFile } = authority.issue('server');
  return {
    tls: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile },
    clients: { TLS_CLIENT_CA_FILE: authority.certFile },
  };
};

/** Runs the command with the settings of a service that listens. */
const check = async (env: Readonly<Record<string, string>>) => {
  await using service = await startService({ env });
  return await runMain(['healthcheck'], { ...env, PORT: `${service.port}` });
};

test('0: a service that is ready', async () => {
  expect(await check({})).toMatchObject({ code: 0, stderr: '' });
});

test('0: a service that speaks TLS only', async () => {
  expect(await check(certified().tls)).toMatchObject({ code: 0, stderr: '' });
});

test('0: a service that asks its clients for certificates, with the certificate of the service itself', async () => {
  const { tls, clients } = certified();
  expect(await check({ ...tls, ...clients })).toMatchObject({ code: 0, stderr: '' });
});

test('0: a service that asks for certificates of another authority, on HEALTH_PORT', async () => {
  const port = await findFreePort();
  const env = { ...certified().tls, ...certified().clients };
  expect(await check({ ...env, HEALTH_PORT: `${port}` })).toMatchObject({ code: 0, stderr: '' });
  expect(await check(env)).toMatchObject({ code: 1, stderr: expect.stringContaining('set HEALTH_PORT') });
});

test('1: a service that cannot issue, with the reason', async () => {
  const { code, stderr } = await check({ REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Not ready: 503 .*REDIS_URL/);
});

test('1: no service at all', async () => {
  const { code, stderr } = await runMain(['healthcheck'], { PORT: `${await findFreePort()}` });
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
});

test('200: HEALTH_PORT answers the probes without TLS, and nothing else', async () => {
  const port = await findFreePort();
  await using service = await startService({ env: { ...certified().tls, HEALTH_PORT: `${port}` } });
  const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect(await Promise.all(['/livez', '/readyz', '/health'].map(status))).toEqual([200, 200, 200]);
  expect(await Promise.all(['/metrics', '/api/numbers/X', '/docs'].map(status))).toEqual([404, 404, 404]);
  expect(service.logs()).toContainEqual(expect.objectContaining({ event: 'listening', health_port: port }));
});
