/** Variables, check digits, previews, what a template means, and numbers read back, over HTTP on both stores. */
import { beforeEach, describe, expect, test } from 'vitest';
import { JWT_SECRET, startApp } from '../support/app.ts';
import { startRedisServer } from '../support/redis.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';
import { createToken } from '../support/token.ts';

const NOW_MS = Date.parse('2026-11-25T12:00:00Z');

describe.each(['sqlite', 'redis'])('templates on %s', (store) => {
  let nowMs = NOW_MS;
  let prefixes = 0;
  let key: string;

  // One app for all: each test has a prefix of its own.
  const app = sharedByTests(() => startAppOn(store, { now: () => nowMs }, { STANDBY_SIZE: '10' }));

  beforeEach(() => {
    prefixes += 1;
    key = `T${prefixes}`;
  });

  const register = (body: object, prefixKey = key) =>
    app.call('PUT', `/api/prefix-configs/${prefixKey}`, { allowCollision: true, ...body });
  const take = (body: object = {}) => app.call('POST', '/api/numbers', { prefixKey: key, ...body });
  const parse = async (number: string, body: object = {}) => {
    nowMs += 5_000; // which prefixes there are was read so long ago at most
    return (await app.call('POST', '/api/numbers/parse', { number, ...body })).json;
  };

  test('200: variables show in the number; the sequence is one whatever they are', async () => {
    await register({ format: '{var:branch}-{SEQ:3}/{var:desk}' });
    const numbers = [
      (await take({ variables: { branch: 'NORTH', desk: '7' } })).json.number,
      (await app.call('GET', `/api/numbers/${key}?variables=desk:8,branch:SOUTH`)).json.number,
      (await take({ variables: { branch: 'NORTH', desk: '7' }, count: 2 })).json.numbers,
    ];
    expect(numbers).toEqual(['NORTH-001/7', 'SOUTH-002/8', ['NORTH-003/7', 'NORTH-004/7']]);
  });

  test.each([
    ['missing', {}, ['variables.a', 'variables.b']],
    ['unknown', { variables: { a: 'X', b: 'Y', c: 'Z' } }, ['variables.c']],
    ['with other characters', { variables: { a: 'X Y', b: 'Y' } }, ['variables.a']],
    ['no text', { variables: { a: 1, b: 'Y' } }, ['variables.a']],
    [
      'too many',
      { variables: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`v${i}`, 'X'])) },
      ['variables'],
    ],
  ])('400: variables %s, with their paths, and nothing is taken', async (_what, body, paths) => {
    await register({ format: '{var:a}-{SEQ:3}-{var:b}' });
    const reply = await take(body);
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
    expect(reply.json.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
    expect((await take({ variables: { a: 'X', b: 'Y' } })).json.number).toBe('X-001-Y');
  });

  test.each(['branch', 'branch:', ':X', 'branch:X,', 'branch:X:Y', 'branch:X,branch:Y', 'branch:ü', ''])(
    '400: variables=%s in a query',
    async (variables) => {
      const reply = await app.call('GET', `/api/numbers/${key}?variables=${encodeURIComponent(variables)}`);
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'variables' }] } });
    },
  );

  test('400: a format whose numbers could read the same is not stored, and the reply says where', async () => {
    const reply = await register({ format: '{var:branch}{SEQ:6}' });
    expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR', errors: [{ path: 'format' }] } });
    expect(reply.json.errors[0].message).toContain('{var:branch}{SEQ:6}');
    expect((await app.call('GET', `/api/prefix-configs/${key}`)).status).toBe(404);
  });

  test('200: check digits are printed, right ones are found right and wrong ones wrong', async () => {
    await register({ format: 'CD-{SEQ:6}{check:mod97}', initialSeq: 123 });
    const { number } = (await take()).json;
    expect(number).toMatch(/^CD-000124[0-9]{2}$/);
    expect(await parse(number)).toMatchObject({
      result: 'unique',
      readings: [{ checkDigit: 'right', issued: 'issued' }],
    });
    const wrong = number.replace('000124', '000142');
    expect(await parse(wrong)).toMatchObject({
      readings: [{ value: '142', checkDigit: 'wrong', issued: 'not-issued' }],
    });
  });

  test('200: a preview takes nothing, and is what the next request gets', async () => {
    await register({ format: '{var:b}-{year}-{SEQ:3}', reset: 'yearly', initialSeq: 7 });
    const preview = () => app.call('GET', `/api/prefix-configs/${key}/preview?variables=b:X`);
    const expected = { status: 200, json: { number: 'X-2026-008', value: '8', period: '2026' } };
    expect(await preview()).toMatchObject(expected);
    expect(await preview()).toMatchObject(expected);
    expect((await take({ variables: { b: 'X' } })).json.number).toBe('X-2026-008');
    expect((await preview()).json.number).toBe('X-2026-009');
    const state = await app.call('GET', `/api/sequences/${key}`);
    expect(state.json).toMatchObject({ nextValue: '9', nextNumber: null });
  });

  test('400, 404, 409: a preview without its variables, of no prefix, at the end', async () => {
    await register({ format: '{var:b}-{SEQ:1}', overflow: 'reject', initialSeq: 8 });
    const url = `/api/prefix-configs/${key}/preview`;
    expect(await app.call('GET', url)).toMatchObject({ status: 400, json: { errors: [{ path: 'variables.b' }] } });
    expect((await app.call('GET', '/api/prefix-configs/NOBODY/preview')).status).toBe(404);
    await take({ variables: { b: 'X' } });
    expect((await app.call('GET', `${url}?variables=b:X`)).json.code).toBe('SEQUENCE_OVERFLOW');
  });

  test('200: a template is explained: parts, variables, samples, capacity, resets', async () => {
    const body = { format: 'INV-{year}{month}-{SEQ:4}/{var:desk}{check:luhn}', reset: 'yearly', initialSeq: 99 };
    const reply = await app.call('POST', '/api/templates/validate?prefixKey=INV', body);
    expect(reply).toMatchObject({
      status: 200,
      json: {
        variables: ['desk'],
        capacity: '9900',
        valuesMax: '18446744073709551516',
        resets: ['never', 'monthly', 'yearly', 'fiscal-yearly'],
      },
    });
    expect(reply.json.parts.map(({ part }: { part: string }) => part)).toEqual([
      ...['INV-', '{year}', '{month}', '-', '{SEQ:4}', '/', '{var:desk}', '{check:luhn}'],
    ]);
    expect(reply.json.samples).toMatchObject([
      { number: expect.stringMatching(/^INV-202611-0100\/desk[0-9]$/), value: '100', period: '2026' },
      { value: '101', period: '2026' },
      { number: expect.stringMatching(/^INV-202701-0100\/desk[0-9]$/), value: '100', period: '2027' },
    ]);
  });

  test.each([
    [{ format: 'INVALID' }, 'INVALID_FORMAT'],
    [{ format: '{SEQ:0}' }, 'INVALID_LENGTH'],
    [{ format: '{check:luhn}{SEQ:3}' }, 'INVALID_FORMAT'],
    [{ format: '{SEQ:3}', reset: 'yearly' }, 'VALIDATION_ERROR'],
    [{ format: '{SEQ:3}{var:a}' }, 'VALIDATION_ERROR'],
    [{ format: '{SEQ:3}', unknown: 1 }, 'VALIDATION_ERROR'],
  ])('400: %j is refused as its registration is', async (body, code) => {
    const [validated, registered] = [await app.call('POST', '/api/templates/validate', body), await register(body)];
    expect(validated).toMatchObject({ status: 400, json: { code } });
    const { requestId: _one, ...problem } = validated.json;
    const { requestId: _other, ...asRegistered } = registered.json;
    expect(problem).toEqual(asRegistered);
  });

  test('200: a number says its prefix, period, value, variables, and whether it was issued', async () => {
    await register({ format: `${key}/{year}-{SEQ:3}.{var:b}`, reset: 'yearly', initialSeq: 5, allowPast: true });
    const { number } = (await take({ variables: { b: 'X' } })).json;
    const reading = { prefixKey: key, period: '2026', value: '6', variables: { b: 'X' }, checkDigit: null };
    expect(await parse(number)).toMatchObject({
      result: 'unique',
      complete: true,
      readings: [{ ...reading, issued: 'issued' }],
    });
    expect(await parse(`${key}/2026-007.X`)).toMatchObject({ readings: [{ value: '7', issued: 'not-issued' }] });
    expect(await parse(`${key}/2026-005.X`)).toMatchObject({ readings: [{ value: '5', issued: 'not-issued' }] });
    expect(await parse(`${key}/2025-006.X`)).toMatchObject({ readings: [{ period: '2025', issued: 'not-issued' }] });
    expect(await parse(`${key}/2026-06.X`)).toEqual({ result: 'none', readings: [], complete: true });
  });

  test('200: where a text says more than period and value, the reading says that a counter remembers the value alone', async () => {
    const reasonOf = async (number: string): Promise<string> => (await parse(number)).readings[0].reason;
    await register({ format: `${key}/{SEQ:3}.{var:b}` });
    await take({ variables: { b: 'X' } });
    expect(await parse(`${key}/001.Y`)).toMatchObject({ readings: [{ issued: 'issued', variables: { b: 'Y' } }] });
    expect(await reasonOf(`${key}/001.Y`)).toContain('remembers the value alone');
    await register({ format: `D${key}/{year}/{SEQ:3}` }, `D${key}`);
    await take({ prefixKey: `D${key}` });
    expect(await parse(`D${key}/2019/001`)).toMatchObject({ readings: [{ issued: 'issued' }] });
    expect(await reasonOf(`D${key}/2019/001`)).toContain('remembers the value alone');
    await register({ format: `Y${key}/{year}/{SEQ:3}`, reset: 'yearly' }, `Y${key}`);
    await take({ prefixKey: `Y${key}` });
    expect(await reasonOf(`Y${key}/2026/001`)).not.toContain('remembers');
    expect(await reasonOf(`Y${key}/2026/002`)).not.toContain('remembers');
  });

  // Redis alone has no ledger.
  if (store === 'sqlite') {
    test('200: a ledger remembers the text, and says so of another one of that value', async () => {
      await register({ format: `${key}/{SEQ:3}.{var:b}`, strategy: 'gapless' });
      await take({ variables: { b: 'X' } });
      expect(await parse(`${key}/001.X`)).toMatchObject({ readings: [{ issued: 'issued' }] });
      expect(await parse(`${key}/001.Y`)).toMatchObject({ readings: [{ issued: 'not-issued' }] });
    });
  }

  test('200: what was skipped was not issued', async () => {
    await register({ format: `${key}/{SEQ:3}` });
    await take();
    await app.call('POST', `/api/sequences/${key}/advance`, { to: 10, reason: 'paper forms' });
    expect(await parse(`${key}/004`)).toMatchObject({
      readings: [{ issued: 'not-issued', reason: expect.stringContaining('skipped') }],
    });
    expect((await parse(`${key}/001`)).readings[0].issued).toBe('issued');
  });

  test('200: two prefixes that print the same number make it ambiguous; prefixKey says which is meant', async () => {
    const format = `Q${key}-{SEQ:3}`;
    await register({ format }, `${key}.A`);
    await register({ format }, `${key}.B`);
    const readings = [{ prefixKey: `${key}.A` }, { prefixKey: `${key}.B` }];
    expect(await parse(`Q${key}-001`)).toMatchObject({ result: 'ambiguous', complete: true, readings });
    for (const prefixKey of [`${key}.A`, `${key}.B`]) {
      expect(await parse(`Q${key}-001`, { prefixKey })).toMatchObject({ result: 'unique', readings: [{ prefixKey }] });
    }
  });

  test('400, 401, 403, 404: numbers are read by those who may read configs', async () => {
    const call = (body: object, token?: string) =>
      app.call('POST', '/api/numbers/parse', body, token === undefined ? {} : { authorization: `Bearer ${token}` });
    const narrow = createToken(JWT_SECRET, { scope: 'configs:read:SHOP-*' });
    expect((await call({ number: 'X' })).status).toBe(401);
    expect((await call({ number: 'X' }, narrow)).status).toBe(200);
    expect((await call({ number: 'X', prefixKey: 'INV' }, narrow)).status).toBe(403);
    expect((await call({ number: 'X', prefixKey: 'SHOP-1' }, narrow)).status).toBe(404);
    expect((await call({ number: '' }, narrow)).json.errors).toMatchObject([{ path: 'number' }]);
  });
});

