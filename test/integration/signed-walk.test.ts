/**
 * Each call of the description that changes or takes something leaves one line in the log, with who did it and in which request. The
 * calls are those of openapi.json: one that is new fails here until it is either recorded or known to read only.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

const NOW_MS = Date.parse('2026-11-25T12:00:00Z');

/** What the calls of one round speak of. */
interface Things {
  readonly [name: string]: string;
}

interface Recorded {
  /** Of the path, by name; the rest of the address is as described. */
  readonly params?: (things: Things) => Readonly<Record<string, string>>;
  readonly query?: (things: Things) => string;
  readonly body?: (things: Things) => object;
  readonly event: string;
  /** What the reply names that later calls need. */
  readonly makes?: readonly [thing: string, field: string];
}

const of = (thing: string) => (things: Things) => ({ prefixKey: things[thing] ?? '' });

/** In this order: each finds what those before it have made. */
const RECORDED: Readonly<Record<string, Recorded>> = {
  registerPrefix: {
    params: of('fresh'),
    body: () => ({ format: '{year}-{SEQ:4}', reset: 'yearly', allowPast: true, allowCollision: true }),
    event: 'prefix-config',
  },
  patchPrefix: { params: of('fresh'), body: () => ({ outage: 'reject' }), event: 'prefix-config' },
  registerPrefixByPost: {
    params: of('other'),
    body: () => ({ format: 'O-{SEQ:4}', allowCollision: true }),
    event: 'prefix-config',
  },
  closePeriod: {
    params: (things) => ({ prefixKey: things['fresh'] ?? '', period: '2020' }),
    body: () => ({ reason: 'Filed' }),
    event: 'period-closed',
  },
  advanceSequence: {
    params: of('fresh'),
    body: () => ({ to: '100', reason: 'Printed by hand' }),
    event: 'sequence-advanced',
  },
  takeNumber: { query: (things) => `?prefixKey=${things['fresh']}`, event: 'numbers-issued' },
  takeNumbers: { body: (things) => ({ prefixKey: things['fresh'], count: 3 }), event: 'numbers-issued' },
  takeNumberOf: { params: of('fresh'), event: 'numbers-issued' },
  reserveNumber: {
    body: (things) => ({ prefixKey: things['gapless'] }),
    event: 'reservation',
    makes: ['reservation', 'id'],
  },
  confirmReservation: { params: (things) => ({ id: things['reservation'] ?? '' }), event: 'reservation' },
  voidReservation: {
    params: (things) => ({ id: things['reserved'] ?? '' }),
    body: () => ({ reason: 'Left' }),
    event: 'reservation',
  },
  createApiKey: {
    body: () => ({ name: 'walk', scopes: ['numbers:issue'] }),
    event: 'api-key',
    makes: ['apiKey', 'id'],
  },
  revokeApiKey: { params: (things) => ({ id: things['apiKey'] ?? '' }), event: 'api-key' },
  resolveTemporaryNumber: { params: (things) => ({ number: things['temporary'] ?? '' }), event: 'temporary-number' },
  removePrefix: { params: of('other'), event: 'prefix-config' },
};

/** Change nothing. */
const READING = [
  ...['getLiveness', 'getReadiness', 'getHealth', 'getMetrics', 'readSnowflake'],
  ...['getPrefix', 'listPrefixes', 'previewNumber', 'validateTemplate', 'parseNumber'],
  ...['getSequence', 'listGaps', 'getReport', 'listTemporaryNumbers', 'listApiKeys', 'getReservation'],
];

interface Operation {
  readonly method: string;
  readonly path: string;
}

const description = JSON.parse(readFileSync(join(import.meta.dirname, '../../openapi.json'), 'utf8'));
const operations = new Map<string, Operation>(
  Object.entries<object>(description.paths).flatMap(([path, methods]) =>
    Object.entries<{ operationId: string }>(methods as Record<string, { operationId: string }>).map(
      ([method, { operationId }]) => [operationId, { method: method.toUpperCase(), path }],
    ),
  ),
);

