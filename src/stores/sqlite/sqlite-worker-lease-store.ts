/** Worker leases in the embedded database. This process is alone with the file: what earlier ones held is free, but not what they used. */
import { WORKER_MAX } from '../../core/snowflake/snowflake.ts';
import { WORKER_BOUND_MS, type WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export const createSqliteWorkerLeaseStore = ({ handle, transact }: SqliteDatabase): WorkerLeaseStore => {
  transact(() => handle.exec('UPDATE worker_leases SET holder = NULL'));
  const select = handle.prepare('SELECT worker, holder, bound_ms FROM worker_leases WHERE data_centre = ?');
  const upsert = handle.prepare(
    `INSERT INTO worker_leases (data_centre, worker, holder, bound_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET holder = excluded.holder, bound_ms = excluded.bound_ms`,
  );
  const update = handle.prepare(
    `UPDATE worker_leases SET bound_ms = max(bound_ms, ?) WHERE data_centre = ? AND worker = ? AND holder = ?
     RETURNING bound_ms`,
  );
  const clear = handle.prepare(
    'UPDATE worker_leases SET holder = NULL, bound_ms = ? WHERE data_centre = ? AND worker = ? AND holder = ?',
  );

  return {
    acquire: async (dataCentre, holder, nowMs) =>
      transact(() => {
        const rows = new Map(select.all(dataCentre).map((row) => [Number(row['worker']), row]));
        for (let worker = 0; worker <= WORKER_MAX; worker += 1) {
          const row = rows.get(worker);
          if (row !== undefined && (row['holder'] !== null || Number(row['bound_ms']) >= nowMs)) continue;
          const boundMs = nowMs + WORKER_BOUND_MS;
          upsert.run(dataCentre, worker, holder, boundMs);
          return { worker, boundMs };
        }
        return undefined;
      }),
    renew: async (dataCentre, worker, holder, atMs) =>
      transact(() => {
        const row = update.get(atMs + WORKER_BOUND_MS, dataCentre, worker, holder);
        return row === undefined ? undefined : Number(row['bound_ms']);
      }),
    release: async (dataCentre, worker, holder, lastMs) => {
      transact(() => clear.run(lastMs, dataCentre, worker, holder));
    },
  };
};
