/** What a call does not know is refused, on every route and before anything is done: unknown query parameters, unknown body fields, stray bodies. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { walkRoutes } from '../support/route-walk.ts';

let app: TestApp;
let port: number;

beforeAll(async () => {
  app = await startApp({ METRICS_PORT: '0' });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = app.server.server.address() as AddressInfo);
});

afterAll(() => app.close());

const HEADERS: Readonly<Record<string, string>>[] = [
  {},
  { accept: 'text/csv', 'if-match': '*', 'idempotency-key': 'walk', 'x-request-id': 'walk' },
  { accept: 'text/html', origin: 'https://shop.example.com', 'user-agent': 'walk' },
];

describe('every registered route', () => {
  test('knows all the routes: those of the API under each address, the probes, the pages', () => {
    const routes = app.server.knownRoutes.map(({ method, url }) => `${method} ${url}`);
    for (const route of [
      'DELETE /api/prefix-configs/:prefixKey',
      'POST /api/v1/sequences/:prefixKey/advance',
      'POST /reservations/:id/confirm',
      'HEAD /readyz',
      'GET /openapi.json',
      'GET /docs',
    ]) {
      expect(routes).toContain(route);
    }
  });

  test.each(HEADERS)(
    '400: an unknown query parameter is refused and named, whatever the headers (%j)',
    async (headers) => {
      for (const server of [app.server, app.metricsServer ?? app.server]) {
        const replies = await walkRoutes(server, { query: '?zzUnknown=true', headers });
        expect(replies.length).toBeGreaterThan(0);
        const wrong = replies.filter(
          ({ route, status, named }) => status !== 400 || !(named.includes('zzUnknown') || route.startsWith('HEAD')),
        );
        expect(wrong).toEqual([]);
      }
    },
  );

  test('400: an unknown body field is refused and named; where no body is taken at all, the body is', async () => {
    for (const server of [app.server, app.metricsServer ?? app.server]) {
      const replies = await walkRoutes(server, { body: { zzUnknown: true } });
      const wrong = replies.filter(
        ({ route, status, named }) =>
          status !== 400 || !(named.includes('zzUnknown') || named.includes('body') || route.startsWith('HEAD')),
      );
      expect(wrong).toEqual([]);
    }
  });

  test.each(['?', '?&&', '?=1', '?prefixkey=A', '?__proto__=1', '?constructor=1', '?Count=3'])(
    '400: a name that is empty, in the wrong case or that of a built-in is unknown too (%s)',
    async (query) => {
      const expected = /[a-z=]/i.test(query) ? 400 : 200;
      expect((await app.call('GET', `/health${query}`)).status).toBe(expected);
      if (expected === 400)
        expect((await walkRoutes(app.server, { query })).filter(({ status }) => status !== 400)).toEqual([]);
    },
  );
});

describe('nothing is done', () => {
  const state = async (): Promise<unknown> => [
    (await app.call('GET', '/api/sequences/KEEP')).json.value,
    (await app.call('GET', '/api/prefix-configs/KEEP')).json,
  ];

  beforeAll(async () => {
    const body = { format: 'K{year}-{SEQ:4}', reset: 'yearly', allowPast: true };
    expect((await app.call('PUT', '/api/prefix-configs/KEEP', body)).status).toBe(200);
    expect((await app.call('GET', '/api/numbers/KEEP')).status).toBe(200);
  });

  test.each([
    ['POST', '/numbers?date=2025-12-31', { prefixKey: 'KEEP' }],
    ['POST', '/numbers?count=2', { prefixKey: 'KEEP' }],
    ['POST', '/sequences/KEEP/advance?period=2025', { to: 50, reason: 'a test' }],
    ['POST', '/sequences/KEEP/periods/2020/close?dryRun=true', { reason: 'a test' }],
    ['DELETE', '/prefix-configs/KEEP?dryRun=true', undefined],
    ['DELETE', '/prefix-configs/KEEP', { dryRun: true }],
    ['DELETE', '/prefix-configs/KEEP', ['dryRun']],
    ['PUT', '/prefix-configs/KEEP2?dryRun=true', { format: 'L-{SEQ:4}' }],
    ['GET', '/sequences/KEEP?period=2026-10', undefined],
    ['POST', '/numbers/parse?prefixKey=NOPE', { number: 'K2026-0001' }],
    ['GET', '/numbers?prefixKey=KEEP&count=1&count=2', undefined],
    ['GET', '/numbers?prefixKey=KEEP&prefixKey=KEEP', undefined],
    ['GET', '/numbers/KEEP?prefixKey=KEEP', undefined],
    ['GET', '/numbers/KEEP', { count: 3 }],
  ])('400: %s %s', async (method, path, body) => {
    for (const alias of ['/api', '', '/api/v1']) {
      const before = await state();
      expect((await app.call(method, `${alias}${path}`, body)).status).toBe(400);
      expect(await state()).toEqual(before);
      expect((await app.call('GET', '/api/prefix-configs/KEEP2')).status).toBe(404);
    }
  });

  const send = async (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    let reply = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      reply += piece;
    });
    socket.write(text);
    await once(socket, 'close');
    return reply;
  };
  const chunked = (chunks: string): string =>
    `GET /api/numbers/KEEP HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;

  test('400: a body in chunks under a GET is refused; 200: one that was announced and is empty is not', async () => {
    const before = await state();
    expect(await send(chunked('9\r\n{"a":"b"}\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await state()).toEqual(before);
    expect(await send(chunked(''))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('404, 204: an empty object or null as the body says nothing, and is let pass', async () => {
    expect((await app.call('POST', '/api/temporary-numbers/TMP-A-1-1-1/resolve', {})).status).toBe(404);
    expect((await app.call('PUT', '/api/prefix-configs/GONE', { format: 'G-{SEQ:4}' })).status).toBe(200);
    expect((await app.call('DELETE', '/api/prefix-configs/GONE', {})).status).toBe(204);
  });
});
