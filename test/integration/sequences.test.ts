/** The calls on sequences, on SQLite and on Redis. */
import { describe, expect, test } from 'vitest';
import { bearer } from '../support/app.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';

describe.each(['sqlite', 'redis'])('sequences on %s', (store) => {
  let nowMs = Date.now();

  const app = sharedByTests(() => startAppOn(store, { now: () => nowMs }));

  const register = async (key: string, body: object): Promise<void> => {
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
  };
  const advance = (key: string, body: unknown) => app.call('POST', `/api/sequences/${key}/advance`, body);

  test('200: shows where a sequence stands and what would come next, without taking it', async () => {
    await register('S', { format: 'S{SEQ:4}', initialSeq: 10, overflow: 'reject' });
    const before = (await app.call('GET', '/api/sequences/S')).json;
    expect(before).toMatchObject({ prefixKey: 'S', period: '', strategy: 'counter', value: '10', nextNumber: 'S0011' });
    expect(before.valuesLeft).toBe('9989');
    await app.call('GET', '/api/numbers/S?count=5');
    const after = (await app.call('GET', '/api/sequences/S')).json;
    expect(after).toMatchObject({ value: '15', nextNumber: 'S0016' });
    expect((await app.call('GET', '/api/numbers/S')).json).toEqual({ number: 'S0016' });
    if (store === 'sqlite') expect(after).toMatchObject({ standby: null, valuesLeft: '9984' });
    else expect(after.standby).toMatchObject({ left: '1000' });
  });

  test('200: tells when a sequence will be used up, warns once in the log, and shows it in the metrics', async () => {
    await register('FULL', { format: 'F{SEQ:3}', overflow: 'reject', outage: 'reject' });
    await app.call('GET', '/api/numbers/FULL?count=500');
    const early = (await app.call('GET', '/api/sequences/FULL')).json.forecast;
    expect(early).toEqual({ valuesPerDay: null, widthReachedAt: null, limitReachedAt: null });
    nowMs += 3_600_000;
    await app.call('GET', '/api/numbers/FULL?count=300');
    const { forecast } = (await app.call('GET', '/api/sequences/FULL')).json;
    expect(forecast.valuesPerDay).toBe(7_200);
    expect(Date.parse(forecast.limitReachedAt) - nowMs).toBe(Math.round((199 / 300) * 3_600_000));
    expect(forecast.widthReachedAt).toBe(forecast.limitReachedAt);
    for (const _ of [1, 2]) await app.watchCapacity();
    const warnings = app.log.filter(({ event, prefix_key: key }) => event === 'capacity' && key === 'FULL');
    expect(warnings).toMatchObject([
      { level: 'warn', period: '', bound: 'limit', share: 0.8, used: 0.8008, value: '800', highest: '999' },
    ]);
    expect(warnings[0]?.['reached_at']).toBe(forecast.limitReachedAt);
    const metrics = (await app.call('GET', '/metrics')).text;
    expect(metrics).toMatch(/number_generator_capacity_used_ratio\{prefix="FULL"\} 0\.8008/);
    expect(metrics).toMatch(/number_generator_capacity_seconds_left\{prefix="FULL"\} 2388/);
  });

  test('200: a sequence that is used up has no next number', async () => {
    await register('UP', { format: 'U{SEQ:1}', initialSeq: 8, overflow: 'reject' });
    await app.call('GET', '/api/numbers/UP');
    expect((await app.call('GET', '/api/sequences/UP')).json).toMatchObject({
      value: '9',
      nextNumber: null,
      valuesLeft: '0',
    });
  });

  test('200: an advance moves forward, goes to the gap record, and is logged with its reason', async () => {
    await register('ADV', { format: 'A{SEQ:6}' });
    await app.call('GET', '/api/numbers/ADV?count=3');
    const reply = await advance('ADV', { to: '500', reason: 'Numbers up to 500 were printed by hand' });
    expect(reply).toMatchObject({ status: 200, json: { value: '500', nextNumber: 'A000501' } });
    expect((await app.call('GET', '/api/numbers/ADV')).json).toEqual({ number: 'A000501' });
    const { items, nextCursor } = (await app.call('GET', '/api/sequences/ADV/gaps')).json;
    expect(items).toMatchObject([{ first: '4', last: '500', count: '497', reason: 'advance', node: null }]);
    expect(Date.parse(items[0].recordedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(nextCursor).toBeNull();
    expect(app.log).toContainEqual(
      expect.objectContaining({
        event: 'sequence-advanced',
        from: '3',
        to: '500',
        reason: 'Numbers up to 500 were printed by hand',
      }),
    );
  });

  test('200: the gap record comes page by page', async () => {
    await register('PAGES', { format: 'P{SEQ:6}' });
    for (const to of [10, 20, 30, 40, 50]) {
      await app.call('GET', '/api/numbers/PAGES');
      await advance('PAGES', { to, reason: 'x' });
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = (await app.call('GET', `/api/sequences/PAGES/gaps?limit=2${query}`)).json;
      seen.push(...page.items.map((gap: { first: string }) => gap.first));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(['2', '12', '22', '32', '42']);
    expect((await app.call('GET', '/api/sequences/PAGES/gaps?cursor=!')).status).toBe(400);
  });

  test('409: a sequence only moves forward, and not past its limit', async () => {
    await register('BACK', { format: 'B{SEQ:2}', overflow: 'reject' });
    await app.call('GET', '/api/numbers/BACK?count=5');
    for (const to of [0, 5]) {
      expect(await advance('BACK', { to, reason: 'x' })).toMatchObject({
        status: 409,
        json: { code: 'SEQUENCE_NOT_FORWARD', title: 'A sequence only moves forward' },
      });
    }
    expect(await advance('BACK', { to: 100, reason: 'x' })).toMatchObject({
      status: 409,
      json: { code: 'SEQUENCE_OVERFLOW' },
    });
    expect((await app.call('GET', '/api/numbers/BACK')).json).toEqual({ number: 'B06' });
  });

  test.each([
    [{ reason: 'x' }, 'to'],
    [{ to: 5 }, 'reason'],
    [{ to: 5, reason: ' ' }, 'reason'],
    [{ to: 5, reason: 'x'.repeat(501) }, 'reason'],
    [{ to: -1, reason: 'x' }, 'to'],
    [{ to: '18446744073709551616', reason: 'x' }, 'to'],
    [{ to: 2 ** 53 + 2, reason: 'x' }, 'to'],
    [{ to: '0x10', reason: 'x' }, 'to'],
    [{ to: 5, reason: 'x', force: 'yes' }, 'force'],
    [{ to: 5, reason: 'x', dryRun: 1 }, 'dryRun'],
    [{ to: 5, reason: 'x', really: true }, 'really'],
  ])('400: the advance %j is refused at its field', async (body, path) => {
    expect(await advance('S', body)).toMatchObject({
      status: 400,
      json: { code: 'VALIDATION_ERROR', errors: [{ path }] },
    });
  });

  test('404: an unknown prefix has no sequence', async () => {
    for (const url of ['/api/sequences/NOBODY', '/sequences/NOBODY/gaps']) {
      expect(await app.call('GET', url)).toMatchObject({ status: 404, json: { code: 'PREFIX_NOT_REGISTERED' } });
    }
    expect((await advance('NOBODY', { to: 5, reason: 'x' })).status).toBe(404);
  });

  test('401, 403: reading needs configs:read, moving sequences:admin, each for the prefix', async () => {
    await register('MINE', { format: 'M{SEQ:3}' });
    const reader = bearer({ scope: 'configs:read:MINE' });
    const body = { to: 10, reason: 'x' };
    expect((await app.call('GET', '/api/sequences/MINE', undefined, {})).status).toBe(401);
    expect((await app.call('GET', '/api/sequences/MINE', undefined, reader)).status).toBe(200);
    expect((await app.call('GET', '/api/sequences/S/gaps', undefined, reader)).status).toBe(403);
    expect((await app.call('POST', '/api/sequences/MINE/advance', body, reader)).status).toBe(403);
    expect(
      (await app.call('POST', '/api/sequences/MINE/advance', body, bearer({ scope: 'sequences:admin:OTHER' }))).status,
    ).toBe(403);
    expect(
      (await app.call('POST', '/api/sequences/MINE/advance', body, bearer({ scope: 'sequences:admin:M*' }))).status,
    ).toBe(200);
  });
});
