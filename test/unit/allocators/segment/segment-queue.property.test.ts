/** The queue of a segment under any order of requests, ranges and failures: each leased value is issued once, given back, or at hand. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Lease, SegmentRequest, Settled } from '../../../../src/allocators/segment/segment-leases.ts';
import {
  beginFetch,
  createSegmentQueue,
  endPause,
  joinQueue,
  leaseArrived,
  leaseFailed,
  noteTerms,
  type SegmentFetch,
  serveQueue,
} from '../../../../src/allocators/segment/segment-queue.ts';
import { SequenceOverflowError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { Range } from '../../../../src/core/values/range.ts';
import { propertyRuns } from '../../../support/property-runs.ts';
import { targetOf } from '../../fakes/allocator-on.ts';

type Step =
  | { readonly kind: 'ask'; readonly count: number; readonly limit: bigint; readonly ahead: number | undefined }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'arrive' | 'fail' | 'overflow' | 'end the pause' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      count: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 250 })),
      limit: fc.constantFrom(10_000_000n, 10_000_000n, 10_000_000n, 150n),
      ahead: fc.option(fc.oneof(fc.integer({ min: -99, max: 20 }), fc.integer({ min: -1, max: 1 })), {
        nil: undefined,
        freq: 4,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(100_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('arrive' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('fail', 'overflow', 'end the pause') }) },
);

const valuesOf = (ranges: readonly Range[]): bigint[] =>
  ranges.flatMap(({ first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, at) => first + BigInt(at)));
const rangesOf = (leases: readonly Lease[]): Range[] => leases.map(({ left }) => left);
const rising = (values: readonly bigint[]): bigint[] => values.toSorted((one, other) => (one < other ? -1 : 1));

/** A queue, and a store that leases it rising ranges. */
const watch = () => {
  const queue = createSegmentQueue<SegmentRequest>(targetOf('S'), 0);
  let nowMs = 0;
  let leasedTo = 0n;
  let fetch: SegmentFetch | undefined;
  const asked: SegmentRequest[] = [];
  const settled = new Set<SegmentRequest>();
  const gone: bigint[] = [];

  const note = (ends: readonly Settled<SegmentRequest>[]): void => {
    for (const end of ends) {
      expect(settled.has(end.request)).toBe(false);
      settled.add(end.request);
      if (!('ranges' in end)) continue;
      const values = valuesOf(end.ranges);
      expect(values).toHaveLength(end.request.count);
      for (const value of values) {
        expect(value > queue.floor && value <= end.request.limit).toBe(true);
        gone.push(value);
      }
    }
  };
  const giveBack = (leases: readonly Lease[]): void => {
    for (const value of valuesOf(rangesOf(leases))) expect(value <= queue.floor).toBe(true);
    gone.push(...valuesOf(rangesOf(leases)));
  };
  const begin = (): void => {
    const next = beginFetch(queue, nowMs);
    if (next === undefined) return;
    expect(fetch).toBeUndefined();
    // The store's record of this lessee is replaced, so that nothing of its last range may be at hand.
    expect(queue.leases.map(({ lessee }) => lessee)).not.toContain(next.lessee);
    expect(next.size).toBeGreaterThanOrEqual(next.needed);
    fetch = next;
  };
  const end = (failure?: Error): void => {
    if (fetch === undefined) return;
    const { size, lessee } = fetch;
    fetch = undefined;
    if (failure === undefined) {
      const range = { first: leasedTo + 1n, last: leasedTo + BigInt(size) };
      leasedTo = range.last;
      giveBack(leaseArrived(queue, [range], lessee));
    } else note(leaseFailed(queue, failure));
    note(serveQueue(queue));
    begin();
  };
  const ask = ({ count, limit, ahead }: Extract<Step, { kind: 'ask' }>): void => {
    const initialSeq = ahead === undefined ? 0n : BigInt(Math.max(0, Number(leasedTo) + ahead));
    giveBack(noteTerms(queue, targetOf('S', { limit, initialSeq }), nowMs));
    expect(queue.floor).toBeGreaterThanOrEqual(initialSeq);
    const request = { count, missing: count, limit, parts: [] };
    asked.push(request);
    note(joinQueue(queue, request));
    begin();
  };
  const take = (chosen: Step): void => {
    if (chosen.kind === 'ask') ask(chosen);
    if (chosen.kind === 'pass') nowMs += chosen.ms;
    if (chosen.kind === 'arrive') end();
    if (chosen.kind === 'fail') end(new StorageUnavailableError('Away'));
    if (chosen.kind === 'overflow') end(new SequenceOverflowError('S', 0n));
    if (chosen.kind === 'end the pause') endPause(queue);
  };
  return { queue, take, asked, settled, gone, leasedTo: () => leasedTo };
};

test('each value is issued once, given back, or at hand; requests are served in order, and nobody waits for nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { queue, take, asked, settled, gone, leasedTo } = watch();
      for (const chosen of steps) {
        take(chosen);
        for (const { left } of queue.leases) expect(left.first > queue.floor && left.first <= left.last).toBe(true);
        const held = [...queue.leases, ...queue.requests.flatMap(({ parts }) => parts)];
        const leased = valuesOf(leasedTo() === 0n ? [] : [{ first: 1n, last: leasedTo() }]);
        expect(rising([...gone, ...valuesOf(rangesOf(held))])).toEqual(leased);
        expect(queue.requests).toEqual(asked.filter((request) => !settled.has(request)));
        // A request waits for a range on its way, and for nothing else.
        if (queue.requests.length > 0) expect(queue.fetching).toBe(true);
        expect(queue.leases.length).toBeLessThanOrEqual(3);
      }
    }),
    { numRuns: propertyRuns(300) },
  );
});
