/** Every call of the described API refuses who has no token, who lacks its scope, and who has it for another prefix only. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/core/access/scopes.ts';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

const TEMPORARY = 'TMP-OWN-0123456789ab-1764072000000-1';
const FORMAT = { format: 'OWN-{SEQ:4}' };

/** What the calls speak of: a prefix OWN, and things that belong to it. */
interface Things {
  readonly reservation: string;
  readonly apiKey: string;
}

interface Example {
  readonly path: (things: Things) => string;
  readonly body?: object;
  /** Where the caller sees what is his and nothing else, instead of being refused. */
  readonly lists?: true;
}

const at = (path: string, body?: object): Example => ({ path: () => path, ...(body !== undefined && { body }) });
const list = (path: string, body?: object): Example => ({ ...at(path, body), lists: true });

/** One valid call for each operation; one that is missing here fails the test. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  'PUT /prefix-configs/{prefixKey}': at('/prefix-configs/OWN', FORMAT),
  'POST /prefix-configs/{prefixKey}': at('/prefix-configs/OWN', FORMAT),
  'PATCH /prefix-configs/{prefixKey}': at('/prefix-configs/OWN', { outage: 'standby' }),
  'GET /prefix-configs/{prefixKey}': at('/prefix-configs/OWN'),
  'GET /prefix-configs': list('/prefix-configs'),
  'DELETE /prefix-configs/{prefixKey}': at('/prefix-configs/OWN'),
  'GET /prefix-configs/{prefixKey}/preview': at('/prefix-configs/OWN/preview'),
  'POST /templates/validate': at('/templates/validate?prefixKey=OWN', FORMAT),
  'POST /numbers/parse': list('/numbers/parse', { number: 'OWN-0001' }),
  'GET /sequences/{prefixKey}': at('/sequences/OWN'),
  'GET /sequences/{prefixKey}/gaps': at('/sequences/OWN/gaps'),
  'GET /sequences/{prefixKey}/report': at('/sequences/OWN/report'),
  'POST /sequences/{prefixKey}/advance': at('/sequences/OWN/advance', { to: '1000', reason: 'a test' }),
  'POST /sequences/{prefixKey}/periods/{period}/close': at('/sequences/OWN/periods/2020/close', { reason: 'a test' }),
  'GET /temporary-numbers': list('/temporary-numbers'),
  'POST /temporary-numbers/{number}/resolve': at(`/temporary-numbers/${TEMPORARY}/resolve`),
  'GET /numbers': at('/numbers?prefixKey=OWN'),
  'GET /numbers/{prefixKey}': at('/numbers/OWN'),
  'POST /numbers': at('/numbers', { prefixKey: 'OWN' }),
  'POST /reservations': at('/reservations', { prefixKey: 'OWN' }),
  'GET /reservations/{id}': { path: ({ reservation }) => `/reservations/${reservation}` },
  'POST /reservations/{id}/confirm': { path: ({ reservation }) => `/reservations/${reservation}/confirm` },
  'POST /reservations/{id}/void': {
    path: ({ reservation }) => `/reservations/${reservation}/void`,
    body: { reason: 'a test' },
  },
  'POST /api-keys': at('/api-keys', { name: 'x', scopes: ['keys:admin:OWN'] }),
  'GET /api-keys': list('/api-keys'),
  'DELETE /api-keys/{id}': { path: ({ apiKey }) => `/api-keys/${apiKey}` },
};

/** What asks nobody, in full. */
const OPEN = ['GET /livez', 'GET /readyz', 'GET /health', 'GET /metrics', 'GET /api/snowflakes/{id}'];

let redis: RedisDatabase;
let postgres: PostgresDatabase;
let app: TestApp;
let things: Things;
/** Of the API description: method and path → the scope that it asks for. */
const described = new Map<string, string | undefined>();

