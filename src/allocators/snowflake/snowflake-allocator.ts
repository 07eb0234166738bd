/** The strategy `snowflake`: ids of time, data centre, worker and sequence, made in this node while it holds a worker id. */
import type { Clock } from '../../core/clock.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { composeSnowflake, KEEP_MAX_MS, nextSnowflakes, WAIT_MAX_MS } from '../../core/snowflake/snowflake.ts';
import type { Range } from '../../core/values/range.ts';
import type { Allocator } from '../allocator.ts';
import type { HeldWorker, WorkerKeeper } from './worker-keeper.ts';

interface SnowflakeAllocatorOptions {
  readonly keeper: WorkerKeeper;
  readonly dataCentre: number;
  readonly clock: Clock;
  /** Milliseconds that only ever rise. */
  readonly monotonic: () => number;
  /** Resolves after so many ms; the event loop goes on meanwhile. */
  readonly delay: (ms: number) => Promise<void>;
  readonly emit: Emit;
}

/** Requests that may wait for the clock or for a lease; more are refused. */
const WAITING_MAX = 20_000;
/** The longest a request waits, ms: for the clock, a lease, and its turn among large batches. */
const WAIT_TOTAL_MAX_MS = 5_000;

export const createSnowflakeAllocator = (options: SnowflakeAllocatorOptions): Allocator => {
  const { keeper, dataCentre, clock, monotonic, delay, emit } = options;
  let waiting = 0;
  let readingMs = 0;

  const read = (): number => {
    const nowMs = clock.now();
    const byMs = readingMs - nowMs;
    if (byMs > 0) {
      const handling = byMs <= WAIT_MAX_MS ? 'waited' : byMs <= KEEP_MAX_MS ? 'kept' : 'fresh-worker';
      emit({ type: 'clock-stepped-back', byMs, handling });
    }
    readingMs = nowMs;
    return nowMs;
  };

  /** Makes what can be made now. @returns how many; or what must be waited for. */
  const make = (held: HeldWorker, wanted: number, ranges: Range[]): number | (() => Promise<void>) => {
    const step = nextSnowflakes(held.last, read(), wanted);
    switch (step.kind) {
      case 'unusable':
        throw new StorageUnavailableError('The clock of this node shows a time that no snowflake id can carry.');
      case 'wait':
        return () => delay(step.forMs);
      case 'stepped':
        return keeper.replace;
      case 'use': {
        const { atMs, sequence, count } = step;
        if (atMs > held.boundMs) return keeper.obtain;
        held.last = { atMs, sequence: sequence + count - 1 };
        const first = composeSnowflake({ issuedAtMs: atMs, dataCentre, worker: held.worker, sequence });
        ranges.push({ first, last: first + BigInt(count - 1) });
        return count;
      }
    }
  };

  const waitFor = async (work: () => Promise<void>, startMs: number): Promise<void> => {
    if (waiting >= WAITING_MAX) throw new StorageUnavailableError('Too many requests are waiting for the clock.');
    if (monotonic() - startMs > WAIT_TOTAL_MAX_MS) {
      throw new StorageUnavailableError('No snowflake id could be made in time.');
    }
    waiting += 1;
    try {
      await work();
    } finally {
      waiting -= 1;
    }
  };

  return {
    source: 'snowflake',
    isLocal: true,
    allocate: async (_target, count) => {
      const startMs = monotonic();
      const ranges: Range[] = [];
      for (let missing = count; missing > 0; ) {
        const held = keeper.usable();
        const made = held === undefined ? keeper.obtain : make(held, missing, ranges);
        if (typeof made === 'number') missing -= made;
        else await waitFor(made, startMs);
      }
      return { ranges, fromStandby: false };
    },
  };
};
