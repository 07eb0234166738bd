/** Coalescing: all requests that wait in this node, for whatever sequences, travel in one reserve call. */
import { SequenceOverflowError, StorageUnavailableError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { ReserveOutcome, ReserveRequest, SequenceStore } from '../core/sequence-store.ts';

/** The counter to take from. One object per series: requests that pass the same object share an entry of a call. */
export type AllocationTarget = Omit<ReserveRequest, 'count'>;

export interface CoalescingAllocator {
  /**
   * Takes `count` consecutive values, in the order of arrival among this node's requests for the target.
   * @throws SequenceOverflowError when fewer than `count` values are left (none is taken); StorageUnavailableError when
   * the store is away or the waiting line is full; StorageTimeoutError when the store's answer did not come.
   */
  allocate(target: AllocationTarget, count: number): Promise<Range>;
}

export interface CoalescingLimits {
  /** Requests that may wait for a call; more are refused. */
  readonly waitingMax: number;
  /** Sequences in one call. */
  readonly callEntriesMax: number;
  /** Values taken from one sequence in one call; at least the largest single request. */
  readonly entryValuesMax: number;
}

export const COALESCING_LIMITS: CoalescingLimits = {
  waitingMax: 20_000,
  callEntriesMax: 1_000,
  entryValuesMax: 1_000_000,
};

interface Waiter {
  readonly count: number;
  readonly resolve: (range: Range) => void;
  readonly reject: (error: unknown) => void;
}

interface Entry {
  readonly target: AllocationTarget;
  readonly waiters: readonly Waiter[];
  readonly count: number;
}

/** Splits off the head of a line: the first waiter, and those behind it while their counts together stay within `valuesMax`. */
const takeHead = (line: Waiter[], valuesMax: number): { waiters: Waiter[]; count: number } => {
  let count = 0;
  let taken = 0;
  for (const waiter of line) {
    if (taken > 0 && count + waiter.count > valuesMax) break;
    count += waiter.count;
    taken += 1;
  }
  return { waiters: line.splice(0, taken), count };
};

const dealOut = (range: Range, waiters: readonly Waiter[]): void => {
  let next = range.first;
  for (const waiter of waiters) {
    const first = next;
    next += BigInt(waiter.count);
    waiter.resolve({ first, last: next - 1n });
  }
};

const refuseAll = (waiters: readonly Waiter[], error: unknown): void => {
  for (const waiter of waiters) waiter.reject(error);
};

/**
 * A call is sent at once when none is under way; what arrives meanwhile leaves together when the reply is back. (Two
 * calls under way are not faster, and flushing on a microtask is slower: see docs/ARCHITECTURE.md, decision 4.)
 */
export const createCoalescingAllocator = (
  store: SequenceStore,
  limits: CoalescingLimits = COALESCING_LIMITS,
): CoalescingAllocator => {
  const lines = new Map<AllocationTarget, Waiter[]>();
  let waiting = 0;
  let underWay = false;

  const nextEntries = (): Entry[] => {
    const entries: Entry[] = [];
    const unfinished: [AllocationTarget, Waiter[]][] = [];
    for (const [target, line] of lines) {
      if (entries.length === limits.callEntriesMax) break;
      const { waiters, count } = takeHead(line, limits.entryValuesMax);
      waiting -= waiters.length;
      entries.push({ target, waiters, count });
      lines.delete(target);
      if (line.length > 0) unfinished.push([target, line]);
    }
    // To the back, so that a long line of one series does not starve the others.
    for (const [target, line] of unfinished) lines.set(target, line);
    return entries;
  };

  /** Those at the head who fit into what is left go back to the head of their line; the others are refused. */
  const retryWhoFits = ({ target, waiters }: Entry, valuesLeft: bigint): void => {
    const fitting: Waiter[] = [];
    let left = valuesLeft;
    for (const waiter of waiters) {
      if (BigInt(waiter.count) > left) {
        waiter.reject(new SequenceOverflowError(target.sequence.prefixKey, valuesLeft));
        continue;
      }
      left -= BigInt(waiter.count);
      fitting.push(waiter);
    }
    if (fitting.length === 0) return;
    waiting += fitting.length;
    lines.set(target, [...fitting, ...(lines.get(target) ?? [])]);
  };

  const settle = (entry: Entry, outcome: ReserveOutcome | undefined): void => {
    if (outcome === undefined)
      refuseAll(entry.waiters, new StorageUnavailableError('The store answered incompletely.'));
    else if (outcome.kind === 'taken') dealOut(outcome.range, entry.waiters);
    else if (outcome.kind === 'failed') refuseAll(entry.waiters, outcome.error);
    else retryWhoFits(entry, outcome.valuesLeft);
  };

  const send = async (): Promise<void> => {
    underWay = true;
    while (lines.size > 0) {
      const entries = nextEntries();
      try {
        const outcomes = await store.reserve(entries.map(({ target, count }) => ({ ...target, count })));
        entries.forEach((entry, index) => {
          settle(entry, outcomes[index]);
        });
      } catch (error) {
        for (const entry of entries) refuseAll(entry.waiters, error);
      }
    }
    underWay = false;
  };

  return {
    allocate: (target, count) =>
      new Promise<Range>((resolve, reject) => {
        if (waiting >= limits.waitingMax) {
          reject(new StorageUnavailableError('Too many requests are waiting for the store.'));
          return;
        }
        const waiter = { count, resolve, reject };
        const line = lines.get(target);
        if (line === undefined) lines.set(target, [waiter]);
        else line.push(waiter);
        waiting += 1;
        if (!underWay) void send();
      }),
  };
};
