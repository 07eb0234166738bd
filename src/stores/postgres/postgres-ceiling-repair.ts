/** Moves ceilings in PostgreSQL forward to what Redis serves, after an older state of PostgreSQL was restored. */
import type { CeilingRepair } from '../../core/ceiling/ceiling-repair.ts';
import { columnsOf } from '../../core/values/sequence-id.ts';
import { readCeiling } from './ceiling-rows.ts';
import type { PostgresClient } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = { read: loadSql('read-ceilings'), forward: loadSql('forward-ceiling') };

export const createPostgresCeilingRepair = ({ run }: Pick<PostgresClient, 'run'>): CeilingRepair => ({
  read: async (sequence) => {
    const { prefixKey, period } = columnsOf(sequence);
    const [row] = await run(SQL.read, [[prefixKey], [period], null]);
    return row === undefined ? undefined : readCeiling(row);
  },

  moveForward: async ({ sequence, epoch, server, ceiling, value }) => {
    const { prefixKey, period } = columnsOf(sequence);
    const rows = await run(SQL.forward, [prefixKey, period, `${epoch}`, server, `${ceiling}`, `${value}`]);
    return readCeiling(rows[0] ?? {});
  },
});
