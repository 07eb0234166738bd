/** The audit of what a process says: of ten thousand requests with secrets in every place none is found in log, metrics or error bodies. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startRedisServer } from '../support/redis.ts';
import { runMain, type Service, startService } from '../support/service.ts';
import { createToken } from '../support/token.ts';

/** Every secret has this in it, and nothing else does. */
const MARK = 'sEcReT';
const JWT_SECRET = `${MARK}-of-the-tokens-of-this-service`;
const CLIENTS = 32;
const REQUESTS = 8_000;
const REQUESTS_WITHOUT_STORES = 2_000;

const token = createToken(JWT_SECRET, {});
const tooNarrow = createToken(JWT_SECRET, { scope: `configs:read:${MARK}*` });
const ofAnotherKey = createToken('another-secret-of-at-least-32-characters', {});
const SIGNATURES = [token, tooNarrow, ofAnotherKey].map((one) => one.split('.')[2] ?? '');

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const secret = (place: string): string => `${MARK}-${place}`;

/** What strangers and clients send; each at its turn. */
const CALLS: readonly Call[] = [
  { path: '/api/numbers/INV' },
  { path: '/api/numbers/INV', headers: { cookie: `session=${secret('cookie')}`, 'x-whatever': secret('header') } },
  { path: '/api/numbers/INV', headers: { ...bearer(secret('bearer')), 'proxy-authorization': secret('proxy') } },
  { path: '/api/numbers/INV', headers: { 'idempotency-key': `"${secret('idempotency')}"` } },
  { path: '/api/numbers/INV', headers: { 'idempotency-key': `${secret('no string')}` } },
  { path: '/api/numbers/INV', headers: { 'x-request-id': `${secret('request id')} with spaces` } },
  { path: '/api/numbers/INV', headers: { traceparent: secret('traceparent'), baggage: `x=${secret('baggage')}` } },
  { path: `/api/numbers/INV?count=${secret('count')}` },
  { path: `/api/numbers?prefixKey=INV&token=${secret('query')}` },
  { path: `/api/numbers?prefixKey=VAR&variables=name:${secret('variable!')}` },
  { path: `/api/prefix-configs?access_token=${secret('query of a 401')}` },
  { path: `/api/prefix-configs?cursor=${secret('cursor')}`, headers: bearer(token) },
  { path: '/api/prefix-configs', headers: { authorization: `Basic ${secret('basic')}` } },
  { path: '/api/prefix-configs', headers: bearer(ofAnotherKey) },
  { path: '/api/prefix-configs', headers: { 'x-api-key': secret('api key') } },
  { path: '/api/prefix-configs', headers: { 'x-api-key': `ng_0123456789abcdef_${secret('formed').padEnd(43, 'x')}` } },
  {
    method: 'PUT',
    path: '/api/prefix-configs/NARROW',
    headers: { ...bearer(tooNarrow), ...JSON_TYPE },
    body: '{"format":"{SEQ:1}"}',
  },
  { path: `/nothing/here?password=${secret('query of a 404')}` },
  { method: 'DELETE', path: `/api/numbers/INV?x=${secret('query of another method')}` },
  {
    method: 'POST',
    path: '/api/numbers',
    headers: JSON_TYPE,
    body: `{"prefixKey":"INV","password":"${secret('unknown field')}"}`,
  },
  {
    method: 'POST',
    path: '/api/numbers',
    headers: JSON_TYPE,
    body: `{"prefixKey":"INV","count":"${secret('wrong type')}"}`,
  },
  { method: 'POST', path: '/api/numbers', headers: JSON_TYPE, body: `{"prefixKey":"INV","date":"${secret('date')}"}` },
  { method: 'POST', path: '/api/numbers', headers: JSON_TYPE, body: `${secret('no JSON')} {` },
  { method: 'POST', path: '/api/numbers', headers: JSON_TYPE, body: `{"__proto__":{"x":"${secret('proto')}"}}` },
  { method: 'POST', path: '/api/numbers', headers: { 'content-type': `text/${MARK}` }, body: secret('text') },
  {
    method: 'POST',
    path: '/api/numbers',
    headers: JSON_TYPE,
    body: `{"prefixKey":"VAR","variables":{"name":"${secret('a variable')}"}}`,
  },
  { method: 'POST', path: '/api/numbers', headers: JSON_TYPE, body: `"${secret('large').repeat(10_000)}"` },
  {
    method: 'PUT',
    path: '/api/prefix-configs/INV',
    headers: { ...bearer(token), ...JSON_TYPE },
    body: `{"format":"{SEQ:4}","initialSeq":"${secret('initial')}"}`,
  },
  {
    method: 'PUT',
    path: '/api/prefix-configs/INV',
    headers: { ...bearer(token), ...JSON_TYPE, 'if-match': `"${secret('if-match')}"` },
    body: '{"format":"I-{SEQ:4}"}',
  },
  {
    method: 'POST',
    path: '/api/sequences/INV/advance',
    headers: JSON_TYPE,
    body: `{"to":"${secret('to')}","reason":"${secret('reason')}"}`,
  },
  {
    method: 'POST',
    path: '/api/numbers/parse',
    headers: { ...bearer(token), ...JSON_TYPE },
    body: `{"text":1,"key":"${secret('parse')}"}`,
  },
  { path: '/livez', headers: { authorization: secret('probe') } },
  { path: '/metrics', headers: { authorization: secret('metrics') } },
];

