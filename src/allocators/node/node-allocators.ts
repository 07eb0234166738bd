/** The allocators of one node, on the ports they are given: begun together, and ended in the order that loses no value. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CeilingStore } from '../../core/ceiling/ceiling-store.ts';
import type { Clock } from '../../core/clock.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import type { KnownMarkStore, StoredMarks } from '../../core/ledger/ledger-mark.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { Strategy } from '../../core/prefix-config/numbering.ts';
import type { WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';
import { nameNode } from '../../lib/node-name.ts';
import type { Allocator, Standing } from '../allocator.ts';
import { type CounterAllocator, createCounterAllocator } from '../counter/counter-allocator.ts';
import { createGaplessAllocator, type GaplessAllocator } from '../gapless/gapless-allocator.ts';
import { createGuardedLedger } from '../gapless/guarded-ledger.ts';
import { createLedgerGuard } from '../gapless/ledger-guard.ts';
import type { GuardState } from '../gapless/mark-book.ts';
import { createKeyClaims } from '../key-claims.ts';
import { createSegmentAllocator } from '../segment/segment-allocator.ts';
import { createSnowflakeAllocator } from '../snowflake/snowflake-allocator.ts';
import { createWorkerKeeper } from '../snowflake/worker-keeper.ts';
import { createUuidAllocator } from '../uuid/uuid-allocator.ts';
import { createIssuingCheck, type IssuingCheck } from './issuing-check.ts';

export interface NodeAllocators {
  readonly counter: CounterAllocator;
  /** Undefined where there is no ledger. */
  readonly gapless: { readonly allocator: GaplessAllocator; readonly ledger: LedgerStore } | undefined;
  readonly segment: Allocator;
  readonly snowflake: Allocator;
  readonly uuid: Allocator;
  /** State of the ledger's guard; undefined where the ledger needs none, or there is no ledger. */
  readonly guardState: (() => GuardState) | undefined;
  /** The sequences in use on this node, of all strategies. */
  standings(): Iterable<Standing>;
  /** Whether numbers of some kind can be issued without the store for a while. */
  hasStandby(): boolean;
  readonly checkIssuing: IssuingCheck;
  readonly listen: Listen;
  /** Gives back what is held. Call it after the last request has ended. */
  close(): Promise<void>;
}

interface NodeAllocatorsOptions {
  readonly counters: CounterStore;
  readonly ceilings: CeilingStore | undefined;
  /** Whether the counter store has replicas that confirm. */
  readonly hasReplicas: () => boolean;
  readonly ledger: LedgerStore | undefined;
  /** What guards the ledger, where it lies in another store than the counters. */
  readonly marks: { readonly known: KnownMarkStore; readonly stored: StoredMarks } | undefined;
  readonly workerLeases: WorkerLeaseStore;
  /** Whether the counters are far enough away for ranges to be leased. */
  readonly leasesRanges: boolean;
  readonly dataCentre: number;
  /** The strategies of the prefixes that this node knows. */
  readonly strategiesInUse: () => ReadonlySet<Strategy>;
  /** The name of this process. */
  readonly node: string;
  readonly clock: Clock;
  /** Milliseconds that only ever rise, also while the process is stopped. */
  readonly monotonic: () => number;
  readonly emit: Emit;
}

export const createNodeAllocators = (options: NodeAllocatorsOptions): NodeAllocators => {
  const { counters, ceilings, hasReplicas, marks, leasesRanges, dataCentre, node, clock, monotonic, emit } = options;
  const createCounting = (name: string, listener: Emit): CounterAllocator =>
    createCounterAllocator({ store: counters, node: name, emit: listener, ceilings, hasReplicas });
  const counter = createCounting(node, emit);
  const createLessee = (): CounterAllocator =>
    createCounting(nameNode(), (event) => {
      // The counter's own calls emit these too.
      if (event.type !== 'outage-began' && event.type !== 'store-returned') emit(event);
    });
  const segment = leasesRanges
    ? createSegmentAllocator({ createLessees: () => [createLessee(), createLessee()], counter, monotonic })
    : undefined;

  const guard = marks && createLedgerGuard({ store: marks.known, stored: marks.stored, emit });
  const ledger = options.ledger && guard ? createGuardedLedger(options.ledger, guard, marks.stored) : options.ledger;
  const claims = createKeyClaims({ store: counters, emit });
  const gapless = ledger && { ledger, allocator: createGaplessAllocator({ store: ledger, emit, claims }) };

  const leases = { leases: options.workerLeases, dataCentre, holder: node };
  const keeper = createWorkerKeeper({ ...leases, clock, monotonic, emit });

  return {
    counter,
    gapless,
    // Where the counter itself is at hand, there is nothing to lease.
    segment: segment ?? counter,
    snowflake: createSnowflakeAllocator({ keeper, dataCentre, clock, monotonic, delay, emit }),
    uuid: createUuidAllocator(clock),
    guardState: guard?.state,
    standings: () => [...counter.standings(), ...(gapless?.allocator.standings() ?? [])],
    hasStandby: () => counter.hasStandby() || segment?.hasValues() === true || keeper.usable() !== undefined,
    checkIssuing: createIssuingCheck({
      counter,
      hasLeased: segment?.hasValues ?? counter.hasStandby,
      hasWorker: () => keeper.usable() !== undefined,
      hasLedger: ledger !== undefined,
      strategiesInUse: options.strategiesInUse,
    }),
    listen: (envelope) => guard?.listen(envelope),
    close: async () => {
      await segment?.close();
      await gapless?.allocator.close();
      await guard?.close();
      await counter.close();
      await keeper.close();
    },
  };
};
