/** Completeness reports, on SQLite and on Redis. */
import { describe, expect, test } from 'vitest';
import { bearer, JWT_SECRET } from '../support/app.ts';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';
import { createToken } from '../support/token.ts';

const NONE = { reason: null, node: null, subject: null, reservation: null, at: null };

describe.each(['sqlite', 'redis'])('the report of a counter on %s', (store) => {
  let nowMs = Date.parse('2026-11-25T12:00:00Z');

  const app = sharedByTests(() => startAppOn(store, { now: () => nowMs }));

  const register = async (key: string, body: object): Promise<void> => {
    expect(
      (
        await app.call('PUT', `/api/prefix-configs/${key}`, {
          outage: 'reject',
          allowCollision: true,
          ...body,
        })
      ).status,
    ).toBe(200);
  };
  const report = (key: string, query = '') => app.call('GET', `/api/sequences/${key}/report${query}`);

  test('200: tells of every value from the first to the last, with the numbers as they are printed', async () => {
    await register('INV', { format: 'INV-{year}-{SEQ:6}', reset: 'yearly', initialSeq: 100 });
    await app.call('GET', '/api/numbers/INV?count=5');
    await app.call('POST', '/api/sequences/INV/advance', { to: 200, reason: 'x' });
    await app.call('GET', '/api/numbers/INV');
    const { status, headers, json } = await report('INV');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'Accept',
    });
    const head = { prefixKey: 'INV', strategy: 'counter', period: '2026', store, node: expect.any(String) };
    expect(json).toEqual({
      ...head,
      generatedAt: '2026-11-25T12:00:00.000Z',
      runs: [
        {
          ...NONE,
          ...{ state: 'issued', first: '101', last: '105', count: '5' },
          ...{ firstNumber: 'INV-2026-000101', lastNumber: 'INV-2026-000105' },
        },
        {
          ...NONE,
          ...{ state: 'gap', first: '106', last: '200', count: '95', reason: 'advance' },
          ...{ firstNumber: 'INV-2026-000106', lastNumber: 'INV-2026-000200', at: expect.any(String) },
        },
        {
          ...NONE,
          ...{ state: 'issued', first: '201', last: '201', count: '1' },
          ...{ firstNumber: 'INV-2026-000201', lastNumber: 'INV-2026-000201' },
        },
      ],
      summary: {
        ...{ first: '101', last: '201', exact: true },
        ...{ issued: '6', confirmed: '0', reserved: '0', void: '0', lost: '0', gap: '95', held: '0', open: '0' },
      },
    });
  });

  test('200: begins where counting began, whatever initialSeq says by now', async () => {
    await register('MOVED', { format: 'M{SEQ:6}', initialSeq: 1_000 });
    await app.call('GET', '/api/numbers/MOVED?count=3');
    const change = { format: 'M{SEQ:6}', initialSeq: 0, outage: 'reject' };
    const headers = { ...bearer(), 'if-match': '"1"' };
    expect((await app.call('PUT', '/api/prefix-configs/MOVED', change, headers)).status).toBe(200);
    expect((await report('MOVED')).json.summary).toMatchObject({ first: '1001', last: '1003', issued: '3' });
  });

  test('200: a series in which nobody counted has nothing to report', async () => {
    await register('NEW', { format: 'N{SEQ:6}' });
    const { json } = await report('NEW');
    expect(json.runs).toEqual([]);
    expect(json.summary).toMatchObject({ first: null, last: null, issued: '0', exact: true });
    expect((await report('NEW', '?format=csv')).text.split('\r\n')[1]).toMatch(/^total,,,0,,,exact,/);
  });

  test('200: CSV after RFC 4180 by format or Accept, in which no spreadsheet finds a formula', async () => {
    await register('CSV', { format: '=(1,{SEQ:2})' });
    await app.call('GET', '/api/numbers/CSV?count=2');
    const header = 'state,first,last,count,firstNumber,lastNumber,reason,node,subject,reservation,at\r\n';
    const accepting = (accept: string) => {
      const authorization = `Bearer ${createToken(JWT_SECRET, {})}`;
      return app.call('GET', '/api/sequences/CSV/report', undefined, { authorization, accept });
    };
    for (const reply of [await report('CSV', '?format=csv'), await accepting('text/csv'), await accepting('text/*')]) {
      expect(reply.headers).toMatchObject({
        'content-type': 'text/csv; charset=utf-8; header=present',
        'content-disposition': 'attachment; filename="CSV-report.csv"',
      });
      const rows = reply.text.slice(header.length);
      expect(reply.text.slice(0, header.length)).toBe(header);
      expect(rows.startsWith(`issued,1,2,2,"'=(1,01)","'=(1,02)",,,,,\r\ntotal,1,2,2,,,exact,`)).toBe(true);
      expect(rows.endsWith('2026-11-25T12:00:00.000Z\r\n')).toBe(true);
    }
    for (const accept of ['*/*', 'application/json', 'text/csv;q=0.5, application/json', 'image/png']) {
      expect((await accepting(accept)).json).toMatchObject({ prefixKey: 'CSV' });
    }
  });

  test('200: an earlier period can still be asked for, also of its gaps', async () => {
    await register('MONTHLY', { format: 'B{year}{month}-{day}-{SEQ:3}', reset: 'monthly', timeZone: 'Asia/Tokyo' });
    await app.call('GET', '/api/numbers/MONTHLY?count=2');
    await app.call('POST', '/api/sequences/MONTHLY/advance', { to: 9, reason: 'x' });
    const before = nowMs;
    nowMs = Date.parse('2026-11-30T16:00:00Z');
    await app.call('GET', '/api/numbers/MONTHLY?count=4');
    expect((await report('MONTHLY')).json).toMatchObject({ period: '2026-12', summary: { issued: '4', gap: '0' } });
    const november = (await report('MONTHLY', '?period=2026-11')).json;
    expect(november).toMatchObject({ period: '2026-11', summary: { issued: '2', gap: '7' } });
    // The day of a number cannot be told from its month.
    expect(november.runs[0]).toMatchObject({ first: '1', firstNumber: null, lastNumber: null });
    const gaps = (period: string) => app.call('GET', `/api/sequences/MONTHLY/gaps?period=${period}`);
    expect((await gaps('2026-11')).json.items).toMatchObject([{ first: '3', last: '9' }]);
    expect((await gaps('2026-12')).json.items).toEqual([]);
    expect((await gaps('2026-13')).status).toBe(400);
    nowMs = before;
  });

  test.each([
    ['YEARLY', 'yearly', '{fiscalYear}{year}', ['2026-11', 'fy2026', '26', 'next', '', '2026%0A']],
    ['DAILY', 'daily', '{year}{month}{day}', ['2026', '2026-02-29', '2026-11-31', '2026-1-1']],
    ['FISCAL', 'fiscal-yearly', '{fiscalYear}', ['2026', 'fy26']],
    ['NEVER', 'never', '', ['2026', '0']],
  ])('400: a period that %s does not have is refused', async (key, reset, variables, periods) => {
    await register(key, { format: `${variables}{SEQ:4}`, reset });
    for (const period of periods) {
      expect(await report(key, `?period=${period}`)).toMatchObject({
        status: 400,
        json: { code: 'VALIDATION_ERROR', errors: [{ path: 'period' }] },
      });
    }
  });

  test('400: an unknown format or parameter is refused', async () => {
    for (const query of ['?format=xml', '?year=2026']) expect((await report('INV', query)).status).toBe(400);
  });

  test('404: an unknown prefix has no report', async () => {
    expect(await report('NOBODY')).toMatchObject({ status: 404, json: { code: 'PREFIX_NOT_REGISTERED' } });
  });

  test('401, 403: a report needs configs:read for the prefix', async () => {
    const call = (headers: Record<string, string>) => app.call('GET', '/api/sequences/INV/report', undefined, headers);
    expect((await call({})).status).toBe(401);
    expect((await call(bearer({ scope: 'configs:read:OTHER' }))).status).toBe(403);
    expect((await call(bearer({ scope: 'configs:read:INV' }))).status).toBe(200);
  });
});
