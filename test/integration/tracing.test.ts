/** Traces: a real receiver of OTLP is told what became of a request, from the caller's span down to the calls on the stores. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp } from '../support/app.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { type ReceivedSpan, startTraceReceiver, type TraceReceiver } from '../support/trace-receiver.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;
const [SERVER, INTERNAL, CLIENT] = [2, 1, 3];
const ERROR = 2;

let redis: OwnRedis;
let postgres: PostgresDatabase;
let receiver: TraceReceiver;
let app: TestApp;

const start = (env: Readonly<Record<string, string>> = {}): Promise<TestApp> =>
  startApp({
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20secret',
    ...env,
  });

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startOwnRedis(), leasePostgresDatabase()]);
});
afterAll(async () => {
  await redis.stop();
  await postgres.release();
});
beforeEach(async () => {
  receiver = await startTraceReceiver();
  app = await start();
  await app.ready();
});
afterEach(async () => {
  await app.close();
  await receiver.close();
});

const ask = (url: string, headers: Record<string, string> = { traceparent: SAMPLED }) =>
  app.call('GET', url, undefined, headers);
const register = (prefixKey: string, config: object) => app.call('PUT', `/api/prefix-configs/${prefixKey}`, config);

const named = (name: string): ReceivedSpan[] => receiver.spans.filter((span) => span.name === name);
/** The spans of a trace as `name` lists, each below its parent. */
const childrenOf = (parentSpanId: string): ReceivedSpan[] =>
  receiver.spans.filter((span) => span.parentSpanId === parentSpanId);
const received = async (name: string, count = 1): Promise<ReceivedSpan[]> => {
  await expect.poll(() => named(name).length, { message: `${name} does not come` }).toBeGreaterThanOrEqual(count);
  return named(name);
};

describe('a request with traceparent', () => {
  test('200: continues the trace of the caller, down to the wait for a value and the call of Redis', async () => {
    await register('TRACED', { format: 'T{SEQ:4}' });
    const reply = await ask('/api/numbers/TRACED');
    expect(reply.status).toBe(200);
    const [server] = await received('GET /api/numbers/:prefixKey');
    expect(server).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, kind: SERVER });
    expect(server?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/api/numbers/:prefixKey',
      'http.response.status_code': 200,
    });
    const wait = childrenOf(server?.spanId ?? '').find(({ name }) => name === 'allocate');
    expect(wait).toMatchObject({ traceId: TRACE, kind: INTERNAL });
    const [call] = childrenOf(wait?.spanId ?? '').filter(({ name }) => name === 'redis counters.reserve');
    expect(call).toMatchObject({ traceId: TRACE, kind: CLIENT, status: 0 });
    expect(call?.attributes).toEqual({
      'db.system.name': 'redis',
      'db.operation.name': 'counters.reserve',
      'db.operation.batch.size': 1,
    });
    expect(call?.durationMs).toBeLessThanOrEqual(server?.durationMs ?? 0);
    expect(receiver.resource).toEqual({
      'service.name': 'number-generator',
      'service.version': '0.0.0-test',
      'service.instance.id': expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(receiver.headers[0]).toMatchObject({ authorization: 'Basic secret' });
  });

  test('200: a body does not break the trace; a number of a gapless prefix shows the call of PostgreSQL', async () => {
    await register('BOOK', { format: 'B{SEQ:4}', strategy: 'gapless' });
    const reply = await app.call('POST', '/api/numbers', { prefixKey: 'BOOK' }, { traceparent: SAMPLED });
    expect(reply.status).toBe(200);
    const [server] = await received('POST /api/numbers');
    const [wait] = childrenOf(server?.spanId ?? '').filter(({ name }) => name === 'allocate');
    const [call] = childrenOf(wait?.spanId ?? '');
    expect(call).toMatchObject({ name: 'postgres ledger.take', kind: CLIENT, traceId: TRACE });
    expect(call?.attributes).toMatchObject({ 'db.system.name': 'postgresql', 'db.operation.batch.size': 1 });
  });

  test('200: of requests that share a call of the store one has it, and it is linked to the waits of the others', async () => {
    await register('SHARED', { format: 'S{SEQ:4}' });
    await ask('/api/numbers/SHARED');
    await Promise.all(Array.from({ length: 12 }, () => ask('/api/numbers/SHARED')));
    await received('GET /api/numbers/:prefixKey', 13);
    const waits = named('allocate').map(({ spanId }) => spanId);
    const calls = named('redis counters.reserve').filter(({ parentSpanId }) => waits.includes(parentSpanId));
    expect(calls.length).toBeLessThan(13);
    const reached = new Set(calls.flatMap(({ parentSpanId, links }) => [parentSpanId, ...links]));
    expect(waits.filter((wait) => !reached.has(wait))).toEqual([]);
  });

  test('200: is left out when the caller does not record it', async () => {
    await register('QUIET', { format: 'Q{SEQ:4}' });
    expect((await ask('/api/numbers/QUIET', { traceparent: `00-${TRACE}-${CALLER}-00` })).status).toBe(200);
    await register('LOUD', { format: 'L{SEQ:4}' });
    await received('PUT /api/prefix-configs/:prefixKey', 2);
    expect(named('GET /api/numbers/:prefixKey')).toEqual([]);
  });

  test('400: of nonsense as traceparent a trace of its own is made; a refusal of the client is no error', async () => {
    expect((await ask('/api/numbers/NOBODY', { traceparent: 'nonsense' })).status).toBe(400);
    const [server] = await received('GET /api/numbers/:prefixKey');
    expect(server).toMatchObject({ parentSpanId: '', status: 0 });
    expect(server?.attributes['http.response.status_code']).toBe(400);
  });
});