test('each described call is either recorded or reads only', () => {
  expect([...Object.keys(RECORDED), ...READING].toSorted()).toEqual([...operations.keys()].toSorted());
});

describe.each(['the embedded store', 'Redis and PostgreSQL'])('on %s', (store) => {
  const isEmbedded = store === 'the embedded store';
  let redis: RedisDatabase | undefined;
  let postgres: PostgresDatabase | undefined;
  let app: TestApp;

  beforeAll(async () => {
    if (!isEmbedded) [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
    const env = redis && postgres ? { REDIS_URL: redis.url, DATABASE_URL: postgres.url } : {};
    app = await startApp(env, { now: () => NOW_MS });
    await app.ready();
  });

  afterAll(async () => {
    await app?.close();
    await redis?.release();
    await postgres?.release();
  });

  const prepare = async (round: string): Promise<Record<string, string>> => {
    const gapless = `GAPLESS${round}`;
    const body = { format: 'G-{SEQ:4}', strategy: 'gapless', allowCollision: true };
    expect((await app.call('PUT', `/api/prefix-configs/${gapless}`, body)).status).toBe(200);
    const reserved = (await app.call('POST', '/api/reservations', { prefixKey: gapless }, {})).json.id;
    const things = { fresh: `FRESH${round}`, other: `OTHER${round}`, gapless, reserved };
    const temporary = `TMP-${things.fresh}-0123456789ab-${NOW_MS}-1`;
    // Issued in an outage, which only a store that is elsewhere has.
    const entry = JSON.stringify({ prefix_key: things.fresh, issued_at_ms: NOW_MS });
    await redis?.client.hset('temporary_numbers', temporary, entry);
    return { ...things, temporary };
  };

  const addressOf = (urlPrefix: string, { path }: Operation, { params, query }: Recorded, things: Things): string => {
    const values = params?.(things) ?? {};
    const filled = path
      .replace(/^\/api/, urlPrefix)
      .replace(/\{(\w+)\}/g, (_match, name: string) => values[name] ?? name);
    return `${filled}${query?.(things) ?? ''}`;
  };

  const byToken = bearer({ subject: 'alice' });

  test.each([
    ['/api', 'a token'],
    ['', 'an API key'],
    ['/api/v1', 'a token'],
  ])(
    '200: every change and every taking under "%s" with %s has one line, with subject and request id',
    async (urlPrefix, credential) => {
      const things = await prepare(urlPrefix.replaceAll('/', '').toUpperCase());
      const scopes = ['configs:read', 'configs:write', 'numbers:issue', 'sequences:admin', 'keys:admin'];
      const made = (await app.call('POST', '/api/api-keys', { name: 'walker', scopes })).json;
      const isByKey = credential === 'an API key';
      const headers = isByKey ? { 'x-api-key': String(made.key) } : byToken;
      const subject = isByKey ? `api-key:${made.id}` : 'alice';
      const seen: Record<string, unknown> = {};
      const wanted: Record<string, unknown> = {};
      for (const [operationId, recorded] of Object.entries(RECORDED)) {
        const operation = operations.get(operationId) ?? { method: '', path: '' };
        const id = `walk-${urlPrefix.replaceAll('/', '.')}-${operationId}`;
        const address = addressOf(urlPrefix, operation, recorded, things);
        const reply = await app.call(operation.method, address, recorded.body?.(things), {
          ...headers,
          'x-request-id': id,
        });
        if (recorded.makes !== undefined) things[recorded.makes[0]] = reply.json[recorded.makes[1]];
        const lines = app.log.filter(({ request_id }) => request_id === id);
        const isDone = reply.status < 300;
        seen[operationId] = { isDone, lines: lines.map((line) => [line['event'], line['subject']]) };
        const isPossible = !(isEmbedded && operationId === 'resolveTemporaryNumber');
        wanted[operationId] = { isDone: isPossible, lines: isPossible ? [[recorded.event, subject]] : [] };
      }
      expect(seen).toEqual(wanted);
    },
  );
});