const readDescription = async (): Promise<void> => {
  const { paths } = (await app.call('GET', '/openapi.json')).json;
  for (const [path, operations] of Object.entries<object>(paths)) {
    for (const [method, { security }] of Object.entries<{ security?: Record<string, string[]>[] }>(
      operations as never,
    )) {
      const [byToken, byKey] = security ?? [];
      const [action] = byToken?.['bearer'] ?? [];
      expect(byKey?.['apiKey']?.[0]).toBe(action);
      described.set(`${method.toUpperCase()} ${path}`, action);
    }
  }
};

beforeAll(async () => {
  [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
  app = await startApp({
    ...{ REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' },
    NUMBERS_AUTH: 'required',
  });
  await app.ready();
  await readDescription();
  await redis.client.hset('temporary_numbers', TEMPORARY, '{"prefix_key":"OWN","issued_at_ms":1764072000000}');
  await app.call('PUT', '/api/prefix-configs/OWN', { ...FORMAT, strategy: 'gapless' });
  const reservation = await app.call('POST', '/api/reservations', { prefixKey: 'OWN' });
  const key = await app.call('POST', '/api/api-keys', { name: 'own', scopes: ['numbers:issue:OWN'] });
  things = { reservation: reservation.json.id, apiKey: key.json.id };
});

afterAll(async () => {
  await app.close();
  await redis.release();
  await postgres.release();
});

const send = (name: string, urlPrefix: string, headers: Record<string, string>): Promise<TestReply> => {
  const example = EXAMPLES[name];
  if (example === undefined) throw new Error(`No example of ${name}`);
  const [method = ''] = name.split(' ');
  return app.call(method, `${urlPrefix}${example.path(things)}`, example.body, headers);
};

const actionOf = (name: string): string => {
  const [method, path] = name.split(' ');
  const action = described.get(`${method} /api${path}`);
  if (action === undefined) throw new Error(`${name} is described as open`);
  return action;
};

describe('the described API', () => {
  test('has an example here for each call that is not open to everybody', () => {
    const closed = Object.keys(EXAMPLES).map((name) => name.replace(' ', ' /api'));
    expect([...described.keys()].sort()).toEqual([...closed, ...OPEN].sort());
    const open = [...described].filter(([, action]) => action === undefined).map(([name]) => name);
    expect(open.sort()).toEqual(OPEN.toSorted());
    expect(ACTIONS.toSorted()).toEqual(
      [...new Set(described.values())].filter((action) => action !== undefined).sort(),
    );
  });
});

describe.each(['/api', '', '/api/v1'])('under the URL prefix "%s"', (urlPrefix) => {
  test.each(Object.keys(EXAMPLES))('401, 403: %s', async (name) => {
    const action = actionOf(name);
    const others = ACTIONS.filter((other) => other !== action).join(' ');
    const code = async (headers: Record<string, string>): Promise<string> =>
      (await send(name, urlPrefix, headers)).json?.code;
    expect(await code({})).toBe('UNAUTHORIZED');
    expect(await code(bearer({ scope: others }))).toBe('FORBIDDEN');
    for (const stranger of ['OTHER', 'OW', 'OWN-*', 'OWN2', 'own']) {
      const reply = await send(name, urlPrefix, bearer({ scope: `${action}:${stranger} ${others}` }));
      if (EXAMPLES[name]?.lists === undefined) expect(reply.json?.code).toBe('FORBIDDEN');
      else {
        expect(reply.status).toBe(200);
        expect(reply.text).not.toContain('"OWN"');
        expect(reply.text).not.toContain(things.apiKey);
      }
    }
  });
});

describe('who has the scope for the prefix', () => {
  /** Those that end what the others need come last. */
  const names = Object.keys(EXAMPLES).sort((a, b) => Number(a.startsWith('DELETE')) - Number(b.startsWith('DELETE')));

  test.each(names)('is not refused: %s', async (name) => {
    const { status, text } = await send(name, '/api', bearer({ scope: `${actionOf(name)}:OWN` }));
    expect([401, 403]).not.toContain(status);
    if (EXAMPLES[name]?.lists !== undefined) expect(text).toContain('OWN');
  });
});
