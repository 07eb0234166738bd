/** How a process ends: what SIGTERM sets in motion, what a second signal or a request that never ends does, and with which exit code. */
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Service, startService } from '../support/service.ts';

const DRAIN_MS = 1_500;

interface Reply {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly body: string;
}

/** One request on a connection of the agent. */
const ask = async (agent: Agent, url: string): Promise<Reply> => {
  const [reply] = await once(get(url, { agent }), 'response');
  const chunks: string[] = [];
  for await (const chunk of reply.setEncoding('utf8')) chunks.push(chunk);
  return { status: reply.statusCode, connection: reply.headers.connection, body: chunks.join('') };
};

const register = (service: Service): Promise<Response> =>
  fetch(`${service.url}/api/prefix-configs/A`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ format: 'A{SEQ:1}' }),
  });

/** Begins a request for a number and waits until the service has surely read it; its body is announced, and `begun` of it is sent. */
const beginPost = async (service: Service, length: number, begun = ''): Promise<Socket> => {
  const socket = connect(service.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `POST /api/numbers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${begun}`,
  );
  await ask(new Agent(), `${service.url}/livez`);
  return socket;
};

const stopping = (service: Service) => service.waitForLog(({ event }) => event === 'stopping');

test('503: after SIGTERM /readyz says so at once, numbers are still served, each reply closes its connection; then the process ends with 0', async () => {
  await using service = await startService({ env: { SHUTDOWN_DRAIN_MS: String(DRAIN_MS) } });
  await register(service);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = await ask(agent, `${service.url}/api/numbers/A`);
  expect(before).toMatchObject({ status: 200, connection: 'keep-alive' });
  process.kill(service.pid, 'SIGTERM');
  expect(await stopping(service)).toMatchObject({ level: 'info', signal: 'SIGTERM', drain_ms: DRAIN_MS });

  // On the connection that was kept, and on a new one.
  for (const value of [2, 3]) {
    const reply = await ask(agent, `${service.url}/api/numbers/A`);
    expect(reply).toEqual({ status: 200, connection: 'close', body: `{"number":"A${value}"}` });
  }
  expect(await ask(agent, `${service.url}/readyz`)).toMatchObject({ status: 503, connection: 'close' });
  expect(await ask(agent, `${service.url}/livez`)).toMatchObject({ status: 200 });
  expect(JSON.parse((await ask(agent, `${service.url}/health`)).body)).toMatchObject({ status: 'down' });

  expect(await service.exited).toEqual({ code: 0, signal: null });
  const stopped = service.logs().find(({ event }) => event === 'stopped');
  expect(Number(stopped?.['after_ms'])).toBeGreaterThanOrEqual(DRAIN_MS - 10);
  agent.destroy();
});

test('SIGINT, as from a terminal, stops without a drain', async () => {
  await using service = await startService({ env: { SHUTDOWN_DRAIN_MS: '25000' } });
  process.kill(service.pid, 'SIGINT');
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(await stopping(service)).toMatchObject({ signal: 'SIGINT', drain_ms: 0 });
});

test('a second signal ends the process at once, non-zero, and the log says why', async () => {
  await using service = await startService({ env: { SHUTDOWN_DRAIN_MS: '25000' } });
  process.kill(service.pid, 'SIGTERM');
  await stopping(service);
  process.kill(service.pid, 'SIGTERM');
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.logs().at(-1)).toMatchObject({
    level: 'fatal',
    event: 'stop-failed',
    reason: 'second-signal',
    signal: 'SIGTERM',
  });
});

test('a request under way when SIGTERM comes is finished, and the connection it leaves open does not hold the process', async () => {
  await using service = await startService({ env: { SHUTDOWN_TIMEOUT_MS: '8000' } });
  await register(service);
  const body = '{"prefixKey":"A"}';
  const socket = await beginPost(service, body.length);
  process.kill(service.pid, 'SIGTERM');
  await stopping(service);
  socket.write(body);
  const [reply] = await once(socket, 'data');
  expect(String(reply)).toContain('{"number":"A1"}');
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

test('a request that never ends holds the process for SHUTDOWN_TIMEOUT_MS, then it ends non-zero, and the log says why', async () => {
  await using service = await startService({ env: { SHUTDOWN_TIMEOUT_MS: '700' } });
  // The body is announced, begun, and never finished.
  const socket = await beginPost(service, 99, '{');
  socket.on('error', () => undefined);
  process.kill(service.pid, 'SIGTERM');
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.logs().at(-1)).toMatchObject({
    level: 'fatal',
    event: 'stop-failed',
    reason: 'timeout',
    timeout_ms: 700,
  });
  socket.destroy();
});

test('200: with METRICS_PORT the metrics have a port of their own, which tells how long the shutdown takes until its end', async () => {
  const env = { SHUTDOWN_DRAIN_MS: '1000', SHUTDOWN_TIMEOUT_MS: '9000', METRICS_PORT: '0' };
  await using service = await startService({ env });
  const { metrics_port: port } = await service.waitForLog(({ event }) => event === 'listening');
  const secondsOf = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('\nnumber_generator_shutdown_timeout_seconds 9\n');
    return Number(/^number_generator_shutdown_seconds (.*)$/m.exec(text)?.[1]);
  };
  expect((await fetch(`${service.url}/metrics`)).status).toBe(404);
  expect(await secondsOf()).toBe(0);
  // A body that is announced and does not come keeps the shutdown waiting after the drain.
  const body = '{"prefixKey":"A"}';
  const socket = await beginPost(service, body.length);
  process.kill(service.pid, 'SIGTERM');
  await expect.poll(() => fetch(`${service.url}/livez`).catch(() => 'refused')).toBe('refused');
  expect(await secondsOf()).toBeGreaterThan(1);
  socket.write(body);
  expect(await service.exited).toEqual({ code: 0, signal: null });
});
