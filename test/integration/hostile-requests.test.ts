/** Requests that mean harm: too slow, too large, too deep, too many, or two in one. Each is ended, and nobody else notices. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp } from '../support/app.ts';

const FORMAT = { format: 'A-{SEQ:3}' };
const MIB = 1024 * 1024;
const HEADERS_MS = 400;
const REQUEST_MS = 800;

let app: TestApp;
let port: number;

beforeAll(async () => {
  app = await startApp({ HEADERS_TIMEOUT_MS: String(HEADERS_MS), REQUEST_TIMEOUT_MS: String(REQUEST_MS) });
  await app.call('PUT', '/api/prefix-configs/A', FORMAT);
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = app.server.server.address() as AddressInfo);
});

afterAll(() => app.close());

const open = async (): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

/** What comes back until the connection is closed, and how long that took. */
const untilClosed = async (socket: Socket): Promise<{ text: string; ms: number }> => {
  const began = performance.now();
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  // Not by once(): a socket that was cut off while it was written to ends with an error, which is what is wanted here.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return { text, ms: performance.now() - began };
};

const send = async (text: string): Promise<string> => {
  const socket = await open();
  socket.write(text);
  return (await untilClosed(socket)).text;
};

/** Writes a little now and then, until the other side has had enough. */
const trickle = (socket: Socket, piece: string): void => {
  const timer = setInterval(() => socket.write(piece), 50);
  socket.once('close', () => clearInterval(timer));
};

/** Others are served at the same time. */
const expectService = async (): Promise<void> => {
  expect((await app.call('GET', '/api/numbers/A', undefined, {})).status).toBe(200);
};

const post = (path: string, headers: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n${headers}\r\n\r\n`;

describe('slow', () => {
  // The service looks at its connections about as often as the limit is long.
  test('408: headers that come byte by byte are ended at HEADERS_TIMEOUT_MS', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, open));
    for (const socket of sockets) {
      socket.write('GET /livez HTTP/1.1\r\nX-Slow: ');
      trickle(socket, 'a');
    }
    await expectService();
    for (const { text, ms } of await Promise.all(sockets.map(untilClosed))) {
      expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      expect(text).toContain('"code":"VALIDATION_ERROR"');
      expect(ms).toBeLessThan(HEADERS_MS * 2 + 5_000);
    }
  });

  test('408: a connection that says nothing is ended too', async () => {
    const { text } = await untilClosed(await open());
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('408: a body that comes byte by byte is ended at REQUEST_TIMEOUT_MS', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, open));
    for (const socket of sockets) {
      socket.write(`${post('/api/numbers', 'Content-Length: 60000')}{"prefixKey":"`);
      trickle(socket, 'A');
    }
    await expectService();
    for (const { text, ms } of await Promise.all(sockets.map(untilClosed))) {
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(ms).toBeGreaterThan(REQUEST_MS / 2);
      expect(ms).toBeLessThan(REQUEST_MS * 2 + 5_000);
    }
  });
});

