/** The probes: what /health says of each component, what makes the whole degraded or down, and when a node is not ready. */
import { fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { describe, expect, test } from 'vitest';
import { createIssuingCheck } from '../../../../src/allocators/node/issuing-check.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { Finding, Guarantee } from '../../../../src/core/events/finding.ts';
import { type HealthOptions, healthRoutes } from '../../../../src/http/routes/health.ts';

const up = async (): Promise<void> => undefined;
const away = async (): Promise<void> => {
  throw new StorageUnavailableError('PostgreSQL cannot be reached.', new Error('connect ECONNREFUSED 10.0.0.1:5432'));
};

const ask = async (url: string, parts: Partial<HealthOptions> = {}) => {
  const server = fastify();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  const { hasStandby = () => true, isRegistered = () => true } = parts;
  const checkIssuing = createIssuingCheck({
    counter: { hasStandby, isRegistered, hasRoom: () => true },
    ...{ hasLeased: () => false, hasWorker: () => false, hasLedger: true },
    strategiesInUse: () => new Set(['counter']),
  });
  const options = { storeName: 'redis', checkStore: up, checkIssuing, hasStandby, isStopping: () => false, ...parts };
  await server.register(healthRoutes, options);
  const reply = await server.inject(url);
  await server.close();
  return { status: reply.statusCode, json: reply.json(), text: reply.body };
};

const finding = (severity: Finding['severity'], subject: string, servers: readonly string[] = []): Finding => ({
  severity,
  subject,
  detail: `About ${subject}.`,
  remedy: `Mend ${subject}.`,
  servers,
});

/** The components beside process, store, standby and issuing. */
const extraOf = ({ json }: { json: { components: { name: string }[] } }) =>
  json.components.filter(({ name }) => !['process', 'redis', 'standby', 'issuing'].includes(name));

describe('/health', () => {
  test('200: names only what there is', async () => {
    const reply = await ask('/health');
    expect(reply).toMatchObject({ status: 200, json: { status: 'up' } });
    expect(extraOf(reply)).toEqual([]);
  });

  test('200: PostgreSQL answers', async () => {
    const reply = await ask('/health', { checkCeilings: up });
    expect(reply).toMatchObject({ status: 200, json: { status: 'up' } });
    expect(extraOf(reply)).toEqual([{ name: 'postgres', status: 'up', detail: 'Answers' }]);
  });

  test('200: degraded while PostgreSQL is away, and says that numbers go on; no address leaves', async () => {
    const reply = await ask('/health', { checkCeilings: away });
    expect(reply).toMatchObject({ status: 200, json: { status: 'degraded' } });
    expect(extraOf(reply)).toEqual([
      {
        name: 'postgres',
        status: 'degraded',
        detail: 'PostgreSQL cannot be reached. Numbers go on up to the ceilings it confirmed.',
      },
    ]);
    expect(reply.text).not.toContain('10.0.0.1');
  });

  test('200: a check that fails for an unforeseen reason does not tell it', async () => {
    const checkCeilings = async (): Promise<void> => {
      throw new Error('secret');
    };
    const reply = await ask('/health', { checkCeilings });
    expect(reply.text).not.toContain('secret');
    expect(extraOf(reply)).toMatchObject([
      { status: 'degraded', detail: expect.stringContaining('The check failed.') },
    ]);
  });

  test('200: degraded when the store is away and the standby serves', async () => {
    const reply = await ask('/health', { checkStore: away });
    expect(reply).toMatchObject({ status: 200, json: { status: 'degraded' } });
  });

  test('503: down when the store is away and there is no standby, whether PostgreSQL is there or not', async () => {
    const down = { checkStore: away, hasStandby: () => false };
    expect(await ask('/health', { ...down, checkCeilings: up })).toMatchObject({
      status: 503,
      json: { status: 'down' },
    });
    expect(await ask('/health', { ...down, checkCeilings: away })).toMatchObject({
      status: 503,
      json: { status: 'down' },
    });
  });

  test('503: down while the process stops, though everything answers', async () => {
    const reply = await ask('/health', { isStopping: () => true, checkCeilings: up });
    expect(reply).toMatchObject({ status: 503, json: { status: 'down' } });
  });

  test('200: findings stand there with their remedy and servers, errors first; an error makes the whole degraded', async () => {
    const findings = () => [finding('info', 'a'), finding('warning', 'b', ['h1:1', 'h2:2']), finding('error', 'c')];
    const reply = await ask('/health', { findings });
    expect(reply).toMatchObject({ status: 200, json: { status: 'degraded' } });
    expect(extraOf(reply)).toEqual([
      { name: 'redis-settings', status: 'degraded', detail: 'error: c: About c. Remedy: Mend c.' },
      { name: 'redis-settings', status: 'up', detail: 'warning: b: About b. (h1:1, h2:2) Remedy: Mend b.' },
      { name: 'redis-settings', status: 'up', detail: 'info: a: About a. Remedy: Mend a.' },
    ]);
  });

  test('200: warnings alone leave it up', async () => {
    expect(await ask('/health', { findings: () => [finding('warning', 'b')] })).toMatchObject({
      json: { status: 'up' },
    });
  });

  test('says whether numbers can be issued, and if not, why', async () => {
    const issuingOf = async (parts: Partial<HealthOptions>) =>
      (await ask('/health', parts)).json.components.find(({ name }: { name: string }) => name === 'issuing');
    expect(await issuingOf({})).toMatchObject({ status: 'up' });
    expect(await issuingOf({ checkStore: away, hasStandby: () => false })).toEqual({
      name: 'issuing',
      status: 'down',
      detail: 'PostgreSQL cannot be reached.',
    });
  });

  test('200: settings that were looked at and are in order are said to be', async () => {
    expect(extraOf(await ask('/health', { findings: () => [] }))).toEqual([
      { name: 'redis-settings', status: 'up', detail: 'As they should be' },
    ]);
    expect(extraOf(await ask('/health', { findings: () => undefined }))).toEqual([]);
  });

  test.each([
    ['Set DATABASE_URL.', 'redis: Best effort. Set DATABASE_URL.'],
    [undefined, 'redis: Best effort.'],
  ])('200: the guarantee in force, and what would give more: %s', async (remedy, detail) => {
    const guarantee = (): Guarantee => ({ kind: 'redis', detail: 'Best effort.', remedy });
    expect(extraOf(await ask('/health', { guarantee }))).toEqual([{ name: 'guarantee', status: 'up', detail }]);
  });
});

describe('/readyz', () => {
  test('200: PostgreSQL is no condition, for numbers go on without it', async () => {
    expect(await ask('/readyz', { checkCeilings: away })).toMatchObject({ status: 200 });
  });

  test('200: a standby is enough', async () => {
    expect(await ask('/readyz', { checkStore: away })).toMatchObject({ status: 200, json: { status: 'ready' } });
  });

  test('200: a node that PostgreSQL knows does not need it any more', async () => {
    const parts = { hasStandby: () => false, isRegistered: () => true, checkCeilings: away };
    expect(await ask('/readyz', parts)).toMatchObject({ status: 200 });
  });

  test.each([
    ['200: PostgreSQL is there', up, 200],
    ['503: PostgreSQL is away', away, 500],
  ])('a node that is not registered yet waits for PostgreSQL. %s', async (_title, checkCeilings, status) => {
    // The error becomes 503 in errors.ts, which is not here.
    const parts = { hasStandby: () => false, isRegistered: () => false, checkCeilings };
    expect((await ask('/readyz', parts)).status).toBe(status);
  });

  test('200: the store is enough where nothing is said of registrations', async () => {
    expect(await ask('/readyz', { hasStandby: () => false, checkCeilings: away })).toMatchObject({ status: 200 });
  });

  test('200: a node that is not registered, where nobody registers nodes', async () => {
    expect(await ask('/readyz', { hasStandby: () => false, isRegistered: () => false })).toMatchObject({ status: 200 });
  });

  test('200: /livez asks nobody', async () => {
    expect(await ask('/livez', { checkStore: away, hasStandby: () => false })).toMatchObject({
      status: 200,
      json: { status: 'live' },
    });
  });

  test.each([
    ['without store and standby', { checkStore: away, hasStandby: () => false }],
    ['while the process stops', { isStopping: () => true }],
  ])('is refused %s', async (_title, parts) => {
    expect((await ask('/readyz', parts)).status).not.toBe(200);
  });
});
