/** How far the sequences of the ledger in PostgreSQL have changed, and lifting that after one that went back was moved forward. */
import type { StoredMark, StoredMarks } from '../../core/ledger/ledger-mark.ts';
import { cellsOf, columnsOf, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import { readMark } from './ledger-rows.ts';
import type { PostgresClient, Row } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  read: loadSql('read-ledger-marks'),
  list: loadSql('list-ledger-marks'),
  lift: loadSql('lift-ledger-changes'),
};

const readStored = (row: Row): StoredMark => ({ ...readMark(row), floor: BigInt(row['floor'] ?? 0) });

export const createPostgresLedgerMarks = ({ run }: Pick<PostgresClient, 'run'>): StoredMarks => ({
  read: async (sequences) => {
    const columns = sequences.map(columnsOf);
    const names = [columns.map(({ prefixKey }) => prefixKey), columns.map(({ period }) => period)];
    const found = new Map(
      (await run(SQL.read, names)).map(readStored).map((mark) => [sequenceKeyOf(mark.sequence), mark]),
    );
    return sequences.map((sequence) => found.get(sequenceKeyOf(sequence)));
  },
  list: async (after, limit) =>
    (await run(SQL.list, [...(after === undefined ? ['', ''] : cellsOf(after)), `${limit}`])).map(readStored),
  lift: async ({ sequence, changes, value }) =>
    (await run(SQL.lift, [...cellsOf(sequence), `${changes}`, `${value}`])).length === 1,
});
