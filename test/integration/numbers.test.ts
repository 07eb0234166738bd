/** The calls that take numbers, on SQLite and on Redis. */
import { describe, expect, test } from 'vitest';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';

const NEW_YEAR_MS = Date.UTC(2027, 0, 1);

describe.each(['sqlite', 'redis'])('numbers on %s', (store) => {
  let nowMs = Date.UTC(2026, 10, 21, 12);

  const app = sharedByTests(() => startAppOn(store, { now: () => nowMs }));

  const register = async (key: string, body: object): Promise<void> => {
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
  };

  test('200: the query form, the path form and POST take consecutive numbers of one series, under all three URL prefixes', async () => {
    await register('INV', { format: 'INV-{year}-{SEQ:6}', initialSeq: 123 });
    const replies = [
      await app.call('GET', '/api/numbers?prefixKey=INV'),
      await app.call('GET', '/api/numbers/INV'),
      await app.call('POST', '/api/numbers', { prefixKey: 'INV' }),
      await app.call('POST', '/api/numbers', { prefix_key: 'INV' }),
      await app.call('GET', '/numbers/INV'),
      await app.call('GET', '/api/v1/numbers/INV'),
    ];
    expect(replies.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(replies.map(({ json }) => json.number)).toEqual(
      [124, 125, 126, 127, 128, 129].map((value) => `INV-2026-000${value}`),
    );
    for (const { headers } of replies) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-number-source': store });
    }
  });

  test('200: count takes a list in order, up to 10,000, also when it is 1', async () => {
    await register('LIST', { format: 'L{SEQ:5}' });
    expect((await app.call('GET', '/api/numbers?prefixKey=LIST&count=1')).json).toEqual({ numbers: ['L00001'] });
    expect((await app.call('POST', '/api/numbers', { prefixKey: 'LIST', count: 2 })).json).toEqual({
      numbers: ['L00002', 'L00003'],
    });
    const { numbers } = (await app.call('GET', '/api/numbers/LIST?count=10000')).json;
    expect([numbers.length, numbers[0], numbers[9_999]]).toEqual([10_000, 'L00004', 'L10003']);
  });

  test.each(['0', '10001', '-1', '1.5', 'x', '', '1e3', '99999999999999999999'])(
    '400: count=%s is refused',
    async (count) => {
      const reply = await app.call('GET', `/api/numbers?prefixKey=INV&count=${count}`);
      expect(reply).toMatchObject({ status: 400, json: { code: 'VALIDATION_ERROR', errors: [{ path: 'count' }] } });
    },
  );

  test('400: a missing, malformed or unknown prefix key, an unknown field, and a double key are refused', async () => {
    const missing = await app.call('GET', '/api/numbers');
    expect(missing).toMatchObject({
      status: 400,
      json: { errors: [{ path: 'prefixKey', message: 'Required, but missing' }] },
    });
    expect(await app.call('POST', '/api/numbers', {})).toMatchObject({
      status: 400,
      json: { errors: [{ path: 'prefixKey' }] },
    });
    expect((await app.call('GET', '/api/numbers?prefixKey=__proto__')).status).toBe(400);
    expect((await app.call('GET', '/api/numbers?prefixKey=A&prefixKey=B')).status).toBe(400);
    expect((await app.call('GET', '/api/numbers?prefixKey=INV&size=3')).json.errors).toEqual([
      { path: 'size', message: 'Unknown field' },
    ]);
    expect((await app.call('POST', '/api/numbers', { prefixKey: 'A', prefix_key: 'B' })).status).toBe(400);
    expect((await app.call('POST', '/api/numbers', { prefixKey: 'INV', count: '3' })).status).toBe(400);
    const unknown = await app.call('GET', '/api/numbers/UNKNOWN');
    expect(unknown).toMatchObject({
      status: 400,
      json: { code: 'PREFIX_NOT_REGISTERED', title: 'Prefix not registered' },
    });
  });

  test('405: HEAD takes no number', async () => {
    await register('HEAD', { format: 'H{SEQ:3}' });
    expect((await app.call('HEAD', '/api/numbers/HEAD')).status).toBe(405);
    expect((await app.call('GET', '/api/numbers/HEAD')).json).toEqual({ number: 'H001' });
  });

  test('409: a width that rejects overflow is used to its last value and not beyond', async () => {
    await register('FULL', { format: 'F{SEQ:2}', initialSeq: 96, overflow: 'reject' });
    const refused = await app.call('GET', '/api/numbers/FULL?count=4');
    expect(refused).toMatchObject({ status: 409, json: { code: 'SEQUENCE_OVERFLOW', title: 'Sequence exhausted' } });
    expect((await app.call('GET', '/api/numbers/FULL?count=3')).json).toEqual({ numbers: ['F97', 'F98', 'F99'] });
    expect((await app.call('GET', '/api/numbers/FULL')).status).toBe(409);
    await register('GROWS', { format: 'G{SEQ:2}', initialSeq: 98 });
    expect((await app.call('GET', '/api/numbers/GROWS?count=2')).json).toEqual({ numbers: ['G99', 'G100'] });
  });

  test('409: 2^64 - 1 is the last number of all', async () => {
    await register('LAST', { format: '{SEQ:20}', initialSeq: '18446744073709551614' });
    expect((await app.call('GET', '/api/numbers/LAST')).json).toEqual({ number: '18446744073709551615' });
    expect((await app.call('GET', '/api/numbers/LAST')).status).toBe(409);
  });

  test('prints every date variable from one reading of the clock, in the zone of the prefix', async () => {
    const format =
      '{prefix}/{year}.{yy}.{month}.{day}.{hour}/{quarter}/{weekYear}-{week}/{dayOfYear}/{fiscalYear}/{SEQ:1}';
    await register('UTC', { format, fiscalYearStart: '04-01' });
    await register('TOKYO', { format, fiscalYearStart: '04-01', timeZone: 'Asia/Tokyo' });
    nowMs = NEW_YEAR_MS - 1;
    expect((await app.call('GET', '/api/numbers/UTC')).json.number).toBe('UTC/2026.26.12.31.23/4/2026-53/365/2026/1');
    expect((await app.call('GET', '/api/numbers/TOKYO')).json.number).toBe(
      'TOKYO/2027.27.01.01.08/1/2026-53/001/2026/1',
    );
    nowMs = NEW_YEAR_MS;
    expect((await app.call('GET', '/api/numbers/UTC')).json.number).toBe('UTC/2027.27.01.01.00/1/2026-53/001/2026/2');
  });

  test('keeps the sequences of different prefixes apart', async () => {
    await register('A', { format: 'A-{SEQ:3}' });
    await register('B', { format: 'B-{SEQ:3}' });
    const numbers: string[] = [];
    for (const key of ['A', 'B', 'A', 'B']) numbers.push((await app.call('GET', `/numbers/${key}`)).json.number);
    expect(numbers).toEqual(['A-001', 'B-001', 'A-002', 'B-002']);
  });

  test('gives 500 concurrent requests for three prefixes distinct numbers without a hole', async () => {
    for (const key of ['X', 'Y', 'Z']) await register(key, { format: `${key}{SEQ:6}` });
    const keys = Array.from({ length: 500 }, (_, index) => ['X', 'Y', 'Z'][index % 3] ?? 'X');
    const replies = await Promise.all(keys.map((key) => app.call('GET', `/api/numbers/${key}`)));
    const numbers = replies.map(({ json }) => json.number as string).toSorted();
    const expected = ['X', 'Y', 'Z'].flatMap((key, index) =>
      Array.from({ length: index === 2 ? 166 : 167 }, (_, value) => `${key}${String(value + 1).padStart(6, '0')}`),
    );
    expect(numbers).toEqual(expected);
  });
});
