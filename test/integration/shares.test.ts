/** What callers share: nobody, and no prefix, takes so much of it that nothing is left for the others. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { bearer, startApp, type TestApp } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';

describe('reports', () => {
  let app: TestApp;
  const readers: IncomingMessage[] = [];

  beforeEach(async () => {
    app = await startApp();
    for (const key of ['TEN-A', 'TEN-B']) {
      const body = { format: `${key}-{SEQ:6}-${'x'.repeat(100)}`, strategy: 'gapless' };
      await app.call('PUT', `/api/prefix-configs/${key}`, body);
      for (let list = 0; list < 4; list += 1) await app.call('GET', `/api/numbers/${key}?count=10000`);
    }
    await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:6}' });
    await app.call('GET', '/api/numbers/INV');
    await app.server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.destroy();
    await app.close();
  });

  /** Asks for a report over a connection of its own, and reads nothing of it. */
  const askAndWait = async (key: string, headers: Record<string, string>): Promise<IncomingMessage> => {
    const { port } = app.server.server.address() as AddressInfo;
    const request = get({ port, path: `/api/sequences/${key}/report`, headers, agent: false });
    request.on('error', () => undefined);
    const [reply] = (await once(request, 'response')) as [IncomingMessage];
    reply.on('error', () => undefined);
    readers.push(reply.pause());
    return reply;
  };
  const statusOf = async (key: string, headers: Record<string, string>): Promise<number | undefined> =>
    (await askAndWait(key, headers)).statusCode;

  test('429: of one who reads slowly no more than four are written, and others get theirs', async () => {
    const slow = bearer({ subject: 'slow', scope: 'configs:read:TEN-*' });
    for (const key of ['TEN-A', 'TEN-A', 'TEN-B', 'TEN-B']) expect(await statusOf(key, slow)).toBe(200);
    const refused = await app.call('GET', '/api/sequences/TEN-A/report', undefined, slow);
    expect(refused).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED', title: 'Quota exceeded' } });
    expect(refused.json.detail).toContain('4 reports of this caller');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(app.log).toContainEqual(
      expect.objectContaining({ event: 'quota-exceeded', level: 'warn', subject: 'slow', client: '127.0.0.1' }),
    );
    for (const key of ['INV', 'TEN-A']) {
      expect((await app.call('GET', `/api/sequences/${key}/report`)).status).toBe(200);
    }
    readers.shift()?.destroy();
    await expect.poll(() => statusOf('TEN-A', slow)).toBe(200);
  });

  test('429: of one prefix no more than four are written, whoever asks', async () => {
    for (let reader = 0; reader < 4; reader += 1)
      expect(await statusOf('TEN-A', bearer({ subject: `r${reader}` }))).toBe(200);
    const refused = await app.call('GET', '/api/sequences/TEN-A/report', undefined, bearer({ subject: 'r4' }));
    expect(refused).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
    expect(refused.json.detail).toContain('of the prefix "TEN-A"');
    expect((await app.call('GET', '/api/sequences/TEN-B/report', undefined, bearer({ subject: 'r4' }))).status).toBe(
      200,
    );
  });
});

test('429: temporary numbers of one prefix, and of one caller, leave some for the others', async () => {
  const redis = await startRedisServer({ appendonly: true });
  onTestFinished(() => redis.close());
  const app = await startApp({
    ...{ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '300', STANDBY_SIZE: '10', LOG_LEVEL: 'silent' },
  });
  await app.ready();
  for (const key of ['ATT', 'VICTIM']) {
    await app.call('PUT', `/api/prefix-configs/${key}`, { format: `${key}-{SEQ:6}`, outage: 'temporary' });
    await app.call('GET', `/api/numbers/${key}`);
  }
  await redis.kill();
  const take = (key: string, subject: string, count: number) =>
    app.call('GET', `/api/numbers/${key}?count=${count}`, undefined, bearer({ subject }));
  await expect.poll(async () => (await take('ATT', 'a', 10_000)).status).toBe(200);
  let refused = await take('ATT', 'b', 10_000);
  for (let list = 0; refused.status === 200; list += 1) refused = await take('ATT', `c${list}`, 10_000);
  expect(refused).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
  expect(refused.json.detail).toContain('The prefix has as many temporary numbers');
  const served = await take('VICTIM', 'victim', 10_000);
  expect(served).toMatchObject({ status: 200, headers: { 'x-number-source': 'temporary' } });
  await redis.restart();
  await app.ready();
  await app.close();
}, 60_000);
