/** The contract of every store of worker leases: what `core/snowflake/worker-lease-store.ts` promises, tried on the real thing. */
import { describe, expect, test } from 'vitest';
import { WORKER_MAX } from '../../src/core/snowflake/snowflake.ts';
import {
  WORKER_BOUND_MS,
  type WorkerLease,
  type WorkerLeaseStore,
} from '../../src/core/snowflake/worker-lease-store.ts';

export interface WorkerLeaseStoreUnderTest {
  readonly store: WorkerLeaseStore;
  /** Another store object on the same data, as another node has it. */
  readonly otherNode: WorkerLeaseStore;
  /** Makes a lease run out now. Absent where a lease ends with the process, and not before. */
  expire?(dataCentre: number, worker: number): Promise<void>;
  /** Forgets all leases. */
  clear(): Promise<void>;
}

const NOW = Date.parse('2026-11-25T12:00:00Z');

const toolsOf = (get: () => WorkerLeaseStoreUnderTest) => {
  const lease = async (dataCentre: number, holder: string, nowMs = NOW): Promise<WorkerLease> => {
    const leased = await get().store.acquire(dataCentre, holder, nowMs);
    if (leased === undefined) throw new Error('No worker id is free');
    return leased;
  };
  /** Leases all worker ids of a data centre but one, so that it is known which comes next. */
  const leaseOthers = async (dataCentre: number, but: number): Promise<void> => {
    for (let count = 0; count < WORKER_MAX; count += 1) {
      const { worker } = await lease(dataCentre, 'others');
      expect(worker).not.toBe(but);
    }
  };
  return { lease, leaseOthers };
};

export const describeWorkerLeaseStore = (title: string, get: () => WorkerLeaseStoreUnderTest): void => {
  const { lease, leaseOthers } = toolsOf(get);

  describe(`${title}: leases of worker ids`, () => {
    test('are 256 per data centre, each to one node, and then there is none', async () => {
      await get().clear();
      const stores = [get().store, get().otherNode];
      const leased = await Promise.all(
        Array.from({ length: WORKER_MAX + 1 }, async (_, index) => {
          // Twice, for a store may find the id it has chosen taken by another meanwhile.
          const store = stores[index % 2] ?? get().store;
          return (await store.acquire(1, `node-${index}`, NOW)) ?? (await store.acquire(1, `node-${index}`, NOW));
        }),
      );
      const ids = leased.map((entry) => entry?.worker);
      expect(new Set(ids).size).toBe(WORKER_MAX + 1);
      expect(ids.every((id) => id !== undefined && id >= 0 && id <= WORKER_MAX)).toBe(true);
      expect(await get().otherNode.acquire(1, 'one-more', NOW)).toBeUndefined();
      expect(await get().otherNode.acquire(2, 'elsewhere', NOW)).toMatchObject({ boundMs: NOW + WORKER_BOUND_MS });
    });

    test('come with a bound, which a renewal moves on and never back', async () => {
      await get().clear();
      const { worker, boundMs } = await lease(3, 'a');
      expect(boundMs).toBe(NOW + WORKER_BOUND_MS);
      expect(await get().store.renew(3, worker, 'a', NOW + 10_000)).toBe(NOW + 10_000 + WORKER_BOUND_MS);
      expect(await get().store.renew(3, worker, 'a', NOW)).toBe(NOW + 10_000 + WORKER_BOUND_MS);
    });

    test('that were given up are free at once, for a clock past the last time used', async () => {
      await get().clear();
      const { worker } = await lease(6, 'a');
      await leaseOthers(6, worker);
      await get().store.release(6, worker, 'somebody else', NOW);
      expect(await get().otherNode.acquire(6, 'b', NOW + 60_000)).toBeUndefined();
      await get().store.release(6, worker, 'a', NOW + 7);
      expect(await get().otherNode.acquire(6, 'b', NOW + 7)).toBeUndefined();
      expect(await get().otherNode.acquire(6, 'b', NOW + 8)).toMatchObject({ worker });
      expect(await get().store.renew(6, worker, 'a', NOW + 9)).toBeUndefined();
    });
  });
};

/** For stores whose leases run out by themselves. */
export const describeExpiry = (title: string, get: () => WorkerLeaseStoreUnderTest): void => {
  const { lease, leaseOthers } = toolsOf(get);
  const expire = async (dataCentre: number, worker: number): Promise<void> => {
    await get().expire?.(dataCentre, worker);
  };

  describe(`${title}: leases of worker ids`, () => {
    test('that ran out are another’s only when its clock is past the bound', async () => {
      await get().clear();
      const { worker, boundMs } = await lease(4, 'a');
      await leaseOthers(4, worker);
      await expire(4, worker);
      expect(await get().otherNode.acquire(4, 'b', boundMs)).toBeUndefined();
      expect(await get().otherNode.acquire(4, 'b', boundMs + 1)).toEqual({
        worker,
        boundMs: boundMs + 1 + WORKER_BOUND_MS,
      });
    });

    test('that ran out can be renewed as long as nobody else has them, and no longer', async () => {
      await get().clear();
      const { worker, boundMs } = await lease(5, 'a');
      await leaseOthers(5, worker);
      await expire(5, worker);
      expect(await get().store.renew(5, worker, 'a', NOW)).toBe(boundMs);
      expect(await get().otherNode.acquire(5, 'b', boundMs + 1)).toBeUndefined();
      await expire(5, worker);
      expect(await get().otherNode.acquire(5, 'b', boundMs + 1)).toMatchObject({ worker });
      expect(await get().store.renew(5, worker, 'a', boundMs + 1)).toBeUndefined();
    });
  });
};
