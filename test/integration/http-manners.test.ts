/** HTTP as people expect it: methods, HEAD, OPTIONS, trailing slashes, the front page, an id in every reply, and why a token is refused. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, JWT_SECRET, startApp, type TestApp } from '../support/app.ts';
import { createToken, inSeconds, signClaims } from '../support/token.ts';

const ALIASES = ['/api', '', '/api/v1'];

let app: TestApp;

beforeAll(async () => {
  app = await startApp({ METRICS_PORT: '0' });
  await app.call('PUT', '/api/prefix-configs/A', { format: 'A-{SEQ:3}' });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
});

afterAll(() => app.close());

const value = async (): Promise<string> => (await app.call('GET', '/api/sequences/A')).json.value;

describe('a method that a path does not have', () => {
  test.each([
    ['PUT', '/numbers', 'GET, OPTIONS, POST'],
    ['DELETE', '/numbers/A', 'GET, OPTIONS'],
    ['HEAD', '/numbers/A', 'GET, OPTIONS'],
    ['HEAD', '/numbers?prefixKey=A', 'GET, OPTIONS, POST'],
    ['GET', '/sequences/A/advance', 'OPTIONS, POST'],
    ['POST', '/snowflakes/1', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/numbers/parse', 'GET, OPTIONS, POST'],
  ])('405: %s %s names those it has, whatever the body, and does nothing', async (method, path, allow) => {
    const before = await value();
    for (const alias of ALIASES) {
      for (const body of [undefined, { prefixKey: 'A' }, 'not JSON']) {
        const reply = await app.call(method, `${alias}${path}`, method === 'HEAD' ? undefined : body, {});
        expect([reply.status, reply.headers['allow']]).toEqual([405, allow]);
        if (method !== 'HEAD') expect(reply.json).toMatchObject({ code: 'METHOD_NOT_ALLOWED', status: 405 });
      }
    }
    expect(await value()).toBe(before);
  });

  test('405: on the probes, the description and the port of the metrics too', async () => {
    for (const url of ['/livez', '/readyz', '/health', '/openapi.json', '/docs', '/']) {
      expect([url, (await app.call('POST', url, {})).status]).toEqual([url, 405]);
    }
    const reply = await app.metricsServer?.inject({ method: 'DELETE', url: '/metrics' });
    expect([reply?.statusCode, reply?.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test('404: a path that nothing is at is not found, whatever the method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await app.call(method, '/api/nothing-here');
      expect([status, headers['allow']]).toEqual([404, undefined]);
    }
  });
});

test('200: HEAD is answered as GET, without a body, on everything that only reads', async () => {
  for (const url of [
    '/livez',
    '/api/prefix-configs',
    '/api/sequences/A',
    '/api/sequences/A/report',
    '/',
    '/openapi.json',
  ]) {
    const [head, get] = [await app.call('HEAD', url), await app.call('GET', url)];
    expect([url, head.status, head.text, head.headers['content-type']]).toEqual([
      url,
      200,
      '',
      get.headers['content-type'],
    ]);
  }
  // No report is left open by it.
  for (let turn = 0; turn < 6; turn += 1) expect((await app.call('HEAD', '/api/sequences/A/report')).status).toBe(200);
});

test('204: OPTIONS names the methods of a path, of each parameter and without a token', async () => {
  for (const alias of ALIASES) {
    const { status, headers, text } = await app.call('OPTIONS', `${alias}/prefix-configs/A?x=1`, undefined, {});
    expect([status, headers['allow'], text]).toEqual([
      204,
      expect.stringMatching(/^DELETE, GET, HEAD, OPTIONS,.* POST, PUT$/),
      '',
    ]);
  }
});

test('200: a slash at the end changes nothing', async () => {
  for (const alias of ALIASES) {
    expect((await app.call('GET', `${alias}/prefix-configs/A/`)).json).toMatchObject({ prefixKey: 'A' });
    expect((await app.call('GET', `${alias}/numbers/A/?count=1`)).json.numbers).toHaveLength(1);
    expect((await app.call('GET', `${alias}/numbers/?prefixKey=A`)).json).toHaveProperty('number');
  }
  expect((await app.call('GET', '/health/')).status).toBe(200);
  expect((await app.call('GET', '/docs/')).status).toBe(200);
  const made = await app.call('POST', '/api/api-keys/', { name: 'x', scopes: ['configs:read'] });
  expect(made.headers['location']).toBe(`/api/api-keys/${made.json.id}`);
});

test('204, 400: JSON announced without a body is no body: nothing is missed where none is taken, and said where one is', async () => {
  const announced = async (method: 'DELETE' | 'POST' | 'PUT' | 'PATCH', url: string) => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const reply = await app.server.inject({ method, url, headers });
    return [reply.statusCode, reply.body && reply.json().detail];
  };
  await app.call('PUT', '/api/prefix-configs/EMPTY', { format: 'EMPTY-{SEQ:3}' });
  for (const [method, path] of [
    ['PUT', '/api/prefix-configs/EMPTY'],
    ['PATCH', '/api/prefix-configs/EMPTY'],
    ['POST', '/api/numbers'],
  ] as const) {
    expect(await announced(method, path)).toEqual([400, 'body: Required, but missing']);
  }
  expect(await announced('DELETE', '/api/prefix-configs/EMPTY')).toEqual([204, '']);
});

test('200: the front page says where everything is, as JSON and as a page', async () => {
  for (const url of ['/', '/api', '/api/v1/']) {
    const { status, json } = await app.call('GET', url, undefined, {});
    expect([status, json.links.docs]).toEqual([200, '/docs']);
    for (const link of Object.values(json.links)) expect((await app.call('GET', String(link))).status).toBe(200);
    const page = await app.call('GET', url, undefined, { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).toContain('<a href="/docs">');
  }
});

describe('the id of the request', () => {
  test('every reply carries it: that of the caller, else one of ours', async () => {
    const asked: [string, string, unknown?][] = [
      ['GET', '/livez'],
      ['GET', '/api/numbers/A'],
      ['GET', '/api/nothing-here'],
      ['PUT', '/api/numbers'],
      ['OPTIONS', '/api/numbers'],
      ['POST', '/api/numbers', 'not JSON'],
      ['GET', '/api/numbers/%zz'],
      ['GET', '/docs'],
    ];
    for (const [method, url, body] of asked) {
      const given = await app.call(method, url, body, { 'x-request-id': 'mine-1' });
      expect([url, given.headers['x-request-id']]).toEqual([url, 'mine-1']);
      const own = await app.call(method, url, body, { 'x-request-id': 'not mine;' });
      expect(own.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{8,64}$/);
      if (own.json?.requestId !== undefined) expect(own.headers['x-request-id']).toBe(own.json.requestId);
    }
    expect((await app.metricsServer?.inject('/metrics'))?.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{8,64}$/);
  });

  test('400: also what is not even HTTP', async () => {
    const socket = connect((app.server.server.address() as AddressInfo).port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.write('NONSENSE\r\n\r\n');
    await once(socket, 'close');
    const [, id] = /\r\nX-Request-Id: (\S+)\r\n/.exec(text) ?? [];
    expect(text).toContain(`"requestId":"${id}"`);
  });
});

describe('why a token is refused', () => {
  const ask = async (authorization: string | undefined) => {
    const { status, json, headers } = await app.call(
      'GET',
      '/api/prefix-configs',
      undefined,
      authorization === undefined ? {} : { authorization },
    );
    return { status, detail: json.detail as string, challenge: headers['www-authenticate'] as string };
  };
  const expired = signClaims({ scope: 'configs:read', exp: inSeconds(-3_600) }, JWT_SECRET);

  test('401: one that has expired is told from one that is wrong, in the text and in WWW-Authenticate', async () => {
    expect(await ask(`Bearer ${expired}`)).toEqual({
      status: 401,
      detail: 'The token has expired: get a new one.',
      challenge: 'Bearer error="invalid_token", error_description="The token has expired: get a new one."',
    });
    const stranger = createToken('another-secret-of-more-than-32-characters', {});
    for (const [token, detail] of [
      [stranger, /signature, algorithm or claims/],
      [`${adminToken.slice(0, -4)}AAAA`, /signature, algorithm or claims/],
      ['garbage', /no token \(JWT\)/],
    ] as const) {
      const refused = await ask(`Bearer ${token}`);
      expect(refused).toMatchObject({ status: 401, detail: expect.stringMatching(detail) });
      expect(refused.challenge).toBe(`Bearer error="invalid_token", error_description="${refused.detail}"`);
    }
    expect((await ask('Basic YTpi')).detail).toContain('not of the form: Bearer <token>');
    expect((await ask(undefined)).challenge).toBe('Bearer');
  });

  test('401: that one has expired is said only of one whose signature is right', async () => {
    const forged = signClaims(
      { scope: 'configs:read', exp: inSeconds(-3_600) },
      'another-secret-of-more-than-32-characters',
    );
    expect((await ask(`Bearer ${forged}`)).detail).toMatch(/signature, algorithm or claims/);
  });
});
