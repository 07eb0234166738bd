/** The protocol of coalescing under any schedule of requests, answers and failures: no value twice, no hole, nobody lost. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AllocationTarget, createCoalescingAllocator } from '../../../src/allocators/coalescing-allocator.ts';
import { SequenceOverflowError, StorageTimeoutError, StorageUnavailableError } from '../../../src/core/errors.ts';
import type { Range } from '../../../src/core/range.ts';
import { rangeSize } from '../../../src/core/range.ts';
import { VALUE_MAX } from '../../../src/core/value.ts';
import { createHeldSequenceStore, type HeldSequenceStore } from '../fakes/held-sequence-store.ts';

type Step =
  | { readonly kind: 'allocate'; readonly series: number; readonly count: number }
  | { readonly kind: 'answer' | 'fail' | 'lose the answer' };

interface Request {
  readonly series: number;
  readonly count: number;
  outcome: Range | Error | undefined;
}

const SERIES_COUNT = 3;
const LIMITS = { waitingMax: 8, callEntriesMax: 2, entryValuesMax: 12 };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('allocate' as const),
      series: fc.nat(SERIES_COUNT - 1),
      count: fc.integer({ min: 1, max: 10 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'lose the answer' as const) }) },
);

const failure = new StorageUnavailableError('Away');
const loss = new StorageTimeoutError('Late');

/** The values the store has taken while its answer was lost, per series; they may be missing from what was handed out. */
type Lost = Map<string, bigint>;

const loseAnswer = async (store: HeldSequenceStore, memory: HeldSequenceStore, lost: Lost): Promise<void> => {
  const call = store.underWay();
  const taking = memory.reserve(call.requests);
  await memory.underWay().answer();
  for (const [index, outcome] of (await taking).entries()) {
    const key = call.requests[index]?.sequence.prefixKey ?? '';
    if (outcome.kind === 'taken') lost.set(key, (lost.get(key) ?? 0n) + rangeSize(outcome.range));
  }
  await call.fail(loss);
};

/** Ends the call that is under way, if there is one. All values come from `memory`. */
const endCall = async (
  kind: Exclude<Step['kind'], 'allocate'>,
  store: HeldSequenceStore,
  memory: HeldSequenceStore,
  lost: Lost,
): Promise<void> => {
  if (store.isIdle()) return;
  if (kind === 'fail') return store.underWay().fail(failure);
  if (kind === 'lose the answer') return loseAnswer(store, memory, lost);
  const call = store.underWay();
  const taking = memory.reserve(call.requests);
  await memory.underWay().answer();
  await call.answerWith(await taking);
};

const run = async (targets: readonly AllocationTarget[], steps: readonly Step[]) => {
  const store = createHeldSequenceStore();
  const memory = createHeldSequenceStore();
  const allocator = createCoalescingAllocator(store, LIMITS);
  const requests: Request[] = [];
  const lost: Lost = new Map();
  for (const one of steps) {
    if (one.kind !== 'allocate') {
      await endCall(one.kind, store, memory, lost);
      continue;
    }
    const request: Request = { series: one.series, count: one.count, outcome: undefined };
    requests.push(request);
    allocator.allocate(targets[one.series] as AllocationTarget, one.count).then(
      (range) => {
        request.outcome = range;
      },
      (error: Error) => {
        request.outcome = error;
      },
    );
  }
  while (!store.isIdle()) await endCall('answer', store, memory, lost);
  return { store, requests, lost };
};

const isRange = (outcome: Request['outcome']): outcome is Range => outcome !== undefined && !(outcome instanceof Error);

test('under any schedule: one call at a time, within its limits, and everybody gets an answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const targets = ['A', 'B', 'C'].map((prefixKey) => ({
        sequence: { prefixKey, period: '' },
        initialSeq: 0n,
        limit: VALUE_MAX,
      }));
      const { store, requests } = await run(targets, steps);
      expect(requests.filter(({ outcome }) => outcome === undefined)).toEqual([]);
      expect(store.underWayMax()).toBeLessThanOrEqual(1);
      for (const call of store.calls) {
        expect(call.requests.length).toBeLessThanOrEqual(LIMITS.callEntriesMax);
        for (const { count } of call.requests) expect(count).toBeLessThanOrEqual(LIMITS.entryValuesMax);
      }
    }),
    { numRuns: 200 },
  );
});

test('under any schedule: every answer has its count of values, in the order of arrival, none twice, none missing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const initialSeqs = [0n, 1000n, VALUE_MAX - 1_000_000n];
      const targets = initialSeqs.map((initialSeq, index) => ({
        sequence: { prefixKey: `P${index}`, period: '' },
        initialSeq,
        limit: VALUE_MAX,
      }));
      const { requests, lost } = await run(targets, steps);
      for (const [series, initialSeq] of initialSeqs.entries()) {
        const ranges = requests.filter((one) => one.series === series && isRange(one.outcome));
        let before = initialSeq;
        let missing = 0n;
        for (const { outcome, count } of ranges) {
          const { first, last } = outcome as Range;
          expect(last - first + 1n).toBe(BigInt(count));
          expect(first).toBeGreaterThan(before);
          missing += first - before - 1n;
          before = last;
        }
        // Only what the store took without its answer getting through may be missing.
        expect(missing).toBeLessThanOrEqual(lost.get(`P${series}`) ?? 0n);
      }
    }),
    { numRuns: 200 },
  );
});

test('under any schedule near the end of a sequence: nobody who is refused would have fitted, and nothing is wasted', async () => {
  const calm = step.filter(({ kind }) => kind === 'allocate' || kind === 'answer');
  await fc.assert(
    fc.asyncProperty(fc.array(calm, { maxLength: 60 }), fc.bigInt(1n, 60n), async (steps, limit) => {
      const targets = ['A', 'B', 'C'].map((prefixKey) => ({
        sequence: { prefixKey, period: '' },
        initialSeq: 0n,
        limit,
      }));
      const { requests } = await run(targets, steps);
      for (let series = 0; series < SERIES_COUNT; series += 1) {
        const own = requests.filter((one) => one.series === series);
        const served = own.filter(({ outcome }) => isRange(outcome));
        const sum = served.reduce((total, { count }) => total + BigInt(count), 0n);
        expect(sum).toBeLessThanOrEqual(limit);
        const last = served.at(-1)?.outcome as Range | undefined;
        expect(last?.last ?? 0n).toBe(sum);
        for (const { outcome, count } of own) {
          if (outcome instanceof SequenceOverflowError) expect(BigInt(count)).toBeGreaterThan(limit - sum);
        }
      }
    }),
    { numRuns: 200 },
  );
});
