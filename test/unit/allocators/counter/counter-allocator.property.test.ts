/** The allocator under any schedule of requests, answers, failures and lost answers: no value twice, no hole, nobody lost. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Allocation } from '../../../../src/allocators/allocator.ts';
import { SequenceOverflowError, StorageTimeoutError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { Range } from '../../../../src/core/values/range.ts';
import { propertyRuns } from '../../../support/property-runs.ts';
import { type AllocatorParts, allocatorOn, targetOf } from '../../fakes/allocator-on.ts';

beforeEach(() => {
  // The idle clock and the retry timer are steps of the schedule.
  // Without setImmediate, with which an alarm lets replies be read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const RUNS = propertyRuns(100);

const STEPS = ['answer', 'fail', 'lose the answer', 'forget the node', 'announce', 'pass time', 'give back'] as const;

type Step =
  | { readonly kind: 'allocate'; readonly series: number; readonly count: number }
  | { readonly kind: (typeof STEPS)[number] };

interface Request {
  readonly series: number;
  readonly count: number;
  outcome: Allocation | Error | undefined;
  isGivenBack: boolean;
}

const KEYS = ['A', 'B', 'C'];
const LIMITS = {
  waitingMax: 8,
  callEntriesMax: 2,
  entryValuesMax: 12,
  patienceMs: 100,
  retryMs: 50,
  tickMs: 200,
  idleTicksMax: 2,
};

const allocate = fc.record({
  kind: fc.constant('allocate' as const),
  series: fc.nat(KEYS.length - 1),
  count: fc.integer({ min: 1, max: 10 }),
});
const ending = (weight: number, ...kinds: (typeof STEPS)[number][]) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constantFrom(...kinds) }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: allocate },
  ending(6, 'answer'),
  ending(2, 'fail', 'lose the answer', 'forget the node'),
  ending(2, 'announce', 'pass time', 'give back'),
);
const calmStep: fc.Arbitrary<Step> = fc.oneof({ weight: 6, arbitrary: allocate }, ending(3, 'answer'));

const isAllocation = (outcome: Request['outcome']): outcome is Allocation =>
  outcome !== undefined && !(outcome instanceof Error);

interface Schedule {
  readonly parts: AllocatorParts;
  readonly requests: Request[];
  readonly targets: ReturnType<typeof targetOf>[];
}

const giveBack = ({ parts, requests, targets }: Schedule): void => {
  const request = requests.findLast(({ outcome, isGivenBack }) => isAllocation(outcome) && !isGivenBack);
  const target = targets[request?.series ?? 0];
  if (request === undefined || target === undefined || !isAllocation(request.outcome)) return;
  request.isGivenBack = true;
  parts.allocator.giveBack(target, request.outcome);
};

const take = async (schedule: Schedule, one: Step): Promise<unknown> => {
  const { store, allocator } = schedule.parts;
  switch (one.kind) {
    case 'allocate': {
      const target = schedule.targets[one.series];
      if (target === undefined) throw new Error('No such series');
      const request: Request = { series: one.series, count: one.count, outcome: undefined, isGivenBack: false };
      schedule.requests.push(request);
      const keep = (outcome: Allocation | Error): void => {
        request.outcome = outcome;
      };
      return void allocator.allocate(target, one.count).then(keep, keep);
    }
    case 'forget the node':
      return schedule.targets.map(({ sequence }) => store.of(sequence).served.clear());
    case 'announce':
      return store.announce();
    case 'pass time':
      return vi.advanceTimersByTimeAsync(150);
    case 'give back':
      return giveBack(schedule);
  }
  if (store.isIdle()) return;
  if (one.kind === 'answer') return store.underWay().answer();
  if (one.kind === 'fail') return store.underWay().fail(new StorageUnavailableError('Away'));
  return store.underWay().loseAnswer(new StorageTimeoutError('Late'));
};

const run = async (steps: readonly Step[], terms: object): Promise<Schedule> => {
  const schedule = { parts: allocatorOn(LIMITS), requests: [], targets: KEYS.map((key) => targetOf(key, terms)) };
  for (const one of steps) await take(schedule, one);
  schedule.parts.store.behave('answer');
  await schedule.parts.store.drain();
  await vi.advanceTimersByTimeAsync(2_000);
  return schedule;
};

const close = async ({ parts }: Schedule): Promise<void> => {
  const closing = parts.allocator.close();
  await vi.advanceTimersByTimeAsync(1_000);
  await closing;
};

const byFirst = (a: Range, b: Range): number => (a.first < b.first ? -1 : 1);

/** What requests were given and have kept, of one series. */
const issuedIn = ({ requests }: Schedule, series: number): Range[] =>
  requests
    .filter((one) => one.series === series && !one.isGivenBack)
    .flatMap(({ outcome }) => (isAllocation(outcome) ? outcome.ranges : []));

