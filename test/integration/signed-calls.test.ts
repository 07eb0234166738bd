/** Who did it, in which request, and what it changed: the log of every management call, and of every taking with a credential. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JWT_SECRET, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { createToken } from '../support/token.ts';

const ALICE = `Bearer ${createToken(JWT_SECRET, { subject: 'alice' })}`;
const BOB = `Bearer ${createToken(JWT_SECRET, { subject: 'bob' })}`;
const NARROW = `Bearer ${createToken(JWT_SECRET, { subject: 'nobody-much', scope: 'configs:read:OTHER' })}`;
const EXPIRED = `Bearer ${createToken(JWT_SECRET, { subject: 'alice', expiresInS: -3_600 })}`;
const SECRET_START = '7654321';

let app: TestApp;
const nowMs = Date.now();
let requests = 0;

beforeAll(async () => {
  app = await startApp({}, { now: () => nowMs });
  await app.ready();
});

afterAll(() => app.close());

/** Sends a call with a request id of its own. @returns the reply, and what the log says of that request. */
const signed = async (
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = { authorization: ALICE },
): Promise<{ reply: TestReply; lines: readonly Readonly<Record<string, unknown>>[]; id: string }> => {
  requests += 1;
  const id = `signed-${requests}`;
  const reply = await app.call(method, url, body, { ...headers, 'x-request-id': id });
  return { reply, id, lines: app.log.filter(({ request_id }) => request_id === id) };
};

