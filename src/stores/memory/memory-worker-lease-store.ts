/** Worker leases in memory: the reference implementation for tests. It forgets everything with the process. */
import { WORKER_MAX } from '../../core/snowflake/snowflake.ts';
import { WORKER_BOUND_MS, WORKER_LEASE_MS, type WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';

interface Entry {
  holder: string;
  untilMs: number;
  boundMs: number;
}

/** @param now the store's own clock, ms. `expire` makes a lease run out. */
export const createMemoryWorkerLeaseStore = (
  now: () => number,
): WorkerLeaseStore & { expire(dataCentre: number, worker: number): void } => {
  const entries = new Map<string, Entry>();
  const keyOf = (dataCentre: number, worker: number): string => `${dataCentre}:${worker}`;
  const isFree = (entry: Entry | undefined, nowMs: number): boolean =>
    entry === undefined || (entry.untilMs <= now() && entry.boundMs < nowMs);

  return {
    acquire: async (dataCentre, holder, nowMs) => {
      for (let worker = 0; worker <= WORKER_MAX; worker += 1) {
        const key = keyOf(dataCentre, worker);
        if (!isFree(entries.get(key), nowMs)) continue;
        const boundMs = nowMs + WORKER_BOUND_MS;
        entries.set(key, { holder, untilMs: now() + WORKER_LEASE_MS, boundMs });
        return { worker, boundMs };
      }
      return undefined;
    },
    renew: async (dataCentre, worker, holder, atMs) => {
      const entry = entries.get(keyOf(dataCentre, worker));
      if (entry?.holder !== holder) return undefined;
      entry.untilMs = now() + WORKER_LEASE_MS;
      entry.boundMs = Math.max(entry.boundMs, atMs + WORKER_BOUND_MS);
      return entry.boundMs;
    },
    release: async (dataCentre, worker, holder, lastMs) => {
      const entry = entries.get(keyOf(dataCentre, worker));
      if (entry?.holder !== holder) return;
      entries.set(keyOf(dataCentre, worker), { holder: '', untilMs: 0, boundMs: lastMs });
    },
    expire: (dataCentre, worker) => {
      const entry = entries.get(keyOf(dataCentre, worker));
      if (entry !== undefined) entry.untilMs = 0;
    },
  };
};
