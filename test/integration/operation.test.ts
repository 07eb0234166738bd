/** Probes, metrics, the API description, and what happens when the store fails. */
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { adminToken, startApp, type TestApp } from '../support/app.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

describe('on SQLite', () => {
  let app: TestApp;

  beforeEach(async () => {
    app = await startApp();
  });

  afterEach(() => app.close());

  test('200: the probes say live, ready and healthy', async () => {
    expect(await app.call('GET', '/livez')).toMatchObject({ status: 200, json: { status: 'live' } });
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200, json: { status: 'ready' } });
    expect((await app.call('GET', '/health')).json).toEqual({
      status: 'up',
      components: [
        { name: 'process', status: 'up', detail: 'Serving' },
        { name: 'sqlite', status: 'up', detail: 'Answers' },
        { name: 'standby', status: 'up', detail: 'No values are held' },
        { name: 'issuing', status: 'up', detail: 'Numbers can be issued by a strategy in use here' },
      ],
    });
  });

  test('200: the probes answer HEAD, as some load balancers ask', async () => {
    for (const url of ['/livez', '/readyz', '/health']) expect((await app.call('HEAD', url)).status).toBe(200);
  });

  test('200: /metrics shows process metrics, requests by route pattern, and numbers issued', async () => {
    await app.call('PUT', '/api/prefix-configs/M', { format: 'M{SEQ:3}' });
    await app.call('GET', '/api/numbers/M?count=7');
    await app.call('GET', '/api/numbers/NOT-THERE');
    await app.call('GET', '/not/a/route');
    const { status, headers, text } = await app.call('GET', '/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('number_generator_numbers_issued_total{prefix="M",strategy="counter",source="sqlite"} 7');
    const requests = 'number_generator_http_requests_total';
    expect(text).toContain(`${requests}{method="GET",route="/api/numbers/:prefixKey",status="200"} 1`);
    expect(text).toContain(`${requests}{method="GET",route="/api/numbers/:prefixKey",status="400"} 1`);
    expect(text).toContain(`${requests}{method="PUT",route="/api/prefix-configs/:prefixKey",status="200"} 1`);
    expect(text).toContain(`${requests}{method="*",route="unmatched",status="404"} 1`);
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('NOT-THERE');
  });

  test('200: the description is OpenAPI 3.1 and has every call once, with its errors', async () => {
    const { json } = await app.call('GET', '/openapi.json');
    expect(json.openapi).toBe('3.1.0');
    const calls = Object.entries(json.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls.toSorted()).toEqual([
      'DELETE /api/api-keys/{id}',
      'DELETE /api/prefix-configs/{prefixKey}',
      'GET /api/api-keys',
      'GET /api/numbers',
      'GET /api/numbers/{prefixKey}',
      'GET /api/prefix-configs',
      'GET /api/prefix-configs/{prefixKey}',
      'GET /api/prefix-configs/{prefixKey}/preview',
      'GET /api/reservations/{id}',
      'GET /api/sequences/{prefixKey}',
      'GET /api/sequences/{prefixKey}/gaps',
      'GET /api/sequences/{prefixKey}/report',
      'GET /api/snowflakes/{id}',
      'GET /api/temporary-numbers',
      'GET /health',
      'GET /livez',
      'GET /metrics',
      'GET /readyz',
      'PATCH /api/prefix-configs/{prefixKey}',
      'POST /api/api-keys',
      'POST /api/numbers',
      'POST /api/numbers/parse',
      'POST /api/prefix-configs/{prefixKey}',
      'POST /api/reservations',
      'POST /api/reservations/{id}/confirm',
      'POST /api/reservations/{id}/void',
      'POST /api/sequences/{prefixKey}/advance',
      'POST /api/sequences/{prefixKey}/periods/{period}/close',
      'POST /api/templates/validate',
      'POST /api/temporary-numbers/{number}/resolve',
      'PUT /api/prefix-configs/{prefixKey}',
    ]);
    const put = json.paths['/api/prefix-configs/{prefixKey}'].put;
    expect(Object.keys(put.responses)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '404',
      '408',
      '409',
      '412',
      '413',
      '415',
      '421',
      '429',
      '431',
      '500',
      '503',
    ]);
    expect(json.components.schemas.PrefixConfigRequest.properties.format.description).toContain('{SEQ:N}');
  });

  test('200: /docs is a page that needs nothing from elsewhere', async () => {
    const page = await app.call('GET', '/docs/');
    expect(page.status).toBe(200);
    expect(page.text).toContain('Number generator');
    expect(page.text).not.toMatch(/(?:src|href)="https?:/);
  });

  test('404: an unknown path is a problem document', async () => {
    const reply = await app.call('GET', '/api/nothing');
    expect(reply).toMatchObject({ status: 404, json: { code: 'NOT_FOUND', status: 404 } });
    expect(reply.headers['content-type']).toBe('application/problem+json');
  });

  test('400: a path with broken percent signs is a problem document', async () => {
    expect(await app.call('GET', '/api/numbers/%ZZ')).toMatchObject({
      status: 400,
      json: { errors: [{ path: 'url' }] },
    });
  });

  test('500: nothing internal leaves when something unforeseen happens', async () => {
    await app.close();
    const broken = await startApp();
    let thrown = false;
    broken.server.addHook('onSend', async () => {
      if (!thrown) {
        thrown = true;
        throw new Error('secret internals at /var/lib');
      }
    });
    const reply = await broken.call('GET', '/livez');
    expect(reply).toMatchObject({ status: 500, json: { code: 'INTERNAL', title: 'Internal error' } });
    expect(reply.text).not.toContain('secret internals');
    expect(JSON.stringify(broken.log)).toContain('secret internals');
    await broken.close();
    app = await startApp();
  });
});

