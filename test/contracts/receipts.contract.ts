/** The contract of receipts: what `core/counter/counter-store.ts` promises of a `once`, tried on the real thing. */
import { describe, expect, test } from 'vitest';
import type { CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { RECEIPT_TTL_MS, type Receipt, type ReceiptDraft } from '../../src/core/values/receipt.ts';
import { type SequenceId, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { call } from './counter-store.contract.ts';

export interface ReceiptStoreUnderTest {
  readonly store: CounterStore;
  /** As another node has it. */
  readonly otherNode?: CounterStore;
}

const NOW = Date.UTC(2026, 10, 25);
const SERIES = '{"format":"INV {year}: {SEQ:4}"}';

let made = 0;
const freshName = (period = ''): SequenceId => sequenceOf(seriesOf(`R${++made}`), period);
const freshHash = (): string => (++made).toString(16).padStart(64, '0');

const draft = (parts: Partial<ReceiptDraft> = {}): ReceiptDraft => ({
  hash: freshHash(),
  fingerprint: 'f'.repeat(64),
  atMs: NOW,
  series: SERIES,
  ...parts,
});

/** A node that has joined a sequence, so that it can make entries with receipts. */
const join = async (store: CounterStore, sequence: SequenceId, terms: Partial<CounterCall> = {}) => {
  const joining = call(sequence, 0, terms);
  const [joined] = await store.reserve([joining]);
  const epoch = joined?.fence?.epoch ?? 0n;
  const make = (count: number, receipt: ReceiptDraft, parts: Partial<CounterCall> = {}): CounterCall => ({
    ...joining,
    call: 0,
    kind: 'once',
    count,
    epoch,
    receipt,
    ...parts,
  });
  return {
    make,
    once: async (count: number, receipt: ReceiptDraft, parts: Partial<CounterCall> = {}): Promise<CounterReply> => {
      const [reply] = await store.reserve([make(count, receipt, parts)]);
      if (reply === undefined) throw new Error('no reply');
      return reply;
    },
  };
};

const receiptOf = (reply: CounterReply | undefined): Receipt => {
  if (reply?.kind !== 'receipt') throw new Error(`Expected a receipt, got ${reply?.kind}`);
  return reply.receipt;
};
const isReplay = (reply: CounterReply | undefined): boolean => reply?.kind === 'receipt' && reply.replayed;

export const describeReceipts = (title: string, get: () => ReceiptStoreUnderTest): void => {
  describe(`${title} keeps the contract of receipts`, () => {
    test('takes all values, and answers the same again from the receipt, whoever asks', async () => {
      const { store, otherNode = store } = get();
      const sequence = freshName('2026');
      const [one, other] = [await join(store, sequence), await join(otherNode, sequence)];
      const asked = draft();
      const first = await one.once(3, asked);
      expect(receiptOf(first)).toEqual({
        fingerprint: asked.fingerprint,
        atMs: NOW,
        series: SERIES,
        period: '2026',
        ranges: [{ first: 1n, last: 3n }],
      });
      expect(isReplay(first)).toBe(false);
      for (const node of [one, other, one]) {
        const again = await node.once(3, { ...asked, atMs: NOW + 1_000, series: 'another format by now' });
        expect([receiptOf(again), isReplay(again)]).toEqual([receiptOf(first), true]);
      }
      expect(receiptOf(await other.once(1, draft())).ranges).toEqual([{ first: 4n, last: 4n }]);
    });

    test('gives fifty at the same time one number, through two nodes', async () => {
      const { store, otherNode = store } = get();
      const sequence = freshName();
      const nodes = [await join(store, sequence), await join(otherNode, sequence)];
      const asked = draft();
      const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => nodes[i % 2]?.once(1, asked)));
      expect(replies.filter((reply) => !isReplay(reply))).toHaveLength(1);
      expect(replies.map((reply) => receiptOf(reply).ranges)).toEqual(replies.map(() => [{ first: 1n, last: 1n }]));
    });

    test('serves several in one call, beside numbered calls, each with its own receipt', async () => {
      const { store } = get();
      const [one, two] = [freshName(), freshName()];
      const [inOne, inTwo] = [await join(store, one), await join(store, two)];
      const [a, b] = [draft(), draft()];
      const replies = await store.reserve([
        call(one, 2),
        inTwo.make(1, draft()),
        inOne.make(3, a),
        inOne.make(4, b),
        inOne.make(3, a),
        call(two, 1),
      ]);
      const ranges = replies.map((reply) => (reply.kind === 'receipt' ? reply.receipt.ranges[0] : reply.kind));
      expect(ranges).toEqual([
        'taken',
        { first: 1n, last: 1n },
        { first: 3n, last: 5n },
        { first: 6n, last: 9n },
        { first: 3n, last: 5n },
        'taken',
      ]);
    });

    test('answers another request under the same hash with a conflict, and takes nothing', async () => {
      const sequence = freshName();
      const { once } = await join(get().store, sequence);
      const asked = draft();
      await once(1, asked);
      expect(await once(1, { ...asked, fingerprint: 'e'.repeat(64) })).toMatchObject({ kind: 'conflict' });
      expect(receiptOf(await once(1, draft())).ranges).toEqual([{ first: 2n, last: 2n }]);
    });

    test('says that a hash is taken by a request for another sequence', async () => {
      const { store, otherNode = store } = get();
      const asked = draft();
      const stranger = { ...asked, fingerprint: 'e'.repeat(64) };
      expect((await store.claim?.(asked)) ?? true).toBe(true);
      await (await join(store, freshName())).once(1, asked);
      expect((await store.claim?.(asked)) ?? true).toBe(true);
      const free = await otherNode.claim?.(stranger);
      const reply = await (await join(otherNode, freshName())).once(1, stranger);
      expect(free === false || reply.kind === 'conflict').toBe(true);
      expect((await store.claim?.({ ...stranger, atMs: NOW + RECEIPT_TTL_MS })) ?? true).toBe(true);
    });

    test('remembers for 24 h from the first request, by the clock of the caller, and not a moment longer', async () => {
      const { once } = await join(get().store, freshName());
      const asked = draft();
      await once(1, asked);
      for (const atMs of [NOW - 5_000, NOW + RECEIPT_TTL_MS - 1]) {
        expect(isReplay(await once(1, { ...asked, atMs }))).toBe(true);
      }
      const anew = await once(2, { ...asked, fingerprint: 'e'.repeat(64), atMs: NOW + RECEIPT_TTL_MS });
      expect([isReplay(anew), receiptOf(anew).ranges]).toEqual([false, [{ first: 2n, last: 3n }]]);
      expect(
        isReplay(await once(2, { ...asked, fingerprint: 'e'.repeat(64), atMs: NOW + 2 * RECEIPT_TTL_MS - 1 })),
      ).toBe(true);
    });

    test('takes all or nothing: past the limit neither a value nor a receipt', async () => {
      const { once } = await join(get().store, freshName(), { limit: 5n });
      const asked = draft();
      expect(await once(6, asked)).toMatchObject({ kind: 'exhausted', valuesLeft: 5n });
      expect(receiptOf(await once(5, asked)).ranges).toEqual([{ first: 1n, last: 5n }]);
      expect(await once(1, draft())).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
      expect(isReplay(await once(5, asked))).toBe(true);
    });

    test('is exact to 18446744073709551615', async () => {
      const { once } = await join(get().store, freshName(), { initialSeq: VALUE_MAX - 3n });
      const asked = draft();
      const first = await once(3, asked);
      expect(receiptOf(first).ranges).toEqual([{ first: VALUE_MAX - 2n, last: VALUE_MAX }]);
      expect(receiptOf(await once(3, asked))).toEqual(receiptOf(first));
      expect(await once(1, draft())).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
    });

    test('finds the receipt from the sequence of another period', async () => {
      const { store } = get();
      const last = freshName('2026');
      const asked = draft();
      const first = await (await join(store, last)).once(2, asked);
      const again = await (await join(store, { ...last, period: '2027' })).once(2, asked);
      expect([receiptOf(again), isReplay(again)]).toEqual([receiptOf(first), true]);
    });
  });
};
