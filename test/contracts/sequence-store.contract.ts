/** The contract of every sequence store: what `core/sequence-store.ts` promises, tried on the real thing. */
import { describe, expect, it } from 'vitest';
import { createCoalescingAllocator } from '../../src/allocators/coalescing-allocator.ts';
import { SequenceOverflowError } from '../../src/core/errors.ts';
import type { Range } from '../../src/core/range.ts';
import type { ReserveOutcome, ReserveRequest, SequenceName, SequenceStore } from '../../src/core/sequence-store.ts';
import { VALUE_MAX } from '../../src/core/value.ts';

export interface SequenceStoreUnderTest {
  readonly store: SequenceStore;
  /** Puts the last value taken into the store, as an operator would; any text. */
  preload(name: SequenceName, value: string): Promise<void> | void;
  /** The last value taken, as the store keeps it. */
  read(name: SequenceName): Promise<string | undefined> | string | undefined;
  /** Another store object on the same data, as another node has it; undefined when the store is for one process. */
  readonly otherNode?: SequenceStore;
}

let keys = 0;
const freshName = (): SequenceName => {
  keys += 1;
  return { prefixKey: `K${keys}`, period: '' };
};

const request = (sequence: SequenceName, count = 1, more: Partial<ReserveRequest> = {}): ReserveRequest => ({
  sequence,
  count,
  initialSeq: 0n,
  limit: VALUE_MAX,
  ...more,
});

