/** Gapless prefixes over HTTP, on PostgreSQL beside Redis and on the embedded store: numbers, reservations, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

/** All are numbered alike: what they count is what is told apart. */
const GAPLESS = { format: 'G{SEQ:3}', strategy: 'gapless', allowCollision: true };
const NOBODY = '7f3b9a52-0000-4000-8000-000000000000';

interface Clock {
  nowMs: number;
  now(): number;
}
const clockAt = (iso: string): Clock => ({
  nowMs: Date.parse(iso),
  now() {
    return this.nowMs;
  },
});

const BACKENDS = [
  {
    name: 'sqlite',
    open: async () => ({ env: {}, release: async (): Promise<void> => undefined }),
  },
  {
    name: 'postgres',
    open: async () => {
      const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
      return {
        env: { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' },
        release: async (): Promise<void> => {
          await redis.release();
          await postgres.release();
        },
      };
    },
  },
];

describe.each(BACKENDS)('gapless on $name', ({ name, open }) => {
  let backend: Awaited<ReturnType<(typeof BACKENDS)[number]['open']>>;
  let app: TestApp;
  const clock = clockAt('2026-12-31T23:59:00Z');

  beforeAll(async () => {
    backend = await open();
    app = await startApp({ ...backend.env, NUMBERS_AUTH: 'required' }, clock);
    await app.ready();
  });

  afterAll(async () => {
    await app.close();
    await backend.release();
  });

  const register = async (key: string, config: object = GAPLESS): Promise<TestReply> => {
    const reply = await app.call('PUT', `/api/prefix-configs/${key}`, config);
    expect(reply).toMatchObject({ status: 200, json: { strategy: 'gapless' } });
    return reply;
  };
  const take = async (key: string, count = 1): Promise<string[]> => {
    const reply = await app.call('GET', `/api/numbers/${key}?count=${count}`);
    expect(reply).toMatchObject({ status: 200, headers: { 'x-number-source': name } });
    return reply.json.numbers;
  };
  const reserve = (key: string, more: object = {}): Promise<TestReply> =>
    app.call('POST', '/api/reservations', { prefixKey: key, ...more });
  const end = (id: string, how: 'confirm' | 'void', body?: object): Promise<TestReply> =>
    app.call('POST', `/api/reservations/${id}/${how}`, body);

  test('200 with consecutive numbers for a hundred clients at once, each with a row that says who', async () => {
    await register('MANY', { ...GAPLESS, initialSeq: 100 });
    const numbers = await Promise.all(Array.from({ length: 100 }, () => take('MANY')));
    expect(numbers.flat().toSorted()).toEqual(Array.from({ length: 100 }, (_, index) => `G${101 + index}`));
  });

  test('200 with what stands next: the lowest number that came free, else the one after the highest', async () => {
    await register('STATE');
    const state = async () => (await app.call('GET', '/api/sequences/STATE')).json;
    expect(await state()).toMatchObject({ value: '0', nextNumber: 'G001', strategy: 'gapless', standby: null });
    const { json } = await reserve('STATE');
    await take('STATE', 2);
    expect(await state()).toMatchObject({ value: '3', nextNumber: 'G004', valuesLeft: '18446744073709551612' });
    await end(json.id, 'void', { reason: 'wrong customer' });
    expect(await state()).toMatchObject({ value: '3', nextNumber: 'G001', valuesLeft: '18446744073709551613' });
  });

  test('200 with a report in which each number has a line, why it was given up, and who holds it', async () => {
    await register('TOLD', { format: '+{SEQ:3}', strategy: 'gapless', initialSeq: 10 });
    expect((await app.call('GET', '/api/sequences/TOLD/report')).json).toMatchObject({ runs: [], store: name });
    await take('TOLD', 2);
    const [open, given, final] = [await reserve('TOLD'), await reserve('TOLD'), await reserve('TOLD')];
    await end(final.json.id, 'confirm');
    const before = (await app.call('GET', '/api/sequences/TOLD/report')).json;
    expect(before.summary).toMatchObject({ issued: '2', confirmed: '1', reserved: '2', exact: false });
    await end(given.json.id, 'void', { reason: '=cmd, said "no"' });
    const { runs, summary } = (await app.call('GET', '/api/sequences/TOLD/report')).json;
    expect(runs).toMatchObject([
      { state: 'issued', first: '11', last: '11', count: '1', firstNumber: '+011', reason: null },
      { state: 'issued', first: '12', lastNumber: '+012' },
      { state: 'reserved', first: '13', reservation: open.json.id },
      { state: 'void', first: '14', reason: '=cmd, said "no"', reservation: given.json.id },
      { state: 'confirmed', first: '15', reservation: final.json.id },
    ]);
    expect(summary).toMatchObject({ first: '11', last: '15', issued: '2', void: '1', gap: '0' });
    const csv = (await app.call('GET', '/api/sequences/TOLD/report?format=csv')).text.split('\r\n');
    expect(csv).toHaveLength(1 + 5 + 1 + 1);
    expect(csv[4]).toContain(`void,14,14,1,'+014,'+014,"'=cmd, said ""no""",`);
    // Taken again, it is issued; that it was given up before is still told.
    await take('TOLD');
    const again = (await app.call('GET', '/api/sequences/TOLD/report')).json;
    expect(again.runs[3]).toMatchObject({ state: 'issued', first: '14', reason: '=cmd, said "no"', reservation: null });
  });

  test('201 with a reservation, 200 when it is confirmed, as often as it is', async () => {
    await register('CONFIRM');
    const reply = await reserve('CONFIRM', { ttlSeconds: 60 });
    expect(reply).toMatchObject({
      status: 201,
      headers: { 'x-number-source': name, 'cache-control': 'no-store' },
      json: {
        prefixKey: 'CONFIRM',
        period: '',
        number: 'G001',
        value: '1',
        state: 'reserved',
        endedAt: null,
        reason: null,
      },
    });
    const { id, reservedAt, expiresAt } = reply.json;
    expect(reply.headers['location']).toBe(`/api/reservations/${id}`);
    expect(Date.parse(expiresAt) - Date.parse(reservedAt)).toBe(60_000);
    expect(await app.call('GET', `/api/reservations/${id}`)).toMatchObject({ status: 200, json: reply.json });
    const confirmed = await end(id, 'confirm');
    expect(confirmed).toMatchObject({ status: 200, json: { id, state: 'confirmed', number: 'G001' } });
    expect((await end(id, 'confirm')).json).toEqual(confirmed.json);
    expect(await app.call('POST', `/api/reservations/${id}/confirm`, 'null')).toMatchObject({ status: 400 });
    expect(await end(id, 'void', { reason: 'late' })).toMatchObject({
      status: 409,
      json: { code: 'RESERVATION_ENDED' },
    });
    expect(await take('CONFIRM')).toEqual(['G002']);
  });

  test('200 when it is voided, and its number is the next one; 409 when it is confirmed afterwards', async () => {
    await register('VOID');
    const { json } = await reserve('VOID');
    await take('VOID');
    const voided = await end(json.id, 'void', { reason: ' The customer left ' });
    expect(voided).toMatchObject({ status: 200, json: { state: 'void', reason: 'The customer left' } });
    expect((await end(json.id, 'void', { reason: 'again' })).json).toEqual(voided.json);
    expect(await end(json.id, 'confirm')).toMatchObject({
      status: 409,
      json: { code: 'RESERVATION_ENDED', title: 'Reservation has ended' },
    });
    expect(await take('VOID', 2)).toEqual(['G001', 'G003']);
  });

  test('409 when it is confirmed past its time, and its number is the next one', async () => {
    await register('EXPIRE');
    const { json } = await reserve('EXPIRE', { ttl_seconds: 1 });
    clock.nowMs += 1_000;
    await expect
      .poll(async () => (await app.call('GET', `/api/reservations/${json.id}`)).json.state, { timeout: 5_000 })
      .toBe('expired');
    expect(await end(json.id, 'confirm')).toMatchObject({ status: 409, json: { code: 'RESERVATION_ENDED' } });
    expect(await take('EXPIRE', 2)).toEqual(['G001', 'G002']);
    clock.nowMs -= 1_000;
  });

  test('200 with a number that came free printed with the date of the new taking, in its own period', async () => {
    const format = 'Y{year}-{month}{day}-{SEQ:2}';
    await register('YEAR', { format, strategy: 'gapless', reset: 'yearly' });
    const { json } = await reserve('YEAR');
    expect(json).toMatchObject({ number: 'Y2026-1231-01', period: '2026' });
    await end(json.id, 'void', { reason: 'no' });
    const before = clock.nowMs;
    clock.nowMs = Date.parse('2026-12-31T08:00:00Z') - 86_400_000;
    expect(await take('YEAR', 2)).toEqual(['Y2026-1230-01', 'Y2026-1230-02']);
    clock.nowMs = Date.parse('2027-01-01T00:00:00Z');
    expect(await take('YEAR')).toEqual(['Y2027-0101-01']);
    clock.nowMs = before;
  });

  test('400 when a prefix of another strategy is to be reserved, none is registered, or the request is wrong', async () => {
    await app.call('PUT', '/api/prefix-configs/PLAIN', { format: 'P{SEQ:3}' });
    expect(await reserve('PLAIN')).toMatchObject({ status: 400, json: { errors: [{ path: 'prefixKey' }] } });
    expect((await reserve('PLAIN')).json.detail).toContain('Only numbers of a gapless prefix can be reserved');
    expect(await reserve('NONE')).toMatchObject({ status: 400, json: { code: 'PREFIX_NOT_REGISTERED' } });
    await register('WRONG');
    for (const more of [{ ttlSeconds: 0 }, { ttlSeconds: 604_801 }, { ttlSeconds: 1.5 }, { ttl: 5 }]) {
      expect(await reserve('WRONG', more)).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR' } });
    }
    expect(await reserve('WRONG', { ttlSeconds: 5, ttl_seconds: 6 })).toMatchObject({ status: 400 });
    expect(await reserve('WRONG', { prefix_key: 'OTHER' })).toMatchObject({ status: 400 });
    expect(await app.call('POST', '/api/reservations', {})).toMatchObject({ status: 400 });
    expect(await end('not-a-uuid', 'confirm')).toMatchObject({ status: 400 });
    expect(await end(NOBODY, 'void', {})).toMatchObject({ status: 400, json: { errors: [{ path: 'reason' }] } });
  });

  test('404 for a reservation that nobody made', async () => {
    for (const reply of [
      await app.call('GET', `/api/reservations/${NOBODY}`),
      await end(NOBODY, 'confirm'),
      await end(NOBODY, 'void', { reason: 'no' }),
    ]) {
      expect(reply).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    }
  });

  test('401 without a token, 403 with the scope of another prefix, for each call on a reservation', async () => {
    await register('SCOPE');
    const { id } = (await reserve('SCOPE')).json;
    const other = bearer({ scope: 'numbers:issue:OTHER' });
    const body = { prefixKey: 'SCOPE' };
    for (const [headers, status] of [
      [{}, 401],
      [other, 403],
    ] as const) {
      expect(await app.call('POST', '/api/reservations', body, headers)).toMatchObject({ status });
      expect(await app.call('GET', `/api/reservations/${id}`, undefined, headers)).toMatchObject({ status });
      expect(await app.call('POST', `/api/reservations/${id}/confirm`, undefined, headers)).toMatchObject({ status });
      expect(await app.call('POST', `/api/reservations/${id}/void`, { reason: 'x' }, headers)).toMatchObject({
        status,
      });
    }
    const own = bearer({ scope: 'numbers:issue:SCOPE' });
    expect(await app.call('POST', `/api/reservations/${id}/confirm`, undefined, own)).toMatchObject({ status: 200 });
  });

  test('403: nobody ends what somebody else reserved, but for an administrator of the sequence', async () => {
    await register('OWNED');
    const as = (subject: string, scope: string) => ({
      ...bearer({ subject, scope }),
    });
    const alice = as('alice', 'numbers:issue');
    const bob = as('bob', 'numbers:issue sequences:admin:OTHER');
    const reserveAs = async (headers: Record<string, string>): Promise<string> =>
      (await app.call('POST', '/api/reservations', { prefixKey: 'OWNED' }, headers)).json.id;
    const ends = [
      ['confirm', undefined],
      ['void', { reason: 'x' }],
    ] as const;
    for (const [how, body] of ends) {
      const [own, others] = [await reserveAs(alice), await reserveAs(alice)];
      const endAs = (id: string, headers: Record<string, string>) =>
        app.call('POST', `/api/reservations/${id}/${how}`, body, headers);
      expect(await endAs(own, bob)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
      expect((await app.call('GET', `/api/reservations/${own}`, undefined, alice)).json.state).toBe('reserved');
      expect(await endAs(own, alice)).toMatchObject({ status: 200 });
      expect(await endAs(others, as('carol', 'numbers:issue sequences:admin:OWNED'))).toMatchObject({ status: 200 });
    }
  });

  const advance = (key: string, body: object): Promise<TestReply> =>
    app.call('POST', `/api/sequences/${key}/advance`, { reason: 'printed by hand', ...body });
  const gapsOf = async (key: string) => (await app.call('GET', `/api/sequences/${key}/gaps`)).json.items;
  const reportOf = async (key: string) => (await app.call('GET', `/api/sequences/${key}/report`)).json;
  const parse = async (prefixKey: string, number: string): Promise<string> =>
    (await app.call('POST', '/api/numbers/parse', { prefixKey, number })).json.readings[0].issued;

  test('200 for an advance: what it passes over is lost, and report, gaps, state and parse say so alike', async () => {
    await register('ADVANCE');
    expect(await take('ADVANCE')).toEqual(['G001']);
    const moved = await advance('ADVANCE', { to: '5' });
    expect(moved).toMatchObject({
      status: 200,
      json: {
        value: '5',
        nextNumber: 'G006',
        advanced: { first: '2', last: '5', count: '4', free: '0', dryRun: false },
      },
    });
    expect(await take('ADVANCE', 2)).toEqual(['G006', 'G007']);
    expect(await gapsOf('ADVANCE')).toMatchObject([
      {
        first: '2',
        last: '5',
        count: '4',
        reason: 'advance',
        detail: 'printed by hand',
        subject: 'npm run token',
        node: null,
      },
    ]);
    const { runs, summary } = await reportOf('ADVANCE');
    expect(runs).toMatchObject([
      { state: 'issued', first: '1' },
      {
        ...{ state: 'lost', first: '2', last: '5', count: '4', firstNumber: 'G002', lastNumber: 'G005' },
        ...{ reason: 'printed by hand', subject: 'npm run token' },
      },
      { state: 'issued', first: '6' },
      { state: 'issued', first: '7' },
    ]);
    expect(summary).toMatchObject({ first: '1', last: '7', issued: '3', lost: '4', gap: '0', exact: true });
    const csv = (await app.call('GET', '/api/sequences/ADVANCE/report?format=csv')).text.split('\r\n');
    expect(csv[2]).toMatch(/^lost,2,5,4,G002,G005,printed by hand,,npm run token,,/);
    expect(await Promise.all(['G001', 'G002', 'G004', 'G005', 'G006', 'G008'].map((n) => parse('ADVANCE', n)))).toEqual(
      [...['issued', 'unknown', 'unknown', 'unknown', 'issued', 'not-issued']],
    );
  });

  test('200 for a dry run of an advance, which says what would be lost and changes nothing', async () => {
    await register('DRY');
    expect(await advance('DRY', { to: 3, dryRun: true })).toMatchObject({
      json: { value: '0', advanced: { first: '1', last: '3', count: '3', dryRun: true } },
    });
    await take('DRY', 2);
    const dry = await advance('DRY', { to: 9, dryRun: true });
    expect(dry).toMatchObject({ status: 200, json: { value: '2', advanced: { first: '3', last: '9', count: '7' } } });
    expect(await gapsOf('DRY')).toEqual([]);
    expect(await take('DRY')).toEqual(['G003']);
    expect(await advance('DRY', { to: 2, dryRun: true })).toMatchObject({ status: 409 });
  });

  test('200 with numbers above an advance only: what was free below is lost too, and so is what a reservation gives back', async () => {
    await register('FLOOR');
    const [free, kept, back] = [await reserve('FLOOR'), await reserve('FLOOR'), await reserve('FLOOR')];
    await end(free.json.id, 'void', { reason: 'wrong customer' });
    expect((await advance('FLOOR', { to: 10 })).json.advanced).toMatchObject({ first: '4', last: '10', free: '1' });
    expect(await end(kept.json.id, 'confirm')).toMatchObject({ status: 200, json: { state: 'confirmed' } });
    await end(back.json.id, 'void', { reason: 'left' });
    expect((await app.call('GET', '/api/sequences/FLOOR')).json).toMatchObject({ value: '10', nextValue: '11' });
    expect(await take('FLOOR', 2)).toEqual(['G011', 'G012']);
    expect((await reportOf('FLOOR')).runs).toMatchObject([
      { state: 'lost', first: '1', last: '1', reason: 'wrong customer' },
      { state: 'confirmed', first: '2' },
      { state: 'lost', first: '3', last: '3', reason: 'left' },
      { state: 'lost', first: '4', last: '10' },
      { state: 'issued', first: '11' },
      { state: 'issued', first: '12' },
    ]);
    expect(
      (await gapsOf('FLOOR')).map(({ first, last }: { first: string; last: string }) => `${first}-${last}`),
    ).toEqual([...['1-1', '3-3', '4-10']]);
    // What is given back above it is the next one, as ever.
    const { json } = await reserve('FLOOR');
    await end(json.id, 'void', { reason: 'again' });
    expect(await take('FLOOR')).toEqual(['G013']);
  });

  test('400 for an advance that would lose more than a million numbers, unless it is forced; 409 for one that goes back', async () => {
    await register('FAR', { format: 'FAR{SEQ:8}', strategy: 'gapless' });
    expect(await advance('FAR', { to: 1_000_001 })).toMatchObject({ status: 400, json: { errors: [{ path: 'to' }] } });
    expect(await advance('FAR', { to: 1_000_000 })).toMatchObject({ status: 200 });
    expect(await advance('FAR', { to: 5_000_000, force: true })).toMatchObject({ status: 200 });
    expect(await take('FAR')).toEqual(['FAR05000001']);
    expect(await advance('FAR', { to: 5_000_001 })).toMatchObject({
      status: 409,
      json: { code: 'SEQUENCE_NOT_FORWARD' },
    });
    await register('SHORT', { format: 'E{SEQ:1}', strategy: 'gapless', overflow: 'reject' });
    expect(await advance('SHORT', { to: 10 })).toMatchObject({ status: 409, json: { code: 'SEQUENCE_OVERFLOW' } });
  });

  test('200 for an advance of a prefix that has given no number: counting goes on after it, from initialSeq on lost', async () => {
    await register('FRESH', { ...GAPLESS, initialSeq: 5 });
    expect((await advance('FRESH', { to: 8 })).json.advanced).toMatchObject({ first: '6', last: '8' });
    expect(await take('FRESH')).toEqual(['G009']);
    expect((await reportOf('FRESH')).summary).toMatchObject({ first: '6', last: '9', lost: '3', issued: '1' });
  });

  test('400 when initialSeq is raised above what was taken; a lower one changes nothing', async () => {
    const { headers } = await register('RAISE', { ...GAPLESS, initialSeq: 7 });
    expect(await take('RAISE')).toEqual(['G008']);
    const change = (initialSeq: number) =>
      app.call(
        'PUT',
        '/api/prefix-configs/RAISE',
        { ...GAPLESS, initialSeq },
        {
          ...bearer(),
          'if-match': '*',
        },
      );
    expect(headers['etag']).toBe('"1"');
    expect(await change(9)).toMatchObject({ status: 400, json: { errors: [{ path: 'initialSeq' }] } });
    expect(await change(3)).toMatchObject({ status: 200 });
    expect(await take('RAISE')).toEqual(['G009']);
  });

  test('400 when a prefix that has counted is to become gapless or stop being so, also after it was removed', async () => {
    await register('STAYS');
    await take('STAYS');
    await app.call('DELETE', '/api/prefix-configs/STAYS');
    const asCounter = await app.call('PUT', '/api/prefix-configs/STAYS', { format: 'G{SEQ:3}' });
    expect(asCounter).toMatchObject({ status: 400, json: { errors: [{ path: 'strategy' }] } });
    await register('STAYS');
    expect(await take('STAYS')).toEqual(['G002']);

    await app.call('PUT', '/api/prefix-configs/COUNTED', { format: 'C{SEQ:3}' });
    expect(await app.call('GET', '/api/numbers/COUNTED')).toMatchObject({ status: 200 });
    await app.call('DELETE', '/api/prefix-configs/COUNTED');
    const asGapless = await app.call('PUT', '/api/prefix-configs/COUNTED', { ...GAPLESS, format: 'C{SEQ:3}' });
    expect(asGapless).toMatchObject({ status: 400, json: { errors: [{ path: 'strategy' }] } });

    const reset = { format: 'G{year}{SEQ:3}', strategy: 'gapless', reset: 'yearly' };
    await app.call('DELETE', '/api/prefix-configs/STAYS');
    const otherReset = await app.call('PUT', '/api/prefix-configs/STAYS', reset);
    expect(otherReset).toMatchObject({ status: 400, json: { errors: [{ path: 'reset' }] } });
  });

  test('400 when a gapless prefix is to have temporary numbers', async () => {
    const reply = await app.call('PUT', '/api/prefix-configs/TEMPORARY', { ...GAPLESS, outage: 'temporary' });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'outage' }] } });
  });

  test('200 with an empty report when all that was ever asked for was refused: where counting begins is no gap', async () => {
    await register('EARLY', { ...GAPLESS, initialSeq: 990, overflow: 'reject' });
    expect((await app.call('GET', '/api/numbers/EARLY?count=10')).status).toBe(409);
    const report = (await app.call('GET', '/api/sequences/EARLY/report')).json;
    expect(report).toMatchObject({ runs: [], summary: { exact: true, issued: '0', gap: '0' } });
    expect(await take('EARLY', 9)).toHaveLength(9);
    const { runs, summary } = (await app.call('GET', '/api/sequences/EARLY/report')).json;
    expect([runs[0].first, summary]).toMatchObject(['991', { issued: '9', gap: '0' }]);
  });

  test('409 at the end of a series, and what comes free is still handed out', async () => {
    await register('END', { format: 'END{SEQ:1}', strategy: 'gapless', overflow: 'reject', initialSeq: 7 });
    const { json } = await reserve('END');
    expect(await take('END')).toEqual(['END9']);
    expect(await app.call('GET', '/api/numbers/END')).toMatchObject({
      status: 409,
      json: { code: 'SEQUENCE_OVERFLOW' },
    });
    expect(await reserve('END')).toMatchObject({ status: 409, json: { code: 'SEQUENCE_OVERFLOW' } });
    await end(json.id, 'void', { reason: 'no' });
    expect(await take('END')).toEqual(['END8']);
  });

  test('200 with how many were reserved, confirmed and voided, in the metrics', async () => {
    const { text } = await app.call('GET', '/metrics');
    expect(text).toMatch(/number_generator_reservations_total\{outcome="reserved"\} [1-9]/);
    expect(text).toMatch(/number_generator_reservations_total\{outcome="confirmed"\} [1-9]/);
    expect(text).toMatch(/number_generator_reservations_total\{outcome="void"\} [1-9]/);
  });
});

describe('gapless on Redis without PostgreSQL', () => {
  test('400 with the reason at registration, and there are no reservations', async () => {
    const redis = await leaseRedisDatabase();
    const app = await startApp({ REDIS_URL: redis.url });
    await app.ready();
    const reply = await app.call('PUT', '/api/prefix-configs/G', GAPLESS);
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'strategy' }] } });
    expect(reply.json.detail).toContain('DATABASE_URL');
    expect(await app.call('GET', `/api/reservations/${NOBODY}`)).toMatchObject({ status: 404 });
    // Registered by a node that has PostgreSQL.
    await redis.client.hset('prefix_configs', 'G', JSON.stringify(GAPLESS));
    for (const path of ['/api/numbers/G', '/api/sequences/G']) {
      expect(await app.call('GET', path)).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
    }
    expect(await app.call('POST', '/api/reservations', { prefixKey: 'G' })).toMatchObject({ status: 503 });
    await app.close();
    await redis.release();
  });
});
