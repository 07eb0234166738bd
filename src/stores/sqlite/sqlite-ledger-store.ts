/** The ledger in the embedded database: one transaction, so one fsync, for all takes of a call. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { judgeAdvance, type Reservation } from '../../core/ledger/ledger-rule.ts';
import type {
  EndedReservation,
  LedgerAdvance,
  LedgerAdvanceReply,
  LedgerStore,
} from '../../core/ledger/ledger-store.ts';
import { cellsOf, columnsOf, type SequenceId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../core/values/value.ts';
import { wide } from './cells.ts';
import { prepareLedgerStatements, readLedgerRow, readReservation } from './ledger-statements.ts';
import { createLedgerTaking } from './ledger-taking.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { toStorageError } from './sqlite-errors.ts';
import { createSqliteReceipts } from './sqlite-receipts.ts';

/**
 * One process, one writer: no outcome is ever unknown, so operations need not be remembered. `clock` decides when reservations
 * end.
 */
export const createSqliteLedgerStore = ({ handle, transact }: SqliteDatabase, clock: Clock): LedgerStore => {
  const statements = prepareLedgerStatements(handle);
  const receipts = createSqliteReceipts(handle);
  const { readValue, takeOne } = createLedgerTaking(statements, receipts);

  const countFree = (sequence: SequenceId, limit: bigint) =>
    statements.countFree.get(...cellsOf(sequence), clock.now(), wide(limit));

  const advance = (request: LedgerAdvance): LedgerAdvanceReply => {
    const { sequence, initialSeq, to, reason, subject = null, dryRun } = request;
    const { prefixKey, period } = columnsOf(sequence);
    const from = readValue(sequence) ?? initialSeq;
    const refusal = judgeAdvance(from, request);
    if (refusal !== undefined) return refusal;
    const nowMs = clock.now();
    const free = BigInt(Number(countFree(sequence, VALUE_MAX)?.['free'] ?? 0));
    if (!dryRun) {
      statements.putLost.run(prefixKey, period, wide(from + 1n), wide(to), reason, subject, nowMs);
      statements.putSequence.run(prefixKey, period, wide(to));
      statements.putFloor.run(prefixKey, period, wide(to));
    }
    return { kind: 'advanced', from, to, free };
  };

  const find = (id: string): Reservation | undefined => {
    const [row] = statements.findReservation.all(id);
    return row === undefined ? undefined : readReservation(row, clock.now());
  };

  const end = (id: string, state: 'confirmed' | 'void', reason: string | null): EndedReservation | undefined =>
    transact(() => {
      const before = find(id);
      if (before === undefined || before.state !== 'reserved') {
        return before && { ended: before.state === state, reservation: before };
      }
      const nowMs = clock.now();
      const { sequence, value } = before;
      statements.endReservation.run(state, nowMs, reason, id);
      statements.release.run(id);
      // Free from the beginning of time, so also for a clock that was set back.
      statements.endRow.run(state, state === 'void' ? 0 : null, nowMs, ...cellsOf(sequence), wide(value));
      return { ended: true, reservation: { ...before, state, endedAtMs: nowMs, reason: reason ?? undefined } };
    });

  return {
    source: 'sqlite',

    take: async (_operation, takes) => {
      // The commit blocks the event loop; waiting for its turn lets the requests of this round share the next one.
      await setImmediate();
      const nowMs = clock.now();
      return { kind: 'done', answers: transact(() => takes.map((take) => takeOne(take, nowMs))), marks: [] };
    },

    // There is nothing to cancel where no outcome is unknown.
    cancel: async () => [],

    findReceipt: async (_series, hash) => transact(() => receipts.find(hash)),
    findReservation: async (id) => transact(() => find(id)),
    confirm: async (id) => end(id, 'confirmed', null),
    void: async (id, reason) => end(id, 'void', reason),
    advance: async (request) => transact(() => advance(request)),

    inspect: async (sequence, limit = VALUE_MAX) =>
      transact(() => {
        const row = countFree(sequence, limit);
        const lowest = row?.['lowest'];
        return {
          value: readValue(sequence),
          free: BigInt(Number(row?.['free'] ?? 0)),
          lowestFree: lowest === null || lowest === undefined ? undefined : BigInt(String(lowest)),
        };
      }),

    listPeriods: async (series, after, limit) =>
      transact(() => statements.listPeriods.all(seriesKeyOf(series), after ?? null, after ?? null, limit)).map(
        ([period]) => String(period),
      ),

    findRow: async (sequence, value) => {
      const [row] = transact(() => statements.findRow.all(...cellsOf(sequence), wide(value)));
      return row && readLedgerRow(row, clock.now());
    },

    listLost: async (sequence, after, limit) => {
      const nowMs = clock.now();
      const rows = transact(() => statements.listLost.all(...cellsOf(sequence), wide(after), limit, nowMs));
      return rows.map((row) => readLedgerRow(row, nowMs));
    },

    listRows: async (sequence, after, limit) =>
      transact(() => statements.listRows.all(...cellsOf(sequence), wide(after), limit)).map((row) =>
        readLedgerRow(row, clock.now()),
      ),

    listReservations: async (sequence, after, limit) => {
      const position = [wide(after?.value ?? 0n), after?.reservedAtMs ?? 0, after?.id ?? ''] as const;
      return transact(() => statements.listReservations.all(...cellsOf(sequence), ...position, limit)).map((row) =>
        readReservation(row, clock.now()),
      );
    },

    checkHealth: async () => {
      try {
        statements.check.get();
      } catch (error) {
        throw toStorageError(error);
      }
    },
  };
};
