/** What a request finds under its key: nothing, its own receipt, or that of another request. */
import { describe, expect, test } from 'vitest';
import { judgeReceipt, RECEIPT_TTL_MS, type Receipt } from '../../../../src/core/values/receipt.ts';

const AT_MS = 1_763_700_000_000;
const KEPT: Receipt = { fingerprint: 'f'.repeat(64), atMs: AT_MS, series: '{}', period: '', ranges: [] };
const find = (known: Receipt | undefined, atMs = AT_MS, fingerprint = KEPT.fingerprint) =>
  judgeReceipt(known, { atMs, fingerprint });

describe('a request with a key', () => {
  test('that did not come before finds nothing', () => {
    expect(find(undefined)).toEqual({ kind: 'none' });
  });

  test('finds its own receipt for 24 hours, also by a clock that is behind', () => {
    for (const atMs of [AT_MS - 5_000, AT_MS, AT_MS + 86_399_999]) {
      expect(find(KEPT, atMs)).toEqual({ kind: 'receipt', receipt: KEPT });
    }
    expect(find(KEPT, AT_MS + RECEIPT_TTL_MS)).toEqual({ kind: 'none' });
  });

  test('is in conflict with another request of the same key, until that is forgotten', () => {
    expect(find(KEPT, AT_MS, 'e'.repeat(64))).toEqual({ kind: 'conflict' });
    expect(find(KEPT, AT_MS + RECEIPT_TTL_MS, 'e'.repeat(64))).toEqual({ kind: 'none' });
  });
});
