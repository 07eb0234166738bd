/** The calls on prefix configs, on SQLite and on Redis. */
import { describe, expect, test } from 'vitest';
import { bearer } from '../support/app.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';

describe.each(['sqlite', 'redis'])('prefix configs on %s', (store) => {
  const app = sharedByTests(() => startAppOn(store));

  test('200: PUT and POST register, and reply with the whole config and its ETag', async () => {
    const body = { format: '{prefix}-{year}-{SEQ:6}', initial_seq: '18446744073709551614', timeZone: 'Asia/Tokyo' };
    const reply = await app.call('PUT', '/api/prefix-configs/PUT', body);
    expect(reply.status).toBe(200);
    expect(reply.headers['etag']).toBe('"1"');
    expect(reply.json).toEqual({
      status: 'registered',
      prefixKey: 'PUT',
      format: '{prefix}-{year}-{SEQ:6}',
      seqLength: 6,
      initialSeq: '18446744073709551614',
      strategy: 'counter',
      reset: 'never',
      timeZone: 'Asia/Tokyo',
      fiscalYearStart: '01-01',
      overflow: 'extend',
      outage: 'standby',
      allowPast: false,
      allowCollision: false,
      version: 1,
    });
    expect((await app.call('POST', '/api/prefix-configs/POST', body)).status).toBe(200);
    const { status: _, ...config } = reply.json;
    const read = await app.call('GET', '/api/prefix-configs/PUT');
    expect([read.status, read.headers['etag'], read.json]).toEqual([200, '"1"', config]);
  });

  test('409: a second registration changes nothing', async () => {
    await app.call('PUT', '/api/prefix-configs/TWICE', { format: 'A-{SEQ:3}' });
    const again = await app.call('POST', '/api/prefix-configs/TWICE', { format: 'B-{SEQ:3}' });
    expect([again.status, again.json.code, again.json.title]).toEqual([
      409,
      'PREFIX_ALREADY_EXISTS',
      'Prefix already exists',
    ]);
    expect((await app.call('GET', '/api/prefix-configs/TWICE')).json.format).toBe('A-{SEQ:3}');
  });

  test('200, 412, 404: If-Match changes the version it names, and only that', async () => {
    const change = (key: string, ifMatch: string) =>
      app.call('PUT', `/api/prefix-configs/${key}`, { format: '{prefix}-{SEQ:4}' }, { ...admin, 'if-match': ifMatch });
    const admin = bearer();
    await app.call('PUT', '/api/prefix-configs/MATCH', { format: 'M-{SEQ:3}' });
    expect(await change('MATCH', '"2"')).toMatchObject({
      status: 412,
      json: { code: 'VERSION_CONFLICT', title: 'Prefix config was changed' },
    });
    expect(await change('MATCH', '"1"')).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
      json: { status: 'updated', version: 2, format: '{prefix}-{SEQ:4}', seqLength: 4 },
    });
    expect((await change('MATCH', '"1"')).status).toBe(412);
    expect((await change('MATCH', '*')).json.version).toBe(3);
    expect(await change('NOT-THERE', '"1"')).toMatchObject({ status: 404, json: { code: 'PREFIX_NOT_REGISTERED' } });
    for (const malformed of ['1', '"x"', 'W/"1"', '"1", "2"', '""']) {
      expect(await change('MATCH', malformed)).toMatchObject({ status: 400, json: { errors: [{ path: 'If-Match' }] } });
    }
  });

  test('a changed template shows in the very next number of the node that changed it', async () => {
    await app.call('PUT', '/api/prefix-configs/CHANGED', { format: 'C-{SEQ:3}' });
    expect((await app.call('GET', '/api/numbers/CHANGED')).json).toEqual({ number: 'C-001' });
    const headers = { ...bearer(), 'if-match': '"1"' };
    await app.call('PUT', '/api/prefix-configs/CHANGED', { format: 'D-{SEQ:3}' }, headers);
    expect((await app.call('GET', '/api/numbers/CHANGED')).json).toEqual({ number: 'D-002' });
  });

  test('204: DELETE removes the config and keeps the counter', async () => {
    await app.call('PUT', '/api/prefix-configs/GONE', { format: 'G-{SEQ:3}' });
    await app.call('GET', '/api/numbers/GONE?count=5');
    const gone = await app.call('DELETE', '/api/prefix-configs/GONE');
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect(await app.call('GET', '/api/numbers/GONE')).toMatchObject({
      status: 400,
      json: { code: 'PREFIX_NOT_REGISTERED' },
    });
    expect((await app.call('GET', '/api/prefix-configs/GONE')).status).toBe(404);
    expect((await app.call('DELETE', '/api/prefix-configs/GONE')).status).toBe(404);
    await app.call('PUT', '/api/prefix-configs/GONE', { format: 'G-{SEQ:3}' });
    expect((await app.call('GET', '/api/numbers/GONE')).json).toEqual({ number: 'G-006' });
  });

  test('200: the list comes page by page, in order, and only what the token may read', async () => {
    const keys = Array.from({ length: 7 }, (_, index) => `PAGE-${index}`);
    for (const key of keys) await app.call('PUT', `/api/prefix-configs/${key}`, { format: '{prefix}-{SEQ:3}' });
    const headers = bearer({ scope: 'configs:read:PAGE-*' });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await app.call('GET', `/api/prefix-configs?limit=3${query}`, undefined, headers);
      expect(page.status).toBe(200);
      expect(page.json.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.json.items.map((item: { prefixKey: string }) => item.prefixKey));
      cursor = page.json.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(keys);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=-1', 'cursor=%00', 'cursor=!', 'offset=1']) {
      expect((await app.call('GET', `/api/prefix-configs?${query}`)).status).toBe(400);
    }
  });

  const REFUSED: readonly (readonly [string, unknown, string, string])[] = [
    ['a missing format', {}, 'VALIDATION_ERROR', 'format'],
    ['a format without {SEQ}', { format: 'INVALID' }, 'INVALID_FORMAT', 'format'],
    ['{SEQ} without length', { format: 'A-{SEQ}' }, 'INVALID_FORMAT', 'format'],
    ['{SEQ:0}', { format: 'A-{SEQ:0}' }, 'INVALID_LENGTH', 'format'],
    ['{SEQ:21}', { format: 'A-{SEQ:21}' }, 'INVALID_LENGTH', 'format'],
    ['two {SEQ}', { format: '{SEQ:3}-{SEQ:3}' }, 'INVALID_FORMAT', 'format'],
    ['an unknown variable', { format: '{SEQ:3}-{constructor}' }, 'INVALID_FORMAT', 'format'],
    ['SQL', { format: "'; DROP TABLE users;--" }, 'INVALID_FORMAT', 'format'],
    ['script', { format: '<script>alert(1)</script>{SEQ:3}' }, 'INVALID_FORMAT', 'format'],
    ['a line feed', { format: 'A\n{SEQ:3}' }, 'INVALID_FORMAT', 'format'],
    ['1 MB of format', { format: 'A'.repeat(1_048_576) }, 'VALIDATION_ERROR', 'format'],
    ['a format that is a number', { format: 5 }, 'VALIDATION_ERROR', 'format'],
    ['a negative seqLength', { format: 'A-{SEQ:3}', seq_length: -5 }, 'VALIDATION_ERROR', 'seq_length'],
    ['a seqLength other than N', { format: 'A-{SEQ:3}', seqLength: 4 }, 'VALIDATION_ERROR', 'seqLength'],
    ['a seqLength that is text', { format: 'A-{SEQ:3}', seqLength: '3' }, 'VALIDATION_ERROR', 'seqLength'],
    [
      'both spellings with different values',
      { format: 'A-{SEQ:3}', initialSeq: 1, initial_seq: 2 },
      'VALIDATION_ERROR',
      'initial_seq',
    ],
    ['a negative initialSeq', { format: 'A-{SEQ:3}', initialSeq: -1 }, 'VALIDATION_ERROR', 'initialSeq'],
    ['10^400 as initialSeq', '{"format":"A-{SEQ:3}","initialSeq":1e400}', 'VALIDATION_ERROR', 'initialSeq'],
    ['10^400 written out', `{"format":"A-{SEQ:3}","initialSeq":1${'0'.repeat(400)}}`, 'VALIDATION_ERROR', 'initialSeq'],
    [
      '2^64 - 1 as initialSeq',
      { format: 'A-{SEQ:3}', initialSeq: '18446744073709551615' },
      'VALIDATION_ERROR',
      'initialSeq',
    ],
    ['an inexact initialSeq', '{"format":"A-{SEQ:3}","initialSeq":9007199254740993}', 'VALIDATION_ERROR', 'initialSeq'],
    ['an unknown zone', { format: 'A-{SEQ:3}', timeZone: 'Mars/Olympus' }, 'VALIDATION_ERROR', 'timeZone'],
    ['an unknown field', { format: 'A-{SEQ:3}', color: 'red' }, 'VALIDATION_ERROR', 'color'],
    ['an unknown outage', { format: 'A-{SEQ:3}', outage: 'panic' }, 'VALIDATION_ERROR', 'outage'],
    ['an unknown strategy', { format: 'A-{SEQ:3}', strategy: 'guess' }, 'VALIDATION_ERROR', 'strategy'],
    ['a list', [], 'VALIDATION_ERROR', 'body'],
    ['null', 'null', 'VALIDATION_ERROR', 'body'],
    ['malformed JSON', '{"format":', 'VALIDATION_ERROR', 'body'],
    ['an empty body', '', 'VALIDATION_ERROR', 'body'],
    ['__proto__', '{"__proto__":{"format":"A-{SEQ:3}"}}', 'VALIDATION_ERROR', 'body'],
    ['constructor.prototype', '{"constructor":{"prototype":{"x":1}},"format":"A-{SEQ:3}"}', 'VALIDATION_ERROR', 'body'],
  ];

  test.each(REFUSED)(
    '400: %s is refused with a path and a sentence, and nothing is stored',
    async (_title, body, code, path) => {
      const reply = await app.call('PUT', '/api/prefix-configs/REFUSED', body);
      expect(reply.status).toBe(400);
      expect(reply.headers['content-type']).toBe('application/problem+json');
      expect(reply.json).toMatchObject({
        status: 400,
        code,
        requestId: expect.any(String),
        detail: expect.any(String),
      });
      const [problem] = reply.json.errors;
      expect(problem.path).toBe(path);
      expect(problem.message.length).toBeGreaterThan(5);
      expect((await app.call('GET', '/api/prefix-configs/REFUSED')).status).toBe(404);
    },
  );

  test.each(['__proto__', '-A', 'A B', 'A%2FB', '%00', 'Ä', 'x'.repeat(65), '{SEQ}'])(
    '400: the prefix key %s is refused',
    async (key) => {
      const reply = await app.call('PUT', `/api/prefix-configs/${encodeURI(key).replaceAll('%25', '%')}`, {
        format: 'A-{SEQ:3}',
      });
      expect(reply.status).toBe(400);
      expect(reply.json).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ path: 'prefixKey' }] });
    },
  );

  test('413: more than 2 MiB of body is refused', async () => {
    const reply = await app.call('PUT', '/api/prefix-configs/HUGE', { format: 'A'.repeat(3_000_000) });
    expect(reply).toMatchObject({ status: 413, json: { code: 'PAYLOAD_TOO_LARGE' } });
  });

  test('415: a body that is not announced as JSON is refused, and the reply says how to send it', async () => {
    const headers = { ...bearer(), 'content-type': 'text/plain' };
    const reply = await app.server.inject({ method: 'PUT', url: '/api/prefix-configs/TEXT', headers, payload: '{}' });
    expect(reply.statusCode).toBe(415);
    expect(reply.json().detail).toContain('application/json');
  });
});