describe('a value of a standby segment', () => {
  test('200: is unknown, for only its node can say; what was issued from it in an outage is issued', async () => {
    // Not each second: with a slow disk the state of the sequence would be lost, and its recovery would be a jump.
    const redis = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] });
    const app = await startApp({ REDIS_URL: redis.url, STANDBY_SIZE: '10' });
    try {
      await app.ready();
      const parse = async (number: string): Promise<string> =>
        (await app.call('POST', '/api/numbers/parse', { number, prefixKey: 'S' })).json.readings[0].issued;
      await app.call('PUT', '/api/prefix-configs/S', { format: 'S/{SEQ:3}' });
      expect((await app.call('GET', '/api/numbers/S')).json.number).toBe('S/001');
      await redis.kill();
      const [one, other] = [await app.call('GET', '/api/numbers/S'), await app.call('GET', '/api/numbers/S')];
      expect(other.headers).toMatchObject({ 'x-number-source': 'standby' });
      await redis.restart();
      const sourceOfNext = async () => (await app.call('GET', '/api/numbers/S')).headers['x-number-source'];
      await expect.poll(sourceOfNext, { timeout: 10_000 }).toBe('redis');
      expect([await parse('S/001'), await parse(one.json.number), await parse('S/900')]).toEqual([
        'issued',
        'issued',
        'not-issued',
      ]);
      const { standby } = (await app.call('GET', '/api/sequences/S')).json;
      expect(await parse(`S/${standby.last.padStart(3, '0')}`)).toBe('unknown');
    } finally {
      await app.close();
      await redis.close();
    }
  });
});
