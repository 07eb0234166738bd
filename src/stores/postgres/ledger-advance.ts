/** Moving a sequence of the ledger forward, within a transaction of PostgreSQL. */

import { isBehind } from '../../core/ledger/ledger-mark.ts';
import { judgeAdvance } from '../../core/ledger/ledger-rule.ts';
import type { LedgerAdvance, LedgerAdvanceReply } from '../../core/ledger/ledger-store.ts';
import { columnsOf } from '../../core/values/sequence-id.ts';
import type { Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  lock: loadSql('lock-ledger-sequences'),
  begin: loadSql('begin-ledger-sequences'),
  countFree: loadSql('count-free-values'),
  advance: loadSql('advance-ledger'),
};

export const advanceLedger = async (run: Run, request: LedgerAdvance): Promise<LedgerAdvanceReply> => {
  const { sequence, initialSeq, to, reason, subject = null, dryRun, known } = request;
  const { prefixKey, period } = columnsOf(sequence);
  const read = async () => {
    const [row] = await run(SQL.lock, [[prefixKey], [period]]);
    return row && { value: BigInt(row['value'] ?? ''), changes: BigInt(row['changes'] ?? 0) };
  };
  let stored = await read();
  if (stored === undefined && !dryRun && judgeAdvance(initialSeq, request) === undefined) {
    await run(SQL.begin, [[prefixKey], [period], [`${initialSeq}`]]);
    stored = await read();
  }
  const from = stored?.value ?? initialSeq;
  const refusal = judgeAdvance(from, request);
  if (refusal !== undefined) return refusal;
  const [count] = await run(SQL.countFree, [prefixKey, period]);
  const advanced = { kind: 'advanced', from, to, free: BigInt(count?.['free'] ?? 0) } as const;
  if (dryRun) return advanced;
  const rise = isBehind(stored, known) ? '0' : '1';
  const [row] = await run(SQL.advance, [prefixKey, period, `${from + 1n}`, `${to}`, reason, subject, rise]);
  return { ...advanced, mark: { sequence, changes: BigInt(row?.['changes'] ?? 0), value: to } };
};
