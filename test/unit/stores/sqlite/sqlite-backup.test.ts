/** Copies of the embedded database that begin in the middle of a transaction. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyDatabase } from '../../../../src/stores/sqlite/sqlite-backup.ts';

const ROWS = 500;
const TRANSACTIONS = 20;

let work: string;
let handle: DatabaseSync;

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'sqlite-backup-'));
  handle = new DatabaseSync(join(work, 'data.sqlite'));
  handle.exec('PRAGMA journal_mode = WAL; CREATE TABLE rows (text TEXT)');
});
afterEach(() => {
  handle.close();
  rmSync(work, { recursive: true, force: true });
});

const writeRows = (): void => {
  const insert = handle.prepare('INSERT INTO rows VALUES (?)');
  handle.exec('BEGIN IMMEDIATE');
  for (let row = 0; row < ROWS; row += 1) insert.run('x'.repeat(200));
  handle.exec('COMMIT');
};

test('A copy that begins while the same handle is in a transaction waits for its end, and is whole', async () => {
  for (let transaction = 1; transaction <= TRANSACTIONS; transaction += 1) {
    const file = join(work, `copy-${transaction}.sqlite`);
    const copied = copyDatabase(handle, file, () => undefined);
    // The first step runs in another thread, beside this transaction.
    writeRows();
    await copied;
    const copy = new DatabaseSync(file, { readOnly: true });
    expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    // A step may also have come before the transaction.
    const { rows } = copy.prepare('SELECT count(*) AS rows FROM rows').get() ?? {};
    expect([(transaction - 1) * ROWS, transaction * ROWS]).toContain(rows);
    copy.close();
  }
});
