/** What a request for snowflake ids does next, under any clock: ids of a worker rise, none is past the bound, and a wait ends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  extendUse,
  type HeldWorker,
  holdWorker,
  isUsable,
  latestUse,
} from '../../../../src/allocators/snowflake/held-worker.ts';
import { nextIds } from '../../../../src/allocators/snowflake/next-ids.ts';
import { readSnowflake } from '../../../../src/core/snowflake/snowflake.ts';
import { WORKER_BOUND_MS, WORKER_USE_MS } from '../../../../src/core/snowflake/worker-lease-store.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');
const DATA_CENTRE = 3;

const holdAt = (clockMs: number): HeldWorker =>
  holdWorker({ worker: 7, boundMs: clockMs + WORKER_BOUND_MS }, { clockMs, monotonicMs: 0 });

/** A clock that runs, is set back and is set forward. */
const movedBy = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 2, arbitrary: fc.integer({ min: -1_100, max: 1_100 }) },
  { weight: 1, arbitrary: fc.integer({ min: -30_000, max: 30_000 }) },
);
const step = fc.record({ movedBy, wanted: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3_000 })) });

test('ids of a worker rise, whatever the clock does, and none is later than its bound', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = NOON;
      let [lastMs, lastId] = [NOON - 1, 0n];
      const held = holdAt(nowMs);
      for (const { movedBy: byMs, wanted } of steps) {
        nowMs += byMs;
        const next = nextIds(held, DATA_CENTRE, nowMs, wanted);
        if (next.kind === 'replace') expect(lastMs - nowMs).toBeGreaterThan(1_000);
        if (next.kind === 'obtain') {
          // The clock has reached the bound, or ids that ran ahead of it have.
          expect(Math.max(nowMs, lastMs + 1)).toBeGreaterThan(held.boundMs);
          extendUse(held, Math.max(nowMs, lastMs) + WORKER_BOUND_MS, 0);
        }
        if (next.kind !== 'issue') continue;
        const { range, count } = next;
        expect([count <= wanted, range.last - range.first + 1n]).toEqual([true, BigInt(count)]);
        expect(range.first).toBeGreaterThan(lastId);
        const [first, last] = [readSnowflake(range.first), readSnowflake(range.last)];
        expect(last).toMatchObject({ issuedAtMs: first?.issuedAtMs, worker: 7, dataCentre: DATA_CENTRE });
        lastMs = last?.issuedAtMs ?? 0;
        lastId = range.last;
        expect(lastMs).toBeLessThanOrEqual(held.boundMs);
      }
    }),
    { numRuns: propertyRuns(500) },
  );
});

test('a clock that runs on serves any request: each wait ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 0, max: 1_000 }), (count, behindMs) => {
      const held = holdAt(NOON + behindMs);
      held.last = { atMs: NOON + behindMs, sequence: 5 };
      let [nowMs, missing] = [NOON, count];
      // A millisecond has 1,024 ids; a clock that is behind is waited for first.
      for (let asked = 0; missing > 0; asked += 1) {
        expect(asked).toBeLessThan(100);
        const next = nextIds(held, DATA_CENTRE, nowMs, missing);
        if (next.kind === 'issue') missing -= next.count;
        else if (next.kind === 'wait') nowMs += next.forMs;
        else expect.fail(next.kind);
      }
    }),
    { numRuns: propertyRuns(300) },
  );
});

test('a worker id is used for as long after the call that leased or renewed it began, and not a millisecond more', () => {
  const held = holdAt(NOON);
  expect([isUsable(held, WORKER_USE_MS - 1), isUsable(held, WORKER_USE_MS)]).toEqual([true, false]);
  extendUse(held, NOON + WORKER_BOUND_MS, 5_000);
  expect([isUsable(held, WORKER_USE_MS + 4_999), isUsable(held, WORKER_USE_MS + 5_000)]).toEqual([true, false]);
});

test('an id may carry the time of the bound, and none later', () => {
  const held = holdAt(NOON);
  expect(nextIds(held, DATA_CENTRE, held.boundMs, 1).kind).toBe('issue');
  expect(nextIds(held, DATA_CENTRE, held.boundMs + 1, 1)).toEqual({ kind: 'obtain' });
});

test('a worker id that ran ahead of the clock is renewed for the time it has used', () => {
  const held = holdAt(NOON);
  held.last = { atMs: NOON + 500, sequence: 0 };
  expect([latestUse(held, NOON), latestUse(held, NOON + 900)]).toEqual([NOON + 500, NOON + 900]);
});

test('a worker id begins at the time of the call that leased it: an earlier holder may have used any before', () => {
  expect(nextIds(holdAt(NOON), DATA_CENTRE, NOON - 1, 1)).toEqual({ kind: 'wait', forMs: 1 });
  const next = nextIds(holdAt(NOON), DATA_CENTRE, NOON, 1);
  expect(next.kind === 'issue' && readSnowflake(next.range.first)?.issuedAtMs).toBe(NOON);
});