describe('a management call', () => {
  test('200: registering, changing and removing a prefix are logged with subject, request id, reason, before and after', async () => {
    const url = '/api/prefix-configs/SIGN';
    const made = await signed('PUT', `${url}?reason=New%20shop`, { format: 'S-{SEQ:4}', initialSeq: SECRET_START });
    expect(made.reply.status).toBe(200);
    const first = { format: 'S-{SEQ:4}', initial_seq: '****', version: 1 };
    expect(made.lines).toMatchObject([
      { event: 'prefix-config', status: 'registered', prefix_key: 'SIGN', subject: 'alice', reason: 'New shop' },
    ]);
    expect(made.lines[0]).toMatchObject({ after: first });
    expect(made.lines[0]).not.toHaveProperty('before');

    const wider = { format: 'S-{SEQ:6}', initialSeq: `${SECRET_START}0` };
    const changed = await signed('PUT', url, wider, { authorization: ALICE, 'if-match': '"1"' });
    expect(changed.reply.status).toBe(200);
    expect(changed.lines).toMatchObject([
      { event: 'prefix-config', status: 'updated', subject: 'alice', before: first, after: { version: 2 } },
    ]);
    expect(changed.lines[0]?.['changed']).toEqual(['format', 'seq_length', 'initial_seq']);

    const patched = await signed('PATCH', `${url}?reason=Longer%20years`, { format: 'S-{year}-{SEQ:6}' });
    expect(patched.reply).toMatchObject({ status: 200, json: { status: 'updated' } });
    expect(patched.lines).toMatchObject([
      { event: 'prefix-config', status: 'updated', subject: 'alice', reason: 'Longer years', changed: ['format'] },
    ]);
    expect(patched.lines[0]).toMatchObject({ before: { format: 'S-{SEQ:6}' }, after: { format: 'S-{year}-{SEQ:6}' } });
    expect((await signed('PATCH', url, { format: 'S-{year}-{SEQ:6}' })).lines).toEqual([]);

    const removed = await signed('DELETE', `${url}?reason=Shop%20closed`);
    expect(removed.reply.status).toBe(204);
    expect(removed.lines).toMatchObject([
      { event: 'prefix-config', status: 'removed', subject: 'alice', reason: 'Shop closed', before: { version: 3 } },
    ]);
    expect(removed.lines[0]).not.toHaveProperty('after');
    expect(JSON.stringify([made, changed, patched, removed].map(({ lines }) => lines))).not.toContain(SECRET_START);
  });

  test('200: an advance is logged with who, from where, to where and why, and never shows the initial value', async () => {
    await app.call('PUT', '/api/prefix-configs/MOVE', { format: 'M-{SEQ:4}', initialSeq: SECRET_START });
    const first = await signed('POST', '/api/sequences/MOVE/advance', { to: '8000000', reason: 'Printed by hand' });
    expect(first.lines).toMatchObject([
      { event: 'sequence-advanced', subject: 'alice', from: '****', to: '8000000', reason: 'Printed by hand' },
    ]);
    const second = await signed('POST', '/api/sequences/MOVE/advance', { to: '9000000', reason: 'Again' });
    expect(second.lines).toMatchObject([{ event: 'sequence-advanced', from: '8000000', to: '9000000' }]);
    const dry = await signed('POST', '/api/sequences/MOVE/advance', { to: '9000001', reason: 'x', dryRun: true });
    expect(dry.lines).toEqual([]);
  });

  test('200: a close is logged with who and why; a repetition is told as one, with the first reason', async () => {
    await app.call('PUT', '/api/prefix-configs/YEAR', { format: '{year}-{SEQ:3}', reset: 'yearly', allowPast: true });
    const url = `/api/sequences/YEAR/periods/2020/close`;
    const closed = await signed('POST', url, { reason: 'Filed' });
    expect(closed.lines).toMatchObject([
      { event: 'period-closed', subject: 'alice', period: '2020', reason: 'Filed', before: 'open', after: 'closed' },
    ]);
    const stored = { reason: 'Filed', subject: 'alice', requestId: closed.id };
    expect(closed.reply.json).toMatchObject(stored);
    const again = await signed('POST', url, { reason: 'Once more' }, { authorization: BOB });
    expect(again.reply.json).toMatchObject(stored);
    expect(again.lines).toMatchObject([
      {
        ...{ event: 'period-closed', subject: 'bob', reason: 'Filed', before: 'closed', after: 'closed' },
        ...{ closed_by: 'alice', closed_in: closed.id },
      },
    ]);
  });

  test('204: API keys are made and revoked in somebody’s name, and what a key does is done in its own', async () => {
    const made = await signed('POST', '/api/api-keys', { name: 'shop', scopes: ['configs:write:KEYED'] });
    expect(made.lines).toMatchObject([
      { event: 'api-key', status: 'created', subject: 'alice', name: 'shop', scopes: 'configs:write:KEYED' },
    ]);
    const { id, key } = made.reply.json;
    const byKey = await signed('PUT', '/api/prefix-configs/KEYED', { format: 'K{SEQ:3}' }, { 'x-api-key': key });
    expect(byKey.lines).toMatchObject([{ event: 'prefix-config', subject: `api-key:${id}` }]);
    const revoked = await signed('DELETE', `/api/api-keys/${id}`);
    expect(revoked.lines).toMatchObject([
      { event: 'api-key', status: 'revoked', subject: 'alice', id, name: 'shop', scopes: 'configs:write:KEYED' },
    ]);
    expect(JSON.stringify(app.log)).not.toContain(key);
  });

  test('400: a reason without a letter, or too long, changes nothing', async () => {
    for (const reason of ['', '%20', 'x'.repeat(501)]) {
      const { reply } = await signed('PUT', `/api/prefix-configs/WHY?reason=${reason}`, { format: 'W{SEQ:3}' });
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'reason' }] } });
    }
    expect((await app.call('GET', '/api/prefix-configs/WHY')).status).toBe(404);
  });
});

