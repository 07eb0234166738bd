/** One call on a counter that is computed in this process: with a key or without, on an open sequence or a closed one. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CounterCall } from '../../../../src/core/counter/counter-call.ts';
import { serveCounterCall } from '../../../../src/core/counter/counter-rule.ts';
import { RECEIPT_TTL_MS, type Receipt, type ReceiptDraft } from '../../../../src/core/values/receipt.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { call } from '../../../support/sequence-under-test.ts';

const INV = sequenceOf(seriesOf('INV'), '2026');
const NOW_MS = 1_763_700_000_000;
const DRAFT: ReceiptDraft = { hash: 'h'.repeat(64), fingerprint: 'f'.repeat(64), atMs: NOW_MS, series: '{}' };
const KEPT: Receipt = {
  fingerprint: DRAFT.fingerprint,
  atMs: NOW_MS,
  series: '{}',
  period: '2026',
  ranges: [{ first: 8n, last: 9n }],
};
const CLOSED = { reply: { kind: 'closed', standby: { kind: 'keep' } }, value: undefined, jumped: undefined };

let receipts: Map<string, Receipt>;
beforeEach(() => {
  receipts = new Map();
});

const serve = (parts: Partial<CounterCall>, isClosed: boolean, stored: bigint | undefined = 7n) =>
  serveCounterCall(stored, call({ sequence: INV, node: 'n', ...parts }), isClosed, {
    find: (hash) => receipts.get(hash),
    keep: (hash, receipt) => void receipts.set(hash, receipt),
  });
const keyed = (draft: Partial<ReceiptDraft> = {}, parts: Partial<CounterCall> = {}): Partial<CounterCall> => ({
  kind: 'once',
  count: 2,
  receipt: { ...DRAFT, ...draft },
  ...parts,
});

describe('an open sequence', () => {
  test('gives a call without a key its values, and keeps no receipt', () => {
    expect(serve({ count: 2 }, false)).toMatchObject({ reply: { kind: 'taken', range: { first: 8n, last: 9n } } });
    expect(receipts.size).toBe(0);
  });

  test('gives a call with a new key its values and keeps the receipt, and no standby is near', () => {
    expect(serve(keyed(), false)).toEqual({
      reply: { kind: 'receipt', receipt: KEPT, replayed: false, standbyNear: false },
      value: 9n,
      jumped: undefined,
      receipt: KEPT,
    });
    expect([...receipts]).toEqual([[DRAFT.hash, KEPT]]);
  });

  test('answers a key that came before by its receipt, takes nothing, and no standby is near', () => {
    receipts.set(DRAFT.hash, KEPT);
    expect(serve(keyed(), false, 20n)).toEqual({
      reply: { kind: 'receipt', receipt: KEPT, replayed: true, standbyNear: false },
      value: undefined,
      jumped: undefined,
      receipt: undefined,
    });
  });

  test('refuses a key that came before with another request, and keeps the receipt of the first', () => {
    receipts.set(DRAFT.hash, KEPT);
    expect(serve(keyed({ fingerprint: 'e'.repeat(64) }), false)).toMatchObject({ reply: { kind: 'conflict' } });
    expect([...receipts]).toEqual([[DRAFT.hash, KEPT]]);
  });

  test('takes anew for a key whose receipt has expired, and not a millisecond earlier', () => {
    receipts.set(DRAFT.hash, KEPT);
    expect(serve(keyed({ atMs: NOW_MS + RECEIPT_TTL_MS - 1 }), false).value).toBeUndefined();
    expect(serve(keyed({ atMs: NOW_MS + RECEIPT_TTL_MS }), false, 20n).value).toBe(22n);
  });

  test('keeps no receipt of a call for which too few values are left', () => {
    expect(serve(keyed({}, { limit: 8n }), false)).toMatchObject({ reply: { kind: 'exhausted', valuesLeft: 1n } });
    expect(receipts.size).toBe(0);
  });
});

describe('a closed sequence', () => {
  test('gives no values, whether the call has a key or not, and keeps no receipt', () => {
    expect(serve({ count: 1 }, true)).toEqual(CLOSED);
    expect(serve(keyed(), true)).toEqual(CLOSED);
    expect(receipts.size).toBe(0);
  });

  test('says that it is closed, not that it is exhausted', () => {
    expect(serve({ count: 2, limit: 8n }, true)).toEqual(CLOSED);
    expect(serve(keyed({}, { limit: 8n }), true)).toEqual(CLOSED);
  });

  test('answers a call that only reports', () => {
    expect(serve({ count: 0 }, true)).toMatchObject({ reply: { kind: 'nothing' }, value: undefined });
  });

  test('answers a key that came before by its receipt, and refuses it for another request', () => {
    receipts.set(DRAFT.hash, KEPT);
    expect(serve(keyed(), true)).toMatchObject({ reply: { kind: 'receipt', receipt: KEPT, replayed: true } });
    expect(serve(keyed({ fingerprint: 'e'.repeat(64) }), true)).toMatchObject({ reply: { kind: 'conflict' } });
  });
});
