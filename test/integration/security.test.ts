/** Who may do what, and what the log and the replies never show. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { adminToken, JWT_SECRET, startApp, type TestApp } from '../support/app.ts';
import { createToken, inSeconds, signClaims } from '../support/token.ts';

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const FORMAT = { format: '{prefix}-{SEQ:3}' };

describe('authorization', () => {
  let app: TestApp;

  beforeEach(async () => {
    app = await startApp();
  });

  afterEach(() => app.close());

  const MANAGEMENT: readonly [string, string, object?][] = [
    ['PUT', '/api/prefix-configs/A', FORMAT],
    ['POST', '/prefix-configs/A', FORMAT],
    ['GET', '/api/prefix-configs/A'],
    ['GET', '/api/v1/prefix-configs'],
    ['DELETE', '/prefix-configs/A'],
  ];

  test.each(MANAGEMENT)(
    '401: %s %s without a token is refused and logged as a security event',
    async (method, url, body) => {
      const reply = await app.call(method, url, body, {});
      expect(reply).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED', title: 'Unauthorized' } });
      expect(reply.headers['www-authenticate']).toBe('Bearer');
      expect(app.log).toContainEqual(
        expect.objectContaining({
          level: 'warn',
          event: 'unauthorized',
          method,
          path: url,
          client: '127.0.0.1',
          request_id: reply.json.requestId,
        }),
      );
    },
  );

  const CLAIMS = { sub: 'alice', scope: 'configs:write' };
  /** Any claims at all, under the right key. */
  const sign = (claims: object): string => signClaims(claims, JWT_SECRET);
  const VALID = { ...CLAIMS, iat: inSeconds(0), exp: inSeconds(3_600) };
  const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...CLAIMS, exp: 9_999_999_999 })).toString('base64url')}.`;
  const FORGED: readonly (readonly [string, string])[] = [
    ['signed with another key', signClaims(VALID, 'another-secret-of-at-least-32-characters')],
    ['signed with another algorithm', signClaims(VALID, JWT_SECRET, 'HS512')],
    ['expired', sign({ ...VALID, iat: inSeconds(-7_200), exp: inSeconds(-3_600) })],
    ['not yet valid', sign({ ...VALID, nbf: inSeconds(3_000) })],
    ['without a signature (alg none)', unsigned],
    ['cut short', adminToken.slice(0, -5)],
    ['not a token', 'x'],
    ['without an end (exp)', sign(CLAIMS)],
    ['without a subject (sub)', sign({ ...VALID, sub: undefined })],
    ['with an empty subject', sign({ ...VALID, sub: '' })],
    ['whose subject is null', sign({ ...VALID, sub: null })],
    ['whose subject is an object', sign({ ...VALID, sub: { id: 1 } })],
    ['whose subject is a number', sign({ ...VALID, sub: 7 })],
    ['whose subject is longer than a ledger keeps', sign({ ...VALID, sub: 'a'.repeat(256) })],
    ['whose end is a text', sign({ ...VALID, exp: '9999999999' })],
    ['whose end is null', sign({ ...VALID, exp: null })],
  ];

  test('200: a token with just a subject, an end and a scope is taken', async () => {
    const tokens = [sign(VALID), sign({ ...CLAIMS, exp: 9_999_999_999 })];
    for (const [index, token] of tokens.entries()) {
      const url = `/api/prefix-configs/A${index}`;
      expect((await app.call('PUT', url, { format: '{prefix}-{SEQ:3}' }, bearer(token))).status).toBe(200);
    }
  });

  test('401: the reply names the claim that is missing', async () => {
    const endless = bearer(sign(CLAIMS));
    expect((await app.call('GET', '/api/prefix-configs', undefined, endless)).json.detail).toContain('claim exp');
    const nameless = bearer(sign({ ...VALID, sub: undefined }));
    expect((await app.call('GET', '/api/prefix-configs', undefined, nameless)).json.detail).toContain('claim sub');
  });

  test.each(FORGED)('401: a token %s is refused', async (_title, token) => {
    const reply = await app.call('PUT', '/api/prefix-configs/A', FORMAT, bearer(token));
    expect(reply).toMatchObject({ status: 401, json: { title: 'Unauthorized' } });
    expect(reply.text).not.toContain(token.length > 1 ? token : 'no such text');
  });

  test('401: a token that was taken before is refused once it has expired', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const token = bearer(createToken(JWT_SECRET, { expiresInS: 10 }));
      expect((await app.call('PUT', '/api/prefix-configs/A', FORMAT, token)).status).toBe(200);
      expect((await app.call('GET', '/api/prefix-configs/A', undefined, token)).status).toBe(200);
      vi.setSystemTime(Date.now() + 10_000);
      expect((await app.call('GET', '/api/prefix-configs/A', undefined, token)).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });

  test('401: the token is looked at before the body', async () => {
    const reply = await app.call('PUT', '/api/prefix-configs/A', `{"format":"${'x'.repeat(3_000_000)}`, {});
    expect(reply.status).toBe(401);
  });

  test('403: a scope for one family of prefixes does not open another, and the refusal is logged', async () => {
    const shop = bearer(createToken(JWT_SECRET, { scope: 'configs:write:SHOP-* configs:read:SHOP-1' }));
    expect((await app.call('PUT', '/api/prefix-configs/SHOP-1', FORMAT, shop)).status).toBe(200);
    expect((await app.call('GET', '/api/prefix-configs/SHOP-1', undefined, shop)).status).toBe(200);
    for (const [method, url, body] of [
      ['PUT', '/api/prefix-configs/SHOP', FORMAT],
      ['PUT', '/api/prefix-configs/OTHER', FORMAT],
      ['DELETE', '/api/prefix-configs/OTHER', undefined],
      ['GET', '/api/prefix-configs/SHOP-12', undefined],
    ] as const) {
      expect(await app.call(method, url, body, shop)).toMatchObject({
        status: 403,
        json: { code: 'FORBIDDEN', title: 'Forbidden' },
      });
    }
    const refusals = app.log.filter(({ event }) => event === 'forbidden');
    const write = 'configs:write is missing';
    expect(refusals.map(({ reason }) => reason)).toEqual([write, write, write, 'configs:read is missing']);
    const reader = bearer(createToken(JWT_SECRET, { scope: 'configs:read' }));
    expect((await app.call('PUT', '/api/prefix-configs/OTHER', FORMAT, reader)).status).toBe(403);
  });

  test('403: a token without any scope may do nothing', async () => {
    const powerless = bearer(sign({ ...VALID, sub: 'x', scope: undefined }));
    expect((await app.call('GET', '/api/prefix-configs', undefined, powerless)).status).toBe(403);
  });

  test('200: numbers, probes, metrics and the description are open by default', async () => {
    await app.call('PUT', '/api/prefix-configs/A', FORMAT);
    for (const url of ['/api/numbers/A', '/livez', '/readyz', '/health', '/metrics', '/openapi.json']) {
      expect((await app.call('GET', url, undefined, {})).status).toBe(200);
    }
  });

  test.each(['counter', 'gapless'])(
    'the log of a %s prefix names its initial value nowhere, whatever is done with it',
    async (strategy) => {
      const path = '/api/prefix-configs/HIDE';
      const config = { format: 'HIDE-{year}-{SEQ:6}', reset: 'yearly', initialSeq: 31_415, strategy };
      const past = strategy === 'counter' ? { allowPast: true } : {};
      await app.call('PUT', path, { ...config, ...past });
      const advance = (to: number) =>
        app.call('POST', '/api/sequences/HIDE/advance', { to, reason: 'moved', force: true });
      expect((await advance(31_415)).status).toBe(409);
      expect((await advance(40_000)).status).toBe(200);
      expect((await advance(40_500)).status).toBe(200);
      // Where it can be raised, it is masked again, and so is what an advance begins from then.
      const isRaised = strategy === 'counter';
      if (isRaised) {
        const change = { authorization: `Bearer ${adminToken}`, 'if-match': '*' };
        const raised = { ...config, ...past, initialSeq: 271_828 };
        expect(await app.call('PUT', path, raised, change)).toMatchObject({ status: 200 });
        expect((await advance(300_000)).status).toBe(200);
      }
      await app.call('GET', '/api/numbers/HIDE?count=3');
      await app.call('GET', '/api/sequences/HIDE');
      await app.watchCapacity();
      await app.call('POST', '/api/sequences/HIDE/periods/2020/close', { reason: 'over' });
      expect((await app.call('DELETE', path)).status).toBe(204);
      const moved = app.log.filter(({ event }) => event === 'sequence-advanced');
      expect(moved.map(({ from, to }) => [from, to])).toEqual([
        ['****', '40000'],
        ['40000', '40500'],
        ...(isRaised ? [['****', '300000']] : []),
      ]);
      expect(JSON.stringify(app.log)).not.toMatch(/31415|271828/);
    },
  );

  test('the log shows "initial_seq":"****" and status registered, and never a token', async () => {
    await app.call('PUT', '/api/prefix-configs/MASK', { ...FORMAT, initialSeq: 9999 });
    const text = JSON.stringify(app.log);
    expect(app.log).toContainEqual(
      expect.objectContaining({ status: 'registered', prefix_key: 'MASK', initial_seq: '****' }),
    );
    expect(text).not.toContain('9999');
    expect(text).not.toContain(adminToken);
    expect(text).not.toContain(JWT_SECRET);
  });

  test('the path in the log has no query, where secrets may stand', async () => {
    await app.call('GET', '/api/prefix-configs?token=hidden-in-the-query', undefined, {});
    expect(JSON.stringify(app.log)).not.toContain('hidden-in-the-query');
  });

  test('a request id is taken over when it is harmless, and replaced when it is not', async () => {
    const own = await app.call('GET', '/nowhere', undefined, { 'x-request-id': 'order-4711' });
    expect(own.json.requestId).toBe('order-4711');
    for (const evil of ['a b', 'x'.repeat(65), '{"a":1}', 'a\u0000b']) {
      const replaced = await app.call('GET', '/nowhere', undefined, { 'x-request-id': evil });
      expect(replaced.json.requestId).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
    }
  });
});

