/** Whether this node can issue numbers now: by at least one of the strategies that are in use here. */
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Strategy } from '../../core/prefix-config/numbering.ts';
import type { CounterAllocator } from '../counter/counter-allocator.ts';

/** Each resolves when a store can serve right now. @throws what keeps it from serving. */
export interface StoreChecks {
  /** The store of the counters. */
  readonly store: () => Promise<void>;
  /** The store of the ceilings, the ledger and the worker leases; undefined where the store of the counters has them. */
  readonly durable: (() => Promise<void>) | undefined;
}

/** @throws StorageUnavailableError, StorageTimeoutError when no strategy in use can issue. */
export type IssuingCheck = (checks: StoreChecks) => Promise<void>;

interface Dependencies {
  readonly counter: Pick<CounterAllocator, 'hasStandby' | 'isRegistered' | 'hasRoom'>;
  /** Whether `segment` has values in hand. */
  readonly hasLeased: () => boolean;
  /** Whether a worker id is held. */
  readonly hasWorker: () => boolean;
  readonly hasLedger: boolean;
  /** Of the prefixes that this node knows. */
  readonly strategiesInUse: () => ReadonlySet<Strategy>;
}

export const createIssuingCheck = (dependencies: Dependencies): IssuingCheck => {
  const { counter, hasLeased, hasWorker, hasLedger, strategiesInUse } = dependencies;

  const checkCounter = async ({ store, durable }: StoreChecks): Promise<void> => {
    await store();
    // Without the store of the ceilings numbers go on up to those it has confirmed.
    if (durable !== undefined && !(counter.isRegistered() && counter.hasRoom())) await durable();
  };

  const check = async (strategy: Strategy, checks: StoreChecks): Promise<void> => {
    const { store, durable = store } = checks;
    switch (strategy) {
      case 'counter':
        return counter.hasStandby() ? undefined : checkCounter(checks);
      case 'segment':
        return hasLeased() ? undefined : checkCounter(checks);
      case 'gapless':
        if (!hasLedger) throw new StorageUnavailableError('No ledger is served here.');
        return durable();
      case 'snowflake':
        return hasWorker() ? undefined : durable();
      case 'uuidv7':
        return undefined;
    }
  };

  return async (checks) => {
    const inUse = strategiesInUse();
    // Before the first prefix is known, the node is as ready as its counters.
    const strategies = inUse.size === 0 ? (['counter'] as const) : [...inUse];
    try {
      await Promise.any(strategies.map((strategy) => check(strategy, checks)));
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  };
};
