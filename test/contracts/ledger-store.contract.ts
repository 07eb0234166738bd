/** What every ledger promises: consecutive values, one row for each, reservations whose values come again, calls that are done once. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerAnswer, LedgerStore, LedgerTake, TakeOutcome } from '../../src/core/ledger/ledger-store.ts';
import type { Range } from '../../src/core/values/range.ts';
import { RECEIPT_TTL_MS, type ReceiptDraft } from '../../src/core/values/receipt.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';

export interface LedgerUnderTest {
  readonly store: LedgerStore;
  /** Lets time pass for the reservations that are there. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const TTL_MS = 60_000;
let series = 0;
/** A prefix key that no other test of the file uses. */
const freshKey = (): string => {
  series += 1;
  return `L${series}`;
};

const takeOf = (prefixKey: string, more: Partial<LedgerTake> = {}): LedgerTake => ({
  sequence: sequenceOf(seriesOf(prefixKey), ''),
  count: 1,
  initialSeq: 0n,
  limit: VALUE_MAX,
  print: (value) => `${prefixKey}-${value}`,
  subject: undefined,
  receipt: undefined,
  reservation: undefined,
  ...more,
});

const rangesText = (ranges: readonly Range[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(' ');

const textOf = (answer: LedgerAnswer): string => {
  switch (answer.kind) {
    case 'taken':
      return rangesText(answer.ranges);
    case 'exhausted':
      return `${answer.valuesLeft} left`;
    case 'receipt':
      return `again ${rangesText(answer.receipt.ranges)}`;
    case 'conflict':
    case 'behind':
    case 'share-held':
      return answer.kind;
  }
};

const answersOf = (outcome: TakeOutcome): readonly LedgerAnswer[] => {
  if (outcome.kind !== 'done') throw outcome.reason;
  return outcome.answers;
};

export const describeLedgerStore = (name: string, open: () => Promise<LedgerUnderTest>): void => {
  describe(`the ledger of ${name}`, () => {
    let ledger: LedgerUnderTest;
    let store: LedgerStore;

    beforeAll(async () => {
      ledger = await open();
      store = ledger.store;
    });

    afterAll(() => ledger.close());

    const take = async (...takes: LedgerTake[]): Promise<string[]> =>
      answersOf(await store.take(randomUUID(), takes)).map(textOf);
    const reserve = async (prefixKey: string, more: Partial<LedgerTake> = {}) => {
      const id = randomUUID();
      const [answer] = answersOf(
        await store.take(randomUUID(), [takeOf(prefixKey, { reservation: { id, ttlMs: TTL_MS }, ...more })]),
      );
      return { id, answer, values: answer && textOf(answer) };
    };
    const rowsOf = (prefixKey: string, period = '') =>
      store.listRows(sequenceOf(seriesOf(prefixKey), period), 0n, 1_000);
    const statesOf = async (prefixKey: string): Promise<string[]> =>
      (await rowsOf(prefixKey)).map(({ value, state }) => `${value} ${state}`);

    test('hands out consecutive values from initialSeq + 1, and writes a row for each', async () => {
      const key = freshKey();
      expect(await take(takeOf(key, { initialSeq: 100n, count: 2, subject: 'till-1' }))).toEqual(['101-102']);
      expect(await take(takeOf(key, { initialSeq: 100n }))).toEqual(['103']);
      const rows = await rowsOf(key);
      expect(rows.map(({ value, number }) => [value, number])).toEqual([
        [101n, `${key}-101`],
        [102n, `${key}-102`],
        [103n, `${key}-103`],
      ]);
      expect(rows[0]).toMatchObject({ state: 'issued', subject: 'till-1', keyHash: undefined, reservation: undefined });
      expect(rows[2]?.subject).toBeUndefined();
      expect(rows[0]?.takenAtMs).toBe(rows[0]?.changedAtMs);
    });

    test('goes on from where it stands whatever initialSeq says, for a leap would be a hole', async () => {
      const key = freshKey();
      await take(takeOf(key));
      expect(await take(takeOf(key, { initialSeq: 50n }))).toEqual(['2']);
    });

    test('serves takes of one sequence in their order, and those of several in one call', async () => {
      const [one, other] = [freshKey(), freshKey()];
      expect(await take(takeOf(one), takeOf(other, { count: 3 }), takeOf(one, { count: 2 }))).toEqual([
        '1',
        '1-3',
        '2-3',
      ]);
      expect(await take(takeOf(other), takeOf(one))).toEqual(['4', '4']);
    });

    test('counts each period by itself, and lists them', async () => {
      const prefixKey = freshKey();
      const inPeriod = (period: string) => takeOf(prefixKey, { sequence: sequenceOf(seriesOf(prefixKey), period) });
      expect(await take(inPeriod('2026'), inPeriod('2027'), inPeriod('2026'))).toEqual(['1', '1', '2']);
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 10)).toEqual(['2026', '2027']);
      expect(await store.listPeriods(seriesOf(prefixKey), '2026', 10)).toEqual(['2027']);
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 1)).toEqual(['2026']);
      expect(await rowsOf(prefixKey, '2027')).toHaveLength(1);
    });

    test('is exact up to 2^64 - 1, and gives all or nothing at the end of a series', async () => {
      const key = freshKey();
      const initialSeq = VALUE_MAX - 3n;
      expect(await take(takeOf(key, { initialSeq, count: 2 }), takeOf(key, { count: 2 }), takeOf(key))).toEqual([
        `${VALUE_MAX - 2n}-${VALUE_MAX - 1n}`,
        '1 left',
        `${VALUE_MAX}`,
      ]);
      expect(await take(takeOf(key))).toEqual(['0 left']);
      expect((await rowsOf(key)).map(({ value }) => value)).toEqual([VALUE_MAX - 2n, VALUE_MAX - 1n, VALUE_MAX]);
    });

    test('a limit of one request is no limit of the others', async () => {
      const key = freshKey();
      expect(await take(takeOf(key, { limit: 2n, count: 3 }), takeOf(key, { count: 3 }))).toEqual(['2 left', '1-3']);
    });

    test('moves forward once, with the range that is lost, however many takes go on beside it', async () => {
      const key = freshKey();
      await take(takeOf(key));
      const advance = (to: bigint, more: object = {}) =>
        store.advance({
          ...{ sequence: sequenceOf(seriesOf(key), ''), to, initialSeq: 0n, limit: 1_000n, lostMax: undefined },
          ...{ reason: 'why', subject: 'op', dryRun: false, ...more },
        });
      expect(await advance(100n, { lostMax: 98n })).toEqual({ kind: 'too-many', lost: 99n });
      expect(await advance(1n)).toEqual({ kind: 'behind', current: 1n });
      expect(await advance(1_001n)).toEqual({ kind: 'exhausted', valuesLeft: 999n });
      const [moved, ...taken] = await Promise.all([
        advance(100n),
        ...Array.from({ length: 10 }, () => take(takeOf(key))),
      ]);
      expect(moved).toMatchObject({ kind: 'advanced', to: 100n });
      const rows = await rowsOf(key);
      expect(rows.filter(({ state }) => state === 'lost')).toMatchObject([
        { last: 100n, reason: 'why', subject: 'op' },
      ]);
      expect(rows.reduce((next, { value, last }) => (value === next ? (last ?? value) + 1n : -1n), 1n)).toBe(
        BigInt(101 + taken.filter(([value]) => Number(value) > 100).length),
      );
      expect(await store.findRow(sequenceOf(seriesOf(key), ''), 99n)).toMatchObject({ state: 'lost', last: 100n });
      expect(await store.findRow(sequenceOf(seriesOf(key), ''), 1n)).toMatchObject({ value: 1n, state: 'issued' });
      expect(await store.findRow(sequenceOf(seriesOf(key), ''), 1_000n)).toBeUndefined();
    });

    test('pages through what is lost, single values and ranges, rising', async () => {
      const key = freshKey();
      const sequence = sequenceOf(seriesOf(key), '');
      const request = {
        sequence,
        initialSeq: 0n,
        limit: VALUE_MAX,
        lostMax: undefined,
        reason: 'why',
        subject: undefined,
      };
      for (const to of [10n, 20n, VALUE_MAX]) {
        const { id } = await reserve(key);
        await store.void(id, 'no');
        expect(await store.advance({ ...request, to, dryRun: false })).toMatchObject({ kind: 'advanced', free: 1n });
      }
      const pages = [];
      for (let after = 0n, page = await store.listLost(sequence, after, 2); page.length > 0; ) {
        pages.push(page.map(({ value, last }) => `${value}-${last ?? value}`));
        after = page.at(-1)?.value ?? 0n;
        page = await store.listLost(sequence, after, 2);
      }
      expect(pages).toEqual([
        ['1-1', '2-10'],
        ['11-11', '12-20'],
        ['21-21', `22-${VALUE_MAX}`],
      ]);
      expect(await store.inspect(sequence)).toEqual({ value: VALUE_MAX, free: 0n, lowestFree: undefined });
      expect(await take(takeOf(key))).toEqual(['0 left']);
    });

    test('a reservation that is confirmed stays, and confirming may be repeated', async () => {
      const key = freshKey();
      const { id, values, answer } = await reserve(key, { subject: 'till-2' });
      expect(values).toBe('1');
      const found = await store.findReservation(id);
      expect(found).toMatchObject({
        id,
        sequence: sequenceOf(seriesOf(key), ''),
        value: 1n,
        number: `${key}-1`,
        state: 'reserved',
      });
      expect(found).toMatchObject({ subject: 'till-2', endedAtMs: undefined, reason: undefined });
      expect(answer).toMatchObject({ expiresAtMs: found?.expiresAtMs });
      expect((found?.expiresAtMs ?? 0) - (found?.reservedAtMs ?? 0)).toBe(TTL_MS);
      expect(await statesOf(key)).toEqual(['1 reserved']);
      expect(await store.confirm(id)).toMatchObject({ ended: true, reservation: { state: 'confirmed' } });
      await ledger.pass(TTL_MS);
      expect(await store.confirm(id)).toMatchObject({ ended: true, reservation: { state: 'confirmed' } });
      expect(await store.void(id, 'too late')).toMatchObject({ ended: false, reservation: { reason: undefined } });
      expect(await statesOf(key)).toEqual(['1 confirmed']);
      expect(await take(takeOf(key))).toEqual(['2']);
    });

    test('the value of a voided reservation is the next one that is handed out, printed anew', async () => {
      const key = freshKey();
      const { id } = await reserve(key);
      await take(takeOf(key, { count: 2 }));
      expect(await store.void(id, 'customer left')).toMatchObject({
        ended: true,
        reservation: { state: 'void', reason: 'customer left' },
      });
      expect(await store.void(id, 'again')).toMatchObject({ ended: true, reservation: { reason: 'customer left' } });
      expect(await store.confirm(id)).toMatchObject({ ended: false, reservation: { state: 'void' } });
      expect(await statesOf(key)).toEqual(['1 void', '2 issued', '3 issued']);
      expect(await take(takeOf(key, { print: (value) => `later-${value}`, count: 2 }))).toEqual(['1 4']);
      expect(await statesOf(key)).toEqual(['1 issued', '2 issued', '3 issued', '4 issued']);
      expect((await rowsOf(key))[0]).toMatchObject({ number: 'later-1', reservation: undefined });
      expect(await store.findReservation(id)).toMatchObject({ state: 'void', number: `${key}-1` });
    });

    test('a reservation ends by itself at its time, and its value comes again, the lowest first', async () => {
      const key = freshKey();
      const first = await reserve(key);
      const second = await reserve(key);
      const third = await reserve(key);
      await store.confirm(second.id);
      await ledger.pass(TTL_MS - 2_000);
      expect(await store.findReservation(first.id)).toMatchObject({ state: 'reserved' });
      expect(await take(takeOf(key))).toEqual(['4']);
      await ledger.pass(2_001);
      const expired = await store.findReservation(first.id);
      expect(expired).toMatchObject({ state: 'expired', reason: undefined });
      expect(expired?.endedAtMs).toBe(expired?.expiresAtMs);
      expect(await statesOf(key)).toEqual(['1 void', '2 confirmed', '3 void', '4 issued']);
      expect(await store.confirm(first.id)).toMatchObject({ ended: false, reservation: { state: 'expired' } });
      expect(await store.void(third.id, 'late')).toMatchObject({ ended: false, reservation: { state: 'expired' } });
      expect(await take(takeOf(key), takeOf(key, { count: 2 }))).toEqual(['1', '3 5']);
      // What has taken the value since is not touched by the reservation that had it before.
      expect(await store.confirm(first.id)).toMatchObject({ ended: false, reservation: { state: 'expired' } });
      expect(await store.void(third.id, 'late')).toMatchObject({ ended: false });
      expect(await statesOf(key)).toEqual(['1 issued', '2 confirmed', '3 issued', '4 issued', '5 issued']);
    });

    test('a caller has no more reservations open than its share, in one call or in many; ended ones make room', async () => {
      const key = freshKey();
      const shared = (name: string, id = randomUUID()) =>
        takeOf(key, { reservation: { id, ttlMs: TTL_MS, share: { name: `${name} of ${key}`, max: 3 } } });
      const ids = Array.from({ length: 6 }, () => randomUUID());
      const mine = ids.map((id) => shared('mine', id));
      expect(await take(shared('other'), ...mine.slice(0, 4), shared('other'), takeOf(key))).toEqual([
        ...['1', '2', '3', '4', 'share-held', '5', '6'],
      ]);
      expect(await take(mine[4] as LedgerTake)).toEqual(['share-held']);
      expect(await store.findReservation(ids[4] ?? '')).toBeUndefined();
      await store.confirm(ids[0] ?? '');
      expect(await take(mine[4] as LedgerTake, mine[5] as LedgerTake)).toEqual(['7', 'share-held']);
      await store.void(ids[1] ?? '', 'not needed');
      expect(await take(mine[5] as LedgerTake, shared('mine'))).toEqual(['3', 'share-held']);
      await ledger.pass(TTL_MS + 1);
      expect(await take(shared('mine'), shared('mine'), shared('mine'), shared('mine'))).toEqual([
        ...['1', '3', '4', 'share-held'],
      ]);
    });

    test('keeps every reservation as the history of the value, in pages', async () => {
      const key = freshKey();
      const ids: string[] = [];
      for (const reason of ['first', 'second']) {
        const { id, values } = await reserve(key);
        expect(values).toBe('1');
        await store.void(id, reason);
        ids.push(id);
        await ledger.pass(5);
      }
      const third = await reserve(key);
      const fourth = await reserve(key);
      const sequence = sequenceOf(seriesOf(key), '');
      const all = await store.listReservations(sequence, undefined, 10);
      expect(all.map(({ value, state, reason }) => [value, state, reason])).toEqual([
        [1n, 'void', 'first'],
        [1n, 'void', 'second'],
        [1n, 'reserved', undefined],
        [2n, 'reserved', undefined],
      ]);
      expect(all.map(({ id }) => id)).toEqual([...ids, third.id, fourth.id]);
      const page = await store.listReservations(sequence, undefined, 3);
      expect(page).toEqual(all.slice(0, 3));
      expect(await store.listReservations(sequence, page[2], 3)).toEqual(all.slice(3));
      expect(await store.listReservations({ ...sequence, period: 'other' }, undefined, 3)).toEqual([]);
    });

    test('lists rows in pages, after a value', async () => {
      const key = freshKey();
      await take(takeOf(key, { count: 5 }));
      const sequence = sequenceOf(seriesOf(key), '');
      expect((await store.listRows(sequence, 0n, 2)).map(({ value }) => value)).toEqual([1n, 2n]);
      expect((await store.listRows(sequence, 2n, 10)).map(({ value }) => value)).toEqual([3n, 4n, 5n]);
      expect(await store.listRows(sequence, 5n, 10)).toEqual([]);
    });

    test('says where a sequence stands, and what comes again', async () => {
      const key = freshKey();
      const sequence = sequenceOf(seriesOf(key), '');
      expect(await store.inspect(sequence)).toEqual({ value: undefined, free: 0n, lowestFree: undefined });
      const { id } = await reserve(key);
      await reserve(key);
      await take(takeOf(key));
      expect(await store.inspect(sequence)).toEqual({ value: 3n, free: 0n, lowestFree: undefined });
      await store.void(id, 'no');
      expect(await store.inspect(sequence)).toEqual({ value: 3n, free: 1n, lowestFree: 1n });
      await ledger.pass(TTL_MS);
      expect(await store.inspect(sequence)).toEqual({ value: 3n, free: 2n, lowestFree: 1n });
    });

    test('does not count what came free above the limit', async () => {
      const key = freshKey();
      const sequence = sequenceOf(seriesOf(key), '');
      const { id } = await reserve(key);
      const { id: second } = await reserve(key);
      await store.void(id, 'no');
      await store.void(second, 'no');
      expect(await store.inspect(sequence, 1n)).toEqual({ value: 2n, free: 1n, lowestFree: 1n });
      expect(await store.inspect(sequence, 2n)).toEqual({ value: 2n, free: 2n, lowestFree: 1n });
    });

    test('does not know reservations that nobody made', async () => {
      const id = randomUUID();
      expect(await store.findReservation(id)).toBeUndefined();
      expect(await store.confirm(id)).toBeUndefined();
      expect(await store.void(id, 'no')).toBeUndefined();
    });

    const draftOf = (hash: string, more: Partial<ReceiptDraft> = {}): ReceiptDraft => ({
      hash,
      fingerprint: 'f',
      atMs: Date.parse('2026-11-21T12:00:00Z'),
      series: '{"format":"as it was"}',
      ...more,
    });

    test('gives a request with a receipt the same values again, and another one under its hash nothing', async () => {
      const key = freshKey();
      const draft = draftOf(key);
      const keyed = takeOf(key, { count: 2, receipt: draft });
      const reserved = await reserve(key);
      await take(takeOf(key));
      await store.void(reserved.id, 'no');
      expect(await take(keyed)).toEqual(['1 3']);
      const again = takeOf(key, {
        count: 2,
        receipt: { ...draft, atMs: draft.atMs + RECEIPT_TTL_MS - 1, series: 'new' },
      });
      const other = takeOf(key, { receipt: draftOf(key, { fingerprint: 'g' }) });
      expect(await take(again, other, takeOf(key))).toEqual(['again 1 3', 'conflict', '4']);
      const [answer] = answersOf(await store.take(randomUUID(), [keyed]));
      const receipt = { fingerprint: 'f', atMs: draft.atMs, period: '', series: draft.series };
      expect(answer).toMatchObject({ kind: 'receipt', receipt });
      expect((await rowsOf(key)).map(({ keyHash }) => keyHash)).toEqual([key, undefined, key, undefined]);
      expect(await statesOf(key)).toEqual(['1 issued', '2 issued', '3 issued', '4 issued']);
    });

    test('forgets a receipt after its time, and one that was refused is not kept', async () => {
      const key = freshKey();
      const draft = draftOf(key);
      expect(await take(takeOf(key, { receipt: draft, limit: 1n, count: 2 }))).toEqual(['1 left']);
      expect(await take(takeOf(key, { receipt: draft }))).toEqual(['1']);
      const later = draftOf(key, { atMs: draft.atMs + RECEIPT_TTL_MS });
      expect(await take(takeOf(key, { receipt: later }))).toEqual(['2']);
      expect(await take(takeOf(key, { receipt: later }))).toEqual(['again 2']);
    });

    test('serves one request of many that come under one key at the same time', async () => {
      const key = freshKey();
      const keyed = takeOf(key, { receipt: draftOf(key) });
      const answers = await Promise.all(Array.from({ length: 20 }, () => take(keyed)));
      expect(answers.flat().toSorted()).toEqual(['1', ...Array.from({ length: 19 }, () => 'again 1')]);
      expect(await statesOf(key)).toEqual(['1 issued']);
    });

    test('serves calls that come at the same time without a hole, a double or a row too many', async () => {
      const key = freshKey();
      const calls = Array.from({ length: 40 }, (_, index) =>
        take(takeOf(key, { count: 1 + (index % 3) }), takeOf(key)),
      );
      const numbers = (await Promise.all(calls)).flat().flatMap((text) => {
        const [first = '', last = first] = text.split('-');
        return Array.from({ length: Number(last) - Number(first) + 1 }, (_, offset) => Number(first) + offset);
      });
      expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
      expect((await rowsOf(key)).map(({ value }) => Number(value))).toEqual(numbers.map((_, index) => index + 1));
    });

    test('can be asked for its health', async () => {
      await expect(store.checkHealth()).resolves.toBeUndefined();
    });
  });
};
