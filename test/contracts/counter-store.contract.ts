/** The contract of every counter store: what `core/counter/counter-store.ts` promises, tried on the real thing. */
import { describe, expect, test } from 'vitest';
import { createCounterAllocator } from '../../src/allocators/counter/counter-allocator.ts';
import { ceilingAbove } from '../../src/allocators/counter/machine/ceiling-window.ts';
import type { AdvanceRequest, CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import { SequenceOverflowError } from '../../src/core/errors.ts';
import type { Range } from '../../src/core/values/range.ts';
import { type SequenceId, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { call as plainCall, report, withoutFence } from '../support/sequence-under-test.ts';

export interface CounterStoreUnderTest {
  readonly store: CounterStore;
  /** Puts the last value taken into the store, as an operator would; any text. */
  preload(name: SequenceId, value: string): Promise<void> | void;
  /** The last value taken, as the store keeps it. */
  read(name: SequenceId): Promise<string | undefined> | string | undefined;
  /** Another store object on the same data, as another node has it; undefined when the store is for one process. */
  readonly otherNode?: CounterStore;
}

let keys = 0;
const freshName = (): SequenceId => {
  keys += 1;
  return sequenceOf(seriesOf(`K${keys}`), '');
};

let nodes = 0;

/** The first call of a node nobody knows yet, which wants no standby. */
export const call = (sequence: SequenceId, count = 1, more: Partial<CounterCall> = {}): CounterCall => {
  nodes += 1;
  return plainCall({ sequence, node: `node${nodes}`, count, standbySize: 0, ...more });
};

const advanceTo = (sequence: SequenceId, to: bigint, more: Partial<AdvanceRequest> = {}): AdvanceRequest => {
  nodes += 1;
  const operation = `advance${nodes}`;
  return { sequence, operation, to, initialSeq: 0n, limit: VALUE_MAX, epoch: 0n, window: 10_000, ...more };
};

/** Has the store count on from what an operator has left there. */
const recover = async (store: CounterStore, asked: CounterCall): Promise<CounterReply> => {
  const { sequence, initialSeq, limit, window } = asked;
  const [reply] = (await store.fence?.report([report({ sequence, initialSeq })])) ?? [];
  if (reply?.kind === 'corrupt') return reply;
  if (reply?.kind !== 'waiting') throw new Error(`Expected a recovery, got ${reply?.kind}`);
  const { recovery, highest } = reply;
  const ceiling = ceilingAbove(highest, window);
  const end = { sequence, recovery, epoch: 0n, ceiling, base: 0n, jumpTo: undefined, account: undefined };
  await store.fence?.install({ ...end, initialSeq, limit, window });
  const [again] = await store.reserve([asked]);
  if (again === undefined) throw new Error('no reply');
  return again;
};

/** What a store replies, recovered where it must be; so all stores reply alike. */
export const reserve = async (store: CounterStore, calls: readonly CounterCall[]): Promise<readonly CounterReply[]> => {
  const replies = [...(await store.reserve(calls))];
  for (const [index, asked] of calls.entries()) {
    if (replies[index]?.kind === 'recovering') replies[index] = await recover(store, asked);
  }
  return replies.map(withoutFence);
};

const taken = (reply: CounterReply | undefined): Range => {
  if (reply?.kind !== 'taken') throw new Error(`Expected a range, got ${JSON.stringify(reply?.kind)}`);
  return reply.range;
};

const valuesOf = ({ first, last }: Range): bigint[] =>
  Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index));

const BOUNDARIES: readonly (readonly [string, bigint])[] = [
  ['10^10', 10n ** 10n],
  ['10^14', 10n ** 14n],
  ['10^15', 10n ** 15n],
  ['2^53', 2n ** 53n],
  ['2^63', 2n ** 63n],
  ['10^19', 10n ** 19n],
];

