/** How far the sequences of the ledger in PostgreSQL have changed, and lifting that after one that went back was moved forward. */
import { markName, type StoredMark, type StoredMarks } from '../../core/ledger/ledger-mark.ts';
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
    const names = [sequences.map(({ prefixKey }) => prefixKey), sequences.map(({ period }) => period)];
    const found = new Map((await run(SQL.read, names)).map(readStored).map((mark) => [markName(mark.sequence), mark]));
    return sequences.map((sequence) => found.get(markName(sequence)));
  },
  list: async (after, limit) =>
    (await run(SQL.list, [after?.prefixKey ?? '', after?.period ?? '', `${limit}`])).map(readStored),
  lift: async ({ sequence: { prefixKey, period }, changes, value }) =>
    (await run(SQL.lift, [prefixKey, period, `${changes}`, `${value}`])).length === 1,
});
