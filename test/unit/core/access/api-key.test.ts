/** An API key is recognised by its form, and what is kept of one opens nothing unless it is whole. */
import { describe, expect, test } from 'vitest';
import {
  API_KEY_ID,
  type ApiKey,
  apiKeyIdOf,
  decodeStoredApiKey,
  encodeStoredApiKey,
  formatApiKey,
  idOfApiKey,
  isSubjectOfApiKey,
  subjectOfApiKey,
} from '../../../../src/core/access/api-key.ts';

const ID = '0123456789abcdef';
const SECRET = 'A'.repeat(43);
const KEY: ApiKey = {
  id: ID,
  hash: 'f'.repeat(64),
  name: 'web shop',
  scopes: 'numbers:issue',
  createdAtMs: 1_764_072_000_000,
  createdBy: 'admin',
  expiresAtMs: 1_764_072_000_001,
};

describe('a key', () => {
  test('names its id', () => {
    expect(idOfApiKey(formatApiKey(ID, SECRET))).toBe(ID);
  });

  test.each([
    '',
    'ng_',
    SECRET,
    formatApiKey(ID, SECRET.slice(1)),
    formatApiKey(ID, `${SECRET}A`),
    formatApiKey(ID.toUpperCase(), SECRET),
    ` ${formatApiKey(ID, SECRET)}`,
    `${formatApiKey(ID, SECRET)}\n`,
    formatApiKey('__proto__0123456', SECRET),
  ])('that is none, such as %j, has no id, so that no store is asked about it', (text) => {
    expect(idOfApiKey(text)).toBeUndefined();
  });
});

test('an id has 16 hexadecimal digits', () => {
  expect(API_KEY_ID.test(ID)).toBe(true);
  for (const text of ['', ID.slice(1), `${ID}0`, `0${ID}`, ID.toUpperCase(), 'g'.repeat(16), `${ID}\n`]) {
    expect(API_KEY_ID.test(text)).toBe(false);
  }
});

describe('the subject of a key', () => {
  test('names the key, and is that of no token', () => {
    expect(subjectOfApiKey(ID)).toBe(`api-key:${ID}`);
    expect(apiKeyIdOf(subjectOfApiKey(ID))).toBe(ID);
    expect(isSubjectOfApiKey(subjectOfApiKey(ID))).toBe(true);
  });

  test('is not one that only has its prefix somewhere', () => {
    for (const subject of ['shop', 'my-api-key:', '', ' api-key:x']) {
      expect([apiKeyIdOf(subject), isSubjectOfApiKey(subject)]).toEqual([undefined, false]);
    }
    expect(apiKeyIdOf(undefined)).toBeUndefined();
  });
});

describe('what is kept', () => {
  test.each([KEY, { ...KEY, createdBy: undefined, expiresAtMs: undefined }])(
    'is read as it was written (%#)',
    (key) => {
      expect(decodeStoredApiKey(ID, encodeStoredApiKey(key))).toEqual(key);
    },
  );

  const HASHES = ['', 'f'.repeat(63), 'f'.repeat(65), `x${'f'.repeat(64)}`];
  const broken = HASHES.map((hash) => encodeStoredApiKey({ ...KEY, hash }));
  test.each(['', 'null', '{}', ...broken, encodeStoredApiKey(KEY).slice(1)])(
    'and cannot be read, such as %j, is no key',
    (json) => {
      expect(decodeStoredApiKey(ID, json)).toBeUndefined();
    },
  );
});
