/** TLS handshakes that never end, or end badly: each leaves nothing behind, on whichever port it came. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecurely } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const HEADERS_MS = 400;
/** Of a greeting whose record says that it is longer. */
const HALF_A_GREETING = Buffer.from([0x16, 3, 1, 2, 0, 1]);

let dir: string;
let app: TestApp;
let port: number;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'test-handshakes-'));
  const [certFile, keyFile] = [join(dir, 'rsa.crt'), join(dir, 'rsa.key')];
  const name = ['-subj', '/CN=localhost', '-days', '2'];
  // RSA, for only with such a key could a handshake be had without forward secrecy.
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', ...key, ...name], { stdio: 'ignore' });
  app = await startApp({
    ...{ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, METRICS_PORT: '0' },
    ...{ HEADERS_TIMEOUT_MS: String(HEADERS_MS), REQUEST_TIMEOUT_MS: '60000' },
  });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = app.server.server.address() as AddressInfo);
});

afterAll(async () => {
  await app.close();
  rmSync(dir, { recursive: true, force: true });
});

const open = async (to = port): Promise<Socket> => {
  const socket = connect(to, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  return socket;
};

const expectNobody = async (server = app.server.server as Server): Promise<void> => {
  const count = promisify(server.getConnections.bind(server));
  await vi.waitFor(async () => expect(await count()).toBe(0), PATIENCE);
};

test.each([
  ['in which nothing is said', (_socket: Socket) => undefined],
  ['that begins with half a greeting', (socket: Socket) => socket.write(HALF_A_GREETING)],
  ['that is plain HTTP', (socket: Socket) => socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')],
  [
    'that comes byte by byte',
    (socket: Socket) => {
      socket.write(HALF_A_GREETING);
      const timer = setInterval(() => socket.write(Buffer.from([0])), HEADERS_MS / 4);
      socket.once('close', () => clearInterval(timer));
    },
  ],
])('closes a connection with a handshake %s, at HEADERS_TIMEOUT_MS at the latest', async (_what, say) => {
  const sockets = await Promise.all(Array.from({ length: 5 }, () => open()));
  // One that is written to as it is closed sees a reset.
  for (const socket of sockets) socket.on('error', () => undefined);
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) say(socket);
  await Promise.all(closed);
  await expectNobody();
});

test('keeps nothing of a client who leaves before his handshake is over', async () => {
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open()));
  for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket.write(HALF_A_GREETING);
  for (const socket of sockets) socket.destroy();
  await expectNobody();
});

test('closes a connection that shook hands and asks nothing, with 408', async () => {
  const socket = connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
  let text = '';
  for await (const piece of socket.setEncoding('latin1')) text += piece;
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  await expectNobody();
});

test('408: a connection to METRICS_PORT that says nothing is ended at HEADERS_TIMEOUT_MS too', async () => {
  const server = app.metricsServer;
  if (server === undefined) throw new Error('There is no metrics server');
  await server.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  for await (const piece of socket.setEncoding('latin1')) text += piece;
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  await expectNobody(server.server as Server);
});

test('speaks no cipher without forward secrecy', async () => {
  const greet = async (ciphers: string): Promise<string> => {
    const terms = { maxVersion: 'TLSv1.2' as const, rejectUnauthorized: false };
    const socket = connectSecurely({ host: '127.0.0.1', port, ciphers, ...terms });
    await once(socket, 'secureConnect');
    const { name } = socket.getCipher();
    socket.destroy();
    return name;
  };
  expect(await greet('ECDHE-RSA-AES128-GCM-SHA256')).toBe('ECDHE-RSA-AES128-GCM-SHA256');
  for (const cipher of ['AES128-GCM-SHA256', 'AES256-SHA256', 'AES128-SHA', 'ECDHE-RSA-AES128-SHA']) {
    await expect(greet(cipher)).rejects.toThrow(/handshake failure/);
  }
});
