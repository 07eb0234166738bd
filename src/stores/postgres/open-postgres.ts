/** Opens PostgreSQL, which keeps what outlives Redis: ceilings, nodes, gaps, the ledger, closures, API keys, and a copy of the prefix configs. */
import type { Emit } from '../../core/events/events.ts';
import { createPostgresApiKeyStore } from './postgres-api-key-store.ts';
import { createPostgresCeilingStore } from './postgres-ceiling-store.ts';
import { createPostgresClient } from './postgres-client.ts';
import { createPostgresLedgerMarks } from './postgres-ledger-marks.ts';
import { createPostgresLedgerStore } from './postgres-ledger-store.ts';
import { createPostgresPrefixConfigCopy } from './postgres-prefix-config-copy.ts';
import { createPostgresWorkerLeaseStore } from './postgres-worker-lease-store.ts';

/** Connects when it is first used. @param timeoutMs how long a connection, a statement and a lock may each take. */
export const openPostgres = (url: string, timeoutMs: number, emit: Emit) => {
  const client = createPostgresClient(url, timeoutMs, emit);
  return {
    ceilings: createPostgresCeilingStore(client),
    apiKeys: createPostgresApiKeyStore(client),
    ledger: createPostgresLedgerStore(client),
    storedMarks: createPostgresLedgerMarks(client),
    prefixConfigCopy: createPostgresPrefixConfigCopy(client),
    workerLeases: createPostgresWorkerLeaseStore(client, Math.random),
    close: client.close,
  };
};
