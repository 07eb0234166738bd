/** The runs of a report: every value once, and the gap record has the last word. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createTally,
  joinRuns,
  layGaps,
  originAtMost,
  type Run,
  type RunState,
  runsOfState,
} from '../../../../src/core/counter/completeness.ts';
import type { SequenceState } from '../../../../src/core/counter/counter-store.ts';
import type { Gap } from '../../../../src/core/values/gap.ts';
import type { Range } from '../../../../src/core/values/range.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const stateOf = (fields: Partial<SequenceState>): SequenceState => ({
  ...{ value: undefined, origin: undefined, free: [], ahead: [], changes: '', recovering: false, closed: undefined },
  ...fields,
});
const gapOf = (first: bigint, last: bigint): Gap => ({
  range: { first, last },
  reason: 'node-crash',
  node: 'n1',
  recordedAtMs: 1,
});
const short = (runs: readonly Run[]): string =>
  runs.map(({ state, first, last }) => `${state} ${first}-${last}`).join(', ');

describe('a state alone', () => {
  test('in which nobody counted says nothing', () => {
    expect(runsOfState(stateOf({}), 0n)).toEqual([]);
    expect(runsOfState(stateOf({ ahead: [{ first: 3n, last: 4n, node: 'n1' }] }), 0n)).toEqual([]);
  });

  test('tells issued, given back, held by a node, used ahead, and not yet come to', () => {
    const state = stateOf({
      value: 20n,
      free: [{ first: 5n, last: 6n }],
      ahead: [
        { first: 31n, last: 32n, node: undefined },
        { first: 33n, last: 40n, node: 'n2' },
      ],
    });
    const runs = runsOfState(state, 0n);
    expect(short(runs)).toBe('issued 1-4, held 5-6, issued 7-20, open 21-30, issued 31-32, held 33-40');
    expect(runs[1]).toMatchObject({ reason: 'returned' });
    expect(runs[5]).toMatchObject({ reason: 'standby', node: 'n2' });
  });

  test('begins above everything below the value before the first', () => {
    expect(short(runsOfState(stateOf({ value: 20n, free: [{ first: 8n, last: 12n }] }), 9n))).toBe(
      'held 10-12, issued 13-20',
    );
    const free = [
      { first: 10n, last: 10n },
      { first: 2n, last: 5n },
    ];
    expect(short(runsOfState(stateOf({ value: 20n, free }), 9n))).toBe('held 10-10, issued 11-20');
  });

  test('tells values given back in rising order, in whatever order the store has them', () => {
    const free = [
      { first: 8n, last: 9n },
      { first: 2n, last: 3n },
      { first: 5n, last: 5n },
    ];
    const runs = 'issued 1-1, held 2-3, issued 4-4, held 5-5, issued 6-7, held 8-9, issued 10-10';
    expect(short(runsOfState(stateOf({ value: 10n, free }), 0n))).toBe(runs);
  });

  test('tells a value once that was given back and held when the state was read', () => {
    const state = stateOf({ value: 6n, free: [{ first: 3n, last: 6n }], ahead: [{ first: 4n, last: 5n, node: 'n1' }] });
    expect(short(runsOfState(state, 0n))).toBe('issued 1-2, held 3-6');
  });
});

describe('where a sequence began', () => {
  test.each([
    ['anywhere up to the counter', { value: 9n }, [], 9n],
    ['before the lowest gap', { value: 9n }, [gapOf(2n, 4n), gapOf(6n, 6n)], 1n],
    ['before the lowest value given back', { value: 9n, free: [{ first: 1n, last: 1n }] }, [], 0n],
    ['nowhere, when nobody has counted', {}, [], undefined],
    ['nowhere, when nobody has counted and values were passed over', {}, [gapOf(2n, 4n)], undefined],
  ])('is %s, where the store does not know it', (_where, fields, gaps, expected) => {
    expect(originAtMost(stateOf(fields), gaps)).toBe(expected);
  });
});

test('runs are joined when the same is said of both, and of no others', () => {
  const one: Run = { first: 1n, last: 2n, state: 'issued' };
  expect(joinRuns(one, { first: 3n, last: 4n, state: 'issued' })).toEqual({ ...one, last: 4n });
  expect(joinRuns(one, { first: 4n, last: 4n, state: 'issued' })).toBeUndefined();
  expect(joinRuns(one, { first: 3n, last: 4n, state: 'held' })).toBeUndefined();
  expect(joinRuns({ ...one, reason: 'a' }, { first: 3n, last: 4n, state: 'issued', reason: 'b' })).toBeUndefined();
  expect(joinRuns({ ...one, atMs: 1 }, { first: 3n, last: 4n, state: 'issued', atMs: 2 })).toBeUndefined();
  expect(joinRuns({ ...one, node: 'a' }, { first: 3n, last: 4n, state: 'issued', node: 'b' })).toBeUndefined();
});

test('a tally refuses runs between which a value is missing, or told twice', () => {
  for (const first of [2n, 4n]) {
    const tally = createTally();
    tally.add({ first: 1n, last: 2n, state: 'issued' });
    expect(() => tally.add({ first, last: 9n, state: 'issued' })).toThrow(/follows 2/);
  }
});

test('a tally says how many values are in each state, and which are the first and the last', () => {
  const tally = createTally();
  const none = { issued: 0n, confirmed: 0n, reserved: 0n, void: 0n, lost: 0n, gap: 0n, held: 0n, open: 0n };
  expect(tally.total()).toEqual({ first: undefined, last: undefined, counts: none });
  tally.add({ first: 4n, last: 6n, state: 'issued' });
  const early = tally.total();
  tally.add({ first: 7n, last: 7n, state: 'gap' });
  tally.add({ first: 8n, last: 9n, state: 'issued' });
  expect(tally.total()).toEqual({ first: 4n, last: 9n, counts: { ...none, issued: 5n, gap: 1n } });
  expect(early).toEqual({ first: 4n, last: 6n, counts: { ...none, issued: 3n } });
});

test('gaps of a sequence in which nobody counted say nothing', () => {
  expect(layGaps([], [gapOf(1n, 4n)], 1n, true)).toEqual([]);
});

/** Rising ranges without overlaps within 1 … 120, apart from each other or not. */
const ranges = (): fc.Arbitrary<Range[]> =>
  fc
    .tuple(fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 20 }), fc.infiniteStream(fc.boolean()))
    .map(([unsorted, single]) => {
      const ends = unsorted.toSorted((a, b) => a - b);
      return Array.from({ length: Math.floor(ends.length / 2) }, (_, index) => {
        const first = BigInt(ends[2 * index] ?? 0);
        return { first, last: single.next().value ? first : BigInt(ends[2 * index + 1] ?? 0) };
      });
    });

