/** Clients who send and do not read: what they are owed is bounded per connection, in time, and for the whole process. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ConnectionGate, createConnectionGate } from '../../src/http/connections/connection-gate.ts';
import { startApp } from '../support/app.ts';

/** More than the system keeps for a connection on the way. */
const LARGE = 'x'.repeat(24 * 1024 * 1024);
const PATIENCE = { timeout: 20_000, interval: 50 };
const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const start = async (gate: ConnectionGate, handle: RequestListener): Promise<{ server: Server; port: number }> => {
  const server = createServer(gate.serve(handle)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
};

/** A client who reads nothing until he is told to. */
const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  closing.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
};

const readUntil = async (socket: Socket, end: string): Promise<string> => {
  let tail = '';
  for await (const piece of socket.setEncoding('latin1')) {
    tail = (tail + piece).slice(-200);
    if (tail.endsWith(end)) break;
  }
  return tail;
};

const countConnections = async (server: Server): Promise<number> => promisify(server.getConnections.bind(server))();

describe('one connection', () => {
  test('200: requests sent at once are served one after the other: the next begins when the reply before was taken', async () => {
    const begun: string[] = [];
    const gate = createConnectionGate(() => undefined);
    const { port } = await start(gate, ({ url = '' }, response) => {
      begun.push(url);
      response.end(url === '/large' ? LARGE : url);
    });
    const socket = await open(port);
    socket.write(GET('/large') + GET('/second') + GET('/third'));
    await vi.waitFor(() => expect(begun).toEqual(['/large']), PATIENCE);
    const other = await open(port);
    other.write(GET('/other'));
    expect(await readUntil(other, '/other')).toMatch(/^HTTP\/1\.1 200 /);
    expect(begun).toEqual(['/large', '/other']);
    expect(await readUntil(socket, '/third')).toContain('/second');
    expect(begun).toEqual(['/large', '/other', '/second', '/third']);
  });

  test('closes one on which more than 32 requests wait', async () => {
    const app = await startApp({});
    await app.call('PUT', '/api/prefix-configs/A', { format: 'A-{SEQ:20}' });
    await app.server.listen({ port: 0, host: '127.0.0.1' });
    const socket = await open((app.server.server.address() as AddressInfo).port);
    socket.resume().write(GET('/api/numbers/A').repeat(500));
    await once(socket, 'close');
    expect(Number((await app.call('GET', '/api/sequences/A')).json.value)).toBeLessThan(34);
    await app.close();
  });

  test('200: eight requests sent at once are answered in their order', async () => {
    const app = await startApp({});
    await app.call('PUT', '/api/prefix-configs/A', { format: 'A-{SEQ:3}' });
    await app.server.listen({ port: 0, host: '127.0.0.1' });
    const socket = await open((app.server.server.address() as AddressInfo).port);
    socket.write(GET('/api/numbers/A').repeat(8));
    let text = '';
    for await (const piece of socket.setEncoding('latin1')) {
      text += piece;
      if (text.includes('A-008')) break;
    }
    expect(text.match(/A-\d{3}/g)).toEqual(Array.from({ length: 8 }, (_, index) => `A-00${index + 1}`));
    await app.close();
  });
});

describe('time', () => {
  test('cuts a reader off who takes nothing of a reply for REQUEST_TIMEOUT_MS', async () => {
    const app = await startApp({ HEADERS_TIMEOUT_MS: '400', REQUEST_TIMEOUT_MS: '800', OPEN_COUNT_MAX: '10000' });
    const format = `{SEQ:20}${'-{var:a}'.repeat(7)}`;
    await app.call('PUT', '/api/prefix-configs/A', { format });
    await app.server.listen({ port: 0, host: '127.0.0.1' });
    const server = app.server.server as Server;
    const socket = await open((server.address() as AddressInfo).port);
    socket.write(GET(`/api/numbers/A?count=10000&variables=a:${'A'.repeat(32)}`).repeat(16));
    await vi.waitFor(async () => expect(await countConnections(server)).toBe(1), PATIENCE);
    await vi.waitFor(async () => expect(await countConnections(server)).toBe(0), PATIENCE);
    expect((await app.call('GET', '/livez')).status).toBe(200);
    socket.destroy();
    await app.close();
  });

  test('200: a request that is worked on for longer is not cut off', async () => {
    const gate = createConnectionGate(() => undefined);
    const { server, port } = await start(gate, (_request, response) => {
      // Silent for longer than the limit, twice.
      server.once('timeout', () => setTimeout(() => response.end('done'), 50));
    });
    server.setTimeout(100, gate.endSilent);
    const socket = await open(port);
    socket.write(GET('/'));
    expect(await readUntil(socket, 'done')).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('the process', () => {
  test('cuts the largest off when what nobody reads passes the budget, and goes on serving who reads', async () => {
    const gate = createConnectionGate(() => undefined, 2.9 * LARGE.length);
    const { server, port } = await start(gate, ({ url }, response) => {
      const text = `${url === '/large' ? LARGE : 'x'.repeat(20_000)}end`;
      gate.note(response, text);
      response.end(text);
    });
    const sockets = [await open(port), await open(port)];
    for (const socket of sockets) socket.write(GET('/large'));
    await vi.waitFor(async () => expect(await countConnections(server)).toBe(2), PATIENCE);
    const reader = await open(port);
    reader.write(GET('/large'));
    // The whole reply, and then the reader leaves. Of the two that do not read, the older one had to go.
    await readUntil(reader, 'end');
    await vi.waitFor(async () => expect(await countConnections(server)).toBe(1), PATIENCE);
    const other = await open(port);
    other.write(GET('/small'));
    expect(await readUntil(other, 'end')).toMatch(/x+end$/);
  });
});

test('400: a request with two Host headers is refused, for a proxy may have gone by the other one', async () => {
  const app = await startApp({});
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const socket = await open((app.server.server.address() as AddressInfo).port);
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  const text = await readUntil(socket, '}');
  expect(text).toContain('"code":"VALIDATION_ERROR"');
  await app.close();
});