describe('NUMBERS_AUTH=required', () => {
  let app: TestApp;

  beforeEach(async () => {
    app = await startApp({ NUMBERS_AUTH: 'required' });
    for (const key of ['INV', 'INV2']) await app.call('PUT', `/api/prefix-configs/${key}`, FORMAT);
  });

  afterEach(() => app.close());

  test('401, 403, 200: numbers need the scope numbers:issue, for the prefix asked for, in every form of the call', async () => {
    const narrow = bearer(createToken(JWT_SECRET, { scope: 'numbers:issue:INV' }));
    const forms = (key: string): (readonly [string, string, object?])[] => [
      ['GET', `/api/numbers?prefixKey=${key}`],
      ['GET', `/numbers/${key}`],
      ['POST', '/api/v1/numbers', { prefixKey: key }],
    ];
    for (const [method, url, body] of forms('INV')) {
      expect((await app.call(method, url, body, {})).status).toBe(401);
      expect((await app.call(method, url, body, narrow)).status).toBe(200);
    }
    for (const [method, url, body] of forms('INV2'))
      expect((await app.call(method, url, body, narrow)).status).toBe(403);
    expect((await app.call('GET', '/numbers/INV')).json).toEqual({ number: 'INV-004' });
  });
});

describe('AUTH=off', () => {
  test('200: nobody is asked', async () => {
    const app = await startApp({ AUTH: 'off', HOST: '127.0.0.1' });
    expect((await app.call('PUT', '/prefix-configs/A', FORMAT, {})).json.status).toBe('registered');
    expect((await app.call('GET', '/api/prefix-configs', undefined, {})).json.items).toHaveLength(1);
    await app.close();
  });
});