test('nothing of headers, query, body and path stands in a trace, and no probe does', async () => {
  const secret = 'do-not-trace-me';
  await register('TRACED', { format: 'T{SEQ:4}' });
  const headers = {
    authorization: `Bearer ${adminToken}`,
    'idempotency-key': `"${secret}"`,
    traceparent: SAMPLED,
    cookie: secret,
  };
  await app.call('GET', `/api/numbers/TRACED?count=1&x=${secret}`, undefined, headers);
  await app.call('POST', '/api/numbers', { prefixKey: 'TRACED', variables: { name: secret } }, headers);
  await app.call('GET', `/unknown/${secret}`, undefined, headers);
  for (const probe of ['/livez', '/readyz', '/health', '/metrics']) await app.call('GET', probe);
  await received('GET unmatched');
  const names = new Set(receiver.spans.map(({ name }) => name));
  expect([...names].filter((name) => /livez|readyz|health|metrics/.test(name))).toEqual([]);
  expect(receiver.text()).not.toContain(secret);
  expect(receiver.text()).not.toContain(adminToken);
});

test('503: an error of the store is one in the trace, by its name alone', async () => {
  await register('GONE', { format: 'G{SEQ:4}', outage: 'reject' });
  expect((await ask('/api/numbers/GONE')).status).toBe(200);
  await redis.client.call('CLIENT', 'PAUSE', '2500', 'ALL');
  expect((await ask('/api/numbers/GONE')).status).toBe(503);
  const server = (await received('GET /api/numbers/:prefixKey', 2)).find(({ status }) => status === ERROR);
  expect(server?.attributes['error.type']).toBe('503');
  const [wait] = childrenOf(server?.spanId ?? '').filter(({ name }) => name === 'allocate');
  for (const span of [wait, ...childrenOf(wait?.spanId ?? '')]) {
    expect(span).toMatchObject({ status: ERROR, attributes: { 'error.type': 'StorageTimeoutError' } });
  }
  await redis.client.ping();
});

test('200: while nobody takes the traces requests are served; that is told once, and once when they are taken again', async () => {
  const events = (event: string) => app.log.filter((line) => line['event'] === event);
  await register('TRACED', { format: 'T{SEQ:4}' });
  await received('PUT /api/prefix-configs/:prefixKey');
  receiver.refuse(true);
  for (let round = 0; round < 2; round += 1) {
    expect((await ask('/api/numbers/TRACED')).status).toBe(200);
    await expect.poll(() => events('traces-not-exported').length).toBe(1);
  }
  expect((await app.call('GET', '/metrics')).text).toContain('number_generator_trace_export_failures_total 1');
  receiver.refuse(false);
  await expect
    .poll(async () => {
      await ask('/api/numbers/TRACED');
      return events('traces-exported-again').length;
    })
    .toBe(1);
  expect(JSON.stringify(app.log)).not.toContain('Basic secret');
});

test('a share of the traces is recorded where the caller has not decided', async () => {
  await app.close();
  app = await start({ OTEL_TRACES_SAMPLER_ARG: '0' });
  await ask('/api/numbers/NOBODY', {});
  await ask('/api/numbers/NOBODY');
  expect((await received('GET /api/numbers/:prefixKey')).map(({ traceId }) => traceId)).toEqual([TRACE]);
});