describe('large', () => {
  test.each(['/api/numbers', '/api/numbers/parse', '/api/prefix-configs/B'])(
    '413: of a body of 100 MB on %s nothing is read when its length is announced',
    async (path) => {
      const socket = await open();
      const authorization = `Authorization: Bearer ${adminToken}\r\n`;
      socket.write(post(path, `${authorization}Content-Length: ${100 * MIB}`));
      const { text } = await untilClosed(socket);
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
      expect(text).toContain('"code":"PAYLOAD_TOO_LARGE"');
    },
  );

  test('413: of a body of 100 MB in chunks little more than the limit is taken, and memory stays where it was', async () => {
    const socket = await open();
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    socket.write(post('/api/numbers', 'Transfer-Encoding: chunked'));
    const before = process.memoryUsage().arrayBuffers;
    const closed = untilClosed(socket);
    let sent = 0;
    while (!socket.destroyed && sent < 100 * MIB) {
      sent += chunk.length;
      if (!socket.write(chunk))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined);
    }
    const { text } = await closed;
    expect(text === '' || text.startsWith('HTTP/1.1 413 ')).toBe(true);
    // What the system keeps in its buffers on the way counts as sent.
    expect(sent).toBeLessThan(20 * MIB);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * MIB);
    await expectService();
  });

  test.each([
    ['431: 20 kB of headers', `X-Large: ${'x'.repeat(20_000)}`, 431],
    ['431: ten thousand headers', Array.from({ length: 10_000 }, (_, index) => `X-${index}: x`).join('\r\n'), 431],
  ])('%s', async (_title, headers, status) => {
    const text = await send(`GET /livez HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test('400: a path or parameter of 10 kB', async () => {
    expect((await app.call('GET', `/api/prefix-configs/${'A'.repeat(10_000)}`)).status).toBe(400);
    expect((await app.call('GET', `/api/numbers?prefixKey=${'A'.repeat(10_000)}`)).status).toBe(400);
  });
});

describe('deep and poisoned JSON', () => {
  const BODIES: readonly (readonly [string, string])[] = [
    ['30,000 arrays in each other', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['10,000 objects in each other', `${'{"a":'.repeat(10_000)}null${'}'.repeat(10_000)}`],
    ['10,000 objects in a known field', `{"prefixKey":${'{"a":'.repeat(9_000)}null${'}'.repeat(9_000)}}`],
    ['33 arrays in each other', `${'['.repeat(33)}${']'.repeat(33)}`],
    ['an unfinished array', '['.repeat(60_000)],
    ['__proto__', '{"prefixKey":"A","__proto__":{"count":5}}'],
    ['__proto__ written in escapes', '{"prefixKey":"A","\\u005f_proto__":{"count":5}}'],
    ['constructor.prototype', '{"prefixKey":"A","constructor":{"prototype":{"count":5}}}'],
    ['__proto__ in a record', '{"prefixKey":"A","variables":{"__proto__":"x"}}'],
    ['constructor in a record', '{"prefixKey":"A","variables":{"constructor":"x"}}'],
    ['__proto__ 9,000 objects deep', `{"a":${'{"a":'.repeat(9_000)}{"__proto__":1}${'}'.repeat(9_000)}}`],
    ['the same field twice, the second one forbidden', '{"prefixKey":"A","prefixKey":"../x"}'],
    ['a number beyond all bounds', '{"prefixKey":"A","count":1e999}'],
  ];

  test.each(BODIES)('400: %s', async (_title, body) => {
    const reply = await app.call('POST', '/api/numbers', body, {});
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
    expect(({} as Record<string, unknown>)['count']).toBeUndefined();
    await expectService();
  });

  test('400: two million brackets where 2 MiB are taken', async () => {
    for (const body of ['['.repeat(2_000_000), '{"format":'.repeat(200_000)]) {
      const began = performance.now();
      const reply = await app.call('PUT', '/api/prefix-configs/B', body);
      expect(reply).toMatchObject({ status: 400 });
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });
});

describe('two in one', () => {
  const get = (headers: string): string =>
    `GET /api/prefix-configs HTTP/1.1\r\nHost: x\r\n${headers}Connection: close\r\n\r\n`;

  test.each([
    ['a line break', 'a\r\nX-Injected: yes'],
    ['a bare line feed', 'a\nX-Injected: yes'],
    ['a carriage return', 'a\rX-Injected: yes'],
    ['a folded line', 'a\r\n X-Injected: yes'],
    ['a null byte', 'a\0b'],
    ['quotes and braces', '","event":"forged'],
    ['an escape sequence', '\u001b[31mred'],
    ['65 characters', 'a'.repeat(65)],
    ['other script', 'ключ'],
  ])('401, 400: a request id with %s makes no header and no line of the log', async (_what, id) => {
    const lines = app.log.length;
    const text = await send(get(`X-Request-Id: ${id}\r\n`));
    expect(text).toMatch(/^HTTP\/1\.1 40[01] /);
    expect(text.split('\r\n\r\n', 1)[0]?.toLowerCase()).not.toContain('injected');
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    const added = app.log.slice(lines);
    expect(added.length).toBeLessThanOrEqual(1);
    for (const line of added) expect(line['request_id']).toMatch(/^([\w-]{12}-[0-9a-z]+|a)$/);
    expect(JSON.stringify(added)).not.toContain('forged');
  });

  test.each([
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['chunks that are not the last encoding', 'Transfer-Encoding: chunked, gzip'],
    ['a space before the colon', 'Transfer-Encoding : chunked'],
  ])('400: a request that a proxy may divide in another way: %s', async (_what, headers) => {
    const text = await send(`${post('/api/numbers', headers)}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('many', () => {
  test('401, 200: ten thousand requests with made-up API keys, while others are served', async () => {
    const flood = Array.from({ length: 10_000 }, (_, index) => {
      const key = `ng_${index.toString(16).padStart(16, '0')}_${'A'.repeat(43)}`;
      return app.call('GET', '/api/prefix-configs', undefined, { 'x-api-key': key });
    });
    await expectService();
    const statuses = new Set((await Promise.all(flood)).map(({ status }) => status));
    expect([...statuses]).toEqual([401]);
    await expectService();
  });
});