describe('whatever the state and the gap record say', () => {
  const within = ({ first, last }: Range, value: bigint): boolean => first <= value && value <= last;

  test('every value is told once, as missing when a gap has it, page by page as in one piece', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 100n }),
        ranges(),
        ranges(),
        ranges(),
        fc.integer({ min: 1, max: 4 }),
        (value, free, ahead, gapRanges, pageSize) => {
          const state = stateOf({
            value,
            free: free.filter(({ last }) => last <= value),
            ahead: ahead
              .filter(({ first }) => first > value)
              .map((range, at) => ({ ...range, node: at % 2 ? 'n' : undefined })),
          });
          const gaps = gapRanges.map(({ first, last }) => gapOf(first, last));
          const runs = runsOfState(state, 0n);
          const whole = layGaps(runs, gaps, 1n, true);
          for (const list of [runs, whole]) {
            const tally = createTally();
            for (const run of list) tally.add(run);
            expect(list.filter(({ first, last }) => last < first)).toEqual([]);
          }

          const paged: Run[] = [];
          for (let at = 0; ; at += pageSize) {
            const page = gaps.slice(at, at + pageSize);
            const isLast = page.length < pageSize;
            paged.push(...layGaps(runs, page, (paged.at(-1)?.last ?? 0n) + 1n, isLast));
            if (isLast) break;
          }
          const spread = (list: readonly Run[]): [bigint, RunState][] =>
            list.flatMap(({ first, last, state: told }) =>
              Array.from({ length: Number(last - first) + 1 }, (_, at): [bigint, RunState] => [
                first + BigInt(at),
                told,
              ]),
            );
          expect(spread(paged)).toEqual(spread(whole));

          const highest = [value, ...state.ahead.map(({ last }) => last)].toSorted((a, b) => Number(b - a))[0] ?? 0n;
          const expected = Array.from({ length: Number(highest) }, (_, at): [bigint, RunState] => {
            const one = BigInt(at + 1);
            if (gaps.some(({ range }) => within(range, one))) return [one, 'gap'];
            if (state.free.some((range) => within(range, one))) return [one, 'held'];
            const spoken = state.ahead.find((range) => within(range, one));
            if (spoken !== undefined) return [one, spoken.node === undefined ? 'issued' : 'held'];
            return [one, one <= value ? 'issued' : 'open'];
          });
          expect(spread(whole)).toEqual(expected);
        },
      ),
      { numRuns: propertyRuns(500) },
    );
  });
});
