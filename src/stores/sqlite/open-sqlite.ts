/** Opens the embedded database and the stores that lie in it. */
import { createAllowances } from '../../core/allowance/allowances.ts';
import type { Clock } from '../../core/clock.ts';
import { createSqliteApiKeyStore } from './sqlite-api-key-store.ts';
import { copyDatabase, type Progress } from './sqlite-backup.ts';
import { createSqliteCounterStore } from './sqlite-counter-store.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { createSqliteLedgerStore } from './sqlite-ledger-store.ts';
import { createSqlitePrefixConfigStore } from './sqlite-prefix-config-store.ts';
import { createSqliteWorkerLeaseStore } from './sqlite-worker-lease-store.ts';

/** @throws Error with a sentence for the operator when the database cannot be used; then it is closed again. */
export const openSqlite = (dataDir: string, clock: Clock) => {
  using opening = new DisposableStack();
  const database = opening.adopt(openSqliteDatabase(dataDir), ({ close }) => close());
  const stores = {
    counters: createSqliteCounterStore(database),
    prefixConfigs: createSqlitePrefixConfigStore(database),
    ledger: createSqliteLedgerStore(database, clock),
    workerLeases: createSqliteWorkerLeaseStore(database),
    apiKeys: createSqliteApiKeyStore(database),
    // Of one process: a start begins them anew.
    allowances: createAllowances(),
    // There is no outage of the file that temporary numbers could bridge.
    temporaryNumbers: undefined,
    knownMarks: undefined,
    checks: undefined,
    backUp: (file: string, progress: Progress) => copyDatabase(database.handle, file, progress),
  };
  const opened = opening.move();
  return { ...stores, close: () => opened.dispose() };
};
