/** The embedded ledger keeps the contract, also after the process was ended. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { createSqliteLedgerStore } from '../../src/stores/sqlite/sqlite-ledger-store.ts';
import { describeLedgerStore } from './ledger-store.contract.ts';

const open = (dataDir: string) => {
  let nowMs = Date.parse('2026-11-21T12:00:00Z');
  const database = openSqliteDatabase(dataDir);
  return {
    store: createSqliteLedgerStore(database, { now: () => nowMs }),
    pass: async (ms: number) => {
      nowMs += ms;
    },
    close: async () => database.close(),
  };
};

describeLedgerStore('SQLite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'test-ledger-'));
  const ledger = open(dataDir);
  return {
    ...ledger,
    close: async () => {
      await ledger.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});

test('what the embedded ledger wrote is there when it is opened again', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'test-ledger-'));
  const take = {
    sequence: sequenceOf(seriesOf('INV'), ''),
    count: 3,
    initialSeq: VALUE_MAX - 5n,
    limit: VALUE_MAX,
    print: String,
    subject: undefined,
    receipt: undefined,
    reservation: undefined,
  };
  try {
    const before = open(dataDir);
    await before.store.take(randomUUID(), [take]);
    await before.close();
    const after = open(dataDir);
    const [last] = await after.store.listRows(take.sequence, VALUE_MAX - 3n, 10);
    expect(last).toMatchObject({ value: VALUE_MAX - 2n, number: `${VALUE_MAX - 2n}`, state: 'issued' });
    expect(await after.store.cancel(randomUUID())).toEqual([]);
    await after.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