describe('what is not HTTP', () => {
  let app: TestApp;
  let port: number;

  beforeAll(async () => {
    app = await startApp({ HOST: '127.0.0.1' });
    await app.server.listen({ port: 0, host: '127.0.0.1' });
    const address = app.server.server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });

  afterAll(() => app.close());

  const send = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (data) => {
        answer += data;
      });
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
    });

  test('400: garbage is answered by a problem document', async () => {
    const answer = await send('GARBAGE\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' });
  });

  test('431: oversized headers are refused', async () => {
    expect(await send(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('on Redis', () => {
  let database: RedisDatabase;
  let app: TestApp;
  let otherNode: TestApp;

  beforeAll(async () => {
    database = await leaseRedisDatabase();
    app = await startApp({ REDIS_URL: database.url });
    otherNode = await startApp({ REDIS_URL: database.url });
    await Promise.all([app.ready(), otherNode.ready()]);
  });

  afterAll(async () => {
    await otherNode.close();
    await app.close();
    await database.release();
  });

  test('an entry preloaded by an operator works', async () => {
    await database.client.hset('prefix_configs', 'TEST', '{"format":"TEST-{SEQ:4}"}');
    const numbers: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) numbers.push((await app.call('GET', '/numbers/TEST')).json.number);
    expect(numbers).toEqual(['TEST-0001', 'TEST-0002', 'TEST-0003']);
    expect(await database.client.get('sequence:TEST')).toBe('3');
  });

  test('500: a broken entry harms its prefix only, is logged with the reason, counted, and can be repaired', async () => {
    await database.client.hset('prefix_configs', 'BROKEN', '{"format":"no sequence"}', 'FINE', '{"format":"F{SEQ:3}"}');
    const reply = await app.call('GET', '/numbers/BROKEN');
    expect(reply).toMatchObject({ status: 500, json: { code: 'INTERNAL', title: 'Internal error' } });
    expect(reply.text).not.toContain('no sequence');
    expect((await app.call('GET', '/api/prefix-configs/BROKEN')).status).toBe(500);
    expect((await app.call('GET', '/numbers/FINE')).json).toEqual({ number: 'F001' });
    const { items } = (await app.call('GET', '/api/prefix-configs')).json;
    expect(items.map((item: { prefixKey: string }) => item.prefixKey)).toContain('FINE');
    expect(app.log).toContainEqual(
      expect.objectContaining({
        event: 'prefix-config-corrupt',
        prefix_key: 'BROKEN',
        reason: expect.stringContaining('{SEQ:N}'),
      }),
    );
    expect((await app.call('GET', '/metrics')).text).toMatch(/corrupt_prefix_configs_total [1-9]/);
    expect((await app.call('PUT', '/api/prefix-configs/BROKEN', { format: 'B{SEQ:3}' })).status).toBe(409);
    expect((await app.call('DELETE', '/api/prefix-configs/BROKEN')).status).toBe(204);
    expect((await app.call('PUT', '/api/prefix-configs/BROKEN', { format: 'B{SEQ:3}' })).status).toBe(200);
    expect((await app.call('GET', '/numbers/BROKEN')).json).toEqual({ number: 'B001' });
  });

  test('500: a counter that is no number harms its prefix only', async () => {
    await app.call('PUT', '/api/prefix-configs/SICK', { format: 'S{SEQ:3}' });
    await database.client.set('sequence:SICK', 'abc');
    const [sick, fine] = await Promise.all([app.call('GET', '/numbers/SICK'), app.call('GET', '/numbers/FINE')]);
    expect([sick.status, fine.status]).toEqual([500, 200]);
    expect(sick.text).not.toContain('sequence:');
    await database.client.set('sequence:SICK', '41');
    // A counter without the engine's state may be an old one: the nodes are given a second to say what they know.
    const repaired = async () => expect((await app.call('GET', '/numbers/SICK')).json).toEqual({ number: 'S042' });
    await vi.waitFor(repaired, { timeout: 30_000, interval: 100 });
  });

  test('a change made on one node shows on the other at once', async () => {
    await app.call('PUT', '/api/prefix-configs/SHARED', { format: 'OLD-{SEQ:3}' });
    expect((await otherNode.call('GET', '/numbers/SHARED')).json).toEqual({ number: 'OLD-001' });
    const delaysMs: number[] = [];
    for (const version of [1, 2, 3, 4, 5]) {
      const headers = { authorization: `Bearer ${adminToken}`, 'if-match': `"${version}"` };
      await app.call('PUT', '/api/prefix-configs/SHARED', { format: `NEW${version}-{SEQ:3}` }, headers);
      const changed = performance.now();
      const shown = async () => (await otherNode.call('GET', '/numbers/SHARED')).json.number;
      await expect.poll(shown).toMatch(new RegExp(`^NEW${version}-`));
      delaysMs.push(performance.now() - changed);
    }
    // Without the message each would take up to 2.5 s; some of them may be held up by a busy machine.
    expect(delaysMs.toSorted((a, b) => a - b)[2]).toBeLessThan(500);
  });

  test('a change made by an operator in Redis itself shows without a restart', async () => {
    await database.client.hset('prefix_configs', 'BY-HAND', '{"format":"OLD-{SEQ:3}"}');
    expect((await app.call('GET', '/numbers/BY-HAND')).json).toEqual({ number: 'OLD-001' });
    await database.client.hset('prefix_configs', 'BY-HAND', '{"format":"NEW-{SEQ:3}"}');
    await expect.poll(async () => (await app.call('GET', '/numbers/BY-HAND')).json.number).toMatch(/^NEW-/);
  });
});

describe('without its Redis', () => {
  let redis: RedisServer;
  let app: TestApp;

  beforeAll(async () => {
    redis = await startRedisServer();
    await redis.stop();
    app = await startApp({
      REDIS_URL: redis.url.replace('redis://', 'redis://user:very-secret-password@'),
      REDIS_TIMEOUT_MS: '300',
    });
  });

  afterAll(async () => {
    await app.close();
    await redis.close();
  });

  test('503: live, not ready, refuses with Retry-After, and never shows the password', async () => {
    expect((await app.call('GET', '/livez')).status).toBe(200);
    expect((await app.call('GET', '/readyz')).status).toBe(503);
    const refused = await app.call('GET', '/api/numbers/A');
    expect(refused).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE', title: 'Storage unavailable' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await app.call('PUT', '/api/prefix-configs/A', { format: 'A{SEQ:3}' })).status).toBe(503);
    const health = await app.call('GET', '/health');
    expect(health).toMatchObject({ status: 503, json: { status: 'down' } });
    expect(health.json.components).toContainEqual(expect.objectContaining({ name: 'redis', status: 'down' }));
    expect(JSON.stringify(app.log)).toContain('store-disconnected');
    expect(JSON.stringify(app.log) + refused.text + health.text).not.toContain('very-secret-password');
  });
});
