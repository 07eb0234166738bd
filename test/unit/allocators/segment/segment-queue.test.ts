/** The queue of a segment: how large the next range is, what a series without values means, and when values go back. */
import { expect, test } from 'vitest';
import type { SegmentRequest, Settled } from '../../../../src/allocators/segment/segment-leases.ts';
import {
  beginFetch,
  createSegmentQueue,
  joinQueue,
  leaseArrived,
  leaseFailed,
  noteTerms,
  restOf,
  serveQueue,
} from '../../../../src/allocators/segment/segment-queue.ts';
import { SequenceOverflowError } from '../../../../src/core/errors.ts';
import { targetOf } from '../../fakes/allocator-on.ts';

const TARGET = targetOf('S');
const EXHAUSTED = new SequenceOverflowError('S', 0n);

const requestFor = (count: number, limit = TARGET.limit): SegmentRequest => ({
  count,
  missing: count,
  limit,
  parts: [],
});
const endsOf = (settled: readonly Settled<SegmentRequest>[]): unknown[] =>
  settled.map((end) =>
    'ranges' in end ? end.ranges.map(({ first, last }) => `${first}-${last}`).join(' ') : end.error,
  );

test('the size of a range follows the values issued since the last one began, those of refused requests apart', () => {
  const queue = createSegmentQueue(TARGET, 0);
  joinQueue(queue, requestFor(1));
  expect(beginFetch(queue, 0)).toMatchObject({ lessee: 0, size: 100, needed: 1 });
  leaseArrived(queue, [{ first: 1n, last: 100n }], 0);
  expect(endsOf(serveQueue(queue))).toEqual(['1-1']);
  expect(endsOf(joinQueue(queue, requestFor(19)))).toEqual(['2-20']);
  expect(endsOf(joinQueue(queue, requestFor(9, 5n)))).toEqual([EXHAUSTED]);
  // 20 values in two seconds: 150 for fifteen.
  expect(beginFetch(queue, 2_000)).toMatchObject({ lessee: 1, size: 150, needed: 0 });
  leaseArrived(queue, [{ first: 101n, last: 250n }], 1);
  expect(endsOf(joinQueue(queue, requestFor(160)))).toEqual(['21-100 101-180']);
  // 160 in ten seconds more: 240.
  expect(beginFetch(queue, 12_000)).toMatchObject({ lessee: 0, size: 240 });
});

test('a series with too few values for the first request serves the next one, which needs fewer', () => {
  const queue = createSegmentQueue(TARGET, 0);
  const first = requestFor(9);
  joinQueue(queue, first);
  beginFetch(queue, 0);
  joinQueue(queue, requestFor(5));
  expect(leaseFailed(queue, EXHAUSTED)).toEqual([{ request: first, error: EXHAUSTED }]);
  expect(beginFetch(queue, 0)).toMatchObject({ needed: 5 });
});

test('a series without values is leased from in need only, until its terms change', () => {
  const queue = createSegmentQueue(TARGET, 0);
  beginFetch(queue, 0);
  leaseFailed(queue, EXHAUSTED);
  noteTerms(queue, TARGET, 0);
  expect(beginFetch(queue, 0)).toBeUndefined();
  noteTerms(queue, targetOf('S'), 0);
  expect(beginFetch(queue, 0)).toBeDefined();
});

test('values are kept while a sequence is asked for, given back with an old range, and forgotten without requests', () => {
  const queue = createSegmentQueue<SegmentRequest>(targetOf('S'), 0);
  expect(restOf(queue, 599_999)).toBe('keep');
  expect(restOf(queue, 600_000)).toBe('forget');
  noteTerms(queue, targetOf('S'), 1_499_999);
  expect(restOf(queue, 1_499_999)).toBe('keep');
  expect(restOf(queue, 1_500_000)).toBe('give-back');
  queue.fetching = true;
  expect(restOf(queue, 9_000_000)).toBe('keep');
});
