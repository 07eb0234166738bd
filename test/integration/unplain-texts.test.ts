/** Texts of callers with characters that stores cannot keep, or that terminals and lists obey: refused at the door. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, JWT_SECRET, startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';
import { createToken } from '../support/token.ts';

const UNPLAIN = [
  ['NUL', 'a\u0000b'],
  ['an escape sequence', 'a\u001b[31mb'],
  ['a line break', 'a\nb'],
  ['DEL', 'a\u007fb'],
  ['C1', 'a\u009b31mb'],
  ['half a surrogate pair', 'a\ud800b'],
  ['a bidi override', 'a\u202eb'],
  ['a bidi isolate', 'a\u2066b'],
] as const;
const RULE = 'without control characters, line breaks among them';

const bearer = (subject: string): Record<string, string> => ({
  authorization: `Bearer ${createToken(JWT_SECRET, { subject, scope: 'numbers:issue' })}`,
});

let app: TestApp;
let release: () => Promise<unknown>;

beforeAll(async () => {
  const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
  release = () => Promise.all([redis.release(), postgres.release()]);
  app = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' });
  await app.ready();
  await app.call('PUT', '/api/prefix-configs/G', { format: 'G{SEQ:3}', strategy: 'gapless' });
  await app.call('PUT', '/api/prefix-configs/A', { format: 'A{SEQ:6}' });
});

afterAll(async () => {
  await app.close();
  await release();
});

describe.each(UNPLAIN)('%s', (_what, text) => {
  test('401: is refused in the subject of a token, and those who ask at the same time get their numbers', async () => {
    const take = (headers: Record<string, string>) => app.call('GET', '/api/numbers/G', undefined, headers);
    const mine = () => take({ ...bearer(text), 'idempotency-key': `k-${encodeURIComponent(_what)}` });
    const [refused, ...others] = await Promise.all([mine(), ...Array.from({ length: 10 }, () => take({}))]);
    expect(others.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(refused).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED' } });
    expect(refused?.json.detail).toContain(RULE);
  });

  test('400: is refused in reasons and names, with the rule', async () => {
    const reservation = await app.call('POST', '/api/reservations', { prefixKey: 'G' });
    const replies = await Promise.all([
      app.call('POST', `/api/reservations/${reservation.json.id}/void`, { reason: text }),
      app.call('POST', '/api/sequences/A/advance', { to: '500', reason: text }),
      app.call('POST', '/api/api-keys', { name: text, scopes: ['numbers:issue'] }),
    ]);
    for (const { status, json } of replies) {
      expect(status).toBe(400);
      expect(json.errors[0].message.toLowerCase()).toContain(RULE);
    }
  });
});

test('400: thousands of unknown fields are answered by the first hundred, and their number', async () => {
  const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1]));
  const { status, json, text } = await app.call('PUT', '/api/prefix-configs/B', { format: 'B{SEQ:3}', ...fields });
  expect(status).toBe(400);
  expect(json.errors).toHaveLength(101);
  expect(json.errors.at(-1).message).toBe('And 4900 more problems');
  expect(text.length).toBeLessThan(20_000);
});

test('400: a body with more than 5,000 fields and elements, or 32 levels, is refused before it is parsed', async () => {
  const fields = Array.from({ length: 150_000 }, (_, index) => `"k${index}":1`);
  const bodies = [
    `{${fields.join(',')}}`,
    `[${'1,'.repeat(900_000)}1]`,
    `${'['.repeat(900_000)}${']'.repeat(900_000)}`,
  ];
  for (const body of bodies) {
    for (const [method, type] of [
      ['PUT', 'application/json'],
      ['PATCH', 'application/merge-patch+json'],
    ] as const) {
      const headers = { authorization: `Bearer ${adminToken}`, 'content-type': type };
      const reply = await app.server.inject({ method, url: '/api/prefix-configs/B', headers, payload: body });
      expect(reply.statusCode).toBe(400);
      expect(reply.json().errors).toMatchObject([
        { path: 'body', message: expect.stringMatching(/more than (5000|32) /) },
      ]);
    }
  }
});

test('400: the name of an unknown field is repeated up to 200 characters', async () => {
  const { status, json } = await app.call('PUT', '/api/prefix-configs/B', {
    ...{ format: 'B{SEQ:3}', ['x'.repeat(1_000_000)]: 1 },
  });
  expect(status).toBe(400);
  expect(json.errors[0].path).toBe(`${'x'.repeat(200)}…`);
});