test('under any schedule: one trip at a time, within its limits, and everybody gets an answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { parts, requests } = await run(steps, { standbySize: 6 });
      expect(requests.filter(({ outcome }) => outcome === undefined)).toEqual([]);
      expect(parts.store.underWayMax()).toBeLessThanOrEqual(1);
      for (const { calls } of parts.store.trips) {
        expect(calls.length).toBeLessThanOrEqual(LIMITS.callEntriesMax);
        expect(new Set(calls.map(({ sequence }) => sequence.series.prefixKey)).size).toBe(calls.length);
        for (const { count } of calls) expect(count).toBeLessThanOrEqual(LIMITS.entryValuesMax);
      }
    }),
    { numRuns: RUNS },
  );
});

test('under any schedule: every answer has its count of values, and no value is given out twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const schedule = await run(steps, { standbySize: 6 });
      for (const { outcome, count } of schedule.requests) {
        if (!isAllocation(outcome)) continue;
        expect(outcome.ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n)).toBe(BigInt(count));
      }
      for (const series of KEYS.keys()) {
        const ranges = issuedIn(schedule, series).toSorted(byFirst);
        for (const [index, { first }] of ranges.entries()) expect(first).toBeGreaterThan(ranges[index - 1]?.last ?? 0n);
      }
    }),
    { numRuns: RUNS },
  );
});

test('under any schedule without a forgetful store: after the end every value was issued or is with the store', async () => {
  const remembered = step.filter(({ kind }) => kind !== 'forget the node');
  await fc.assert(
    fc.asyncProperty(fc.array(remembered, { maxLength: 60 }), async (steps) => {
      const schedule = await run(steps, { standbySize: 6 });
      await close(schedule);
      for (const [series, target] of schedule.targets.entries()) {
        const { value, free, ahead } = schedule.parts.store.of(target.sequence);
        expect(ahead.filter(({ holder }) => holder !== undefined)).toEqual([]);
        const inOrder = [...issuedIn(schedule, series), ...free]
          .filter(({ first }) => first <= value)
          .toSorted(byFirst);
        let before = 0n;
        for (const { first, last } of inOrder) {
          expect(first).toBe(before + 1n);
          before = last;
        }
        expect(before).toBe(value);
      }
    }),
    { numRuns: RUNS },
  );
});

test('under any schedule near the end of a sequence: nobody who is refused would have fitted, and nothing is wasted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(calmStep, { maxLength: 60 }), fc.bigInt(1n, 60n), async (steps, limit) => {
      const schedule = await run(steps, { limit, standbySize: 6 });
      for (const series of KEYS.keys()) {
        const own = schedule.requests.filter((one) => one.series === series);
        const sum = issuedIn(schedule, series).reduce((total, { first, last }) => total + last - first + 1n, 0n);
        expect(sum).toBeLessThanOrEqual(limit);
        for (const { outcome, count } of own) {
          if (outcome instanceof SequenceOverflowError) expect(BigInt(count)).toBeGreaterThan(limit - sum);
        }
      }
    }),
    { numRuns: RUNS },
  );
});
