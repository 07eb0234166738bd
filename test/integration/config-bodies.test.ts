/** Bodies of registrations as people send them: what a reply said, the data model as the brief prints it, and a sequence without its length. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';

let database: RedisDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await leaseRedisDatabase();
  app = await startApp({ REDIS_URL: database.url });
  await app.ready();
});

afterAll(async () => {
  await app.close();
  await database.release();
});

const put = (key: string, body: object, ifMatch?: string): Promise<TestReply> =>
  app.call('PUT', `/api/prefix-configs/${key}`, body, {
    authorization: `Bearer ${adminToken}`,
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  });

describe('what a reply said', () => {
  test('200: the reply of GET, and that of PUT, is accepted as the body of a PUT', async () => {
    const written = await put('BACK', { format: 'B-{SEQ:4}', overflow: 'reject', initialSeq: 5 });
    const read = await app.call('GET', '/api/prefix-configs/BACK');
    for (const body of [read.json, written.json]) {
      const { json, status } = await put('BACK', body, '*');
      expect([status, json]).toEqual([200, { ...read.json, status: 'updated', version: json.version }]);
    }
    expect((await put('COPY', { ...read.json, prefixKey: 'COPY', allowCollision: true })).status).toBe(200);
  });

  test('400: another key than that of the path, and another version than If-Match, are refused by name', async () => {
    for (const [body, path] of [
      [{ prefixKey: 'OTHER' }, 'prefixKey'],
      [{ prefix_key: 'OTHER' }, 'prefix_key'],
      [{ status: 'gone' }, 'status'],
      [{ version: 7 }, 'version'],
    ] as const) {
      const { status, json } = await put('BACK', { format: 'B-{SEQ:4}', ...body }, '"1"');
      expect([status, json.errors?.[0]?.path]).toEqual([400, path]);
    }
  });

  test('200: the data model of the brief, with prefix_key in the body, is accepted', async () => {
    const body = { prefix_key: 'BRIEF', format: 'BR-{year}-{SEQ:6}', seq_length: 6, initial_seq: 3046 };
    expect((await put('BRIEF', body)).status).toBe(200);
    expect((await app.call('GET', '/api/numbers/BRIEF')).json.number).toMatch(/^BR-[0-9]{4}-003047$/);
  });
});

describe('{SEQ} without its length', () => {
  test('200: with seqLength or seq_length beside it is that length', async () => {
    for (const [key, field] of [
      ['CAMEL', 'seqLength'],
      ['SNAKE', 'seq_length'],
    ] as const) {
      const { status, json } = await put(key, { format: `${key}-{SEQ}`, [field]: 4 });
      expect([status, json.format, json.seqLength]).toEqual([200, `${key}-{SEQ:4}`, 4]);
      expect((await app.call('GET', `/api/numbers/${key}`)).json).toEqual({ number: `${key}-0001` });
    }
  });

  test('200: a preloaded entry of that form serves', async () => {
    await database.client.hset('prefix_configs', 'PRE', '{"format":"T-{SEQ}","seq_length":4}');
    expect((await app.call('GET', '/api/numbers/PRE')).json).toEqual({ number: 'T-0001' });
  });

  test('400: without any length it is refused, with both ways to write it', async () => {
    const { status, json } = await put('NONE', { format: 'N-{SEQ}' });
    expect([status, json.title]).toEqual([400, '{SEQ} tag needs a length']);
    expect(json.detail).toMatch(/\{SEQ:N\}.*seqLength/);
  });
});
