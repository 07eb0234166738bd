/** Prefixes that could print the same number are refused, unless somebody insists; on all stores, and by two nodes at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRedisKeys } from '../../src/stores/redis/codecs/redis-keys.ts';
import { bearer, JWT_SECRET, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';
import { createToken } from '../support/token.ts';

const pathOf = (prefixKey: string): string => `/api/prefix-configs/${prefixKey}`;

const toldBy = async (app: TestApp): Promise<string[]> => {
  await app.watchCollisions();
  const { json } = await app.call('GET', '/health');
  const details = json.components.map(({ detail }: { detail?: string }) => detail ?? '');
  return details.filter((detail: string) => detail.includes('prefix-collisions'));
};

describe.each(['sqlite', 'redis', 'postgres'])('prefixes that print alike on %s', (store) => {
  const app = sharedByTests(() => startAppOn(store));

  const put = (prefixKey: string, body: object, etag?: string): Promise<TestReply> =>
    app.call('PUT', pathOf(prefixKey), body, {
      ...bearer(),
      ...(etag !== undefined && { 'if-match': etag }),
    });

  test('409: a registration names the number both could print and the other prefix, by PUT and by POST', async () => {
    expect((await put('OV', { format: 'OV{SEQ:4}' })).status).toBe(200);
    for (const method of ['PUT', 'POST']) {
      const refused = await app.call(method, pathOf('OV1'), { format: 'OV1{SEQ:3}' });
      expect(refused).toMatchObject({ status: 409, json: { code: 'FORMAT_COLLISION' } });
      expect(refused.json.detail).toContain('"OV1" and "OV" (OV{SEQ:4}) could both print OV1001.');
      expect(refused.json.errors).toMatchObject([{ path: 'format' }]);
    }
    expect((await app.call('GET', pathOf('OV1'))).status).toBe(404);
    expect((await put('DUP', { format: 'OV{SEQ:4}' })).status).toBe(409);
    expect((await put('OV1', { format: '{prefix}-{SEQ:3}' })).status).toBe(200);
  });

  test('409: a change is compared too, and one that prints no more than before is not', async () => {
    expect(await put('OV1', { format: 'OV1{SEQ:3}' }, '"1"')).toMatchObject({ status: 409 });
    expect(await put('OV1', { format: 'OV1{SEQ:3}', allowCollision: true }, '"1"')).toMatchObject({ status: 200 });
    expect(await put('OV', { format: 'OV{SEQ:4}', outage: 'reject' }, '"1"')).toMatchObject({ status: 200 });
    expect(await put('OV1', { format: 'OV1{SEQ:3}' }, '"2"')).toMatchObject({ status: 409 });
  });

  test('200: allowCollision insists, is read back and comes back with a PUT, and ends the finding', async () => {
    const { json } = await app.call('GET', pathOf('OV1'));
    expect(json).toMatchObject({ allowCollision: true, version: 2 });
    expect(await put('OV1', json, '"2"')).toMatchObject({ status: 200, json: { allowCollision: true, version: 3 } });
    expect((await put('SNAKE', { format: 'OV2{SEQ:3}', allow_collision: true })).json.allowCollision).toBe(true);
    expect((await app.call('GET', pathOf('OV'))).json.allowCollision).toBe(false);
    expect(await toldBy(app)).toEqual([]);
  });

  test('409: a format of before and a removed prefix have printed their numbers', async () => {
    expect((await put('OLD', { format: 'OLD{SEQ:4}' })).status).toBe(200);
    expect((await put('OLD', { format: 'NEW{SEQ:4}' }, '"1"')).status).toBe(200);
    const former = await put('OLDER', { format: 'OLD{SEQ:3}' });
    expect(former.json.detail).toContain('"OLD", as it was numbered before (OLD{SEQ:4}),');
    expect((await app.call('DELETE', pathOf('OLD'))).status).toBe(204);
    expect((await put('NEWER', { format: 'NEW{SEQ:3}' })).json.code).toBe('FORMAT_COLLISION');
    expect((await put('OLD', { format: 'OLD{SEQ:4}' })).status).toBe(200);
  });

  test('409: a prefix that the caller may not read is not named', async () => {
    const narrow = createToken(JWT_SECRET, { scope: 'configs:read:MINE configs:write:MINE' });
    const reply = await app.call('PUT', pathOf('MINE'), { format: 'OV{SEQ:5}' }, { authorization: `Bearer ${narrow}` });
    expect(reply).toMatchObject({ status: 409, json: { code: 'FORMAT_COLLISION' } });
    expect(reply.json.detail).toContain('"MINE" and another prefix, which you may not read, could both print OV10000.');
    expect(reply.text).not.toContain('OV{SEQ:4}');
  });

  test('409: of 20 registrations at the same time that could print alike exactly one wins', async () => {
    const tries = Array.from({ length: 20 }, (_, index) => put(`S${index}`, { format: 'SAME-{SEQ:4}' }));
    const replies = await Promise.all(tries);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(replies.filter(({ json }) => json.code === 'FORMAT_COLLISION')).toHaveLength(19);
  });
});

describe.each(['redis', 'postgres'])('two nodes on %s', (store) => {
  let redis: RedisDatabase;
  let postgres: PostgresDatabase | undefined;
  let nodes: readonly TestApp[];

  beforeAll(async () => {
    redis = await leaseRedisDatabase();
    postgres = store === 'postgres' ? await leasePostgresDatabase() : undefined;
    const env = { REDIS_URL: redis.url, ...(postgres && { DATABASE_URL: postgres.url }) };
    nodes = [await startApp(env), await startApp(env)];
    for (const node of nodes) await node.ready();
  });

  afterAll(async () => {
    // Together: each looks for what is left open by all.
    await Promise.all(nodes.map((node) => node.close()));
    await redis.release();
    await postgres?.release();
  });

  test('409: of registrations that race on both nodes exactly one of two that could print alike wins', async () => {
    for (let round = 0; round < 15; round += 1) {
      const replies = await Promise.all(
        nodes.map((node, at) => node.call('PUT', pathOf(`R${round}.${at}`), { format: `R${round}x{SEQ:4}` })),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(replies.filter(({ json }) => json.code === 'FORMAT_COLLISION')).toHaveLength(1);
    }
  });

  test('409: of changes that race on both nodes exactly one of two that could print alike wins', async () => {
    for (let round = 0; round < 5; round += 1) {
      const keys = nodes.map((_, at) => `C${round}.${at}`);
      for (const key of keys) await nodes[0]?.call('PUT', pathOf(key), { format: '{prefix}_{SEQ:4}' });
      const headers = { ...bearer(), 'if-match': '"1"' };
      const replies = await Promise.all(
        nodes.map((node, at) => node.call('PUT', pathOf(`${keys[at]}`), { format: `C${round}x{SEQ:4}` }, headers)),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
  });

  test('200: /health names a pair that was registered by hand, until one is changed', async () => {
    const [one] = nodes as [TestApp];
    await one.call('PUT', pathOf('OV'), { format: 'OV{SEQ:4}' });
    expect(await toldBy(one)).toEqual([]);
    await redis.client.hset('prefix_configs', 'OV1', JSON.stringify({ prefix_key: 'OV1', format: 'OV1{SEQ:3}' }));
    const { prefixConfigsChannel } = createRedisKeys('', Number(new URL(redis.url).pathname.slice(1)));
    await redis.client.publish(prefixConfigsChannel, 'OV1');
    await expect.poll(() => toldBy(one)).toEqual([expect.stringContaining('OV and OV1 could both print OV1001.')]);
    const headers = { ...bearer(), 'if-match': '*' };
    await one.call('DELETE', pathOf('OV1'), undefined, headers);
    expect(await toldBy(one)).toEqual([expect.stringContaining('OV and OV1 could both print OV1001.')]);
    await one.call('DELETE', pathOf('OV'), undefined, headers);
    expect(await toldBy(one)).toEqual([]);
  });

  test('409: what a store that was emptied has lost is compared all the same, where PostgreSQL has it', async () => {
    const [one, other] = nodes as [TestApp, TestApp];
    await one.call('PUT', pathOf('KEPT'), { format: 'KEPT{SEQ:4}' });
    await redis.client.flushdb();
    const { status } = await other.call('PUT', pathOf('LATE'), { format: 'KEPT{SEQ:3}' });
    // Redis alone has forgotten both the prefix and its numbers.
    expect(status).toBe(postgres === undefined ? 200 : 409);
  });
});
