/** Idempotency keys that one process counts: a new key counts, and a request that came before does not. */
import { beforeEach, expect, test } from 'vitest';
import { ALLOWANCE_PERIOD_MS } from '../../../../src/core/allowance/allowances.ts';
import { createOwnClaims } from '../../../../src/core/allowance/own-claims.ts';
import type { Receipt, ReceiptDraft } from '../../../../src/core/values/receipt.ts';

const NOW_MS = 1_763_700_000_000;
const receipts = new Map<string, Receipt>();
let claim: (parts: Partial<ReceiptDraft>) => ReturnType<ReturnType<typeof createOwnClaims>>;

beforeEach(() => {
  receipts.clear();
  const claims = createOwnClaims();
  const draft = { hash: 'h1', fingerprint: 'f1', atMs: NOW_MS, series: '{}', allowance: { name: 'shop', max: 1 } };
  claim = (parts) => claims({ ...draft, ...parts }, (hash) => receipts.get(hash));
});

const answer = (hash: string, fingerprint = 'f1') =>
  receipts.set(hash, { fingerprint, atMs: NOW_MS, series: '{}', period: '', ranges: [] });

test('a new key is claimed while the allowance lasts, and then refused with the time until the next one', () => {
  expect(claim({ hash: 'h1' })).toBe(true);
  expect(claim({ hash: 'h2' })).toEqual({ retryAfterMs: ALLOWANCE_PERIOD_MS });
  expect(claim({ hash: 'h2', allowance: { name: 'other shop', max: 1 } })).toBe(true);
});

test('a key that came before with the same request is claimed again, and counts once', () => {
  expect(claim({ hash: 'h1' })).toBe(true);
  answer('h1');
  expect(claim({ hash: 'h1' })).toBe(true);
});

test('a key that came before with another request is refused, and counts nothing', () => {
  answer('h1', 'f2');
  expect(claim({ hash: 'h1' })).toBe(false);
  expect(claim({ hash: 'h2' })).toBe(true);
});

test('without an allowance any number of keys is claimed, and none is looked for', () => {
  answer('h1', 'f2');
  for (const hash of ['h1', 'h2', 'h3']) expect(claim({ hash, allowance: undefined })).toBe(true);
});