export const describeCounterStore = (title: string, get: () => CounterStoreUnderTest): void => {
  const reserveOne = async (asked: CounterCall): Promise<CounterReply | undefined> =>
    (await reserve(get().store, [asked]))[0];

  /** The epoch in which a call was served: a store that has epochs tells it again when the call is repeated. */
  const epochAfter = async (asked: CounterCall): Promise<bigint> => {
    if (get().store.fence === undefined) return 0n;
    const [reply] = await get().store.reserve([asked]);
    return reply?.fence?.epoch ?? 0n;
  };

  describe(`${title} keeps the contract of a counter store`, () => {
    test('starts at initialSeq + 1', async () => {
      const name = freshName();
      expect(taken(await reserveOne(call(name, 1, { initialSeq: 1000n })))).toEqual({ first: 1001n, last: 1001n });
      expect(taken(await reserveOne(call(freshName())))).toEqual({ first: 1n, last: 1n });
    });

    test('hands out consecutive ranges of exactly the size asked for', async () => {
      const name = freshName();
      expect(taken(await reserveOne(call(name, 3)))).toEqual({ first: 1n, last: 3n });
      expect(taken(await reserveOne(call(name, 1)))).toEqual({ first: 4n, last: 4n });
      expect(taken(await reserveOne(call(name, 10_000)))).toEqual({ first: 5n, last: 10_004n });
      expect(await get().read(name)).toBe('10004');
    });

    test('hands out again what is given back, and no value twice', async () => {
      const name = freshName();
      const first = call(name, 5);
      expect(taken(await reserveOne(first))).toEqual({ first: 1n, last: 5n });
      const next = { ...first, kind: 'take', call: 2, count: 2, epoch: await epochAfter(first), seen: 5n } as const;
      expect(taken(await reserveOne({ ...next, returned: [{ first: 4n, last: 5n }] }))).toEqual({
        first: 4n,
        last: 5n,
      });
      expect(taken(await reserveOne({ ...next, call: 3 }))).toEqual({ first: 6n, last: 7n });
      expect(await get().store.countGaps(name)).toBe(0);
    });

    test('records what is given back at or below a raised initialSeq as advanced, and hands it out no more', async () => {
      const name = freshName();
      const first = call(name, 5);
      await reserveOne(first);
      const next = { ...first, kind: 'take', call: 2, count: 2, epoch: await epochAfter(first), seen: 5n } as const;
      const returned = [{ first: 4n, last: 5n }];
      expect(taken(await reserveOne({ ...next, initialSeq: 30n, returned }))).toEqual({ first: 31n, last: 32n });
      const gaps = await get().store.listGaps(name, 0n, 9);
      expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['advance']));
      expect(gaps.flatMap(({ range }) => valuesOf(range))).toEqual(valuesOf({ first: 4n, last: 30n }));
    });

    test('gives nothing more of a sequence that is closed, neither values nor an advance; the first closure stays', async () => {
      const name = { ...freshName(), period: '2025' };
      expect(taken(await reserveOne(call(name, 2)))).toEqual({ first: 1n, last: 2n });
      const { store, otherNode = store } = get();
      const first = {
        ...{ reason: 'Filed on 5 January, with all its "quotes"', closedAtMs: 1_700_000_000_000 },
        ...{ subject: 'alice {"a"}', requestId: 'r-1' },
      };
      expect(await store.close(name, first)).toEqual(first);
      const again = { reason: 'Again', closedAtMs: 1_800_000_000_000, subject: 'bob', requestId: 'r-2' };
      expect(await otherNode.close(name, again)).toEqual(first);
      expect(await reserve(store, [call(name)])).toEqual([{ kind: 'closed', standby: { kind: 'keep' } }]);
      expect(await reserve(otherNode, [call(name, 3)])).toEqual([{ kind: 'closed', standby: { kind: 'keep' } }]);
      expect(await store.advance(advanceTo(name, 9n))).toEqual({ kind: 'closed' });
      expect(await store.inspect(name)).toMatchObject({ value: 2n, closed: first });
    });

    test('keeps a closure of somebody who showed no name', async () => {
      const name = { ...freshName(), period: '2025' };
      const closure = { reason: 'Filed {"as": 1}', closedAtMs: 1 };
      expect(await get().store.close(name, closure)).toEqual(closure);
      expect(await get().store.inspect(name)).toMatchObject({ closed: closure });
    });

    test('closes a sequence that nobody has counted yet, and no other one', async () => {
      const name = { ...freshName(), period: '2025' };
      await get().store.close(name, { reason: 'Never used', closedAtMs: 1 });
      expect(await reserveOne(call(name))).toMatchObject({ kind: 'closed' });
      expect(taken(await reserveOne(call({ ...name, period: '2026' })))).toEqual({ first: 1n, last: 1n });
    });

    test('answers a closed sequence’s neighbours in the same trip', async () => {
      const [closed, open] = [{ ...freshName(), period: '2025' }, freshName()];
      await get().store.close(closed, { reason: 'Over', closedAtMs: 1 });
      const replies = await reserve(get().store, [call(closed), call(open)]);
      expect(replies.map(({ kind }) => kind)).toEqual(['closed', 'taken']);
    });

    test('never goes back when initialSeq is lowered, and goes on above it when it is raised', async () => {
      const name = freshName();
      await reserveOne(call(name, 1, { initialSeq: 50n }));
      expect(taken(await reserveOne(call(name, 1, { initialSeq: 0n })))).toEqual({ first: 52n, last: 52n });
      expect(taken(await reserveOne(call(name, 1, { initialSeq: 80n })))).toEqual({ first: 81n, last: 81n });
    });

    test('never lets 64 concurrent callers overlap, and leaves no hole', async () => {
      const name = freshName();
      const { store, otherNode = store } = get();
      const asked = Array.from({ length: 64 }, (_, index) => (index % 7) + 1);
      const outcomes = await Promise.all(
        asked.map((count, index) => reserve(index % 2 === 0 ? store : otherNode, [call(name, count)])),
      );
      const values = outcomes.flatMap(([outcome]) => valuesOf(taken(outcome)));
      const total = asked.reduce((sum, count) => sum + count, 0);
      expect(new Set(values).size).toBe(total);
      expect(values.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(valuesOf({ first: 1n, last: BigInt(total) }));
    });

    test('keeps look-alike names and periods apart', async () => {
      const base = `L${freshName().series.prefixKey}`;
      const names: SequenceId[] = [
        sequenceOf(seriesOf(base), ''),
        sequenceOf(seriesOf(base.toLowerCase()), ''),
        sequenceOf(seriesOf(`${base}:2026`), ''),
        sequenceOf(seriesOf(`${base}:state`), ''),
        sequenceOf(seriesOf(base), '2026'),
        sequenceOf(seriesOf(base), '2026-11'),
        sequenceOf(seriesOf(`${base}.2026`), ''),
      ];
      const outcomes = await reserve(
        get().store,
        names.map((name, index) => call(name, index + 1)),
      );
      expect(outcomes.map((outcome) => taken(outcome))).toEqual(
        names.map((_, index) => ({ first: 1n, last: BigInt(index + 1) })),
      );
    });

    test.each(BOUNDARIES)('is exact around %s', async (_title, boundary) => {
      const name = freshName();
      await get().preload(name, (boundary - 3n).toString());
      for (let value = boundary - 2n; value <= boundary + 2n; value += 1n) {
        expect(taken(await reserveOne(call(name)))).toEqual({ first: value, last: value });
        expect(await get().read(name)).toBe(value.toString());
      }
      expect(taken(await reserveOne(call(name, 10_000)))).toEqual({
        first: boundary + 3n,
        last: boundary + 10_002n,
      });
    });

    test.each(BOUNDARIES)('is exact when one range crosses %s', async (_title, boundary) => {
      const name = freshName();
      const outcome = await reserveOne(call(name, 5_000, { initialSeq: boundary - 2_500n }));
      expect(taken(outcome)).toEqual({ first: boundary - 2_499n, last: boundary + 2_500n });
      expect(await get().read(name)).toBe((boundary + 2_500n).toString());
    });

    test('refuses past 18446744073709551615 and moves nothing', async () => {
      const name = freshName();
      await get().preload(name, (VALUE_MAX - 1n).toString());
      expect(await reserveOne(call(name, 2))).toMatchObject({ kind: 'exhausted', valuesLeft: 1n });
      expect(taken(await reserveOne(call(name)))).toEqual({ first: VALUE_MAX, last: VALUE_MAX });
      expect(await reserveOne(call(name))).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
      expect(await get().read(name)).toBe('18446744073709551615');
    });

    test('lets callers meet SequenceOverflowError at 18446744073709551615', async () => {
      const name = freshName();
      await get().preload(name, '18446744073709551615');
      await reserveOne(call(name, 0));
      const allocator = createCounterAllocator({ store: get().store, node: 'overflowing', emit: () => undefined });
      const target = { name: 'X', sequence: name, initialSeq: 0n, limit: VALUE_MAX, standbySize: 1_000 };
      await expect(allocator.allocate(target, 1)).rejects.toThrow(SequenceOverflowError);
      await allocator.close();
      expect(await get().read(name)).toBe('18446744073709551615');
    });

    test('refuses past the limit of the request and moves nothing', async () => {
      const name = freshName();
      await get().preload(name, '995');
      expect(await reserveOne(call(name, 5, { limit: 999n }))).toMatchObject({ kind: 'exhausted', valuesLeft: 4n });
      expect(taken(await reserveOne(call(name, 4, { limit: 999n })))).toEqual({ first: 996n, last: 999n });
      expect(await reserveOne(call(name, 1, { limit: 500n }))).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
      expect(await get().read(name)).toBe('999');
    });

    test('serves the neighbours of an exhausted sequence in the same call', async () => {
      const [full, fine, other] = [freshName(), freshName(), freshName()];
      await get().preload(full, VALUE_MAX.toString());
      const outcomes = await reserve(get().store, [call(fine), call(full), call(other)]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'exhausted', 'taken']);
      expect(await get().read(other)).toBe('1');
    });

    test.each(['abc', '-1', '1.5', '007', '1e3', ' 1', '18446744073709551616', '99999999999999999999999', ''])(
      'reports the counter "%s" as corrupt, harms no neighbour and does not touch it',
      async (text) => {
        const [broken, fine, other] = [freshName(), freshName(), freshName()];
        await get().preload(broken, text);
        const outcomes = await reserve(get().store, [call(fine), call(broken), call(other)]);
        expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'corrupt', 'taken']);
        expect(await get().read(broken)).toBe(text);
      },
    );

    test('takes nothing when a call only reports', async () => {
      const name = freshName();
      expect(await reserveOne(call(name, 0))).toMatchObject({ kind: 'nothing' });
      expect(taken(await reserveOne(call(name))).first).toBe(1n);
    });

    test('advances forward only, and records what is skipped', async () => {
      const name = freshName();
      await reserveOne(call(name, 5));
      expect(await get().store.advance(advanceTo(name, 5n))).toEqual({ kind: 'behind', current: 5n });
      expect(await get().store.advance(advanceTo(name, 10n, { limit: 9n }))).toMatchObject({ kind: 'exhausted' });
      expect(await get().store.advance(advanceTo(name, 10n))).toEqual({ kind: 'advanced', from: 5n, to: 10n });
      expect(taken(await reserveOne(call(name))).first).toBe(11n);
      const gaps = await get().store.listGaps(name, 0n, 10);
      expect(gaps).toMatchObject([{ range: { first: 6n, last: 10n }, reason: 'advance', node: undefined }]);
      expect(Math.abs((gaps[0]?.recordedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    test('records what a raised initialSeq skips, and lists the gaps page by page in rising order', async () => {
      const name = freshName();
      await reserveOne(call(name, 5));
      await reserveOne(call(name, 1, { initialSeq: 8n }));
      await get().store.advance(advanceTo(name, 10n ** 19n));
      await get().store.advance(advanceTo(name, 10n ** 19n + 5n));
      const first = await get().store.listGaps(name, 0n, 2);
      expect(first.map(({ range }) => [range.first, range.last])).toEqual([
        [6n, 8n],
        [10n, 10n ** 19n],
      ]);
      const second = await get().store.listGaps(name, 10n, 2);
      expect(second.map(({ range }) => [range.first, range.last])).toEqual([[10n ** 19n + 1n, 10n ** 19n + 5n]]);
      expect([await get().store.countGaps(name), await get().store.countGaps(freshName())]).toEqual([3, 0]);
    });

    test('lists the periods in which a prefix has counted, in pages, when it lists them at all', async () => {
      const { store } = get();
      const { prefixKey } = freshName().series;
      for (const key of [prefixKey, `${prefixKey}X`]) {
        for (const period of ['2027', '', '2026']) await reserveOne(call(sequenceOf(seriesOf(key), period)));
      }
      if (store.listPeriods === undefined) return expect(store.fence).toBeDefined();
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 10)).toEqual(['', '2026', '2027']);
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 1)).toEqual(['']);
      expect(await store.listPeriods(seriesOf(prefixKey), '', 10)).toEqual(['2026', '2027']);
      expect(await store.listPeriods(seriesOf('unknown'), undefined, 10)).toEqual([]);
    });

    test('shows where a sequence stands without moving it', async () => {
      const name = freshName();
      const nothing = { free: [], ahead: [], recovering: false };
      expect(await get().store.inspect(name)).toMatchObject({ ...nothing, value: undefined, origin: undefined });
      await reserveOne(call(name, 7));
      expect(await get().store.inspect(name)).toMatchObject({ ...nothing, value: 7n });
      expect(await get().read(name)).toBe('7');
      const broken = freshName();
      await get().preload(broken, 'abc');
      await expect(get().store.inspect(broken)).rejects.toMatchObject({ code: 'INTERNAL' });
    });

    test('remembers the value before the first, whatever initialSeq says later', async () => {
      const [taken, advanced] = [freshName(), freshName()];
      await reserveOne(call(taken, 1, { initialSeq: 1_000n }));
      await get().store.advance(advanceTo(advanced, 2_000n, { initialSeq: 1_000n }));
      for (const name of [taken, advanced]) {
        expect((await get().store.inspect(name)).origin).toBe(1_000n);
        for (const initialSeq of [5_000n, 0n]) await reserveOne(call(name, 1, { initialSeq }));
        expect((await get().store.inspect(name)).origin).toBe(1_000n);
      }
    });

    test('says that the gap record has changed when values below the counter came into it', async () => {
      const name = freshName();
      await reserveOne(call(name, 5));
      const before = await get().store.inspect(name);
      await reserveOne(call(name, 5));
      expect((await get().store.inspect(name)).changes).toBe(before.changes);
      await get().store.advance(advanceTo(name, 20n));
      const after = await get().store.inspect(name);
      // Where values come into the record only together with the counter that passes them, the value says it.
      expect([after.value, after.changes]).not.toEqual([10n, before.changes]);
    });

    test('serves a thousand sequences in one call', async () => {
      const names = Array.from({ length: 1_000 }, freshName);
      const outcomes = await reserve(
        get().store,
        names.map((name) => call(name)),
      );
      expect(outcomes.every((outcome) => taken(outcome).last === 1n)).toBe(true);
    });

    test('says that it is healthy', async () => {
      await expect(get().store.checkHealth()).resolves.toBeUndefined();
    });
  });
};
