/** The strategy `snowflake`: ids of time, data centre, worker and sequence, made in this node while it holds a worker id. */
import type { Clock } from '../../core/clock.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { Range } from '../../core/values/range.ts';
import type { Allocator } from '../allocator.ts';
import { handlingOf, nextIds } from './next-ids.ts';
import type { WorkerKeeper } from './worker-keeper.ts';

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
    if (byMs > 0) emit({ type: 'clock-stepped-back', byMs, handling: handlingOf(byMs) });
    readingMs = nowMs;
    return nowMs;
  };

  /** Issues what can be issued now. @returns how many; or what must be waited for. */
  const issue = (wanted: number, ranges: Range[]): number | (() => Promise<void>) => {
    const held = keeper.usable();
    if (held === undefined) return keeper.obtain;
    const next = nextIds(held, dataCentre, read(), wanted);
    switch (next.kind) {
      case 'issue':
        ranges.push(next.range);
        return next.count;
      case 'wait':
        return () => delay(next.forMs);
      case 'obtain':
        return keeper.obtain;
      case 'replace':
        return keeper.replace;
      case 'unusable':
        throw new StorageUnavailableError('The clock of this node shows a time that no snowflake id can carry.');
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
        const issued = issue(missing, ranges);
        if (typeof issued === 'number') missing -= issued;
        else await waitFor(issued, startMs);
      }
      return { ranges, fromStandby: false };
    },
  };
};