const send = async ({ url }: Service, { method = 'GET', path, headers = {}, body }: Call): Promise<string> => {
  const reply = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
  const text = await reply.text();
  return reply.status >= 400 ? `${reply.status} ${text}` : '';
};

/** @returns the bodies of all replies that were errors. */
const sendMany = async (service: Service, count: number): Promise<string[]> => {
  const errors: string[] = [];
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count) {
      const call = CALLS[sent % CALLS.length] as Call;
      sent += 1;
      errors.push(await send(service, call));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return errors.filter((body) => body !== '');
};

/** What is no HTTP at all: the reply is made before there is a request. */
const sendNonsense = async ({ port }: Service): Promise<string> => {
  const socket = connect(port, '127.0.0.1');
  socket.end(`GET /${secret('nonsense')} HTTP/1.1\r\nHost: x\r\nA b: ${secret('nonsense header')}\r\n\r\n`);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
};

/** The lines that hold a secret; the audit is nothing without a proof that it reads them. */
const findSecrets = (lines: readonly string[]): string[] =>
  lines.filter((line) => [MARK, ...SIGNATURES].some((word) => line.includes(word)));

const everythingSaid = async (service: Service): Promise<string[]> => [
  ...service.logs().map((line) => JSON.stringify(line)),
  ...service.errorOutput().split('\n'),
  ...(await (await fetch(`${service.url}/metrics`)).text()).split('\n'),
];

const audited = async (service: Service, requests: number): Promise<void> => {
  const errors = [await sendNonsense(service), ...(await sendMany(service, requests))];
  // They were understood as far as they should be: many kinds of refusals, none of them by accident.
  expect(new Set(errors.map((body) => body.slice(0, 3))).size).toBeGreaterThan(3);
  const said = await everythingSaid(service);
  expect(said.filter((line) => line.includes('"event":"unauthorized"')).length).toBeGreaterThan(100);
  expect(findSecrets([...errors, ...said])).toEqual([]);
};

test('of 8,000 requests with secrets in headers, query and body none is found in the log, the metrics or the error bodies', async () => {
  await using service = await startService({ env: { AUTH: 'on', JWT_SECRET, LOG_LEVEL: 'trace' } });
  const register = (prefixKey: string, format: string) =>
    send(service, {
      method: 'PUT',
      path: `/api/prefix-configs/${prefixKey}`,
      headers: { ...bearer(token), ...JSON_TYPE },
      body: JSON.stringify({ format, initialSeq: '123456' }),
    });
  expect(await register('INV', 'I-{SEQ:8}')).toBe('');
  expect(await register('VAR', 'V{var:name}-{SEQ:8}')).toBe('');
  await audited(service, REQUESTS);
  expect(
    service
      .logs()
      .map((line) => JSON.stringify(line))
      .filter((line) => line.includes('123456')),
  ).toEqual([]);
});

test('of 2,000 more on stores and collectors that cannot be reached, whose addresses hold passwords, none is found either', async () => {
  await using redis = await startRedisServer({ args: ['--requirepass', 'the-right-one'] });
  const addresses = [
    `redis://user:${secret('redis')}@127.0.0.1:1`,
    `redis://:${secret('wrong')}@127.0.0.1:${redis.port}`,
  ];
  for (const REDIS_URL of addresses) {
    await using service = await startService({
      env: {
        ...{ AUTH: 'on', JWT_SECRET, LOG_LEVEL: 'trace', REDIS_URL, REDIS_TIMEOUT_MS: '200' },
        DATABASE_URL: `postgres://user:${secret('postgres')}@127.0.0.1:1/numbers?options=${secret('options')}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret('collector')}`,
      },
    });
    await service.waitForLog(({ event }) => event === 'store-disconnected');
    await audited(service, REQUESTS_WITHOUT_STORES / addresses.length);
  }
});

test('settings that are wrong are named, and none of their values is repeated', async () => {
  const { code, stdout, stderr } = await runMain([], {
    JWT_SECRET: MARK,
    REDIS_URL: `http://user:${secret('redis')}@127.0.0.1`,
    DATABASE_URL: `mysql://user:${secret('database')}@127.0.0.1/x`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://user:${secret('collector')}@127.0.0.1`,
    OTEL_EXPORTER_OTLP_HEADERS: secret('headers'),
  });
  expect(code).toBe(1);
  for (const name of ['JWT_SECRET', 'REDIS_URL', 'DATABASE_URL', 'ENDPOINT', 'HEADERS']) expect(stderr).toContain(name);
  expect(findSecrets([...stdout.split('\n'), ...stderr.split('\n')])).toEqual([]);
});

test('the search finds what is there to find', () => {
  expect(findSecrets(['nothing', `{"a":"${secret('x')}"}`, `Bearer ${token}`])).toHaveLength(2);
});
