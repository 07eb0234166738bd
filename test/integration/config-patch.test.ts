/** PATCH changes the fields it names and leaves the others; PUT says which ones it has set back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, JWT_SECRET, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { createToken } from '../support/token.ts';

/** Every setting other than its default. Each prefix has a format of its own, for two could not print the same number. */
const full = (key: string) => ({
  format: `${key}-{year}{month}-{SEQ:5}`,
  initialSeq: '41',
  reset: 'monthly',
  timeZone: 'Europe/Berlin',
  fiscalYearStart: '04-01',
  overflow: 'reject',
  outage: 'temporary',
  allowPast: true,
});

describe.each(['embedded', 'redis'])('%s store', (store) => {
  let redis: RedisDatabase | undefined;
  let app: TestApp;

  beforeAll(async () => {
    redis = store === 'redis' ? await leaseRedisDatabase() : undefined;
    app = await startApp(redis && { REDIS_URL: redis.url });
    await app.ready();
  });

  afterAll(async () => {
    await app.close();
    await redis?.release();
  });

  const bearer = (ifMatch?: string) => ({
    authorization: `Bearer ${adminToken}`,
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  });
  const put = (key: string, body: object, ifMatch?: string): Promise<TestReply> =>
    app.call('PUT', `/api/prefix-configs/${key}`, body, bearer(ifMatch));
  const patch = (key: string, body: unknown, ifMatch?: string, alias = '/api'): Promise<TestReply> =>
    app.call('PATCH', `${alias}/prefix-configs/${key}`, body, bearer(ifMatch));
  const get = async (key: string) => (await app.call('GET', `/api/prefix-configs/${key}`)).json;

  test('200: PATCH changes what it names, in either spelling, under every alias, and leaves the rest', async () => {
    await put('FULL', full('FULL'));
    let before = await get('FULL');
    for (const [alias, change, shown] of [
      ['/api', { outage: 'reject' }, { outage: 'reject' }],
      ['', { time_zone: 'UTC', allow_past: false }, { timeZone: 'UTC', allowPast: false }],
      ['/api/v1', { initialSeq: 50, fiscal_year_start: '07-01' }, { initialSeq: '50', fiscalYearStart: '07-01' }],
    ] as const) {
      const { status, json, headers } = await patch('FULL', change, undefined, alias);
      const after = { ...before, ...shown, version: before.version + 1 };
      expect([status, json, headers['etag']]).toEqual([200, { status: 'updated', ...after }, `"${after.version}"`]);
      expect(await get('FULL')).toEqual(after);
      before = after;
    }
    expect((await app.call('GET', '/api/numbers/FULL')).json.number).toMatch(/^FULL-[0-9]{6}-00051$/);
  });

  test('200: null sets a field back to its default', async () => {
    await put('NULLS', full('NULLS'));
    const { format: _format, ...others } = full('NULLS');
    const nulls = Object.fromEntries(Object.keys(others).map((name) => [name, null]));
    // Another text: counting on without the reset, the first format could print a number of an earlier month again.
    const { status, json } = await patch('NULLS', { ...nulls, format: 'N-{SEQ:5}' });
    expect([status, json.errors]).toEqual([200, undefined]);
    await put('PLAIN', { format: 'P-{SEQ:5}' });
    expect(await get('NULLS')).toEqual({
      ...(await get('PLAIN')),
      ...{ prefixKey: 'NULLS', format: 'N-{SEQ:5}', version: 2 },
    });
  });

  test('200: the length follows a new format, and {SEQ} takes the length that is there', async () => {
    await put('LONG', { format: 'L-{SEQ:4}' });
    expect((await patch('LONG', { format: 'L-{SEQ:7}' })).json).toMatchObject({ format: 'L-{SEQ:7}', seqLength: 7 });
    expect((await patch('LONG', { format: 'LL-{SEQ}' })).json).toMatchObject({ format: 'LL-{SEQ:7}', seqLength: 7 });
    const both = await patch('LONG', { format: 'LLL-{SEQ}', seq_length: 9 });
    expect(both.json).toMatchObject({ format: 'LLL-{SEQ:9}', seqLength: 9 });
  });

  test('200: a patch that says what is so already writes nothing, and keeps the version', async () => {
    await put('SAME', full('SAME'));
    const before = await get('SAME');
    for (const body of [{}, { overflow: 'reject' }, { initial_seq: 41 }, before, { ...before, status: 'updated' }]) {
      const { status, json, headers } = await patch('SAME', body, '"1"');
      expect([status, json, headers['etag']]).toEqual([200, { status: 'unchanged', ...before }, '"1"']);
      expect((await patch('SAME', json)).json.status).toBe('unchanged');
    }
    expect((await patch('SAME', { outage: 'standby' }, '"1"')).json).toMatchObject({ status: 'updated', version: 2 });
  });

  test('409: a patch that could print a number of another prefix is refused, unless allowCollision insists; null takes that back', async () => {
    await put('MINE', { format: 'MEET-{SEQ:4}' });
    await put('THEIRS', { format: 'APART-{SEQ:4}' });
    const refused = await patch('THEIRS', { format: 'MEET-{SEQ:4}' });
    expect([refused.status, refused.json.code]).toEqual([409, 'FORMAT_COLLISION']);
    const insisted = await patch('THEIRS', { format: 'MEET-{SEQ:4}', allow_collision: true });
    expect([insisted.status, insisted.json.format]).toEqual([200, 'MEET-{SEQ:4}']);
    expect((await patch('THEIRS', { allowCollision: true })).json.status).toBe('unchanged');
    const apart = await patch('THEIRS', { format: 'APART2-{SEQ:4}', allowCollision: null });
    expect([apart.status, apart.json.status]).toEqual([200, 'updated']);
    expect((await patch('THEIRS', { format: 'MEET-{SEQ:4}' })).status).toBe(409);
  });

  test('412, 404, 400: PATCH holds to If-Match, wants a config, and reads one ETag', async () => {
    await put('MATCH', { format: 'M-{SEQ:4}' });
    const code = async (reply: Promise<TestReply>) => [(await reply).status, (await reply).json.code];
    expect(await code(patch('MATCH', { overflow: 'reject' }, '"7"'))).toEqual([412, 'VERSION_CONFLICT']);
    expect(await code(patch('MATCH', { version: 7 }, '"1"'))).toEqual([400, 'VALIDATION_ERROR']);
    expect(await code(patch('MATCH', { overflow: 'reject' }, 'W/"1"'))).toEqual([400, 'VALIDATION_ERROR']);
    for (const ifMatch of [undefined, '*', '"1"']) {
      expect(await code(patch('NOWHERE', { overflow: 'reject' }, ifMatch))).toEqual([404, 'PREFIX_NOT_REGISTERED']);
    }
    expect((await get('MATCH')).version).toBe(1);
    expect((await app.call('GET', '/api/prefix-configs/NOWHERE')).status).toBe(404);
  });

  test('400: what PUT refuses is refused, by its name, and nothing is changed', async () => {
    await put('WRONG', { format: 'W-{SEQ:4}' });
    const before = await get('WRONG');
    for (const [body, path] of [
      [{ formt: 'X-{SEQ:4}' }, 'formt'],
      [{ format: null }, 'format'],
      [{ overflow: 'maybe' }, 'overflow'],
      [{ reset: 'yearly' }, 'reset'],
      [{ seqLength: 6 }, 'seqLength'],
      [{ seqLength: null, seq_length: 4 }, 'seq_length'],
      [{ timeZone: 'UTC', time_zone: 'Europe/Berlin' }, 'time_zone'],
      [{ prefix_key: 'OTHER' }, 'prefix_key'],
      [{ version: null }, 'version'],
      [{ format: 'W{var:x}{SEQ:4}' }, 'format'],
      [[{ op: 'replace' }], 'body'],
      [null, 'body'],
      ['"text"', 'body'],
    ] as const) {
      const { status, json } = await patch('WRONG', body);
      expect([body, status, json.errors?.[0]?.path]).toEqual([body, 400, path]);
    }
    expect((await patch('WRONG', { format: 'W-{SEQ' })).json.code).toBe('INVALID_FORMAT');
    expect((await patch('WRONG', { format: 'W-{SEQ:21}' })).json.code).toBe('INVALID_LENGTH');
    expect(await get('WRONG')).toEqual(before);
  });

  test('400: a patch that could print a number twice is refused, as that PUT is', async () => {
    await put('TWICE', { format: 'T-{year}-{SEQ:4}', reset: 'yearly' });
    await app.call('GET', '/api/numbers/TWICE');
    const byPatch = await patch('TWICE', { reset: null });
    const byPut = await put('TWICE', { format: 'T-{year}-{SEQ:4}' }, '*');
    expect([byPatch.status, byPatch.json.errors]).toEqual([400, byPut.json.errors]);
  });

  test('200: patches of different fields at the same time all stay', async () => {
    await put('RACE', { format: 'R-{SEQ:4}' });
    const changes = [{ overflow: 'reject' }, { outage: 'reject' }, { timeZone: 'Europe/Berlin' }, { allowPast: true }];
    const replies = await Promise.all(changes.map((change) => patch('RACE', change)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await get('RACE')).toMatchObject({ ...Object.assign({}, ...changes), version: 5 });
  });

  test('200, 415: merge patches come as application/merge-patch+json or application/json; PUT takes no patch', async () => {
    await put('TYPES', { format: 'TYPES-{SEQ:4}' });
    const send = (method: 'PATCH' | 'PUT', type: string, payload: string) =>
      app.server.inject({
        method,
        url: '/api/prefix-configs/TYPES',
        headers: { ...bearer('*'), 'content-type': type },
        payload,
      });
    for (const type of ['application/merge-patch+json', 'application/merge-patch+json; charset=utf-8']) {
      expect((await send('PATCH', type, '{"overflow":"reject"}')).statusCode).toBe(200);
    }
    expect((await send('PATCH', 'application/merge-patch+json', '{"overflow"')).statusCode).toBe(400);
    expect((await send('PATCH', 'application/merge-patch+json', '{"__proto__":{"x":1}}')).statusCode).toBe(400);
    expect((await send('PATCH', 'application/json-patch+json', '[]')).statusCode).toBe(415);
    expect((await send('PUT', 'application/merge-patch+json', '{"format":"TYPES-{SEQ:4}"}')).statusCode).toBe(415);
  });

  test('204, 405: PATCH stands in Allow, with the types it takes in Accept-Patch', async () => {
    for (const alias of ['/api', '', '/api/v1']) {
      const { status, headers } = await app.call('OPTIONS', `${alias}/prefix-configs/X`);
      expect([status, headers['allow']]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT']);
      expect(headers['accept-patch']).toBe('application/merge-patch+json, application/json');
      expect((await app.call('PATCH', `${alias}/prefix-configs`, {})).status).toBe(405);
    }
  });

  test('403: PATCH takes configs:write for the prefix', async () => {
    await put('GUARDED', { format: 'G-{SEQ:4}' });
    for (const [scope, status] of [
      ['configs:read', 403],
      ['configs:write:OTHER', 403],
      ['configs:write:GUARDED', 200],
    ] as const) {
      const headers = { authorization: `Bearer ${createToken(JWT_SECRET, { scope })}` };
      const reply = await app.call('PATCH', '/api/prefix-configs/GUARDED', { overflow: 'reject' }, headers);
      expect([scope, reply.status]).toEqual([scope, status]);
    }
  });

  test('200: PUT names the fields that it set back by leaving them out, and its reply is accepted as a body', async () => {
    await put('BACK', full('BACK'));
    const kept = { format: 'BACK-{year}{month}-{SEQ:6}', reset: 'monthly', initial_seq: 41, allow_past: false };
    const { status, json } = await put('BACK', kept, '*');
    expect([status, json.resetToDefaults]).toEqual([200, ['timeZone', 'fiscalYearStart', 'overflow', 'outage']]);
    const again = await put('BACK', json, '*');
    expect([again.status, 'resetToDefaults' in again.json]).toEqual([200, false]);
    expect((await patch('BACK', json)).json.status).toBe('unchanged');
    expect('resetToDefaults' in (await put('NEW', { format: 'NEW-{SEQ:4}' })).json).toBe(false);
  });
});

test('200: a stored format that is not in NFC stays as it is where a patch does not name it', async () => {
  const redis = await leaseRedisDatabase();
  const app = await startApp({ REDIS_URL: redis.url });
  try {
    await app.ready();
    await redis.client.hset('prefix_configs', 'CAFE', JSON.stringify({ format: 'e\u0301-{SEQ:4}', new_field: 1 }));
    const { status, json } = await app.call('PATCH', '/api/prefix-configs/CAFE', { outage: 'reject' });
    expect([status, json.format, json.outage]).toEqual([200, 'e\u0301-{SEQ:4}', 'reject']);
    // What a later version has stored stays too.
    expect(JSON.parse((await redis.client.hget('prefix_configs', 'CAFE')) ?? '')).toMatchObject({ new_field: 1 });
  } finally {
    await app.close();
    await redis.release();
  }
});

test('500: PATCH has nothing to merge with where the entry cannot be read; PUT with If-Match: * replaces it', async () => {
  const redis = await leaseRedisDatabase();
  const app = await startApp({ REDIS_URL: redis.url });
  try {
    await app.ready();
    await redis.client.hset('prefix_configs', 'TORN', 'not JSON');
    const headers = { authorization: `Bearer ${adminToken}`, 'if-match': '*' };
    expect((await app.call('PATCH', '/api/prefix-configs/TORN', { outage: 'reject' }, headers)).status).toBe(500);
    const { status, json } = await app.call('PUT', '/api/prefix-configs/TORN', { format: 'T-{SEQ:4}' }, headers);
    expect([status, 'resetToDefaults' in json]).toEqual([200, false]);
  } finally {
    await app.close();
    await redis.release();
  }
});
