/**
 * Counting on a shared store: one call for all waiting requests of a node, and standby segments while the store is
 * away. What decides is the machine; this turns its answers into promises.
 */
import type { AdvanceReply } from '../../core/counter/counter-call.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { ReceiptDraft } from '../../core/values/receipt.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import type { Allocation, AllocationTarget, Allocator, KeyedAllocation, Standing } from '../allocator.ts';
import { createSingleFlight } from '../single-flight.ts';
import { type CounterShell, type CounterShellOptions, createCounterShell } from './counter-shell.ts';
import { standbyLeft } from './machine/held-standby.ts';
import { isRegistered } from './machine/registration.ts';
import { requirePresence } from './machine/requests.ts';
import { createRequest } from './machine/waiters.ts';

export interface CounterAllocator extends Allocator {
  /**
   * Takes `count` values, in the order of arrival among this node's requests for the sequence: consecutive, unless a
   * standby segment lies between or is used.
   * @throws SequenceOverflowError when fewer than `count` values are left (none is taken); StorageUnavailableError or
   * StorageTimeoutError when the store is away and the standby is used up, or the waiting line is full;
   * CorruptEntryError when the stored counter cannot be used.
   */
  allocate(target: AllocationTarget, count: number): Promise<Allocation>;
  /**
   * Never from the standby or from values in hand: other nodes could not learn which key they belong to.
   * @throws IdempotencyConflictError when the receipt is another request's; and what `allocate` throws.
   */
  allocateKeyed(target: AllocationTarget, count: number, receipt: ReceiptDraft): Promise<KeyedAllocation>;
  /** Keeps a standby segment ready for a sequence that had no request yet. */
  prepare(target: AllocationTarget): void;
  /** What this node holds of a sequence in its standby segment. */
  standbyOf(target: AllocationTarget): { first: bigint; last: bigint; left: bigint } | undefined;
  /** The sequences in use on this node. */
  standings(): Iterable<Standing>;
  /** Whether any sequence has values left in its standby segment. */
  hasStandby(): boolean;
  /** Whether the store answered the last call. */
  isStorePresent(): boolean;
  /** Whether sequences can be opened without asking the store of the ceilings first. */
  isRegistered(): boolean;
  /** Whether the ceiling of some sequence lets it count on. */
  hasRoom(): boolean;
  /** Takes back values that were allocated but not issued. */
  giveBack(target: AllocationTarget, allocation: Allocation): void;
  /**
   * Moves a sequence forward without issuing anything. @throws StorageUnavailableError or StorageTimeoutError when a
   * store is away, or the sequence is not served within 5 s.
   */
  advance(target: AllocationTarget, operation: string, to: bigint): Promise<AdvanceReply>;
  /** The highest epoch in which this node has counted in the sequence; 0 when in none. */
  epochOf(sequence: SequenceId): bigint;
  /**
   * Opens a sequence without taking a value; if it needs recovery, the recovery runs.
   * @param target undefined when the terms are not known: then this node only reports.
   * @returns false when the ceilings cover all that this node took. @throws StorageUnavailableError when the store is away.
   */
  recover(sequence: SequenceId, target: AllocationTarget | undefined): boolean;
  /** Gives back all that is in hand. Call it after the last request has ended. */
  close(): Promise<void>;
}

export type CounterAllocatorOptions = CounterShellOptions;

type Reads = Pick<
  CounterAllocator,
  'standbyOf' | 'standings' | 'hasStandby' | 'isStorePresent' | 'isRegistered' | 'hasRoom' | 'epochOf'
>;

const createReads = ({ state, nowMs }: CounterShell): Reads => ({
  standbyOf: (target) => {
    const standby = state.sequences.get(target.name)?.session.standby;
    return standby?.segment && { ...standby.segment, left: standbyLeft(standby) };
  },
  standings: () =>
    state.sequences
      .values()
      // Left out: sequences without a value so far, and those opened only to report.
      .filter(({ session, isStranger }) => session.seen > 0n && !isStranger)
      .map(({ target, session }) => ({
        sequence: target.sequence,
        value: session.seen,
        epoch: session.epoch,
        standby: session.standby.segment && {
          left: standbyLeft(session.standby),
          size: rangeSize(session.standby.segment),
        },
      })),
  hasStandby: () => state.sequences.values().some(({ session }) => standbyLeft(session.standby) > 0n),
  hasRoom: () =>
    state.sequences.values().some(({ session: { fence, seen } }) => fence !== undefined && fence.ceiling > seen),
  isStorePresent: () => state.presence !== 'away',
  isRegistered: () => isRegistered(state, nowMs()),
  epochOf: (sequence) => state.sequences.get(sequenceKeyOf(sequence))?.session.fence?.epoch ?? 0n,
});

export const createCounterAllocator = (options: CounterAllocatorOptions): CounterAllocator => {
  const shell = createCounterShell(options);
  const { state, feed } = shell;
  const singleFlight = createSingleFlight(state.limits.waitingMax);

  return {
    ...createReads(shell),
    source: options.store.source,
    allocate: (target, count) => {
      const ticket = Promise.withResolvers<Allocation>();
      feed(createRequest(ticket, target, count));
      return ticket.promise;
    },
    allocateKeyed: (target, count, receipt) =>
      singleFlight(
        receipt,
        () =>
          new Promise((resolve, reject) =>
            feed({ kind: 'keyed-request', ticket: { resolve, reject }, target, count, receipt }),
          ),
      ),
    prepare: (target) => feed({ kind: 'prepare', target }),
    giveBack: (target, { ranges }) => feed({ kind: 'give-back', target, ranges }),
    advance: (target, operation, to) =>
      new Promise((resolve, reject) => feed({ kind: 'advance', ticket: { resolve, reject }, target, operation, to })),
    recover: (sequence, target) => {
      requirePresence(state);
      const isKnown = target !== undefined || state.sequences.has(sequenceKeyOf(sequence));
      feed({ kind: 'check', id: sequence, target });
      return isKnown || state.keepsCeilings;
    },
    close: () => {
      feed({ kind: 'close' });
      return shell.ended;
    },
  };
};
