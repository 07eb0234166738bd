/** Worker leases in PostgreSQL: one row per worker id, the server's clock. */
import { WORKER_MAX } from '../../core/snowflake/snowflake.ts';
import { WORKER_BOUND_MS, WORKER_LEASE_MS, type WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';
import type { PostgresClient } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = { lease: loadSql('lease-worker'), renew: loadSql('renew-worker'), release: loadSql('release-worker') };

/** Nodes that look for an id at the same moment may choose the same one; from another start they rarely do so twice. */
const ATTEMPTS_MAX = 5;

/** @param random from 0 to 1: where the search for a free id begins. */
export const createPostgresWorkerLeaseStore = (
  { run }: Pick<PostgresClient, 'run'>,
  random: () => number,
): WorkerLeaseStore => ({
  acquire: async (dataCentre, holder, nowMs) => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const start = Math.floor(random() * (WORKER_MAX + 1));
      const terms = [dataCentre, holder, nowMs, WORKER_LEASE_MS, WORKER_BOUND_MS, start, WORKER_MAX];
      const [row] = await run(SQL.lease, terms.map(String));
      if (row !== undefined) return { worker: Number(row['worker']), boundMs: Number(row['bound_ms']) };
    }
    return undefined;
  },
  renew: async (dataCentre, worker, holder, atMs) => {
    const terms = [dataCentre, worker, holder, atMs, WORKER_LEASE_MS, WORKER_BOUND_MS];
    const [row] = await run(SQL.renew, terms.map(String));
    return row === undefined ? undefined : Number(row['bound_ms']);
  },
  release: async (dataCentre, worker, holder, lastMs) => {
    await run(SQL.release, [dataCentre, worker, holder, lastMs].map(String));
  },
});
