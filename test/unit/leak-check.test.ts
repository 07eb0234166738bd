/** The leak check sees what it must see; otherwise "nothing left open" would prove nothing. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { watchOpenResources } from '../support/leak-check.ts';

const listen = async (): Promise<Server> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const connectTo = async (server: Server) => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

test('a server and a socket that were closed are no leak', async () => {
  const expectNothingLeft = watchOpenResources();
  const server = await listen();
  const socket = await connectTo(server);
  socket.destroy();
  server.close();
  await expect(expectNothingLeft()).resolves.toBeUndefined();
});

test('a server that still listens is a leak', async () => {
  const expectNothingLeft = watchOpenResources();
  const server = await listen();
  await expect(expectNothingLeft(50)).rejects.toThrow(/^Left open: server, opened at /);
  server.close();
});

test('a socket that is still connected is a leak', async () => {
  const server = await listen();
  const expectNothingLeft = watchOpenResources();
  const socket = await connectTo(server);
  await expect(expectNothingLeft(50)).rejects.toThrow(/^Left open: socket, opened /);
  socket.destroy();
  server.close();
});

test('a timer that still runs is a leak', async () => {
  const expectNothingLeft = watchOpenResources();
  const timer = setInterval(() => undefined, 60_000);
  await expect(expectNothingLeft(50)).rejects.toThrow(/^Left open: timer, opened at .*leak-check\.test\.ts:\d+/);
  clearInterval(timer);
});

test('an unreferenced timer that still runs is a leak', async () => {
  const expectNothingLeft = watchOpenResources();
  const timer = setInterval(() => undefined, 60_000).unref();
  await expect(expectNothingLeft(50)).rejects.toThrow(/^Left open: timer, opened /);
  clearInterval(timer);
});

test('timers that fired or were cleared, and a fetch that was answered, are no leak', async () => {
  const expectNothingLeft = watchOpenResources();
  clearTimeout(setTimeout(() => undefined, 60_000));
  await new Promise((resolve) => setTimeout(resolve, 1));
  const server = createHttpServer((_request, reply) => reply.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text();
  server.close();
  server.closeAllConnections();
  await expect(expectNothingLeft()).resolves.toBeUndefined();
});
