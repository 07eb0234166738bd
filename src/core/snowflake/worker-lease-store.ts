/** The port to whatever leases snowflake worker ids: 256 per data centre, each to one node at a time. */

/** How long a lease lasts without being renewed, ms. */
export const WORKER_LEASE_MS = 30_000;
/**
 * After this long without a renewal a node stops using it; the rest allows for differences between its clock and the
 * store's, ms.
 */
export const WORKER_USE_MS = 20_000;
/**
 * How far the bound on a worker's timestamps lies ahead of the node's clock at each renewal, ms: the time until it must
 * stop, and three seconds for a clock that is set forward meanwhile.
 */
export const WORKER_BOUND_MS = WORKER_USE_MS + 3_000;

export interface WorkerLease {
  readonly worker: number;
  /** No id of this worker may carry a later time, ms since 1970, until a renewal says so. */
  readonly boundMs: number;
}

/**
 * Promises, proved by `test/contracts/worker-lease-store.contract.ts`. A worker id is leased to one holder at a time,
 * and only to a node whose clock is past every time that an earlier holder may have used. A bound is durable before it
 * is used, and only a release lowers it. Every method throws StorageUnavailableError or StorageTimeoutError when the
 * store fails.
 */
export interface WorkerLeaseStore {
  /** @param nowMs the node's clock, ms since 1970. @returns undefined when no worker id is free. */
  acquire(dataCentre: number, holder: string, nowMs: number): Promise<WorkerLease | undefined>;
  /**
   * @param atMs the later of the node's clock and the last time it has used.
   * @returns the new bound; undefined when another holder has the lease.
   */
  renew(dataCentre: number, worker: number, holder: string, atMs: number): Promise<number | undefined>;
  /** Gives the lease up. @param lastMs the last time that was used. */
  release(dataCentre: number, worker: number, holder: string, lastMs: number): Promise<void>;
}