describe('a reservation', () => {
  test('200: reserving, confirming and voiding are logged once each, with who did it', async () => {
    await app.call('PUT', '/api/prefix-configs/BOOK', { format: 'B{SEQ:3}', strategy: 'gapless' });
    const made = await signed('POST', '/api/reservations', { prefixKey: 'BOOK' });
    const { id } = made.reply.json;
    expect(made.lines).toMatchObject([{ event: 'reservation', status: 'reserved', subject: 'alice', id }]);
    const confirmed = await signed('POST', `/api/reservations/${id}/confirm`);
    expect(confirmed.reply).toMatchObject({ status: 200, json: { state: 'confirmed' } });
    expect(confirmed.lines).toMatchObject([
      { event: 'reservation', status: 'confirmed', subject: 'alice', id, before: 'reserved', after: 'confirmed' },
    ]);
    expect((await signed('POST', `/api/reservations/${id}/confirm`)).lines).toEqual([]);

    const other = (await app.call('POST', '/api/reservations', { prefixKey: 'BOOK' }, {})).json.id;
    const voided = await signed('POST', `/api/reservations/${other}/void`, { reason: 'The customer left' });
    expect(voided.lines).toMatchObject([
      {
        ...{ event: 'reservation', status: 'void', subject: 'alice', prefix_key: 'BOOK', id: other },
        ...{ reason: 'The customer left', before: 'reserved', after: 'void' },
      },
    ]);
    const again = await signed('POST', `/api/reservations/${other}/void`, { reason: 'Another reason' });
    expect(again).toMatchObject({ reply: { status: 200, json: { reason: 'The customer left' } }, lines: [] });
  });
});

describe('while numbers are open', () => {
  const TAKINGS: readonly [string, string, object?][] = ['', '/api', '/api/v1'].flatMap((prefix) => [
    ['GET', `${prefix}/numbers?prefixKey=OPEN`],
    ['GET', `${prefix}/numbers/OPEN?count=2`],
    ['POST', `${prefix}/numbers`, { prefixKey: 'OPEN' }],
  ]);

  beforeAll(async () => {
    await app.call('PUT', '/api/prefix-configs/OPEN', { format: 'O{SEQ:5}' });
    await app.call('PUT', '/api/prefix-configs/OPENBOOK', { format: 'P{SEQ:5}', strategy: 'gapless' });
  });

  test.each(TAKINGS)(
    '401: %s %s with a credential that does not verify takes nothing, with a key or without',
    async (method, url, body) => {
      const before = (await app.call('GET', '/api/sequences/OPEN')).json.value;
      for (const credential of [
        { authorization: `${ALICE.slice(0, -5)}AAAAA` },
        { authorization: EXPIRED },
        { authorization: 'Basic YTpi' },
        { 'x-api-key': 'nk_never_made' },
        { authorization: ALICE, 'x-api-key': 'nk_never_made' },
      ] as Record<string, string>[]) {
        for (const key of [{}, { 'idempotency-key': `k-${requests}` }]) {
          const { reply } = await signed(method, url, body, { ...credential, ...key });
          expect(reply).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED' } });
        }
      }
      expect((await app.call('GET', '/api/sequences/OPEN')).json.value).toBe(before);
    },
  );

  test('401: reservations too', async () => {
    const { json } = await app.call('POST', '/api/reservations', { prefixKey: 'OPENBOOK' }, {});
    const calls: readonly [string, string, object?][] = [
      ['POST', '/api/reservations', { prefixKey: 'OPENBOOK' }],
      ['GET', `/api/reservations/${json.id}`],
      ['POST', `/api/reservations/${json.id}/confirm`],
      ['POST', `/api/reservations/${json.id}/void`, { reason: 'x' }],
    ];
    for (const [method, url, body] of calls) {
      expect((await signed(method, url, body, { authorization: EXPIRED })).reply.status).toBe(401);
    }
    expect((await app.call('GET', `/api/reservations/${json.id}`, undefined, {})).json.state).toBe('reserved');
  });

  test.each(TAKINGS)(
    '200: %s %s with a credential is recorded, whatever its scopes; without one there is no line',
    async (method, url, body) => {
      const taken = await signed(method, url, body, { authorization: NARROW });
      expect(taken.reply.status).toBe(200);
      const count = url.includes('count=2') ? 2 : 1;
      expect(taken.lines).toMatchObject([
        { level: 'info', event: 'numbers-issued', prefix_key: 'OPEN', count, subject: 'nobody-much' },
      ]);
      const anonymous = await signed(method, url, body, {});
      expect(anonymous).toMatchObject({ reply: { status: 200 }, lines: [] });
    },
  );
});
