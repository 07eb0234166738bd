/** The ledger in PostgreSQL: values are taken and their rows written in one transaction; a lost COMMIT is found out about. */
import { LedgerBehindError, NumberGeneratorError, StorageUnavailableError } from '../../core/errors.ts';
import { isBehind, type KnownMarks } from '../../core/ledger/ledger-mark.ts';
import type { ReservationState } from '../../core/ledger/ledger-rule.ts';
import type {
  EndedReservation,
  LedgerAnswer,
  LedgerStore,
  LedgerTake,
  TakeOutcome,
} from '../../core/ledger/ledger-store.ts';
import { cellsOf, columnsOf, sequenceKeyOf, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../core/values/value.ts';
import { advanceLedger } from './ledger-advance.ts';
import { decodeAnswers, readExpiries, readLedgerRow, readMark, readReceipt, readReservation } from './ledger-rows.ts';
import { takeLocked } from './ledger-taking.ts';
import type { PostgresClient, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  readOperation: loadSql('read-operation'),
  forbidOperation: loadSql('forbid-operation'),
  undoOperation: loadSql('undo-operation'),
  findReceipts: loadSql('find-receipts'),
  findReservation: loadSql('find-reservation'),
  confirm: loadSql('confirm-reservation'),
  void: loadSql('void-reservation'),
  inspect: loadSql('inspect-ledger'),
  listPeriods: loadSql('list-ledger-periods'),
  listRows: loadSql('list-ledger'),
  listReservations: loadSql('list-reservations'),
  checkHealth: loadSql('check-health'),
  lockReserved: loadSql('lock-reserved-sequence'),
  findLost: loadSql('find-lost'),
  listLost: loadSql('list-lost'),
};

const NOTHING_KNOWN: KnownMarks = new Map();

/** Below every reservation of a sequence. */
const BEFORE_ALL = { value: 0n, reservedAtMs: 0, id: '00000000-0000-0000-0000-000000000000' };

const findReservation = async (run: Run, id: string) => {
  const [row] = await run(SQL.findReservation, [id]);
  return row === undefined ? undefined : readReservation(row);
};

/** What an operation did that was there before. */
const readAnswers = async (run: Run, operation: string): Promise<readonly LedgerAnswer[]> => {
  const [row] = await run(SQL.readOperation, [operation]);
  const answers = row?.['answers'];
  if (row === undefined || answers === null || answers === undefined) {
    throw new StorageUnavailableError('The call was cancelled.');
  }
  return decodeAnswers(answers, readExpiries(row));
};

export const createPostgresLedgerStore = ({ run, transact }: PostgresClient): LedgerStore => {
  const take = async (
    operation: string,
    takes: readonly LedgerTake[],
    known: KnownMarks = NOTHING_KNOWN,
  ): Promise<TakeOutcome> => {
    // Only from here on can the server have received COMMIT: a failure before this means that nothing was done.
    let complete = false;
    try {
      const done = await transact(async (runInside) => {
        complete = false;
        const { answers, marks } = await takeLocked(runInside, operation, takes, known);
        const result = { answers: answers ?? (await readAnswers(runInside, operation)), marks };
        complete = true;
        return result;
      });
      return { kind: 'done', ...done };
    } catch (error) {
      if (!complete || !(error instanceof NumberGeneratorError)) throw error;
      return { kind: 'unknown', reason: error };
    }
  };

  /** Ends a reservation by a statement that does nothing when it has ended, then looks what it is. */
  const end = async (
    id: string,
    state: ReservationState,
    known: KnownMarks,
    statement: (run: Run) => Promise<unknown>,
  ): Promise<EndedReservation | undefined> =>
    transact(async (runInside) => {
      const [row] = await runInside(SQL.lockReserved, [id]);
      if (row === undefined) return undefined;
      const before = readMark(row);
      if (isBehind(before, known.get(sequenceKeyOf(before.sequence))))
        throw new LedgerBehindError(before.sequence.series.prefixKey, before.sequence.period);
      await statement(runInside);
      const reservation = await findReservation(runInside, id);
      const mark = { ...before, changes: before.changes + 1n };
      return reservation && { ended: reservation.state === state, reservation, mark };
    });

  return {
    source: 'postgres',
    take,

    cancel: (operation) =>
      transact(async (runInside) => {
        const forbidden = await runInside(SQL.forbidOperation, [operation]);
        return forbidden.length === 0 ? (await runInside(SQL.undoOperation, [operation])).map(readMark) : [];
      }),

    findReceipt: async (_series, hash) => {
      const [row] = await run(SQL.findReceipts, [[hash]]);
      return row === undefined ? undefined : readReceipt(row);
    },
    findReservation: (id) => findReservation(run, id),
    confirm: (id, known = NOTHING_KNOWN) => end(id, 'confirmed', known, (runInside) => runInside(SQL.confirm, [id])),
    void: (id, reason, known = NOTHING_KNOWN) =>
      end(id, 'void', known, (runInside) => runInside(SQL.void, [id, reason])),
    advance: (request) => transact((runInside) => advanceLedger(runInside, request)),

    inspect: async (sequence, limit = VALUE_MAX) => {
      const [row] = await run(SQL.inspect, [...cellsOf(sequence), `${limit}`]);
      const lowest = row?.['lowest_free'];
      return {
        value: row === undefined ? undefined : BigInt(row['value'] ?? ''),
        free: BigInt(row?.['free'] ?? 0),
        lowestFree: lowest === null || lowest === undefined ? undefined : BigInt(lowest),
      };
    },

    listPeriods: async (series, after, limit) =>
      (await run(SQL.listPeriods, [seriesKeyOf(series), after ?? null, `${limit}`])).map((row) => row['period'] ?? ''),

    findRow: async (sequence, value) => {
      const { prefixKey, period } = columnsOf(sequence);
      const [row] = await run(SQL.listRows, [prefixKey, period, `${value - 1n}`, '1']);
      const found = row && readLedgerRow(row);
      if (found?.value === value) return found;
      const [lost] = await run(SQL.findLost, [prefixKey, period, `${value}`]);
      return lost && readLedgerRow(lost);
    },

    listLost: async (sequence, after, limit) =>
      (await run(SQL.listLost, [...cellsOf(sequence), `${after}`, `${limit}`])).map(readLedgerRow),

    listRows: async (sequence, after, limit) =>
      (await run(SQL.listRows, [...cellsOf(sequence), `${after}`, `${limit}`])).map(readLedgerRow),

    listReservations: async (sequence, after, limit) => {
      const { value, reservedAtMs, id } = after ?? BEFORE_ALL;
      const page = [...cellsOf(sequence), `${value}`, `${reservedAtMs}`, id, `${limit}`];
      return (await run(SQL.listReservations, page)).map(readReservation);
    },

    checkHealth: async () => {
      const [row] = await run(SQL.checkHealth, []);
      if (row === undefined) throw new StorageUnavailableError('PostgreSQL is read-only here, as a standby server is.');
    },
  };
};
