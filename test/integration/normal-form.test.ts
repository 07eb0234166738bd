/** Texts that look the same are the same: formats, numbers that are parsed, and reasons, over HTTP on both stores. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApp } from '../support/app.ts';
import { startAppOn } from '../support/store-app.ts';

const COMPOSED = 'caf\u00e9-';
const DECOMPOSED = 'cafe\u0301-';

describe.each(['sqlite', 'redis'])('the normal form on %s', (store) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startAppOn(store);
    await app.call('PUT', '/api/prefix-configs/CAFE', { format: `${DECOMPOSED}{SEQ:4}` });
    await app.call('GET', '/api/numbers/CAFE');
  });

  afterAll(() => app.close());

  test('200: a format is kept and printed in NFC, however it was written', async () => {
    const { json } = await app.call('GET', '/api/prefix-configs/CAFE');
    expect(json.format).toBe(`${COMPOSED}{SEQ:4}`);
  });

  test.each([
    ['as it was issued', `${COMPOSED}0001`],
    ['decomposed', `${DECOMPOSED}0001`],
    ['with a line break behind it', `${COMPOSED}0001\n`],
    ['with a line break of Windows behind it', `${COMPOSED}0001\r\n`],
    ['with blanks around it', `  ${DECOMPOSED}0001\t `],
  ])('200: parse reads a number %s', async (_how, number) => {
    const { json } = await app.call('POST', '/api/numbers/parse', { number, prefixKey: 'CAFE' });
    expect(json).toMatchObject({ result: 'unique', readings: [{ prefixKey: 'CAFE', value: '1', issued: 'issued' }] });
  });

  test('200: parse reads numbers that begin and end with a blank', async () => {
    await app.call('PUT', '/api/prefix-configs/BLANK', { format: ' B{SEQ:4}/ ' });
    for (const number of [' B0001/ ', ' B0001/ \n']) {
      const { json } = await app.call('POST', '/api/numbers/parse', { number, prefixKey: 'BLANK' });
      expect(json).toMatchObject({ result: 'unique', readings: [{ value: '1' }] });
    }
  });

  test('400: a mark directly behind a tag, which would melt into what the tag prints', async () => {
    const reply = await app.call('PUT', '/api/prefix-configs/MARK', { format: '{var:x}\u0301-{SEQ:4}' });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ path: 'format' }] } });
  });

  test('200: a reason is kept in NFC', async () => {
    await app.call('PUT', '/api/prefix-configs/WHY', { format: 'W{year}-{SEQ:4}', reset: 'yearly' });
    await app.call('GET', '/api/numbers/WHY');
    const year = new Date().getUTCFullYear();
    const reply = await app.call('POST', `/api/sequences/WHY/periods/${year - 1}/close`, {
      reason: 'Caf\u0065\u0301 closed',
    });
    expect(reply).toMatchObject({ status: 200, json: { reason: 'Caf\u00e9 closed' } });
  });
});
