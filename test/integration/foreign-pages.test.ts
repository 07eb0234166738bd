/** Pages of other sites cannot use a visitor's browser, nor the rights of his machine or his network. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';

const FORMAT = { format: '{prefix}-{SEQ:3}' };

describe('with AUTH=off', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ AUTH: 'off', HOST: '127.0.0.1' });
    await app.call('PUT', '/api/prefix-configs/A', FORMAT, { host: 'localhost' });
  });
  afterAll(() => app.close());

  test.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example:8080',
    '192.168.0.7:8080',
    '0.0.0.0:8080',
    '[::2]',
    '[::ffff:10.0.0.1]:80',
    'not a host',
  ])('421: a request to the host %j is refused whatever it asks, and nothing is done', async (host) => {
    for (const [method, url, body] of [
      ['GET', '/api/numbers/A'],
      ['GET', '/numbers/A'],
      ['PUT', '/api/prefix-configs/EVIL', FORMAT],
      ['GET', '/api/api-keys'],
      ['GET', '/health'],
      ['GET', '/nothing'],
    ] as const) {
      const reply = await app.call(method, url, body, { host });
      expect(reply).toMatchObject({ status: 421, json: { code: 'MISDIRECTED_REQUEST' } });
    }
    expect((await app.call('GET', '/api/prefix-configs/EVIL', undefined, { host: 'localhost' })).status).toBe(404);
  });

  test.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST:1',
    '127.0.0.1',
    '127.0.0.1:8080',
    '127.9.9.9:1',
    '[::1]',
    '[::1]:8080',
  ])('200: a request to the host %s is answered', async (host) => {
    expect((await app.call('GET', '/api/numbers/A', undefined, { host })).status).toBe(200);
  });
});

test('200: with tokens any name of the service will do', async () => {
  const app = await startApp();
  await app.call('PUT', '/api/prefix-configs/A', FORMAT);
  expect((await app.call('GET', '/api/numbers/A', undefined, { host: 'numbers.example.com' })).status).toBe(200);
  await app.close();
});

describe('a page of another site', () => {
  const ALLOWED = 'https://shop.example.com';
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ CORS_ORIGINS: ALLOWED });
    await app.call('PUT', '/api/prefix-configs/A', FORMAT);
  });
  afterAll(() => app.close());

  const FOREIGN: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site', origin: 'null' },
  ];
  test.each(FOREIGN)('403: takes no number: %j', async (headers) => {
    for (const url of ['/api/numbers/A', '/numbers/A', '/api/v1/numbers?prefixKey=A']) {
      expect(await app.call('GET', url, undefined, headers)).toMatchObject({
        status: 403,
        json: { code: 'FORBIDDEN' },
      });
    }
    const posted = await app.call('POST', '/api/numbers', { prefixKey: 'A' }, headers);
    expect(posted.status).toBe(403);
  });

  test.each([
    { 'sec-fetch-site': 'cross-site', origin: ALLOWED },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    {},
  ] as Record<string, string>[])(
    '200: is answered when it may call, and so is whoever is no such page: %j',
    async (headers) => {
      expect((await app.call('GET', '/api/numbers/A', undefined, headers)).status).toBe(200);
    },
  );

  test('200, 302: may link to the pages of the service', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    for (const url of ['/', '/docs', '/openapi.json', '/health']) {
      expect((await app.call('GET', url, undefined, headers)).status).toBeLessThan(400);
    }
  });

  test('200, 400, 404: no reply may be shown within it', async () => {
    for (const url of [
      '/api/numbers/A',
      '/api/numbers/NONE',
      '/nothing',
      '/health',
      '/docs',
      '/openapi.json',
      '/metrics',
    ]) {
      const { headers } = await app.call('GET', url, undefined, {});
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });
});