const taken = (outcome: ReserveOutcome | undefined): Range => {
  if (outcome?.kind !== 'taken') throw new Error(`Expected a range, got ${JSON.stringify(outcome?.kind)}`);
  return outcome.range;
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

export const describeSequenceStore = (title: string, get: () => SequenceStoreUnderTest): void => {
  const reserveOne = async (asked: ReserveRequest): Promise<ReserveOutcome | undefined> =>
    (await get().store.reserve([asked]))[0];

  describe(`${title} keeps the contract of a sequence store`, () => {
    it('starts at initialSeq + 1', async () => {
      const name = freshName();
      expect(taken(await reserveOne(request(name, 1, { initialSeq: 1000n })))).toEqual({ first: 1001n, last: 1001n });
      expect(taken(await reserveOne(request(freshName())))).toEqual({ first: 1n, last: 1n });
    });

    it('hands out consecutive ranges of exactly the size asked for', async () => {
      const name = freshName();
      expect(taken(await reserveOne(request(name, 3)))).toEqual({ first: 1n, last: 3n });
      expect(taken(await reserveOne(request(name, 1)))).toEqual({ first: 4n, last: 4n });
      expect(taken(await reserveOne(request(name, 10_000)))).toEqual({ first: 5n, last: 10_004n });
      expect(await get().read(name)).toBe('10004');
    });

    it('never goes back when initialSeq is lowered, and goes on above it when it is raised', async () => {
      const name = freshName();
      await reserveOne(request(name, 1, { initialSeq: 50n }));
      expect(taken(await reserveOne(request(name, 1, { initialSeq: 0n })))).toEqual({ first: 52n, last: 52n });
      expect(taken(await reserveOne(request(name, 1, { initialSeq: 80n })))).toEqual({ first: 81n, last: 81n });
    });

    it('never lets 64 concurrent callers overlap, and leaves no hole', async () => {
      const name = freshName();
      const { store, otherNode = store } = get();
      const asked = Array.from({ length: 64 }, (_, index) => (index % 7) + 1);
      const outcomes = await Promise.all(
        asked.map((count, index) => (index % 2 === 0 ? store : otherNode).reserve([request(name, count)])),
      );
      const values = outcomes.flatMap(([outcome]) => valuesOf(taken(outcome)));
      const total = asked.reduce((sum, count) => sum + count, 0);
      expect(new Set(values).size).toBe(total);
      expect(values.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(valuesOf({ first: 1n, last: BigInt(total) }));
    });

    it('keeps look-alike names and periods apart', async () => {
      const base = `L${freshName().prefixKey}`;
      const names: SequenceName[] = [
        { prefixKey: base, period: '' },
        { prefixKey: base.toLowerCase(), period: '' },
        { prefixKey: `${base}:2026`, period: '' },
        { prefixKey: `${base}:state`, period: '' },
        { prefixKey: base, period: '2026' },
        { prefixKey: base, period: '2026-11' },
        { prefixKey: `${base}.2026`, period: '' },
      ];
      const outcomes = await get().store.reserve(names.map((name, index) => request(name, index + 1)));
      expect(outcomes.map((outcome) => taken(outcome))).toEqual(
        names.map((_, index) => ({ first: 1n, last: BigInt(index + 1) })),
      );
    });

    it('serves one sequence several times in one call, in order', async () => {
      const name = freshName();
      const outcomes = await get().store.reserve([request(name, 2), request(name, 3)]);
      expect(outcomes.map((outcome) => taken(outcome))).toEqual([
        { first: 1n, last: 2n },
        { first: 3n, last: 5n },
      ]);
    });

    it.each(BOUNDARIES)('is exact around %s', async (_title, boundary) => {
      const name = freshName();
      await get().preload(name, (boundary - 3n).toString());
      for (let value = boundary - 2n; value <= boundary + 2n; value += 1n) {
        expect(taken(await reserveOne(request(name)))).toEqual({ first: value, last: value });
        expect(await get().read(name)).toBe(value.toString());
      }
      expect(taken(await reserveOne(request(name, 10_000)))).toEqual({
        first: boundary + 3n,
        last: boundary + 10_002n,
      });
    });

    it.each(BOUNDARIES)('is exact when one range crosses %s', async (_title, boundary) => {
      const name = freshName();
      const outcome = await reserveOne(request(name, 5_000, { initialSeq: boundary - 2_500n }));
      expect(taken(outcome)).toEqual({ first: boundary - 2_499n, last: boundary + 2_500n });
      expect(await get().read(name)).toBe((boundary + 2_500n).toString());
    });

    it('refuses past 18446744073709551615 and moves nothing', async () => {
      const name = freshName();
      await get().preload(name, (VALUE_MAX - 1n).toString());
      expect(await reserveOne(request(name, 2))).toEqual({ kind: 'exhausted', valuesLeft: 1n });
      expect(taken(await reserveOne(request(name)))).toEqual({ first: VALUE_MAX, last: VALUE_MAX });
      expect(await reserveOne(request(name))).toEqual({ kind: 'exhausted', valuesLeft: 0n });
      expect(await get().read(name)).toBe('18446744073709551615');
    });

    it('lets callers meet SequenceOverflowError at 18446744073709551615', async () => {
      const name = freshName();
      await get().preload(name, '18446744073709551615');
      const allocator = createCoalescingAllocator(get().store);
      const work = allocator.allocate({ sequence: name, initialSeq: 0n, limit: VALUE_MAX }, 1);
      await expect(work).rejects.toThrow(SequenceOverflowError);
      expect(await get().read(name)).toBe('18446744073709551615');
    });

    it('refuses past the limit of the request and moves nothing', async () => {
      const name = freshName();
      await get().preload(name, '995');
      expect(await reserveOne(request(name, 5, { limit: 999n }))).toEqual({ kind: 'exhausted', valuesLeft: 4n });
      expect(taken(await reserveOne(request(name, 4, { limit: 999n })))).toEqual({ first: 996n, last: 999n });
      expect(await reserveOne(request(name, 1, { limit: 500n }))).toEqual({ kind: 'exhausted', valuesLeft: 0n });
      expect(await get().read(name)).toBe('999');
    });

    it('serves the neighbours of an exhausted sequence in the same call', async () => {
      const [full, fine] = [freshName(), freshName()];
      await get().preload(full, VALUE_MAX.toString());
      const outcomes = await get().store.reserve([request(fine), request(full), request(fine)]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'exhausted', 'taken']);
      expect(await get().read(fine)).toBe('2');
    });

    it.each(['abc', '-1', '1.5', '007', '1e3', ' 1', '18446744073709551616', '99999999999999999999999', ''])(
      'reports the counter "%s" as corrupt, harms no neighbour and does not touch it',
      async (text) => {
        const [broken, fine] = [freshName(), freshName()];
        await get().preload(broken, text);
        const outcomes = await get().store.reserve([request(fine), request(broken), request(fine)]);
        expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'failed', 'taken']);
        expect(outcomes[1]).toMatchObject({ error: { code: 'INTERNAL' } });
        expect(await get().read(broken)).toBe(text);
      },
    );

    it('serves a thousand sequences in one call', async () => {
      const names = Array.from({ length: 1_000 }, freshName);
      const outcomes = await get().store.reserve(names.map((name) => request(name)));
      expect(outcomes.every((outcome) => taken(outcome).last === 1n)).toBe(true);
    });

    it('says that it is healthy', async () => {
      await expect(get().store.checkHealth()).resolves.toBeUndefined();
    });
  });
};
